/** Who is to belong to the site, beyond what the configuration of its founders says. Wishes: the leader brings the membership to them. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { Command, Outcome } from './commands.ts';
import { stateLimits } from './commands.ts';
import type { Table } from './rows.ts';

/** `witness`: it votes and keeps no data. */
export type MemberRole = 'voter' | 'learner' | 'witness' | 'none';

export interface MemberRow {
  /** Key of the box, as libp2p writes it; empty for a founder that is only to leave. */
  readonly peerId: string;
  /** Where it is dialled: a multiaddress; empty when only it dials. */
  readonly address: string;
  /** What it is to be; `none` is to leave. */
  readonly role: MemberRole;
  /** It leaves in the same step in which this other box gets its vote. */
  readonly replacedBy?: NodeId;
  /**
   * It lost its memory, or cannot trust it, and comes back under this incarnation: what it was leaves first, and it is what it is to be
   * again once it has the log anew.
   */
  readonly healing?: number;
  /** Log index of the last change. */
  readonly revision: number;
}

/** What a member greets with: drawn with its data directory, so that one that lost it is told. */
export interface IncarnationRow {
  readonly incarnation: number;
  /** Its newest start: how many there were, and what it drew then. */
  readonly run?: number;
  readonly start?: number;
}

export interface MemberTables {
  readonly members: Table<MemberRow>;
  readonly incarnations: Table<IncarnationRow>;
}

export type MemberSet = Extract<Command, { type: 'memberSet' }>;
export type MemberSeen = Extract<Command, { type: 'memberSeen' }>;
export type MemberHeal = Extract<Command, { type: 'memberHeal' }>;

export function setMember(tables: MemberTables, command: MemberSet, revision: number): Outcome {
  if (command.movedAs !== undefined) return moveMember(tables, command, revision);
  const { members } = tables;
  const { name, role, replaces } = command;
  const present = members.get(name);
  if (present?.role === 'none' && role !== 'none')
    return refused(revision, 'MEMBER_LEAVING', `${name} has not left yet: add it again when it has, so that it starts with a new memory`);
  const isNew = present === undefined;
  if (role !== 'none' && isNew && (command.peerId === undefined || command.address === undefined))
    return refused(revision, 'MEMBER_INVALID', `${name} is new here: give its peerId and its address`);
  // The key of a founder that healed is in the configurations, not here.
  const isOther = present !== undefined && present.peerId !== '' && command.peerId !== undefined && command.peerId !== present.peerId;
  if (role !== 'none' && isOther)
    return refused(
      revision,
      'NAME_TAKEN',
      `${name} is another box, with the key ${present.peerId}: remove it first, or choose another name`,
    );
  const peerId = command.peerId ?? present?.peerId ?? '';
  const holder = [...members.entries()].find(([other, row]) => other !== name && row.role !== 'none' && row.peerId === peerId)?.[0];
  if (role !== 'none' && peerId !== '' && holder !== undefined)
    return refused(revision, 'NAME_TAKEN', `The key ${peerId} is that of ${holder}: every box has its own`);
  if (present === undefined && members.size >= stateLimits.membersMax)
    return refused(revision, 'STATE_FULL', `A site remembers at most ${stateLimits.membersMax} boxes`);
  if (replaces === name) return refused(revision, 'MEMBER_INVALID', `${name} cannot replace itself`);
  const healing = role === 'none' || present?.healing === undefined ? {} : { healing: present.healing };
  members.set(name, { peerId, address: command.address ?? present?.address ?? '', role, ...healing, revision });
  if (replaces !== undefined) {
    const leaving = members.get(replaces) ?? { peerId: '', address: '', role: 'none', revision };
    members.set(replaces, { ...leaving, role: 'none', replacedBy: name, revision });
  }
  return { ok: true, revision };
}

/**
 * A member is found at another address. It may have left since that was seen, and another box may have its name: then nothing changes.
 * Releases that do not know of this take the command for a wish that names what is so already, with the address.
 */
