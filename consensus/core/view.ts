import { quorumLostAt } from './leader.ts';
import type { Leadership } from './leadership.ts';
import { succession } from './membership.ts';
import { electionTicksOf, type Pace } from './pace.ts';
import type { RaftState } from './state.ts';
import { type LogIndex, type Membership, type NodeId, type Role, type Term, type Tick, tick } from './types.ts';

/** What a leader knows of one peer. */
export interface PeerView {
  readonly id: NodeId;
  /** Durable at the peer up to here. */
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly lastAckAt: Tick | undefined;
  /** Smoothed round trip of PINGs, in ticks. */
  readonly rttTicks: number;
  /** How much they differ from that, smoothed. */
  readonly rttVarTicks: number;
  readonly linkUp: boolean;
  /** It needs the log after this entry: what it has, or will have once the snapshot on its way is installed. */
  readonly needsAfter: LogIndex;
}

/** The core's state for the status and the driver. A copy: it does not change. */
export interface RaftView {
  readonly id: NodeId;
  readonly role: Role;
  readonly term: Term;
  readonly leader: NodeId | undefined;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly durableIndex: LogIndex;
  readonly firstIndex: LogIndex;
  /** The one that counts: the last in the log. */
  readonly membership: Membership;
  /** The entry that brought it; a change is done once this is committed and `votersBefore` is empty. */
  readonly membershipIndex: LogIndex;
  /** When this member was elected; undefined unless it leads. */
  readonly leaderSince: Tick | undefined;
  /** This member's placement lease runs from here; undefined before the first. */
  readonly leaseFrom: Tick | undefined;
  /** As leader: the no-op of the term is applied. Otherwise: everything this term's leader said to be committed is applied. */
  readonly ready: boolean;
  /** The recovered log has an uncertain tail: does not vote or campaign freely. */
  readonly uncertain: boolean;
  /** The election timeout in force, in ticks. */
  readonly electionTicks: number;
  /** Why it is that long. A copy. */
  readonly pace: Readonly<Pace>;
  /** The next point at which `tick` has something to do, if nothing arrives before. */
  readonly nextTickAt: Tick;
  /** As leader only. */
  readonly peers: readonly PeerView[];
  /** Who campaigns first, second, … if the leader's links are lost. */
  readonly succession: readonly NodeId[];
}

/** Leads and has begun its term, or follows and is as far as its leader said. */
export function isReady(state: RaftState): boolean {
  const { leadership } = state;
  if (leadership !== undefined) return leadership.started;
  return state.leader !== undefined && state.leaderCommit !== undefined && state.appliedIndex >= state.leaderCommit;
}

/** When the core wants to be told the time next. */
export const nextTickAt = (state: RaftState): Tick =>
  state.leadership === undefined ? nextCampaignAt(state) : nextDutyAt(state, state.leadership);

export function viewOf(state: RaftState): RaftView {
  const { leadership, log } = state;
  return {
    id: state.id,
    role: state.role,
    term: state.term,
    leader: state.leader,
    commitIndex: state.commitIndex,
    appliedIndex: state.appliedIndex,
    lastIndex: log.lastIndex,
    durableIndex: state.durability.durableIndex,
    firstIndex: log.firstIndex,
    membership: state.membership,
    membershipIndex: state.configurations.latest.index,
    leaderSince: leadership?.since,
    leaseFrom: state.leaseFrom,
    ready: isReady(state),
    uncertain: state.uncertain !== undefined,
    electionTicks: electionTicksOf(state),
    pace: { ...state.pace },
    nextTickAt: nextTickAt(state),
    peers: [...(leadership?.progress.values() ?? [])].map(({ id, match, next, lastAckAt, rttTicks, rttVarTicks, linkUp, stream }) => ({
      id,
      match,
      next,
      lastAckAt,
      rttTicks,
      rttVarTicks,
      linkUp,
      needsAfter: stream?.snapshot.meta.index ?? match,
    })),
    succession: succession(state.membership, state.leader),
  };
}

function nextDutyAt(state: RaftState, { nextPingAt, transfer }: Leadership): Tick {
  return tick(Math.min(nextPingAt, quorumLostAt(state), transfer?.deadline ?? nextPingAt));
}

function nextCampaignAt(state: RaftState): Tick {
  const { lostLink, electionDeadline, role } = state;
  return role === 'follower' && lostLink !== undefined && lostLink.campaignAt < electionDeadline ? lostLink.campaignAt : electionDeadline;
}
