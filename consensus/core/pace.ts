import type { Ping } from './messages.ts';
import type { RaftState } from './state.ts';
import { type Timing, tick } from './types.ts';

/** How patient a member is at the moment, within the bounds of its timing. In ticks. */
export interface Pace {
  /** What its own disk and round trips call for; the driver says so. */
  measured: number;
  /** What the leader's PINGs say; it knows the round trips to everybody. */
  led: number;
  /** The site rests: the next PING is so far away. 0 while it is awake. */
  rest: number;
}

/** A rest survives this many PINGs that do not come, before anybody thinks of an election. */
const restPings = 3;

export const createPace = (timing: Timing): Pace => ({ measured: timing.electionTicks, led: 0, rest: 0 });

/** The election timeout in force: as long as measured, but for rests never beyond what is configured. */
export function electionTicksOf({ timing, pace }: Pick<RaftState, 'timing' | 'pace'>): number {
  const awake = Math.min(Math.max(pace.measured, pace.led, timing.electionTicks), timing.electionMaxTicks);
  return awake + restPings * pace.rest;
}

/** Spread over [1, 2) election timeouts, so that two followers seldom campaign at once. */
export function resetElectionDeadline(state: RaftState): void {
  const electionTicks = electionTicksOf(state);
  state.electionDeadline = tick(state.now + electionTicks + state.random.nextInt(electionTicks));
}

/** The leader of this term says how patient to be. True when that changes its patience. */
export function follow(state: RaftState, { electionTicks, restTicks }: Ping): boolean {
  const before = electionTicksOf(state);
  state.pace.led = electionTicks;
  state.pace.rest = restTicks;
  return electionTicksOf(state) !== before;
}

/**
 * There is something to do: whoever rests is awake from now on. A long silence that was agreed on counts for nothing: the leader gets one
 * usual election timeout to be heard, or to hear a majority. True when this member had rested.
 */
export function rouse(state: RaftState): boolean {
  const { leadership, pace } = state;
  const rested = pace.rest > 0;
  pace.rest = 0;
  if (leadership !== undefined) {
    leadership.busyAt = state.now;
    if (leadership.restRound !== undefined) leadership.roundDue = true;
    leadership.restRound = undefined;
    if (rested) leadership.rousedAt = state.now;
  } else if (rested) {
    state.leaderHeardAt = state.now;
    resetElectionDeadline(state);
  }
  return rested;
}
