/** A leader's side of resting: when nothing happens it agrees with everybody on fewer PINGs, and the first thing to do ends it. */
import type { Leadership } from './leadership.ts';
import { isJoint } from './membership.ts';
import type { Ack } from './messages.ts';
import { rouse } from './pace.ts';
import type { Progress } from './progress.ts';
import type { RaftState } from './state.ts';
import { tick } from './types.ts';

/** Everybody has everything, and nobody waits for anything. */
function isCalm(state: RaftState, { started, transfer, reads, progress }: Leadership): boolean {
  const { lastIndex } = state.log;
  if (!started || transfer !== undefined || !reads.idle || isJoint(state.membership)) return false;
  if (state.appliedIndex < lastIndex || state.durability.durableIndex < lastIndex) return false;
  return [...progress.values()].every(
    ({ linkUp, restless, mode, match, leaving }) => linkUp && !restless && !leaving && mode === 'replicate' && match === lastIndex,
  );
}

/** Who was asked last and has not answered would be asked again only after a long time. */
const isHeardByAll = ({ rounds, progress }: Leadership): boolean =>
  [...progress.values()].every(({ answeredRound }) => answeredRound >= rounds.seq);

/** Looks before each round whether the site rests, goes on resting, or has something to do. */
export function considerRest(state: RaftState, leadership: Leadership): void {
  const { restPingTicks, restAfterTicks } = state.timing;
  if (restPingTicks === 0) return;
  const { restRound, rounds, roundDue } = leadership;
  const isDeaf = roundDue && state.pace.rest > 0 && !isHeardByAll(leadership);
  if (isDeaf || !isCalm(state, leadership)) rouse(state);
  else if (!roundDue) return;
  else if (restRound === undefined && state.now - leadership.busyAt >= restAfterTicks) leadership.restRound = rounds.seq + 1;
}

/** Who was told of a rest and says nothing of it runs a release that knows of none. */
export function considerAnswer({ restRound }: Leadership, peer: Progress, { seq, restTicks }: Ack): void {
  if (restRound !== undefined && seq >= restRound && restTicks === 0) peer.restless = true;
}

/** Everybody was told of the rest, and goes along: only then the leader is silent for long. */
export function settleRest(state: RaftState, leadership: Leadership): void {
  const { restRound, progress } = leadership;
  if (restRound === undefined || state.pace.rest > 0) return;
  if ([...progress.values()].some(({ answeredRound, restless }) => restless || answeredRound < restRound)) return;
  state.pace.rest = state.timing.restPingTicks;
  leadership.nextPingAt = tick(state.now + state.timing.restPingTicks);
}
