/** Which boxes belong to this site: the founders of the configuration, and what was asked for since. */
import { isMember, isWitness } from '../consensus/core/membership.ts';
import type { Membership, NodeId } from '../consensus/core/types.ts';
import type { Member } from '../schemas/generated/types.ts';
import type { KnownPeer } from './ports.ts';
import type { MemberRow } from './state/member-table.ts';

/** A box named by the configuration, and where else this box has known it to be. */
export interface Founder extends Member {
  readonly formerAddresses?: readonly string[];
}

/** A member as its site shows it. */
export interface MemberEntry {
  readonly name: NodeId;
  readonly peerId: string;
  readonly address: string;
  /** What it is now. `joining`: asked for and not a member yet. */
  readonly role: 'voter' | 'learner' | 'joining' | 'leaving';
  /** What it is to be. */
  readonly wanted: MemberRow['role'];
  /** It keeps no data. */
  readonly witness: boolean;
}

/** All boxes that belong to the site or are to, by name. Those that left are gone. */
export function memberEntries(
  founders: readonly Founder[],
  rows: ReadonlyMap<NodeId, MemberRow>,
  membership: Membership,
): readonly MemberEntry[] {
  const known = new Map(founders.map((founder) => [founder.name, { ...founder, wanted: undefined as MemberRow['role'] | undefined }]));
  for (const [name, row] of rows) {
    const founder = known.get(name);
    const peerId = row.peerId === '' ? (founder?.peerId ?? '') : row.peerId;
    const address = row.address === '' ? (founder?.address ?? '') : row.address;
    known.set(name, { name, peerId, address, wanted: row.role });
  }
  return [...known.values()]
    .flatMap(({ name, peerId, address, wanted }): MemberEntry[] => {
      const belongs = isMember(membership, name);
      const now = membership.voters.includes(name) ? 'voter' : 'learner';
      const witness = isWitness(membership, name) || wanted === 'witness';
      if (wanted === 'none') return belongs ? [{ name, peerId, address, role: 'leaving', wanted, witness }] : [];
      // A founder of whom nothing was said since is one as long as the membership says so.
      if (wanted === undefined) return belongs ? [{ name, peerId, address, role: now, wanted: witness ? 'witness' : now, witness }] : [];
      return [{ name, peerId, address, role: belongs ? now : 'joining', wanted, witness }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Members whose connections are kept. A box that belongs to nothing yet knows only its configuration, and lets those in; so does
 * every box for as long as its own log tells nothing.
 */
export function memberPeers(
  founders: readonly Founder[],
  rows: ReadonlyMap<NodeId, MemberRow>,
  membership: Membership,
  site: string,
): readonly KnownPeer[] {
  const isOutside = membership.voters.length === 0;
  const named = isOutside ? founders : memberEntries(founders, rows, membership);
  return named.map(({ name, peerId, address }) => {
    const founder = founders.find((one) => one.name === name && one.peerId === peerId);
    const former = [...(founder?.formerAddresses ?? []), ...(founder === undefined ? [] : [founder.address])];
    const formerAddresses = former.filter((one) => one !== address);
    return {
      name,
      peerId,
      address: address === '' ? undefined : address,
      ...(formerAddresses.length > 0 && { formerAddresses }),
      site,
      relation: 'member' as const,
    };
  });
}
