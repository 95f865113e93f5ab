/**
 * Feasibility first (PLACEMENT.md 3, step 3): replicas leave overfull boxes by the move that costs least; a box nothing can leave at a
 * gain becomes dearer, until something does. Gives the search a plan to begin with; it may well fail where room is very short.
 */
import type { Flat } from './flat.ts';
import { at } from './model.ts';
import type { ShortLists } from './short-list.ts';
import type { SoftPlan } from './soft-plan.ts';

/** Passes over the overfull boxes. */
const passesMax = 200;
/** Passes without fewer overfull boxes after which it is given up. */
const patience = 40;
const dearer = 1.5;
/** Passes without fewer overfull boxes after which all columns are looked at, not the short lists alone. */
const farther = 3;

type Ways = Pick<ShortLists, 'first' | 'column'>;

/**
 * Penalties are as before at the end.
 * @param over asked before each box, and told for how many passes there are not fewer overfull boxes: true ends it.
 */
export function relieve(flat: Flat, plan: SoftPlan, lists: ShortLists, over: (stalled: number) => boolean): void {
  let all: Ways | undefined;
  const penalties = plan.penalties();
  let least = Number.POSITIVE_INFINITY;
  let stall = 0;
  passes: for (let pass = 0; pass < passesMax && stall < patience && plan.overfull > 0; pass += 1) {
    for (let box = 0; box < flat.nodes; box += 1) {
      if (over(stall)) break passes;
      if (stall >= farther) all ??= everything(flat);
      const ways = stall < farther ? lists : (all ?? lists);
      let gained = false;
      for (const slot of plan.isOverfull(box) ? slotsOn(plan, box) : []) {
        gained = leave(plan, ways, slot) || gained;
        if (!plan.isOverfull(box)) break;
      }
      if (!gained) plan.pressBox(box, dearer);
    }
    stall = plan.overfull < least ? 0 : stall + 1;
    least = Math.min(least, plan.overfull);
  }
  plan.setPenalties(penalties);
}

function slotsOn(plan: SoftPlan, box: number): readonly number[] {
  return Array.from({ length: plan.countOn(box) }, (_, position) => plan.slotAt(box, position));
}

function everything({ first, cost }: Flat): Ways {
  const column = new Int32Array(cost.length);
  for (let index = 0; index < column.length; index += 1) column[index] = index;
  return { first, column };
}

/** The best move of a slot to another box or into another class. @returns false when none gains. */
function leave(plan: SoftPlan, { first, column }: Ways, slot: number): boolean {
  const now = at(plan.placed, slot);
  let to = -1;
  let gain = 0;
  const end = at(first, slot + 1);
  const leaving = plan.weighLeaving(slot);
  for (let index = at(first, slot); index < end; index += 1) {
    const option = column[index] as number;
    if (option === now) continue;
    const change = plan.weighShift(slot, option, leaving, gain);
    if (change >= gain || !plan.allows(slot, option)) continue;
    gain = change;
    to = option;
  }
  return to !== -1 && plan.shift(slot, to);
}
