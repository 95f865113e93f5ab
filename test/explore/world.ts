import { Cells, inputs, members } from './cells.ts';
import { Checks } from './checks.ts';
import { Histories } from './history.ts';
import type { Scope } from './scopes.ts';
import { Draft, type Row, rowOf } from './site.ts';

/** Something that can happen. */
export interface Action {
  readonly name: string;
  /** False when it does not come about. */
  run(draft: Draft): boolean;
}

/** The three members, and what can happen to them within the bounds of a scope. */
export class World {
  readonly scope: Scope;
  readonly cells: Cells;
  readonly histories = new Histories();
  readonly #checks: Checks;

  constructor(scope: Scope, cells = new Cells()) {
    this.scope = scope;
    this.cells = cells;
    this.#checks = new Checks(cells, this.histories);
  }

  /** Three members that were never started before. */
  root(): Row {
    return rowOf(
      members.map((_, node) => this.cells.fresh(node)),
      this.histories.empty,
    );
  }

  draft = (row: Row): Draft => new Draft(this.cells, this.#checks, this.scope, row);

  /** All that may happen next. Members are alike at first: only n1 and n2 take part in the first election. */
  actionsOf(row: Row, isFirst: boolean): readonly Action[] {
    const { scope } = this;
    const now = this.draft(row);
    const maySlow = now.unsynced < scope.unsyncedMax;
    const actions: Action[] = [];
    /** With a quick disk, and with a slow one where anything is to be saved. */
    const add = (name: string, run: (draft: Draft, quick: boolean) => boolean, mayWait = true): void => {
      actions.push({ name, run: (draft) => run(draft, true) });
      if (maySlow && mayWait)
        actions.push({ name: `${name}, not synced`, run: (draft) => run(draft, false) && draft.unsynced > now.unsynced });
    };
    for (const node of members.keys()) {
      const me = members[node];
      const cell = now.cellOf(node);
      for (const voter of members.keys()) {
        if (voter === node || (isFirst && (node !== 0 || voter !== 1))) continue;
        if (scope.electsAtOnce) add(`${me} is elected by ${members[voter]}`, (draft) => draft.elect(node, [voter]), false);
        else add(`${me} polls ${members[voter]}`, (draft, quick) => draft.campaign(node, voter, quick));
      }
      // Only all together can do without what a damaged disk may have held.
      const others = [...members.keys()].filter((voter) => voter !== node);
      if (now.isDamaged) add(`${me} is elected by all`, (draft) => draft.elect(node, others), false);
      if (scope.damagesMax > 0 && !now.isDamaged && cell.entries.length > 0)
        add(`${me} crashes and its last entry is damaged`, (draft) => draft.damage(node) !== undefined, false);
      if (cell.pending.length > 0) add(`${me} syncs`, (draft) => draft.step(node, inputs.sync, true) !== undefined, false);
      if (now.crashes < scope.crashesMax)
        for (let synced = 0; synced <= cell.pending.length; synced += 1)
          add(`${me} crashes, ${synced} of ${cell.pending.length} saves made`, (draft) => draft.crash(node, synced) !== undefined, false);
      if (cell.role !== 'leader') continue;
      if (cell.round < scope.pingsMax) add(`${me} pings`, (draft) => draft.step(node, inputs.ping, true) !== undefined, false);
      const { committed } = this.histories.of(now.history);
      if (scope.readsMax > 0 && now.readFloor === undefined)
        add(`${me} is asked to read`, (draft) => draft.read(node, committed.length) !== undefined, false);
      for (let value = 0; value < scope.values; value += 1)
        if (!now.isTaken(value)) add(`${me} takes ${'ab'[value]}`, (draft, quick) => draft.propose(node, value, quick) !== undefined);
    }
    for (const number of now.messages) {
      add(this.#delivery(number), (draft, quick) => draft.deliver(number, quick, false) !== undefined);
      if (now.duplicates < scope.duplicatesMax)
        add(`${this.#delivery(number)}, and is still under way`, (draft, quick) => draft.deliver(number, quick, true) !== undefined);
    }
    return actions;
  }

  #delivery(number: number): string {
    const { type, from, to, term, ...rest } = this.cells.message(number);
    const facts = JSON.stringify(rest, (key, value) => {
      if (['touches', 'ackSeq', 'ackSeqSeen', 'ackSeqMajority', 'sentAt', 'origin', 'kind', 'canWait', 'reason', 'complete'].includes(key))
        return undefined;
      return key === 'data' ? String.fromCharCode(...Object.values<number>(value)) : value;
    });
    return `${type} of term ${term} from ${from} to ${to} ${facts}`;
  }
}
