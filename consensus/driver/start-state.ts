/** Brings the stored state and the recovered log together, or says why this box cannot start with them. */
import type { Entry, EntryId, Membership, SnapshotMeta } from '../core/types.ts';
import { logIndex, term } from '../core/types.ts';
import { damagedRemedy, StorageError } from './errors.ts';
import type { Recovered, StateStore, Storage } from './ports.ts';
import type { Row } from './snapshot-codec.ts';

export interface StartState {
  readonly meta: SnapshotMeta;
  readonly rows: readonly Row[];
  readonly base: EntryId;
  readonly entries: readonly Entry[];
  /** Why the stored state was thrown away, if it was. */
  readonly rebuilt: string | undefined;
}

/** @throws {StorageError} STATE_DAMAGED when the state is damaged or too old and the log cannot rebuild it. */
export async function loadStartState(
  storage: Storage,
  recovered: Recovered,
  store: StateStore,
  membership: Membership,
): Promise<StartState> {
  const opened = await openStore(recovered, store, membership);
  const { meta } = opened;
  if (meta.index < recovered.base.index) {
    const message = `The stored state ends at entry ${meta.index}, the log starts after ${recovered.base.index}`;
    throw new StorageError('STATE_DAMAGED', message, { file: 'state', remedy: damagedRemedy });
  }
  const at = recovered.entries[meta.index - recovered.base.index - 1];
  const joins = meta.index === recovered.base.index || at?.term === meta.term;
  if (joins) return { ...opened, base: recovered.base, entries: recovered.entries };
  // A snapshot was stored and the power went before the log was replaced, or a batch already applied was damaged and dropped.
  // What the state holds was committed: the log starts after it.
  await storage.reset(meta.index, meta.term);
  return { ...opened, base: { index: meta.index, term: meta.term }, entries: [] };
}

async function openStore(
  recovered: Recovered,
  store: StateStore,
  membership: Membership,
): Promise<{ meta: SnapshotMeta; rows: readonly Row[]; rebuilt: string | undefined }> {
  try {
    return { ...(await store.open()), rebuilt: undefined };
  } catch (error) {
    const canRebuild = error instanceof StorageError && error.code === 'STATE_DAMAGED' && recovered.base.index === 0;
    if (!canRebuild) throw error;
    const meta = { index: logIndex(0), term: term(0), membership };
    await store.replace([], meta);
    return { meta, rows: [], rebuilt: error.message };
  }
}
