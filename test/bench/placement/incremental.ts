/**
 * A planned site, and then something happens: what re-planning comes to, beside a plan from nothing with the same time. Work that has
 * to move anyhow is told apart from work that is moved for a gain.
 */

import { replan } from '../../../agent/placement/replan.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacedReplica, PlacementProblem } from '../../../schemas/generated/types.ts';
import { printFigure } from '../figure.ts';
import type { SetOptions } from './main.ts';
import { multiClassProblem } from './multi-class.ts';
import { cpuClock, judge } from './subject.ts';

interface Event {
  readonly name: string;
  /** The problem after it, `current` being what was planned before; and the replicas it concerns. */
  readonly happens: (problem: PlacementProblem, current: readonly PlacedReplica[]) => Changed;
}

interface Changed {
  readonly problem: PlacementProblem;
  readonly concerned: ReadonlySet<string>;
}

const nameOf = ({ workload, replica }: { readonly workload: string; readonly replica: number }): string => `${workload}/${replica}`;

const events: readonly Event[] = [
  {
    name: 'node-lost',
    happens: (problem, current) => {
      // One that others do not depend on for their data or their links: what is measured is re-planning, not what cannot be saved.
      const needed = new Set([...problem.sources.flatMap(({ nodes }) => nodes), ...problem.nodes.flatMap(({ parent }) => parent ?? [])]);
      const lost = problem.nodes.find(({ id }) => !needed.has(id))?.id ?? '';
      return {
        problem: {
          ...problem,
          nodes: problem.nodes.map((node) => (node.id === lost ? { ...node, health: { ...node.health, usable: false } } : node)),
        },
        concerned: new Set(current.filter(({ node }) => node === lost).map(nameOf)),
      };
    },
  },
  {
    name: 'node-joined',
    happens: (problem, current) => {
      const like = problem.nodes[1];
      const gateway = problem.nodes[0]?.id ?? '';
      if (like === undefined) return { problem, concerned: new Set() };
      return {
        problem: {
          ...problem,
          nodes: [...problem.nodes, { ...like, id: 'joined' }],
          links: [...problem.links, { a: 'joined', b: gateway, latencyMs: 2, mbps: 1000 }],
        },
        concerned: new Set(current.map(nameOf)),
      };
    },
  },
  {
    name: 'new-workloads',
    happens: (problem, current) => {
      const old = new Set(current.map(({ workload }) => workload));
      return {
        problem,
        concerned: new Set(
          problem.workloads
            .filter(({ id }) => !old.has(id))
            .flatMap(({ id, replicas }) => Array.from({ length: replicas }, (_, replica) => `${id}/${replica}`)),
        ),
      };
    },
  },
  {
    name: 'load-drift',
    happens: (problem, current) => {
      const drifted = new Set<string>();
      const workloads = problem.workloads.map((workload, index) => {
        if (index % 20 !== 3) return workload;
        drifted.add(workload.id);
        return { ...workload, perHour: (workload.perHour ?? 1) * (index % 40 === 3 ? 0.5 : 1.5) };
      });
      return {
        problem: { ...problem, workloads },
        concerned: new Set(current.filter(({ workload }) => drifted.has(workload)).map(nameOf)),
      };
    },
  },
];

export async function benchIncremental({ budget, quick, only, json }: SetOptions): Promise<void> {
  const shapes = quick
    ? [{ name: 'medium', workloads: 200, nodes: 20 }]
    : [
        { name: 'medium', workloads: 200, nodes: 20 },
        { name: 'large', workloads: 2000, nodes: 200 },
      ];
  for (const { name, ...shape } of shapes.filter((one) => one.name.startsWith(only))) {
    const whole = multiClassProblem({ ...shape, seed: 1 }).problem;
    for (const event of events) {
      // One twentieth of the work comes later where that is the event.
      const before =
        event.name === 'new-workloads' ? { ...whole, workloads: whole.workloads.filter((_, index) => index % 20 !== 7) } : whole;
      const planned = solve(before, timed(cpuClock(), 4 * budget));
      const { problem, concerned } = event.happens(whole, planned.assignments);
      const standing = { ...problem, moveThresholdSeconds: 1, current: planned.assignments };
      for (const way of ['part', 'whole'] as const) report(name, event.name, way, standing, concerned, budget, json);
      const used = cpuClock();
      const scratch = solve({ ...standing, current: [] }, timed(used, budget));
      // The plan from nothing, carried out at the site as it is: with what moving there costs.
      print(name, event.name, 'from nothing', standing, scratch.assignments, scratch.unplaced.length, used(), concerned, budget, json);
    }
  }
}

function timed(used: () => number, seconds: number): { readonly interrupted: () => boolean; readonly progress: () => number } {
  return { interrupted: () => used() >= seconds, progress: () => used() / seconds };
}

function report(
  shape: string,
  event: string,
  way: 'part' | 'whole',
  problem: PlacementProblem,
  concerned: ReadonlySet<string>,
  budget: number,
  json: boolean,
): void {
  const used = cpuClock();
  const { plan, partial } = replan(problem, way === 'part' ? concerned : undefined, timed(used, budget));
  const done = way === 'part' && !partial ? 'part, then whole' : way;
  print(shape, event, done, problem, plan.assignments, plan.unplaced.length, used(), concerned, budget, json);
}

function print(
  shape: string,
  event: string,
  way: string,
  problem: PlacementProblem,
  assignments: readonly PlacedReplica[],
  unplaced: number,
  cpu: number,
  concerned: ReadonlySet<string>,
  budget: number,
  json: boolean,
): void {
  const { feasible, value, hash, note } = judge(problem, assignments);
  const now = new Map(problem.current.map((placed) => [nameOf(placed), placed]));
  const usable = new Set(problem.nodes.filter(({ health }) => health.usable).map(({ id }) => id));
  const forced = problem.current.filter(({ node }) => !usable.has(node)).length;
  const moves = assignments.filter((placed) => now.has(nameOf(placed)) && now.get(nameOf(placed))?.node !== placed.node).length;
  const free = judge({ ...problem, current: [] }, assignments).value;
  printFigure(
    {
      figure: 'placement.replan_moves',
      subject: 'holdfast',
      value: moves,
      unit: 'moves',
      params: {
        set: 'incremental',
        instance: `${shape} ${event}`,
        way,
        budget,
        cpu: Number(cpu.toFixed(3)),
        concerned: concerned.size,
        forced,
        feasible: feasible ? 'yes' : 'no',
        unplaced,
        value,
        valueWithoutMoving: free,
        hash,
      },
      note,
    },
    json,
  );
}
