/** Why a replica is where it is, and why it is not elsewhere: terms, constraints, temperatures. */
import type { MeritTerm, Misfit, NodeRefusal, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { Candidate } from './candidate.ts';
import { diffusionForce, nodeTemperature } from './construct.ts';
import { load } from './evaluate.ts';
import { objectiveOf } from './merit.ts';
import { describeMisfit, shortfall, staticMisfits } from './misfit.ts';
import { allTerms, at, compareText, type TermName, toSeconds, type WorkClass, workTemperature } from './model.ts';
import { compile } from './slots.ts';

/** One box and class for one replica, all else as planned. */
export interface Option {
  readonly node: string;
  readonly class: WorkClass;
  readonly chosen: boolean;
  /** Empty: it would fit. */
  readonly misfits: readonly Misfit[];
  /** Seconds per hour the whole plan would cost more with this option; absent when it does not fit or nothing was chosen. */
  readonly costDifference?: number;
  /** What this replica costs there, by term; their sum is what the plan would save without it. Absent when it does not fit. */
  readonly terms?: readonly MeritTerm[];
  readonly workTemperature: number;
  /** Without this replica: 0 empty to 2 full. */
  readonly nodeTemperature: number;
  /** Cold: much is free, warm: some, hot: little. */
  readonly availability: WorkClass;
  /** Force of the diffusion law. */
  readonly force: number;
  /** The same in words. */
  readonly text: string;
}

export interface ReplicaExplanation {
  readonly replica: number;
  readonly fixed: boolean;
  readonly chosen: { readonly node: string; readonly class: WorkClass } | null;
  /** The one chosen first, then those that fit by cost, then the rest. */
  readonly options: readonly Option[];
}

export interface Explanation {
  readonly workload: string;
  /** False when the problem does not know the workload. */
  readonly known: boolean;
  readonly replicas: readonly ReplicaExplanation[];
}

/** Availability class of a box of that temperature: at least half free is cold, at least a fifth is warm. */
export function availabilityClass(temperature: number): WorkClass {
  return temperature <= 1 ? 'cold' : temperature <= 1.6 ? 'warm' : 'hot';
}

/** Explains one workload of a plan. Assignments the problem has no column for are left out: boxes may have changed since. */
export function explain(problem: PlacementProblem, plan: Plan, workload: string): Explanation {
  const instance = compile(problem);
  const index = instance.site.workloadIndex.get(workload);
  if (index === undefined) return { workload, known: false, replicas: [] };
  const candidate = load(new Candidate(instance), plan);
  const fixed = at(instance.fixedOf, index).map(({ replica, nodeName, class: workClass }): ReplicaExplanation => {
    return { replica, fixed: true, chosen: { node: nodeName, class: workClass }, options: [] };
  });
  const free = at(instance.slotsOf, index).map((slot) => explainSlot(candidate, slot));
  return { workload, known: true, replicas: [...fixed, ...free].sort((a, b) => a.replica - b.replica) };
}

/** Reasons against every box for a replica without a place: for each box its best class, nearest to fitting first. */
export function refusals(candidate: Candidate, slot: number): readonly NodeRefusal[] {
  const { site, slots } = candidate.instance;
  const { classes } = at(site.workloads, at(slots, slot).workload);
  return site.nodes
    .map(({ id }, node): NodeRefusal => {
      const all = classes.map((workClass) => ({ node: id, class: workClass, misfits: [...misfitsAt(candidate, slot, node, workClass)] }));
      return at(all.sort(nearestFirst), 0);
    })
    .sort(nearestFirst);
}

/** The binding constraint of a replica without a place, and by how much. */
export function summarise(name: string, reasons: readonly NodeRefusal[]): string {
  const nearest = reasons[0];
  if (nearest === undefined) return `${name} has no place: there are no boxes`;
  const shared = nearest.misfits
    .filter(({ code }) => reasons.every(({ misfits }) => misfits.some((misfit) => misfit.code === code)))
    .map(({ code }) => code);
  const everywhere = shared.length === 0 ? '' : ` Everywhere: ${shared.join(', ')}.`;
  const text = nearest.misfits.map(describeMisfit).join('; ');
  return `${name} fits none of ${reasons.length} boxes.${everywhere} Nearest is ${nearest.node} (${nearest.class}): ${text}`.slice(0, 2048);
}

function explainSlot(candidate: Candidate, slot: number): ReplicaExplanation {
  const { site, slots } = candidate.instance;
  const { replica, workload, columns } = at(slots, slot);
  const chosen = candidate.column(slot);
  const planned = candidate.cost;
  if (chosen !== undefined) candidate.take(slot);
  const without = candidate.terms();
  const options = site.nodes.flatMap(({ id }, node) => {
    const temperature = nodeTemperature(candidate, node);
    return at(site.workloads, workload).classes.map((workClass): Option => {
      const misfits = misfitsAt(candidate, slot, node, workClass);
      const isChosen = chosen?.node === node && chosen.class === workClass;
      const base = {
        node: id,
        class: workClass,
        chosen: isChosen,
        misfits,
        workTemperature: workTemperature[workClass],
        nodeTemperature: temperature,
        availability: availabilityClass(temperature),
        force: diffusionForce(workTemperature[workClass], temperature),
      };
      if (misfits.length > 0) return { ...base, text: `not ${id} (${workClass}): ${misfits.map(describeMisfit).join('; ')}` };
      candidate.put(
        slot,
        columns.findIndex((column) => column.node === node && column.class === workClass),
      );
      const terms = objectiveOf(site.problem, minus(candidate.terms(), without)).terms;
      const difference = toSeconds(candidate.cost - planned);
      candidate.take(slot);
      if (chosen === undefined) return { ...base, terms, text: `${id} (${workClass}) would fit` };
      const parts = terms.filter(({ cost }) => cost !== 0).map(({ name, cost }) => `${name} ${cost}`);
      const costs = parts.length === 0 ? 'costs nothing' : `costs ${parts.join(', ')} s/h`;
      const text = isChosen
        ? `${id} (${workClass}): ${costs}`
        : `not ${id} (${workClass}): ${difference >= 0 ? `${difference} s/h more` : `${-difference} s/h less`}; ${costs}`;
      return { ...base, costDifference: difference, terms, text };
    });
  });
  if (chosen !== undefined) candidate.put(slot, columns.indexOf(chosen));
  return {
    replica,
    fixed: false,
    chosen: chosen === undefined ? null : { node: at(site.nodes, chosen.node).id, class: chosen.class },
    options: options.sort(bestFirst),
  };
}

/** All reasons against a pair for a slot that is not placed now. */
function misfitsAt(candidate: Candidate, slot: number, node: number, workClass: WorkClass): readonly Misfit[] {
  const { site, slots } = candidate.instance;
  const { workload, columns, currentNode } = at(slots, slot);
  const column = columns.find((option) => option.node === node && option.class === workClass);
  if (column !== undefined) return candidate.misfits(slot, column);
  const always = staticMisfits(site, at(site.workloads, workload), node, workClass);
  const { cordoned, reason } = at(site.nodes, node).health;
  return cordoned === true && node !== currentNode ? [...always, { code: 'CORDONED', names: [reason ?? 'no reason given'] }] : always;
}

function minus(a: Readonly<Record<TermName, number>>, b: Readonly<Record<TermName, number>>): Record<TermName, number> {
  return Object.fromEntries(allTerms.map((name) => [name, a[name] - b[name]])) as Record<TermName, number>;
}

function bestFirst(a: Option, b: Option): number {
  if (a.chosen !== b.chosen) return a.chosen ? -1 : 1;
  return (
    shortfall(a.misfits) - shortfall(b.misfits) ||
    (a.costDifference ?? 0) - (b.costDifference ?? 0) ||
    compareText(a.node, b.node) ||
    compareText(a.class, b.class)
  );
}

function nearestFirst(a: NodeRefusal, b: NodeRefusal): number {
  return (
    shortfall(a.misfits) - shortfall(b.misfits) ||
    a.misfits.length - b.misfits.length ||
    compareText(a.node, b.node) ||
    compareText(a.class, b.class)
  );
}
