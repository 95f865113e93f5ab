/**
 * Takes back what does not pay: replicas that might have stayed and were moved (or changed class) go back where they were, alone or with
 * those that took their room, wherever the plan with what moving costs gets no dearer by it. What is left of moves, each pays for itself.
 */
import type { Candidate } from './candidate.ts';
import { at } from './model.ts';

/** Replicas that go back together at the most. */
const chainMax = 8;

/** @param over asked between two chains. @returns whether anything went back. */
export function takeBack(candidate: Candidate, over: () => boolean): boolean {
  let changed = false;
  for (let gained = true; gained; ) {
    gained = false;
    for (let slot = 0; slot < candidate.placed.length; slot += 1) {
      if (!isAway(candidate, slot)) continue;
      if (over()) return changed;
      if (goBack(candidate, slot)) gained = true;
    }
    changed ||= gained;
  }
  return changed;
}

/** Placed elsewhere, or in another class, than it might have stayed. */
function isAway({ instance, placed }: Candidate, slot: number): boolean {
  const { currentColumn } = at(instance.slots, slot);
  return currentColumn !== -1 && at(placed, slot) !== -1 && at(placed, slot) !== currentColumn;
}

/** One goes back, and whoever came into its room since goes back as well, as far as that is needed. */
function goBack(candidate: Candidate, first: number): boolean {
  const { slots } = candidate.instance;
  const before = candidate.cost;
  const were: { readonly slot: number; readonly column: number }[] = [];
  const lift = (slot: number): void => {
    were.push({ slot, column: at(candidate.placed, slot) });
    candidate.take(slot);
  };
  const waiting = [first];
  lift(first);
  for (let slot = waiting.pop(); slot !== undefined; slot = waiting.pop()) {
    const { columns, currentColumn, workload } = at(slots, slot);
    const home = at(columns, currentColumn);
    const inTheWay = [...candidate.slotsAt(home.node), ...at(candidate.instance.slotsOf, workload)];
    for (let turn = 0; turn < inTheWay.length && !candidate.fits(slot, home); turn += 1) {
      const other = at(inTheWay, turn);
      if (were.length >= chainMax || !isAway(candidate, other)) continue;
      lift(other);
      waiting.push(other);
    }
    if (!candidate.fits(slot, home)) break;
    candidate.put(slot, currentColumn);
  }
  const isHome = ({ slot }: { readonly slot: number }): boolean => at(candidate.placed, slot) !== -1;
  if (were.every(isHome) && candidate.cost <= before) return true;
  for (const one of were) if (isHome(one)) candidate.take(one.slot);
  for (const { slot, column } of were) candidate.put(slot, column);
  return false;
}
