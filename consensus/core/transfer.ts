import { canLead } from './membership.ts';
import { electionTicksOf } from './pace.ts';
import type { RaftState } from './state.ts';
import { type NodeId, tick } from './types.ts';

/** Of those that can lead and are reached, the one furthest along. */
function likeliestSuccessor({ membership, leadership }: RaftState): NodeId | undefined {
  const able = [...(leadership?.progress.values() ?? [])].filter(({ id, linkUp }) => linkUp && canLead(membership, id));
  return able.sort((a, b) => b.match - a.match)[0]?.id;
}

/** Begins to hand leadership over to voter `to`, by default the likeliest successor. New commands are refused until it is done, or given up after an election timeout. False when this member does not lead, or `to` cannot. */
export function transferLeadership(state: RaftState, to: NodeId | undefined = likeliestSuccessor(state)): boolean {
  const leadership = state.leadership;
  if (leadership === undefined || to === undefined || to === state.id || !canLead(state.membership, to)) return false;
  if (leadership.transfer?.to === to) return true;
  if (leadership.transfer !== undefined) return false;
  leadership.transfer = { to, deadline: tick(state.now + electionTicksOf(state)) };
  leadership.replicationDue = true;
  continueTransfer(state);
  return true;
}

/** Asks the successor to campaign once it has everything. Repeated with every PING round, for the message may be lost. */
export function continueTransfer(state: RaftState): void {
  const leadership = state.leadership;
  const transfer = leadership?.transfer;
  if (leadership === undefined || transfer === undefined) return;
  if (state.now >= transfer.deadline) {
    leadership.transfer = undefined;
  } else if (leadership.progress.get(transfer.to)?.match === state.log.lastIndex) {
    state.out.messages.push({ type: 'TIMEOUT_NOW', from: state.id, to: transfer.to, term: state.term });
  }
}
