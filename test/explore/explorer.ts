import { Cells, inputs, members } from './cells.ts';
import { Checks } from './checks.ts';
import { Histories } from './history.ts';
import type { Scope } from './scopes.ts';
import { Draft, type Row, rowOf } from './site.ts';
import { Growing, Rows, Visited } from './visited.ts';

export interface Exploration {
  readonly scope: string;
  /** Distinct states of the site. */
  readonly states: number;
  readonly depth: number;
  /** Whether nothing was left to explore within the bounds. */
  readonly complete: boolean;
  /** Distinct states of one member, and steps the core was asked for. */
  readonly memberStates: number;
  readonly memberSteps: number;
  readonly committedMax: number;
  readonly seconds: number;
  readonly violation: { readonly rule: string; readonly path: readonly string[] } | undefined;
}

interface Action {
  readonly name: string;
  run(draft: Draft): boolean;
}

/** Breadth first over all that can happen, so that the first violation found is one of the shortest. */
export class Explorer {
  readonly #scope: Scope;
  readonly #cells = new Cells();
  readonly #histories = new Histories();
  readonly #checks = new Checks(this.#cells, this.#histories);
  readonly #visited = new Visited();
  readonly #queue = new Rows();
  readonly #parents = new Growing();
  readonly #actions = new Growing();
  readonly #depths = new Growing();
  #committedMax = 0;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  explore(statesMax: number): Exploration {
    const startedAt = process.hrtime.bigint();
    const root = this.#root();
    this.#visited.add(root);
    this.#add(root, -1, 0, 0);
    let violation: Exploration['violation'];
    for (let index = 0; !this.#queue.empty && this.#visited.size < statesMax && violation === undefined; index += 1)
      violation = this.#expand(this.#queue.shift(), index);
    return {
      scope: this.#scope.name,
      states: this.#visited.size,
      depth: this.#depths.at(this.#depths.length - 1),
      complete: this.#queue.empty,
      memberStates: this.#cells.cells.length,
      memberSteps: this.#cells.steps,
      committedMax: this.#committedMax,
      seconds: Number(process.hrtime.bigint() - startedAt) / 1e9,
      violation,
    };
  }

  #root(): Row {
    return rowOf(
      members.map((_, node) => this.#cells.fresh(node)),
      this.#histories.empty,
    );
  }

  #add(row: Row, parent: number, action: number, depth: number): void {
    this.#queue.push(row);
    this.#parents.push(parent);
    this.#actions.push(action);
    this.#depths.push(depth);
  }

  #expand(row: Row, index: number): Exploration['violation'] {
    const depth = this.#depths.at(index) + 1;
    const actions = this.#actionsOf(row, index === 0);
    for (const [number, action] of actions.entries()) {
      const draft = this.#draft(row);
      const did = action.run(draft);
      if (draft.failure !== undefined) return { rule: draft.failure, path: [...this.#pathTo(index), action.name] };
      if (!did) continue;
      const next = draft.row();
      if (!this.#visited.add(next)) continue;
      this.#committedMax = Math.max(this.#committedMax, this.#histories.of(draft.history).committed.length);
      this.#add(next, index, number, depth);
    }
    return undefined;
  }

  #draft = (row: Row): Draft => new Draft(this.#cells, this.#checks, this.#scope, row);

  /** All that may happen next. Members are alike at first: only n1 and n2 take part in the first election. */
  #actionsOf(row: Row, isFirst: boolean): readonly Action[] {
    const scope = this.#scope;
    const now = this.#draft(row);
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
        if (scope.electsAtOnce) add(`${me} is elected by ${members[voter]}`, (draft) => draft.elect(node, voter), false);
        else add(`${me} polls ${members[voter]}`, (draft, quick) => draft.campaign(node, voter, quick));
      }
      if (cell.pending.length > 0) add(`${me} syncs`, (draft) => draft.step(node, inputs.sync, true) !== undefined, false);
      if (now.crashes < scope.crashesMax)
        for (let synced = 0; synced <= cell.pending.length; synced += 1)
          add(`${me} crashes, ${synced} of ${cell.pending.length} saves made`, (draft) => draft.crash(node, synced) !== undefined, false);
      if (cell.role !== 'leader') continue;
      if (scope.pingsMax > 1) add(`${me} pings`, (draft) => draft.step(node, inputs.ping, true) !== undefined, false);
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
    const { type, from, to, term, ...rest } = this.#cells.message(number);
    const facts = JSON.stringify(rest, (key, value) => {
      if (['touches', 'ackSeq', 'ackSeqSeen', 'ackSeqMajority', 'sentAt', 'origin', 'kind', 'canWait', 'reason', 'complete'].includes(key))
        return undefined;
      return key === 'data' ? String.fromCharCode(...Object.values<number>(value)) : value;
    });
    return `${type} of term ${term} from ${from} to ${to} ${facts}`;
  }

  #pathTo(index: number): readonly string[] {
    const steps: { readonly parent: number; readonly action: number }[] = [];
    for (let at = index; this.#parents.at(at) >= 0; at = this.#parents.at(at))
      steps.unshift({ parent: this.#parents.at(at), action: this.#actions.at(at) });
    let row = this.#root();
    return steps.map(({ action }, at) => {
      const taken = this.#actionsOf(row, at === 0)[action];
      if (taken === undefined) throw new Error('A path that cannot be walked again');
      const draft = this.#draft(row);
      taken.run(draft);
      row = draft.row();
      return taken.name;
    });
  }
}
