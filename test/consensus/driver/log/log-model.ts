/** What a log must hold after a story of calls, and the calls themselves, on a disk whose power may be cut. */
import assert from 'node:assert/strict';
import { type Entry, type HardState, logIndex, term } from '../../../../consensus/core/types.ts';
import type { DurableLog } from '../../../../consensus/driver/log/durable-log.ts';
import type { MemoryFileSystem } from '../../../../consensus/driver/log/memory-file-system.ts';
import type { Recovered } from '../../../../consensus/driver/ports.ts';
import { countedNonce, openLog } from './log-fixture.ts';

export interface Model {
  readonly hardState: HardState;
  readonly base: number;
  readonly entries: readonly Entry[];
}
export type Step = {
  readonly save?: readonly Entry[];
  readonly hardState?: HardState;
  readonly compact?: number;
  readonly reset?: number;
  /** Of the entry at the new base. @default 3 */
  readonly baseTerm?: number;
  readonly settle?: true;
};

export const first: Model = { hardState: { term: term(0), votedFor: undefined }, base: 0, entries: [] };
export const voted = (number: number, votedFor?: string): HardState => ({ term: term(number), votedFor });

const replace = (log: readonly Entry[], batch: readonly Entry[]): Entry[] => {
  const from = batch[0]?.index ?? Number.POSITIVE_INFINITY;
  return [...log.filter((kept) => kept.index < from), ...batch];
};

/** The model after the step, of which only the first `count` entries were done. */
export function after(model: Model, step: Step, count = Number.POSITIVE_INFINITY): Model {
  if (step.reset !== undefined) return { ...model, base: step.reset, entries: [] };
  const base = step.compact ?? model.base;
  const log = replace(model.entries, (step.save ?? []).slice(0, count)).filter((kept) => kept.index > base);
  return { hardState: step.hardState ?? model.hardState, base, entries: log };
}

export async function perform(log: DurableLog, step: Step): Promise<void> {
  if (step.hardState !== undefined || step.save !== undefined) await log.save(step.hardState, step.save ?? []);
  if (step.compact !== undefined) await log.compact(logIndex(step.compact), term(step.baseTerm ?? 3));
  if (step.reset !== undefined) await log.reset(logIndex(step.reset), term(step.baseTerm ?? 3));
  if (step.settle !== undefined) await log.settle();
}

export const text = (model: Pick<Model, 'hardState' | 'base' | 'entries'>) =>
  JSON.stringify([
    model.hardState.term,
    model.hardState.votedFor,
    model.base,
    model.entries.map((e) => [e.index, e.term, e.data.length, e.data[0]]),
  ]);

/** Runs the story until the power is cut; what was acknowledged by then, and the step under way. */
export async function runUntilCut(
  fileSystem: MemoryFileSystem,
  story: readonly Step[],
  prepareAhead: boolean,
): Promise<{ acknowledged: Model; underWay: Step | undefined }> {
  let acknowledged = first;
  let underWay: Step | undefined = {};
  try {
    const { log } = await openLog(fileSystem, { nonce: countedNonce(), prepareAhead });
    for (const step of story) {
      underWay = step;
      await perform(log, step);
      acknowledged = after(acknowledged, step);
    }
    await log.close();
    underWay = undefined;
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'STORAGE_IO');
  }
  return { acknowledged, underWay };
}

export function assertSurvived(recovered: Recovered, acknowledged: Model, underWay: Step | undefined, note: string): void {
  const found = text({ hardState: recovered.hardState, base: recovered.base.index, entries: recovered.entries });
  const allowed = [text(acknowledged)];
  for (let count = 0; count <= (underWay?.save?.length ?? 0); count++) {
    if (underWay !== undefined) allowed.push(text(after(acknowledged, underWay, count)));
  }
  assert.ok(allowed.includes(found), `${note}: found ${found}, acknowledged ${text(acknowledged)}`);
}
