/** The placement engine behind the planning port: facts in, assignments out. */
import type { PlacementProblem, Plan } from '../schemas/generated/types.ts';
import type { Explanation } from './placement/explain.ts';
import { Planner, type PlannerOptions } from './placement/planner.ts';
import type { Replanned } from './placement/replan.ts';
import { type Planned, type ProblemOptions, specsToProblem } from './placement/spec-to-problem.ts';
import type { PlanningInput, PlanningPort, PlanResult } from './ports.ts';

export class EnginePlanner implements PlanningPort {
  readonly #planner: Planner;

  constructor(options: PlannerOptions = {}) {
    this.#planner = new Planner(options);
  }

  async solve(input: PlanningInput, signal: AbortSignal): Promise<PlanResult> {
    const { known, options } = knownOf(input);
    return toResult(await this.#planner.replan(known, options, input.free, { signal, partOnly: input.partOnly ?? false }));
  }

  /** Why a workload is where it is under the present facts. */
  explain(input: PlanningInput, plan: Plan, workload: string): Promise<Explanation> {
    return this.#planner.explain(knownOf(input), plan, workload);
  }

  /** The site as it is known now, as a problem that can be planned anywhere. */
  problem(input: PlanningInput): Promise<PlacementProblem> {
    const { known, options } = knownOf(input);
    return this.#planner.problem(known, options);
  }

  stop(): Promise<void> {
    return this.#planner.stop();
  }
}

/** The same on this thread. */
export function toProblem(input: PlanningInput): PlacementProblem {
  const { known, options } = knownOf(input);
  return specsToProblem(known, options);
}

function knownOf(input: PlanningInput): { readonly known: Planned; readonly options: ProblemOptions } {
  const { nodes, specs, current, held, uplink, unreachableArtefacts, cordoned, learned, energy, moveThresholdSeconds, weights } = input;
  const names = new Set(nodes.map(({ topology }) => topology.node));
  return {
    known: {
      specs,
      nodes,
      // What stands on a box not known here has nowhere to stay, unless it is held: then it counts for spreading.
      current: current.filter(({ workload, replica, node }) => names.has(node) || held.has(`${workload}/${replica}`)),
      held,
      unreachableArtefacts,
      uplink,
      ...(cordoned === undefined ? {} : { cordoned }),
      ...(learned === undefined ? {} : { learned }),
    },
    options: {
      ...(moveThresholdSeconds === undefined ? {} : { moveThresholdSeconds }),
      weights: { ...weights, ...(energy === undefined ? {} : { energy: energy.secondsPerMoney }) },
      ...(energy === undefined ? {} : { energyPrice: energy.price }),
    },
  };
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
