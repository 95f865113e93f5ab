import { SeededRandom } from './random.ts';

/** What a run is made to find. */
export interface Temper {
  /** Of promises that leave, so many are the last thing their box does before the power fails. */
  readonly promisePercent: number;
  /** How long a box is down after that, at most, in ticks. */
  readonly downMax: number;
  readonly quarrelPercent: number;
  readonly crashPercent: number;
  /** Of runs without members that come and go, in which disks lose what they acknowledged. */
  readonly flipPercent: number;
  /** Of cuts that only keep the leader from hearing one of the others. */
  readonly deafPercent: number;
  /** The longest cut, in ticks. */
  readonly cutMax: number;
  /** Of messages in the worst weather. */
  readonly lossMax: number;
  /** Of leaders that are cut off with company, deposed, and led back at once, while what was said to them is still under way. */
  readonly comebackPercent: number;
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
  /** Of runs in which members come and go. */
  readonly sparesPercent: number;
  readonly sessionCounts: readonly number[];
}

const mixed: Temper = {
  promisePercent: 1.5,
  downMax: 15,
  quarrelPercent: 0,
  crashPercent: 0.8,
  flipPercent: 30,
  deafPercent: 0,
  cutMax: 120,
  lossMax: 30,
  comebackPercent: 0,
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
  sessionCounts: [0, 6],
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
    comebackPercent: 1,
    stragglerPercent: 6,
    compactEntries: [0, 0, 60],
    voterCounts: [3, 5, 5],
    sparesPercent: 0,
  },
  /** Disks of a minority lose what they acknowledged, again and again. */
  damage: { ...mixed, crashPercent: 3, flipPercent: 100, sparesPercent: 0, voterCounts: [3, 3, 5] },
  /** Many sessions, behind links that lose much for a long time and disks that take theirs. */
  sessions: {
    ...mixed,
    deafPercent: 40,
    cutMax: 300,
    lossMax: 70,
    transferPercent: 1,
    diskMax: 20,
    voterCounts: [3, 3, 5],
    sparesPercent: 20,
    sessionCounts: [8],
  },
  /** Leaders that stay, and do not hear one of the others for longer than a session has time. */
  deaf: {
    ...mixed,
    deafPercent: 80,
    cutMax: 300,
    lossMax: 10,
    crashPercent: 0.1,
    promisePercent: 0,
    transferPercent: 0.1,
    voterCounts: [3, 3, 5],
    sparesPercent: 0,
    sessionCounts: [8],
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