function moveMember({ members, incarnations }: MemberTables, command: MemberSet, revision: number): Outcome {
  const { name, role, peerId = '', address = '', movedAs } = command;
  const present = members.get(name);
  if (address === '' || incarnations.get(name)?.incarnation !== movedAs || present?.role === 'none' || role === 'none')
    return refused(revision, 'MEMBER_INVALID', `${name} is not the member that was seen elsewhere`);
  if (present !== undefined && present.peerId !== '' && present.peerId !== peerId)
    return refused(revision, 'NAME_TAKEN', `${name} is another box, with the key ${present.peerId}`);
  if (present === undefined && members.size >= stateLimits.membersMax)
    return refused(revision, 'STATE_FULL', `A site remembers at most ${stateLimits.membersMax} boxes`);
  if (present?.address !== address) members.set(name, { role, ...present, peerId, address, revision });
  return { ok: true, revision };
}

/**
 * The first incarnation stays until the box has left or begins anew: whoever greets with another one lacks what this one promised. Of
 * its starts the newest counts.
 */
export function seeMember({ incarnations }: MemberTables, { name, incarnation, run, start }: MemberSeen, revision: number): Outcome {
  const known = incarnations.get(name);
  if (known === undefined && incarnations.size >= stateLimits.membersMax)
    return refused(revision, 'STATE_FULL', `A site remembers at most ${stateLimits.membersMax} boxes`);
  const isNewer = known?.incarnation === incarnation && run !== undefined && run > (known.run ?? 0);
  if (known !== undefined && !isNewer) return { ok: true, revision };
  incarnations.set(name, run === undefined || start === undefined ? { incarnation } : { incarnation, run, start });
  return { ok: true, revision };
}

/** A member asks to begin anew. The last wish counts: its memory may be damaged again while it heals. */
export function healMember({ members, incarnations }: MemberTables, command: MemberHeal, revision: number): Outcome {
  const { name, incarnation, role } = command;
  const present = members.get(name);
  if (present?.role === 'none') return refused(revision, 'MEMBER_LEAVING', `${name} is to leave the site`);
  if (present === undefined && members.size >= stateLimits.membersMax)
    return refused(revision, 'STATE_FULL', `A site remembers at most ${stateLimits.membersMax} boxes`);
  if (incarnations.get(name)?.incarnation === incarnation || present?.healing === incarnation) return { ok: true, revision };
  members.set(name, { peerId: '', address: '', role, ...present, healing: incarnation, revision });
  return { ok: true, revision };
}

/**
 * What it was belongs to no membership any more: only what it has become is listened to now. Of a former healing a late word says nothing:
 * it may be a member again, and heal once more.
 */
export function renewMember({ members, incarnations }: MemberTables, name: NodeId, incarnation: number, revision: number): Outcome {
  if (members.get(name)?.healing === incarnation) incarnations.set(name, { incarnation });
  return { ok: true, revision };
}

/** It is again what it is to be. */
export function healedMember({ members, incarnations }: MemberTables, name: NodeId, incarnation: number, revision: number): Outcome {
  const { healing, ...row } = members.get(name) ?? {};
  if (healing === incarnation && incarnations.get(name)?.incarnation === incarnation)
    members.set(name, { ...(row as MemberRow), revision });
  return { ok: true, revision };
}

/** It has left the membership for good: its name is free. */
export function forgetMember({ members, incarnations }: MemberTables, name: NodeId, revision: number): Outcome {
  if (members.get(name)?.role === 'none') {
    members.delete(name);
    incarnations.delete(name);
  }
  return { ok: true, revision };
}

function refused(revision: number, code: 'MEMBER_INVALID' | 'MEMBER_LEAVING' | 'NAME_TAKEN' | 'STATE_FULL', message: string): Outcome {
  return { ok: false, revision, code, message };
}
