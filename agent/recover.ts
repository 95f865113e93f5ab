/**
 * Forced recovery: the one box that is left of a site whose majority is gone for good becomes a site of one. Nothing can make this safe:
 * what the others decided and this box was not told of is lost. The site gets another epoch, so that whoever comes back with the
 * memory of the former one is not listened to.
 */
import { join } from 'node:path';
import { isWitness, peersOf } from '../consensus/core/membership.ts';
import { decodeMembership, encodeMembership } from '../consensus/core/membership-bytes.ts';
import { type Entry, logIndex, type Membership, type NodeId, term } from '../consensus/core/types.ts';
import { LevelStateStore } from '../consensus/driver/level-store.ts';
import { DurableLog } from '../consensus/driver/log/durable-log.ts';
import { loadStartState } from '../consensus/driver/start-state.ts';
import { initialMembership } from './agreement.ts';
import type { Settings } from './config.ts';
import { claimDataDir, type DataDir, makeDataDir } from './data-dir.ts';
import { loadOrCreateIdentity } from './network/identity.ts';
import { encodeEnvelope } from './state/commands.ts';
import { SiteState } from './state/site-state.ts';

export type RecoverCode = 'NOTHING_TO_RECOVER' | 'MEMORY_DAMAGED' | 'WITNESS';

/** This box cannot be made a site of one. The message says why and what to do. */
export class RecoverError extends Error {
  readonly code: RecoverCode;
  constructor(code: RecoverCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What a recovery does, or did. */
export interface Recovery {
  readonly node: NodeId;
  readonly site: string;
  /** Others that belong to the site no more. */
  readonly leaving: readonly NodeId[];
  /** Entries this box has; those of the others after it are lost. */
  readonly lastIndex: number;
  /** Certainly committed up to here; later ones are kept, though perhaps nobody was told that they happened. */
  readonly committedIndex: number;
  readonly term: number;
  /** Of the recovered site. */
  readonly epoch: number;
  readonly done: boolean;
}

/** @param confirmed without it nothing is changed. Rejects with RecoverError, DataDirError or StorageError. */
export async function recoverSite(settings: Settings, confirmed: boolean): Promise<Recovery> {
  makeDataDir(settings.dataDir);
  const { peerId } = await loadOrCreateIdentity(settings.dataDir);
  const dataDir = await claimDataDir(settings.dataDir, { node: settings.name, clusterId: settings.clusterId, peerId });
  try {
    return await recoverIn(dataDir, settings, confirmed);
  } finally {
    dataDir.release();
  }
}

async function recoverIn(dataDir: DataDir, settings: Settings, confirmed: boolean): Promise<Recovery> {
  const { healing } = dataDir;
  if (healing !== undefined)
    throw new RecoverError('MEMORY_DAMAGED', `This box set its memory aside (${healing.code}): recover another one. ${healing.message}`);
  if (dataDir.fresh) throw new RecoverError('NOTHING_TO_RECOVER', `${settings.dataDir} is new: is /dataDir right?`);
  const membership = initialMembership(settings, dataDir.rejoined);
  const { log, recovered } = await DurableLog.open({
    directory: join(settings.dataDir, 'log'),
    segmentBytes: settings.limits.logSegmentKiB * 1024,
  });
  const store = new LevelStateStore({ directory: join(settings.dataDir, 'state'), membership });
  try {
    const start = await loadStartState(log, recovered, store, membership);
    const state = new SiteState(settings.upper !== undefined);
    state.load(start.rows);
    let newest = start.meta.membership;
    for (const entry of start.entries) {
      if (entry.kind === 'configuration') newest = decodeMembership(entry.data) ?? newest;
      if (entry.index > start.meta.index) state.apply(entry);
    }
    const self = settings.name;
    const leaving = leavingFrom(self, newest, state);
    const last = start.entries.at(-1) ?? start.base;
    const nextTerm = term(Math.max(recovered.hardState.term, recovered.uncertain?.term ?? 0) + 1);
    const plan: Recovery = {
      node: self,
      site: settings.site,
      leaving,
      lastIndex: last.index,
      committedIndex: start.meta.index,
      term: nextTerm,
      epoch: dataDir.epoch + 1,
      done: confirmed,
    };
    if (!confirmed) return plan;
    // The epoch first: whatever a crash leaves, this box is not a member of the former site and a site of one at once.
    dataDir.enterEpoch(plan.epoch);
    await log.save({ term: nextTerm, votedFor: self }, entriesFor(self, leaving, { index: last.index, term: nextTerm }));
    return plan;
  } finally {
    await store.close();
    await log.close();
  }
}

function leavingFrom(self: NodeId, membership: Membership, state: SiteState): readonly NodeId[] {
  if (membership.voters.length === 0)
    throw new RecoverError('NOTHING_TO_RECOVER', `${self} never belonged to a site: it has nothing that could be lost`);
  if (isWitness(membership, self)) throw new RecoverError('WITNESS', `${self} is a witness and keeps no data: recover a box that has some`);
  const leaving = [...new Set([...peersOf(membership, self), ...state.members().keys(), ...state.starts().keys()])];
  const others = leaving.filter((name) => name !== self).sort();
  if (others.length === 0) throw new RecoverError('NOTHING_TO_RECOVER', `${self} is the whole site: start its agent`);
  return others;
}

/** The membership of one, and for every other box that it is to leave: what is known of it is forgotten once that is committed. */
function entriesFor(self: NodeId, leaving: readonly NodeId[], last: { readonly index: number; readonly term: number }): readonly Entry[] {
  const alone = encodeMembership({ voters: [self], learners: [] });
  const commands = leaving.map((name) => encodeEnvelope({ command: { type: 'memberSet', name, role: 'none' } }));
  return [alone, ...commands].map((data, i) => ({
    index: logIndex(last.index + 1 + i),
    term: term(last.term),
    kind: i === 0 ? 'configuration' : 'command',
    origin: undefined,
    data,
  }));
}
