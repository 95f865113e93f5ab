/** HiGHS, a mixed integer solver, on the same problems: as a peer with the same CPU time, and as a reference with more. */
import { createRequire } from 'node:module';
import type { Highs } from 'highs';
import { at } from '../../../agent/placement/model.ts';
import type { PlacedReplica, PlacementProblem } from '../../../schemas/generated/types.ts';
import { type MixedInteger, mixedInteger } from './mixed-integer.ts';
import { cpuClock, type Subject, type Taken } from './subject.ts';

// Its types describe another form than what an import gives.
const loadHighs: () => Promise<Highs> = createRequire(import.meta.url)('highs');
/** Above, HiGHS reads longer than a bench waits. */
const columnsMax = 400_000;

export const highs: Subject = {
  name: 'highs',
  plan: (problem, over, _used, onIncumbent) => solveMixedInteger(problem, over, onIncumbent),
};

export interface MixedIntegerPlan extends Taken {
  readonly bound: number;
  readonly optimal: boolean;
}

export async function solveMixedInteger(
  problem: PlacementProblem,
  over: () => boolean,
  onIncumbent: (value: number) => void = () => {},
): Promise<MixedIntegerPlan> {
  const program = mixedInteger(problem, columnsMax);
  if (program === undefined) return { assignments: [], bound: 0, optimal: false, note: `more than ${columnsMax} columns: not tried` };
  const solver = await loadHighs();
  return solver.withModel(program.model, (model) => {
    model.options.set({ output_flag: false, mip_rel_gap: 1e-6 });
    const { mipImprovingSolution, mipInterrupt, simplexInterrupt, ipmInterrupt } = solver.constants.callbackType;
    const stop = (event: { interrupt(): void }): undefined => {
      if (over()) event.interrupt();
    };
    let found: Float64Array | undefined;
    model.run({
      [mipImprovingSolution]: (event) => {
        found = event.data.mip_solution ?? found;
        onIncumbent(event.data.objective_function_value ?? Number.POSITIVE_INFINITY);
        return undefined;
      },
      [mipInterrupt]: stop,
      [simplexInterrupt]: stop,
      [ipmInterrupt]: stop,
    });
    const optimal = model.getModelStatus() === solver.constants.modelStatus.optimal;
    if (optimal) found = model.getSolution().colValue;
    const proven = Number(model.info.get('mip_dual_bound'));
    return {
      assignments: found === undefined ? [] : chosen(program, found),
      bound: Number.isFinite(proven) ? Math.max(0, proven) : 0,
      optimal,
      ...(found === undefined ? { note: 'no plan found' } : {}),
    };
  });
}

/** The best lower bound, and whether it is the optimum, found with so many CPU seconds. */
export async function referenceByHighs(problem: PlacementProblem, seconds: number): Promise<MixedIntegerPlan> {
  const used = cpuClock();
  return solveMixedInteger(problem, () => used() >= seconds);
}

function chosen({ instance, columns, slotOf, indexOf }: MixedInteger, values: Float64Array): PlacedReplica[] {
  const { slots, site } = instance;
  return Array.from({ length: columns }, (_, column) => column)
    .filter((column) => at(values, column) > 0.5)
    .map((column) => {
      const { workload, replica, columns: own } = at(slots, at(slotOf, column));
      const { node, class: workClass } = at(own, at(indexOf, column));
      return { workload: at(site.workloads, workload).id, replica, node: at(site.nodes, node).id, class: workClass };
    });
}
