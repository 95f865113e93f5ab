/** Cost and rules of the ROADEF/EURO challenge 2012, for any assignment: written from the challenge's own definitions. */
import type { Reassignment } from './roadef.ts';

export interface Judgement {
  readonly cost: number;
  /** How often each rule is broken; rules that are kept are left out. */
  readonly broken: Readonly<Record<string, number>>;
}

export function judgeReassignment(
  { resources, machines, services, processes, balances, weights, initial }: Reassignment,
  assignment: readonly number[],
): Judgement {
  const broken = new Map<string, number>();
  const breaks = (rule: string, times = 1): void => {
    if (times > 0) broken.set(rule, (broken.get(rule) ?? 0) + times);
  };
  const used = machines.map(() => resources.map(() => 0));
  const held = machines.map(() => resources.map(() => 0));
  const movedOf = services.map(() => 0);
  let cost = 0;
  processes.forEach(({ service, takes, moveCost }, process) => {
    const [from, to] = [initial[process] ?? -1, assignment[process] ?? -1];
    const machine = machines[from];
    if (machine === undefined || machines[to] === undefined) {
      breaks('without a machine');
      return;
    }
    takes.forEach((amount, resource) => {
      add(used, to, resource, amount);
      add(held, to, resource, amount);
      if (from !== to && resources[resource]?.transient === true) add(held, from, resource, amount);
    });
    if (from === to) return;
    movedOf[service] = (movedOf[service] ?? 0) + 1;
    cost += weights.process * moveCost + weights.machine * (machine.moveCost[to] ?? 0);
  });
  cost += weights.service * Math.max(0, ...movedOf);
  machines.forEach(({ capacity, safety }, machine) => {
    resources.forEach(({ weight }, resource) => {
      const load = used[machine]?.[resource] ?? 0;
      cost += weight * Math.max(0, load - (safety[resource] ?? 0));
      if (load > (capacity[resource] ?? 0)) breaks('capacity');
      else if ((held[machine]?.[resource] ?? 0) > (capacity[resource] ?? 0)) breaks('capacity while moving');
    });
    for (const { one, other, target, weight } of balances) {
      const free = (resource: number): number => (capacity[resource] ?? 0) - (used[machine]?.[resource] ?? 0);
      cost += weight * Math.max(0, target * free(one) - free(other));
    }
  });
  const members = Map.groupBy(processes.keys(), (process) => processes[process]?.service ?? -1);
  const placesOf = (service: number, place: 'location' | 'neighbourhood'): ReadonlySet<number> =>
    new Set([...(members.get(service) ?? [])].map((process) => machines[assignment[process] ?? -1]?.[place] ?? -1));
  services.forEach(({ spread, needs }, service) => {
    const group = members.get(service) ?? [];
    breaks('conflict', group.length - new Set(group.map((process) => assignment[process])).size);
    breaks('spread', Math.max(0, spread - placesOf(service, 'location').size));
    for (const need of needs) {
      const near = placesOf(need, 'neighbourhood');
      breaks('dependency', [...placesOf(service, 'neighbourhood')].filter((place) => !near.has(place)).length);
    }
  });
  return { cost, broken: Object.fromEntries(broken) };
}

function add(table: number[][], machine: number, resource: number, amount: number): void {
  const row = table[machine];
  if (row !== undefined) row[resource] = (row[resource] ?? 0) + amount;
}
