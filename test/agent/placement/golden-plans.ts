/** Plans whose hashes are recorded: the same seed and steps give the same plan on every machine and Node. Prints them when it is run. */
import { planHash } from '../../../agent/placement/plan-document.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';

const shapes = [
  { workloads: 10, nodes: 4, seed: 1, steps: 20_000 },
  { workloads: 30, nodes: 9, seed: 2, steps: 30_000 },
  { workloads: 60, nodes: 18, seed: 3, steps: 40_000, tight: true },
  { workloads: 200, nodes: 30, seed: 4, steps: 60_000 },
] as const;

/** Hash of the plan and, to see which of the two moved, its value and bound to the last digit. */
export function goldenPlans(): Record<string, string> {
  return Object.fromEntries(
    shapes.map(({ steps, ...shape }) => {
      const { problem } = multiClassProblem(shape);
      const { assignments, objective, bound } = solve({ ...problem, limits: { ...problem.limits, steps, seed: 7, starts: 2 } });
      return [
        `${shape.workloads} on ${shape.nodes}, seed ${shape.seed}, ${steps} steps`,
        `${planHash(assignments)} ${objective.total} above ${bound}`,
      ];
    }),
  );
}

if (process.argv[1]?.includes('golden-plans')) process.stdout.write(`${JSON.stringify(goldenPlans(), null, 2)}\n`);
