/** The placement engine behind the planning port: facts in, assignments out. */
import type { PlacementProblem, Plan } from '../schemas/generated/types.ts';
import type { Explanation } from './placement/explain.ts';
import { Planner, type PlannerOptions } from './placement/planner.ts';
import { specsToProblem } from './placement/spec-to-problem.ts';
import type { PlanningInput, PlanningPort, PlanResult } from './ports.ts';

export class EnginePlanner implements PlanningPort {
  readonly #planner: Planner;

  constructor(options: PlannerOptions = {}) {
    this.#planner = new Planner(options);
  }

  async solve(input: PlanningInput, signal: AbortSignal): Promise<PlanResult> {
    const plan = await this.#planner.solve(toProblem(input), { signal });
    return toResult(plan);
  }

  /** Why a workload is where it is under the present facts. */
  explain(input: PlanningInput, plan: Plan, workload: string): Promise<Explanation> {
    return this.#planner.explain(toProblem(input), plan, workload);
  }

  stop(): Promise<void> {
    return this.#planner.stop();
  }
}

/** Work held wholly by another tier is left out: it can neither be placed nor moved from here. */
export function toProblem(input: PlanningInput): PlacementProblem {
  const known = new Set(input.nodes.map(({ topology }) => topology.node));
  const specs = input.specs.filter(({ name, replicas = 1 }) => Array.from({ length: replicas }, (_, replica) => `${name}/${replica}`).some((key) => !input.held.has(key)));
  const placed = new Set(specs.map(({ name }) => name));
  const current = input.current.filter(({ workload, node }) => known.has(node) && placed.has(workload));
  return specsToProblem({ specs, nodes: input.nodes, current, unreachableArtefacts: input.unreachableArtefacts, uplink: input.uplink });
}

function toResult(plan: Plan): PlanResult {
  return {
    assignments: plan.assignments.map(({ workload, replica, node, class: workClass }) => ({ workload, replica, node, class: workClass })),
    unplaced: plan.unplaced.map(({ workload, replica, reasons }) => ({ workload, replica, reasons: reasons.map((reason) => JSON.stringify(reason)) })),
    plan,
  };
}
