/** The placement engine behind the planning port: facts in, assignments out. */
import type { PlacementProblem, Plan } from '../schemas/generated/types.ts';
import type { Explanation } from './placement/explain.ts';
import { Planner, type PlannerOptions } from './placement/planner.ts';
import type { Replanned } from './placement/replan.ts';
import { specsToProblem } from './placement/spec-to-problem.ts';
import type { PlanningInput, PlanningPort, PlanResult } from './ports.ts';

export class EnginePlanner implements PlanningPort {
  readonly #planner: Planner;

  constructor(options: PlannerOptions = {}) {
    this.#planner = new Planner(options);
  }

  async solve(input: PlanningInput, signal: AbortSignal): Promise<PlanResult> {
    return toResult(await this.#planner.replan(toProblem(input), input.free, { signal }));
  }

  /** Why a workload is where it is under the present facts. */
  explain(input: PlanningInput, plan: Plan, workload: string): Promise<Explanation> {
    return this.#planner.explain(toProblem(input), plan, workload);
  }

  stop(): Promise<void> {
    return this.#planner.stop();
  }
}

export function toProblem(input: PlanningInput): PlacementProblem {
  const { nodes, specs, current, held, uplink, unreachableArtefacts, cordoned, learned, energy, moveThresholdSeconds } = input;
  const known = new Set(nodes.map(({ topology }) => topology.node));
  // What stands on a box not known here has nowhere to stay, unless it is held: then it counts for spreading.
  const standing = current.filter(({ workload, replica, node }) => known.has(node) || held.has(`${workload}/${replica}`));
  return specsToProblem(
    {
      specs,
      nodes,
      current: standing,
      held,
      unreachableArtefacts,
      uplink,
      ...(cordoned === undefined ? {} : { cordoned }),
      ...(learned === undefined ? {} : { learned }),
    },
    {
      ...(moveThresholdSeconds === undefined ? {} : { moveThresholdSeconds }),
      ...(energy === undefined ? {} : { energyPrice: energy.price, weights: { energy: energy.secondsPerMoney } }),
    },
  );
}

export function toResult({ plan, standing, partial, freed }: Replanned): PlanResult {
  return {
    assignments: plan.assignments.map(({ workload, replica, node, class: workClass }) => ({ workload, replica, node, class: workClass })),
    unplaced: plan.unplaced.map(({ workload, replica, summary }) => ({ workload, replica, reasons: [summary] })),
    plan,
    standing,
    partial,
    freed,
  };
}
