import { SeededRandom } from './random.ts';

/** What a run is made to find. */
export interface Temper {
  /** Of promises that leave, so many are the last thing their box does before the power fails. */
  readonly promisePercent: number;
  /** How long a box is down after that, at most, in ticks. */
  readonly downMax: number;
  readonly quarrelPercent: number;
  readonly transferPercent: number;
  readonly changePercent: number;
  /** Of changes of the voters, so many are the last thing their leader does before it is cut off and fails. */
  readonly lastActPercent: number;
  /** Of copies of messages that come very late, with bad weather or without. */
  readonly stragglerPercent: number;
  readonly diskMin: number;
  readonly diskMax: number;
  /** Entries that are kept before a log is cut: one of these for each box. */
  readonly compactEntries: readonly number[];
  /** Snapshots are filled up to one of these. */
  readonly snapshotBytes: readonly number[];
  readonly voterCounts: readonly number[];
  /** Runs in which members come and go. */
  readonly sparesPercent: number;
}

const mixed: Temper = {
  promisePercent: 1.5,
  downMax: 15,
  quarrelPercent: 0,
  transferPercent: 0.5,
  changePercent: 3,
  lastActPercent: 0,
  stragglerPercent: 0,
  diskMin: 0,
  diskMax: 2,
  compactEntries: [0, 8, 20, 60],
  snapshotBytes: [0],
  voterCounts: [1, 2, 3, 3, 3, 4, 5, 5, 5],
  sparesPercent: 50,
};

export const tempers = {
  mixed,
  /** Campaigns collide, disks are slow, and the power fails as promises leave. */
  elections: { ...mixed, promisePercent: 20, downMax: 4, quarrelPercent: 4, diskMin: 1, diskMax: 12 },
  /** Small sites whose members change all the time, and leaders that fail in the middle of it. */
  members: { ...mixed, changePercent: 10, lastActPercent: 20, quarrelPercent: 1, voterCounts: [1, 2, 2, 3, 3, 4], sparesPercent: 100 },
  /** Leaders take turns, and what was said to earlier ones arrives late. */
  turns: {
    ...mixed,
    transferPercent: 4,
    quarrelPercent: 1,
    stragglerPercent: 6,
    compactEntries: [0, 0, 60],
    voterCounts: [3, 3, 5],
    sparesPercent: 0,
  },
  /** Logs are cut early, and snapshots take several messages. */
  snapshots: {
    ...mixed,
    transferPercent: 2,
    stragglerPercent: 2,
    compactEntries: [4, 6, 8],
    snapshotBytes: [0, 300_000, 600_000],
    voterCounts: [3, 3, 3, 5],
  },
} as const satisfies Record<string, Temper>;

export type TemperName = keyof typeof tempers;
export const temperNames = Object.keys(tempers) as readonly TemperName[];

/** Of the run with this seed. It is drawn by itself: what else happens does not depend on how. */
export const temperOf = (seed: number): TemperName => new SeededRandom(seed + 2 ** 28).pick(temperNames);
