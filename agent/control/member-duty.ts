/** The leader's duty to bring the membership to what was asked for: boxes join as learners, vote once they have the log, and leave. */
import { canLead, isMember } from '../../consensus/core/membership.ts';
import { majority } from '../../consensus/core/quorum.ts';
import type { Membership, NodeId, RoleChange, Term } from '../../consensus/core/types.ts';
import type { Log } from '../ports.ts';
import type { Command } from '../state/commands.ts';
import type { IncarnationRow, MemberRow } from '../state/member-table.ts';

export interface MemberDutyComponents {
  /** The term this box leads in; undefined when it does not. Whatever is asked for is for this leader only. */
  readonly leadsIn: () => Term | undefined;
  readonly membership: () => Membership;
  /** What was asked for. */
  readonly wanted: () => ReadonlyMap<NodeId, MemberRow>;
  /** Rejects with an error that has a `code` when the change was not begun. */
  readonly change: (changes: readonly RoleChange[], inTerm: Term) => Promise<void>;
  /** The membership is committed, and no change is between its steps. */
  readonly isSettled: () => boolean;
  /** What linked members greeted with, this box included; and what is recorded of that. */
  readonly heard: () => ReadonlyMap<NodeId, IncarnationRow>;
  readonly recorded: () => ReadonlyMap<NodeId, IncarnationRow>;
  /** Answers the leader at present; true for this box itself. */
  readonly answers: (name: NodeId) => boolean;
  /** A change of an address that is to be written down; asked for once each. */
  readonly moved: () => Command | undefined;
  readonly propose: (command: Command, inTerm: Term) => Promise<unknown>;
  readonly log: Log;
}

/** Not now, or not any more: asked again at the next look. */
const laterCodes: ReadonlySet<string> = new Set(['NOT_CAUGHT_UP', 'CHANGE_UNDER_WAY', 'NO_CHANGE', 'NOT_LEADER', 'BUSY', 'TIMEOUT']);

export class MemberDuty {
  readonly #parts: MemberDutyComponents;
  #busy = false;
  #turn = 0;

  constructor(components: MemberDutyComponents) {
    this.#parts = components;
  }

