/** Makes health documents, and tells when one differs enough from the last published to be worth a message. */
import type { HealthDocument } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import type { Sample } from './sampler.ts';

/** Longest health document, in bytes of JSON. Receivers refuse longer ones. */
export const healthBytesMax = 16 * 1024;

/** Who makes a document, and its place in the order: `run` grows with every start of the agent, `seq` within a run. */
export interface DocumentOrigin {
  readonly node: string;
  readonly site: string;
  readonly run: number;
  readonly seq: number;
}

/**
 * The document of one sample. Lists that a box with unusual hardware makes too long are left out rather than the whole document.
 * @throws Error when the sample breaks the schema: a fault of the sampler, not of the box.
 */
export function buildHealthDocument(origin: DocumentOrigin, sample: Sample): HealthDocument {
  const whole: HealthDocument = { version: 1, node: origin.node, site: origin.site, run: origin.run, seq: origin.seq, ...sample };
  const document = fits(whole) ? whole : { ...whole, inventory: null, network: whole.network.slice(0, 4), temperatures: null };
  const checked = checkDocument('HealthDocument', document);
  if (!checked.ok) throw new Error(`Cannot describe this box: ${describeProblems(checked.problems)}`);
  return checked.value;
}

function fits(document: HealthDocument): boolean {
  return Buffer.byteLength(JSON.stringify(document)) <= healthBytesMax;
}

/** How far a value may move from the last published one without being news. Wide enough for the noise of an idle box. */
export interface HealthBands {
  /** Percentage points of processor use. @default 20 */
  readonly cpuPercent: number;
  /** Percentage points of pressure. @default 15 */
  readonly pressurePercent: number;
  /** Share of all RAM, in percent. @default 5 */
  readonly memoryPercent: number;
  /** Share of a disk's size, in percent. @default 1 */
  readonly diskPercent: number;
  /** Degrees. @default 4 */
  readonly celsius: number;
  /** Percentage points of battery charge. @default 5 */
  readonly batteryPercent: number;
  /** Share of the agent's own memory, in percent. @default 30 */
  readonly agentMemoryPercent: number;
}

export const defaultBands: HealthBands = {
  cpuPercent: 20,
  pressurePercent: 15,
  memoryPercent: 5,
  diskPercent: 1,
  celsius: 4,
  batteryPercent: 5,
  agentMemoryPercent: 30,
};

type Value = number | null | undefined;

/** Whether `now` is news to somebody who knows `before`. Counters, times and load averages alone never are. */
export function isNews(before: HealthDocument, now: HealthDocument, bands: HealthBands = defaultBands): boolean {
  const beyond = (a: Value, b: Value, band: number): boolean => {
    // Becoming known or unknown is news.
    if (a === null || a === undefined || b === null || b === undefined) return (a ?? null) !== (b ?? null);
    return Math.abs(a - b) > band;
  };
  const share = (total: Value, percent: number): number => ((total ?? 0) * percent) / 100;
  const memory = share(now.memory.totalBytes, bands.memoryPercent);
  return (
    // After a restart of either, others must learn the new identity at once.
    before.bootId !== now.bootId ||
    before.agent.version !== now.agent.version ||
    before.clock.synchronised !== now.clock.synchronised ||
    // Unknown counts as cold until it is known to be otherwise.
    (before.availability?.cpu ?? 'cold') !== (now.availability?.cpu ?? 'cold') ||
    (before.availability?.memory ?? 'cold') !== (now.availability?.memory ?? 'cold') ||
    before.cpu.cores !== now.cpu.cores ||
    beyond(before.cpu.usagePercent, now.cpu.usagePercent, bands.cpuPercent) ||
    before.memory.totalBytes !== now.memory.totalBytes ||
    beyond(before.memory.availableBytes, now.memory.availableBytes, memory) ||
    before.memory.swapTotalBytes !== now.memory.swapTotalBytes ||
    beyond(before.memory.swapFreeBytes, now.memory.swapFreeBytes, memory) ||
    pressures.some((key) => beyond(before.pressure?.[key], now.pressure?.[key], bands.pressurePercent)) ||
    isListNews(
      before.disks,
      now.disks,
      (disk) => disk.mount,
      (a, b) =>
        a.readOnly !== b.readOnly ||
        a.totalBytes !== b.totalBytes ||
        a.lifeUsedPercent !== b.lifeUsedPercent ||
        beyond(a.freeBytes, b.freeBytes, share(b.totalBytes, bands.diskPercent)),
    ) ||
    isListNews(
      before.network,
      now.network,
      (one) => one.name,
      (a, b) => a.up !== b.up || a.speedMbps !== b.speedMbps || a.receiveErrors !== b.receiveErrors || a.sendErrors !== b.sendErrors,
    ) ||
    (before.temperatures === null) !== (now.temperatures === null) ||
    isListNews(
      before.temperatures ?? [],
      now.temperatures ?? [],
      (one) => one.sensor,
      (a, b) => beyond(a.celsius, b.celsius, bands.celsius),
    ) ||
    before.power?.onMains !== now.power?.onMains ||
    beyond(before.power?.batteryPercent, now.power?.batteryPercent, bands.batteryPercent) ||
    beyond(before.agent.rssBytes, now.agent.rssBytes, share(before.agent.rssBytes, bands.agentMemoryPercent)) ||
    JSON.stringify(before.inventory) !== JSON.stringify(now.inventory)
  );
}

const pressures = ['cpuSomePercent', 'memorySomePercent', 'memoryFullPercent', 'ioSomePercent', 'ioFullPercent'] as const;

function isListNews<Row>(
  before: readonly Row[],
  now: readonly Row[],
  key: (row: Row) => string,
  differs: (a: Row, b: Row) => boolean,
): boolean {
  if (before.length !== now.length) return true;
  const known = new Map(before.map((row) => [key(row), row]));
  return now.some((row) => {
    const old = known.get(key(row));
    return old === undefined || differs(old, row);
  });
}
