/** Who belongs to the site, as the HTTP interface asks for it: wishes go through the log, and are checked before they do. */

import { majority } from '../consensus/core/quorum.ts';
import type { NodeId } from '../consensus/core/types.ts';
import type { MemberChange, MembersDocument } from '../schemas/generated/types.ts';
import type { Agreement } from './agreement.ts';
import type { PeerView } from './ports.ts';
import type { Command } from './state/commands.ts';
import { ApiError, type Written } from './status/agent-api.ts';
import type { MembersApi } from './status/members-api.ts';

export interface MembersServiceComponents {
  readonly agreement: Agreement;
  readonly peers: () => readonly PeerView[];
  /** Through the log; rejects with ApiError. */
  readonly write: (command: Command) => Promise<Written>;
}

export class MembersService implements MembersApi {
  readonly #parts: MembersServiceComponents;

  constructor(components: MembersServiceComponents) {
    this.#parts = components;
  }

  list(): MembersDocument {
    const { agreement } = this.#parts;
    const view = agreement.status();
    const match = new Map(view.peers.map(({ id, match }) => [id, match as number]));
    if (view.role === 'leader') match.set(view.id, view.durableIndex);
    return {
      revision: view.appliedIndex,
      leader: view.leader ?? null,
      changing: (view.membership.votersBefore ?? []).length > 0,
      members: agreement.memberEntries().map(({ address, ...member }) => {
        const at = match.get(member.name);
        return {
          ...member,
          address: address === '' ? null : address,
          reachable: this.#isReachable(member.name),
          behind: at === undefined ? null : Math.max(0, view.lastIndex - at),
        };
      }),
    };
  }

  set({ name, role = 'voter', peerId, address, replaces }: MemberChange): Promise<Written> {
    const { agreement, write } = this.#parts;
    const known = agreement.memberEntries().find((member) => member.name === name);
    if (known !== undefined && peerId !== undefined && known.peerId !== peerId)
      throw new ApiError(
        409,
        'NAME_TAKEN',
        `${name} is another box, with the key ${known.peerId}: remove it first, or choose another name`,
      );
    if (replaces !== undefined && !agreement.memberEntries().some((member) => member.name === replaces))
      throw new ApiError(404, 'NOT_FOUND', `${replaces} is no member of the site`);
    if (known !== undefined && known.role !== 'joining' && known.witness !== (role === 'witness'))
      throw new ApiError(
        409,
        'MEMBER_INVALID',
        `${name} ${known.witness ? 'is a witness and keeps no data' : 'keeps the data'}: what a box keeps cannot be changed; remove it, and add it again`,
      );
    const facts = { peerId: peerId ?? known?.peerId, address: address ?? known?.address };
    return write({
      type: 'memberSet',
      name,
      role,
      ...(facts.peerId === undefined ? {} : { peerId: facts.peerId }),
      ...(facts.address === undefined ? {} : { address: facts.address }),
      ...(replaces === undefined ? {} : { replaces }),
    });
  }

  remove(name: NodeId, force: boolean): Promise<Written> {
    const { agreement, write } = this.#parts;
    if (!agreement.memberEntries().some((member) => member.name === name))
      throw new ApiError(404, 'NOT_FOUND', `${name} is no member of the site`);
    const staying = agreement.membership.voters.filter((voter) => voter !== name);
    if (staying.length === 0) throw new ApiError(409, 'LAST_MEMBER', `${name} is the only one that votes: add another box first`);
    const reachable = staying.filter((voter) => this.#isReachable(voter)).length;
    if (!force && reachable < majority(staying.length))
      throw new ApiError(
        409,
        'MEMBERS_UNREACHABLE',
        `Of the ${staying.length} that stay only ${reachable} can be reached from here, too few to decide anything: bring them back first, or use force`,
      );
    return write({ type: 'memberSet', name, role: 'none' });
  }

  #isReachable(name: NodeId): boolean {
    return name === this.#parts.agreement.self || this.#parts.peers().some((peer) => peer.name === name && peer.connected);
  }
}