  /** To be called a few times a second. */
  check(): void {
    const { leadsIn, membership, wanted, change, recorded, answers, log } = this.#parts;
    const inTerm = this.#busy ? undefined : leadsIn();
    if (inTerm === undefined) return;
    const note = this.#note();
    if (note !== undefined) {
      this.#busy = true;
      void this.#parts
        .propose(note, inTerm)
        .catch((error: Error) => log.debug('member.note.failed', { message: error.message }))
        .finally(() => {
          this.#busy = false;
        });
      return;
    }
    const steps = nextChanges(membership(), wanted(), { recorded: recorded(), answers });
    // One that cannot be done now must not keep the others from being done.
    const changes = steps[this.#turn++ % Math.max(1, steps.length)];
    if (changes === undefined) return;
    this.#busy = true;
    change(changes, inTerm)
      .then(() => log.info('member.changed', { changes }))
      .catch((error: { code?: string; message: string }) => {
        if (!laterCodes.has(error.code ?? '')) log.warn('member.change.refused', { changes, code: error.code, message: error.message });
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  /** What has to be written down next: that somebody has left for good, who greets for the first time, or who is found elsewhere now. */
  #note(): Command | undefined {
    const { membership, isSettled, wanted, heard, recorded } = this.#parts;
    const now = membership();
    const gone = isSettled() ? [...wanted()].find(([name, { role }]) => role === 'none' && !isMember(now, name)) : undefined;
    if (gone !== undefined) return { type: 'memberGone', name: gone[0] };
    const known = recorded();
    const healing = isSettled()
      ? [...wanted()].flatMap(([name, row]) => (row.healing === undefined ? [] : [{ name, row, incarnation: row.healing }]))
      : [];
    const renewed = healing.find(({ name, row }) => isOutdated(name, row, known) && !isMember(now, name));
    if (renewed !== undefined) return { type: 'memberRenewed', name: renewed.name, incarnation: renewed.incarnation };
    const healed = healing.find(({ name, row }) => !isOutdated(name, row, known) && isAsWanted(now, name, row));
    if (healed !== undefined) return { type: 'memberHealed', name: healed.name, incarnation: healed.incarnation };
    const fresh = [...heard()].find(([name, start]) => isNews(start, known.get(name)) && isMember(now, name));
    return fresh === undefined ? this.#parts.moved() : { type: 'memberSeen', name: fresh[0], ...fresh[1] };
  }
}

/** What is known of the members, beyond what they are. */
export interface MemberFacts {
  readonly recorded: ReadonlyMap<NodeId, IncarnationRow>;
  readonly answers: (name: NodeId) => boolean;
}

/**
 * Changes that may be made now, each on its own: joining first, then votes, then leaving. What a healing box was leaves before it joins
 * as what it has become. Empty when everything is as it was asked for.
 */
export function nextChanges(
  membership: Membership,
  wanted: ReadonlyMap<NodeId, MemberRow>,
  { recorded, answers }: MemberFacts,
): readonly (readonly RoleChange[])[] {
  if ((membership.votersBefore ?? []).length > 0) return [];
  const all = [...wanted];
  const rows = all.filter(([name, row]) => !isOutdated(name, row, recorded));
  const votes = (name: NodeId): boolean => membership.voters.includes(name);
  const renewing = all
    .filter(([name, row]) => isOutdated(name, row, recorded) && isMember(membership, name) && canSpare(membership, name, answers))
    .map(([id]): readonly RoleChange[] => [{ id, role: 'none' }]);
  const joining = rows.filter(([name, { role }]) => role !== 'none' && !isMember(membership, name));
  if (joining.length > 0)
    return [joining.map(([id, { role }]) => ({ id, role: role === 'witness' ? 'witness-learner' : 'learner' })), ...renewing];
  const replacedBy = (successor: NodeId): readonly RoleChange[] =>
    rows
      .filter(([name, row]) => row.role === 'none' && row.replacedBy === successor && isMember(membership, name))
      .map(([id]) => ({ id, role: 'none' }));
  const promoted = rows
    .filter(([name, { role }]) => (role === 'voter' || role === 'witness') && !votes(name))
    .map(([id]): readonly RoleChange[] => [{ id, role: 'voter' }, ...replacedBy(id)]);
  const demoted = rows
    .filter(([name, { role }]) => role === 'learner' && votes(name))
    .map(([id]): readonly RoleChange[] => [{ id, role: 'learner' }]);
  const leaving = rows
    .filter(([name, row]) => row.role === 'none' && isMember(membership, name) && !waits(row, wanted, votes))
    .map(([id]): readonly RoleChange[] => [{ id, role: 'none' }]);
  return [...promoted, ...demoted, ...leaving, ...renewing];
}

/** It heals, and what is listened to under its name is still what it was before. */
const isOutdated = (name: NodeId, { healing }: MemberRow, recorded: ReadonlyMap<NodeId, IncarnationRow>): boolean =>
  healing !== undefined && recorded.get(name)?.incarnation !== healing;

/** A member greets for the first time, or was started again. */
const isNews = ({ incarnation, run = 0 }: IncarnationRow, known: IncarnationRow | undefined): boolean =>
  known === undefined || (known.incarnation === incarnation && run > (known.run ?? 0));

const isAsWanted = (membership: Membership, name: NodeId, { role }: MemberRow): boolean =>
  role === 'learner' ? isMember(membership, name) && !membership.voters.includes(name) : membership.voters.includes(name);

/**
 * The voters that stay can decide without it, and enough of them answer to do so now: a change that cannot be committed would hold up
 * every other one. At least one of them keeps the data.
 */
export function canSpare(membership: Membership, name: NodeId, answers: (name: NodeId) => boolean): boolean {
  const { voters } = membership;
  if (!voters.includes(name)) return true;
  const staying = voters.filter((voter) => voter !== name);
  const well = staying.filter(answers).length;
  return staying.some((voter) => canLead(membership, voter)) && well >= majority(staying.length) && well >= majority(voters.length);
}

/** It leaves together with its successor's promotion; alone only when that has its vote, or will get none. */
function waits({ replacedBy }: MemberRow, wanted: ReadonlyMap<NodeId, MemberRow>, votes: (name: NodeId) => boolean): boolean {
  return replacedBy !== undefined && !votes(replacedBy) && ['voter', 'witness'].includes(wanted.get(replacedBy)?.role ?? '');
}
