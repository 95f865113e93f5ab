import { Cells, cellText } from './cells.ts';
import type { Scope } from './scopes.ts';
import { World } from './world.ts';

/**
 * Whether states that are taken for one really go on alike: random paths are walked twice, with members and messages that were met on
 * other paths and only read alike, and with members that saw nothing but this path. After each step they must read alike again.
 * @returns steps compared
 * @throws {Error} with the path that shows a difference
 */
export function audit(scope: Scope, walks: number, nextInt: (below: number) => number): number {
  // The bound on messages would lose different ones: those that read alike count once in one world and often in the other.
  const unbounded = { ...scope, messagesMax: Number.POSITIVE_INFINITY };
  const merged = new World(unbounded);
  let compared = 0;
  for (let walk = 0; walk < walks; walk += 1) {
    const own = new World(unbounded, new Cells(false));
    const path: string[] = [];
    let [row, ownRow] = [merged.root(), own.root()];
    for (let step = 0; step < 30; step += 1) {
      const actions = merged.actionsOf(row, false);
      const action = actions[nextInt(actions.length)];
      if (action === undefined) break;
      const draft = merged.draft(row);
      if (!action.run(draft)) continue;
      path.push(action.name);
      const same = own.actionsOf(ownRow, false).find(({ name }) => name === action.name);
      const ownDraft = own.draft(ownRow);
      const texts = draft.sites.map((site) => cellText(merged.cells.cell(site)));
      const isAlike = same?.run(ownDraft) === true && ownDraft.sites.every((site, at) => cellText(own.cells.cell(site)) === texts[at]);
      if (!isAlike) throw new Error(`${scope.name}: what reads alike does not go on alike:\n${path.join('\n')}`);
      [row, ownRow] = [draft.row(), ownDraft.row()];
      compared += 1;
    }
  }
  return compared;
}
