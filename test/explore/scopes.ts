/** What is explored. Bounds make it small; within them nothing is left out, until as many states are seen as were asked for. */
export interface Scope {
  readonly name: string;
  /** Whole elections as one action, so that the others reach deeper; else each VOTE and its reply is an action. */
  readonly electsAtOnce: boolean;
  readonly termsMax: number;
  /** Client commands, each taken at most once. */
  readonly values: number;
  /** Crashes of whole boxes, with loss of any part of what is not synced. */
  readonly crashesMax: number;
  /** Messages delivered that stay under way nevertheless. */
  readonly duplicatesMax: number;
  /** Saves that are not synced at once, at all members together. */
  readonly unsyncedMax: number;
  /** Messages under way; beyond that the oldest are lost. */
  readonly messagesMax: number;
  /** PING rounds of a leader that are delivered. */
  readonly pingsMax: number;
  /** Disks that lose their last entry though it was synced: none or one. */
  readonly damagesMax: number;
  /** Linearizable reads: none or one. */
  readonly readsMax: number;
  /** Share of the states asked for. */
  readonly share: number;
}

const small = {
  electsAtOnce: true,
  values: 0,
  crashesMax: 0,
  duplicatesMax: 0,
  unsyncedMax: 0,
  messagesMax: 4,
  pingsMax: 0,
  damagesMax: 0,
  readsMax: 0,
} as const;

export const scopes: readonly Scope[] = [
  /** Votes, term by term, with slow disks that lose power. */
  { ...small, name: 'elections', electsAtOnce: false, termsMax: 2, crashesMax: 1, unsyncedMax: 1, share: 0.14 },
  /** Many leaders after each other, as in figure 8 of the paper. */
  { ...small, name: 'leaders', termsMax: 4, share: 0.14 },
  /** Entries and their answers in any order, late and twice. */
  { ...small, name: 'replication', termsMax: 2, values: 2, duplicatesMax: 1, share: 0.14 },
  /** Entries that are lost with the power of a box. */
  { ...small, name: 'power', termsMax: 3, values: 1, crashesMax: 1, unsyncedMax: 1, share: 0.14 },
  /** A disk that forgets what it had: a minority, so nothing acknowledged may be lost. */
  { ...small, name: 'damage', termsMax: 3, values: 1, damagesMax: 1, share: 0.14 },
  /** A read while leaders change. */
  { ...small, name: 'reads', termsMax: 2, values: 0, pingsMax: 2, messagesMax: 6, readsMax: 1, share: 0.14 },
  /** The same with a single round, where answers that are late matter. */
  { ...small, name: 'late reads', termsMax: 2, values: 0, pingsMax: 1, messagesMax: 6, readsMax: 1, share: 0.1 },
  {
    ...small,
    name: 'everything',
    electsAtOnce: false,
    termsMax: 3,
    values: 2,
    crashesMax: 1,
    duplicatesMax: 1,
    unsyncedMax: 2,
    messagesMax: 6,
    pingsMax: 2,
    share: 0.14,
  },
];
