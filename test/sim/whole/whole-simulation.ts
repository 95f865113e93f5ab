/** Whole boxes under faults: driver, log, recovery and wire format as they ship, on virtual time, disks and links. */
import { Violation } from '../checkers/violation.ts';
import { SeededRandom } from '../random.ts';
import { Releases } from '../releases.ts';
import { Times } from '../times.ts';
import { type BoxFaultKind, BoxFaults } from './box-faults.ts';
import { Site } from './site.ts';
import { VirtualNetwork } from './virtual-network.ts';
import { VirtualTime } from './virtual-time.ts';

export interface WholeOptions {
  readonly seed: number;
  /** Length of the phase with faults, in milliseconds. @default 30 000 */
  readonly faultMs?: number;
  readonly onTrace?: (line: string) => void;
}

export interface WholeResult {
  readonly seed: number;
  readonly ok: boolean;
  readonly failure: string | undefined;
  readonly checker: string | undefined;
  /** Simulated milliseconds, the quiet phase left out. */
  readonly faultyMs: number;
  readonly faults: Readonly<Partial<Record<BoxFaultKind, number>>>;
  readonly boxes: number;
  readonly elections: number;
  readonly committed: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly healed: number;
  /** 1 when nobody could be elected, as the rules have it: a box's memory is damaged, and another one's last batch is uncertain. */
  readonly stuck: number;
  readonly snapshots: number;
  readonly storageFailures: number;
  readonly messages: number;
}

const quietMs = 60_000;

/** Runs one seed. The same seed gives the same run. */
export async function simulateWhole({ seed, faultMs = 30_000, onTrace }: WholeOptions): Promise<WholeResult> {
  const random = new SeededRandom(seed);
  const time = new VirtualTime();
  const network = new VirtualNetwork(time, random, new Releases(seed));
  const ids = Array.from({ length: random.pick([3, 3, 5]) }, (_, at) => `n${at + 1}`);
  let failure: string | undefined;
  let checker: string | undefined;
  const trace = (line: string): void => onTrace?.(`${time.nowMs} ${line}`);
  const fail = (error: unknown): void => {
    if (failure !== undefined) return;
    if (!(error instanceof Error)) throw error;
    checker = error instanceof Violation ? error.checker : error.name;
    failure = `${time.nowMs} ms: ${error.message}`;
    trace(failure);
  };
  const compactEntries = random.pick([8, 20, 60, 10_000]);
  const site = new Site(
    ids,
    { time, random, network, membership: { voters: ids, learners: [] }, compactEntries, times: new Times(seed) },
    { trace, fail },
  );
  const faults = new BoxFaults(random, time, network, site, trace);
  site.onSnapshot = (box) => faults.receives(box);
  const isOver = (): boolean => failure !== undefined;
  for (const box of site.boxes) site.begin(box);
  const pauseMaxMs = random.pick([20, 100, 400]);
  for (let client = 0; client < 4; client += 1) site.client(pauseMaxMs).catch(fail);
  faults.begin(faultMs);
  await time.runTo(faultMs, isOver);
  const faultyMs = time.nowMs;
  faults.mendAll();
  let isSettled = false;
  site.settle(quietMs).then(() => {
    isSettled = true;
  }, fail);
  await time.runTo(faultyMs + 2 * quietMs, () => isOver() || isSettled);
  site.end();
  const { rules, acknowledged, refused, unknown, healed, stuck, snapshots, storageFailures } = site;
  return {
    seed,
    ok: failure === undefined,
    failure,
    checker,
    faultyMs,
    faults: Object.fromEntries(faults.counts),
    boxes: ids.length,
    elections: rules.elections,
    committed: rules.committed,
    acknowledged,
    refused,
    unknown,
    healed,
    stuck,
    snapshots,
    storageFailures,
    messages: network.messages,
  };
}
