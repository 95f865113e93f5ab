import type { Scope } from './scopes.ts';
import type { Row } from './site.ts';
import { Growing, Rows, Visited } from './visited.ts';
import { World } from './world.ts';

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

/** Breadth first over all that can happen, so that the first violation found is one of the shortest. */
export class Explorer {
  readonly #world: World;
  readonly #visited = new Visited();
  readonly #queue = new Rows();
  readonly #parents = new Growing();
  readonly #actions = new Growing();
  readonly #depths = new Growing();
  #committedMax = 0;

  constructor(scope: Scope) {
    this.#world = new World(scope);
  }

  explore(statesMax: number): Exploration {
    const startedAt = process.hrtime.bigint();
    const root = this.#world.root();
    this.#visited.add(root);
    this.#add(root, -1, 0, 0);
    let violation: Exploration['violation'];
    for (let index = 0; !this.#queue.empty && this.#visited.size < statesMax && violation === undefined; index += 1)
      violation = this.#expand(this.#queue.shift(), index);
    return {
      scope: this.#world.scope.name,
      states: this.#visited.size,
      depth: this.#depths.at(this.#depths.length - 1),
      complete: this.#queue.empty,
      memberStates: this.#world.cells.cells.length,
      memberSteps: this.#world.cells.steps,
      committedMax: this.#committedMax,
      seconds: Number(process.hrtime.bigint() - startedAt) / 1e9,
      violation,
    };
  }

  #add(row: Row, parent: number, action: number, depth: number): void {
    this.#queue.push(row);
    this.#parents.push(parent);
    this.#actions.push(action);
    this.#depths.push(depth);
  }

  #expand(row: Row, index: number): Exploration['violation'] {
    const depth = this.#depths.at(index) + 1;
    const actions = this.#world.actionsOf(row, index === 0);
    for (const [number, action] of actions.entries()) {
      const draft = this.#world.draft(row);
      const did = action.run(draft);
      if (draft.failure !== undefined) return { rule: draft.failure, path: [...this.#pathTo(index), action.name] };
      if (!did) continue;
      const next = draft.row();
      if (!this.#visited.add(next)) continue;
      this.#committedMax = Math.max(this.#committedMax, this.#world.histories.of(draft.history).committed.length);
      this.#add(next, index, number, depth);
    }
    return undefined;
  }

  #pathTo(index: number): readonly string[] {
    const steps: { readonly parent: number; readonly action: number }[] = [];
    for (let at = index; this.#parents.at(at) >= 0; at = this.#parents.at(at))
      steps.unshift({ parent: this.#parents.at(at), action: this.#actions.at(at) });
    let row = this.#world.root();
    return steps.map(({ action }, at) => {
      const taken = this.#world.actionsOf(row, at === 0)[action];
      if (taken === undefined) throw new Error('A path that cannot be walked again');
      const draft = this.#world.draft(row);
      taken.run(draft);
      row = draft.row();
      return taken.name;
    });
  }
}
