/** Opens this box's memory and its place in the network; a memory that cannot be trusted is set aside, and the box begins anew. */
import type { RandomSource } from '../consensus/core/types.ts';
import type { NodeEvent } from '../consensus/driver/driver-event.ts';
import { StorageError } from '../consensus/driver/errors.ts';
import type { Clock } from '../consensus/driver/ports.ts';
import { Agreement } from './agreement.ts';
import type { Settings } from './config.ts';
import type { DataDir } from './data-dir.ts';
import { knownMembers } from './known-members.ts';
import { Network } from './network/host.ts';
import type { Identity } from './network/identity.ts';
import type { KnownPeer, Log } from './ports.ts';

/** With these the box must not vote under its incarnation. */
const damageCodes: ReadonlySet<string> = new Set(['LOG_CORRUPT', 'VOTE_DAMAGED', 'STATE_DAMAGED', 'WITNESS_MEMORY']);

export interface OpenSiteComponents {
  readonly settings: Settings;
  readonly identity: Identity;
  readonly dataDir: DataDir;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
  readonly onEvent: (event: NodeEvent) => void;
}

export interface OpenedSite {
  readonly network: Network;
  readonly agreement: Agreement;
}

/** Whether other boxes of the site are known, from which this one could have its memory anew. */
export function canHeal(settings: Settings): boolean {
  return knownMembers(settings).some(({ name }) => name !== settings.name);
}

/** Nothing is started yet. A healing box is not heard in the agreement before `network.consensus.release`. Rejects with StorageError. */
export async function openSite(components: OpenSiteComponents): Promise<OpenedSite> {
  const { settings, dataDir, log } = components;
  try {
    return await open(components);
  } catch (error) {
    if (!(error instanceof StorageError) || !damageCodes.has(error.code) || !canHeal(settings)) throw error;
    log.error('memory.damaged', { code: error.code, message: error.message, remedy: 'none needed: it heals from its site' });
    dataDir.beginHealing({ code: error.code, message: error.message });
    return await open(components);
  }
}

async function open({ settings: configured, identity, dataDir, clock, random, log, onEvent }: OpenSiteComponents): Promise<OpenedSite> {
  const members = knownMembers(configured);
  // Whoever began anew was given its place by the site, not by the configuration.
  const settings = dataDir.rejoined ? { ...configured, members, join: true } : configured;
  const { name, site, clusterId } = settings;
  const network = new Network({
    identity,
    listen: settings.listen,
    self: { name, site, clusterId, clusterEpoch: dataDir.epoch, incarnation: dataDir.incarnation, run: dataDir.run, start: dataDir.start },
    peers: peersOf({ ...settings, members }),
    clock,
    log,
    random,
  });
  if (dataDir.healing !== undefined) network.consensus.hold();
  const agreement = await Agreement.open({ settings, transport: network.consensus, clock, onEvent });
  network.consensus.setPromised(() => agreement.promised());
  return { network, agreement };
}

function peersOf({ site, members, upper, children }: Settings): readonly KnownPeer[] {
  return [
    ...members.map((member) => ({ ...member, site, relation: 'member' as const })),
    ...(upper?.members.map((member) => ({ ...member, site: upper.site, relation: 'upper' as const })) ?? []),
    ...children.flatMap((child) =>
      child.members.map((member) => ({ ...member, address: undefined, site: child.site, relation: 'child' as const })),
    ),
  ];
}
