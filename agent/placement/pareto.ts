/**
 * Choices: plans none of which is better than another in everything. Criteria are delay, imbalance and risk in seconds per hour
 * (unweighted), and moved replicas. The total under the problem's own weights counts as well: it holds what the criteria leave out, and
 * so the plan, which is the one with the least total, is a choice as any other. An epsilon archive keeps the choices apart, so that a few
 * show the whole range.
 */
import type { MeritTerm, PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { adoptedPlan } from './adopted-plan.ts';
import { evaluate } from './evaluate.ts';
import { at, compareText } from './model.ts';
import { planHash } from './plan-document.ts';

/** What a choice is judged by; lower is better for all. */
export const criteria = ['delay', 'imbalance', 'risk', 'moves'] as const;
export type Criterion = (typeof criteria)[number];

/** Units, as printed. */
export const criterionUnit: Readonly<Record<Criterion, string>> = { delay: 's/h', imbalance: 's/h', risk: 's/h', moves: 'moves' };

export interface Choice {
  readonly hash: string;
  readonly assignments: readonly PlacedReplica[];
  readonly values: Readonly<Record<Criterion, number>>;
  /** Figure of merit under the problem's own weights, in seconds per hour. */
  readonly total: number;
  /** "least delay", "knee", "the plan"; a choice can be several, or none. */
  readonly names: readonly string[];
  /** Against the plan, in words and numbers, the total among them; both empty for the plan itself. */
  readonly gains: readonly string[];
  readonly givesUp: readonly string[];
}

/** Most choices shown. */
export const choicesMax = 15;
/** Choices nearer than this share of the range in every criterion are one. */
const epsilonShare = 0.05;

/** What one choice can be better in than another. */
const axes = [...criteria, 'total'] as const;
type Axis = (typeof axes)[number];

/** Terms that are none of the criteria. They are told of as they count in the total. */
const otherTerms = ['minimumSize', 'energy', 'hardware', 'migration'] as const satisfies readonly MeritTerm['name'][];

/** The choices, and the plan among them: the one asked with, or a better one that was found on the way. */
export interface Choices {
  readonly plan: Plan;
  readonly choices: readonly Choice[];
}

type Weights = PlacementProblem['weights'];

/** Weights that pull towards one corner each, and between corners. */
function leanings(weights: Weights, hasCurrent: boolean): readonly Weights[] {
  const more = (value: number): number => Math.min(1e6, value * 30 + 1);
  const less = (value: number): number => value / 30;
  const lean = (changes: Partial<Record<'delay' | 'imbalance' | 'risk' | 'moves', (value: number) => number>>): Weights => {
    const { delay = same, imbalance = same, risk = same, moves = same } = changes;
    return {
      ...weights,
      latency: delay(weights.latency),
      hops: delay(weights.hops),
      colocation: delay(weights.colocation),
      balance: imbalance(weights.balance),
      robustness: risk(weights.robustness),
      migration: moves(weights.migration),
    };
  };
  const single = [{ delay: more }, { imbalance: more }, { risk: more }, { delay: less }, { imbalance: less }, { risk: less }];
  const pairs = [
    { delay: more, imbalance: more },
    { delay: more, risk: more },
    { imbalance: more, risk: more },
  ];
  const moving = hasCurrent ? [{ moves: more }, { moves: less }, { moves: less, imbalance: more }, { moves: less, risk: more }] : [];
  return [...single, ...pairs, ...moving].map(lean);
}

function same(value: number): number {
  return value;
}

/**
 * Searches for choices around a plan of the problem, by leaning its weights towards each criterion.
 * @param solve plans a problem; asked up to 13 times.
 * @param over true when no further search is to begin: fewer choices then.
 * @returns 1 to 15 choices, the plan among them, by delay. Only plans that place as much as the plan are choices. A plan found so that is
 * better than `plan` for the problem as it is takes its place.
 */
export function pareto(
  problem: PlacementProblem,
  plan: Plan,
  solve: (problem: PlacementProblem) => Plan,
  over: () => boolean = () => false,
): Choices {
  const found: Plan[] = [];
  for (const weights of leanings(problem.weights, problem.current.length > 0)) {
    if (over()) break;
    found.push(solve({ ...problem, weights }));
  }
  const all = [plan, ...found].flatMap((each) => [each.assignments, ...each.alternatives.map(({ assignments }) => assignments)]);
  const points = new Map<string, Point>();
  const much = mostPlaced(problem, all);
  for (const assignments of much) {
    const hash = planHash(assignments);
    if (!points.has(hash)) points.set(hash, pointOf(problem, assignments, hash));
  }
  const own = ownOf([...points.values()], plan.hash);
  const steps = found.reduce((sum, { trace }) => sum + trace.steps, 0);
  return {
    plan: own.hash === plan.hash ? plan : adoptedPlan(problem, own.assignments, plan, steps),
    choices: named(archive([...points.values()], own), own),
  };
}

/** Those that place most critical work: what the problem asks for before anything else. */
function mostPlaced({ workloads }: PlacementProblem, all: readonly (readonly PlacedReplica[])[]): readonly (readonly PlacedReplica[])[] {
  const critical = new Map(workloads.map(({ id, criticality }) => [id, criticality]));
  const levels = [...new Set(critical.values())].sort((a, b) => b - a);
  return levels.reduce((best, level) => {
    const counts = best.map((assignments) => assignments.filter(({ workload }) => critical.get(workload) === level).length);
    const most = counts.reduce((more, count) => Math.max(more, count), 0);
    return best.filter((_, index) => counts[index] === most);
  }, all);
}

/** The plan: the one given if none has a lower total, and none that has the same is better in a criterion and worse in none. */
export function ownOf(points: readonly Point[], given: string): Point {
  const { total } = points.reduce((best, point) => (point.total < best.total ? point : best), at(points, 0));
  const best = points
    .filter((point) => point.total === total && !points.some((other) => dominates(other, point)))
    .sort((a, b) => compareText(a.hash, b.hash));
  return best.find(({ hash }) => hash === given) ?? at(best, 0);
}

/** What is compared: a plan by its criteria. */
export interface Point {
  readonly hash: string;
  readonly assignments: readonly PlacedReplica[];
  readonly values: Readonly<Record<Criterion, number>>;
  readonly total: number;
  /** Costs that are none of the criteria, as they count in the total. */
  readonly others: Readonly<Record<string, number>>;
}

function on(point: Point, axis: Axis): number {
  return axis === 'total' ? point.total : point.values[axis];
}

/** Better in something and worse in nothing. */
function dominates(a: Point, b: Point): boolean {
  return axes.every((axis) => on(a, axis) <= on(b, axis)) && axes.some((axis) => on(a, axis) < on(b, axis));
}

/**
 * The choices of `points`: none dominated, none nearer to another than 5 % of the range, at most 15.
 * Extremes and `own` are kept; of the others those with most room around them.
 */
export function archive(points: readonly Point[], own: Point): readonly Point[] {
  const front = points
    .filter((point) => !points.some((other) => dominates(other, point)))
    .sort((a, b) => a.total - b.total || compareText(a.hash, b.hash));
  const scale = scaleOf(front);
  const keep = new Set([own.hash, ...criteria.map((name) => least(front, name).hash)]);
  const kept: Point[] = front.filter(({ hash }) => keep.has(hash));
  const apart = (a: Point, b: Point): number => Math.max(...axes.map((axis) => Math.abs(scale(a, axis) - scale(b, axis))));
  const room = (point: Point): number => Math.min(...kept.map((other) => apart(point, other)));
  const rest = front.filter(({ hash }) => !keep.has(hash));
  while (kept.length < choicesMax && rest.length > 0) {
    rest.sort((a, b) => room(b) - room(a) || compareText(a.hash, b.hash));
    const next = rest.shift();
    if (next === undefined || room(next) < epsilonShare) break;
    kept.push(next);
  }
  return distinct(kept, own).sort((a, b) => a.values.delay - b.values.delay || compareText(a.hash, b.hash));
}

/** Plans that are equal in everything are one choice: the plan itself first. */
function distinct(points: readonly Point[], own: Point): Point[] {
  const seen = new Set<string>();
  return [own, ...points.filter(({ hash }) => hash !== own.hash)].filter((point) => {
    const key = axes.map((axis) => on(point, axis)).join(' ');
    return !seen.has(key) && seen.add(key);
  });
}

function named(points: readonly Point[], own: Point): readonly Choice[] {
  const scale = scaleOf(points);
  const distance = (point: Point): number => Math.sqrt(criteria.reduce((sum, name) => sum + scale(point, name) ** 2, 0));
  const knee = points.length < 3 ? undefined : [...points].sort((a, b) => distance(a) - distance(b) || compareText(a.hash, b.hash))[0];
  return points.map((point): Choice => {
    const names = criteria.filter((name) => differ(points, name) && least(points, name) === point).map((name) => `least ${name}`);
    if (point === knee) names.push('knee');
    if (point.hash === own.hash) names.unshift('the plan');
    const { others: _, ...shown } = point;
    return { ...shown, names, ...compared(point, own) };
  });
}

/** What `point` gains over `own` and what it gives up for it. */
function compared(point: Point, own: Point): Pick<Choice, 'gains' | 'givesUp'> {
  const gains: string[] = [];
  const givesUp: string[] = [];
  const tell = (name: string, value: number, than: number): void => {
    const difference = Math.round((value - than) * 1e6) / 1e6;
    if (difference === 0) return;
    const size = Math.abs(difference);
    const text = (word: string): string =>
      name === 'moves' ? `${size} ${word} ${size === 1 ? 'move' : 'moves'}` : `${short(size)} s/h${share(size, than)} ${word} ${name}`;
    if (difference < 0) gains.push(text(name === 'moves' ? 'fewer' : 'less'));
    else givesUp.push(text('more'));
  };
  for (const name of criteria) tell(name, point.values[name], own.values[name]);
  for (const name of otherTerms) tell(name, point.others[name] ?? 0, own.others[name] ?? 0);
  tell('in all', point.total, own.total);
  return { gains, givesUp };
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}

function share(size: number, of: number): string {
  const percent = Math.round((100 * size) / of);
  return of > 0 && percent > 0 && percent < 1000 ? ` (${percent} %)` : '';
}

function pointOf(problem: PlacementProblem, assignments: readonly PlacedReplica[], hash: string): Point {
  const ones: Weights = { latency: 1, hops: 1, balance: 1, robustness: 1, minimumSize: 1, colocation: 1, migration: 1 };
  const { terms } = evaluate({ ...problem, weights: ones }, { assignments: [...assignments] });
  const cost = (...names: string[]): number =>
    Math.round(terms.filter(({ name }) => names.includes(name)).reduce((sum, term) => sum + term.cost, 0) * 1e6) / 1e6;
  const now = new Map(problem.current.map((placed) => [`${placed.workload}/${placed.replica}`, placed.node]));
  const moves = assignments.filter(({ workload, replica, node }) => (now.get(`${workload}/${replica}`) ?? node) !== node).length;
  const { total, terms: weighted } = evaluate(problem, { assignments: [...assignments] });
  return {
    hash,
    assignments,
    values: {
      delay: cost('startup', 'staging', 'transfer', 'hops', 'affinity', 'colocation'),
      imbalance: cost('balance'),
      risk: cost('robustness'),
      moves,
    },
    total,
    others: Object.fromEntries(
      otherTerms.map((name) => [name, weighted.filter((term) => term.name === name).reduce((sum, term) => sum + term.cost, 0)]),
    ),
  };
}

function least(points: readonly Point[], name: Criterion): Point {
  return points.reduce(
    (best, point) => {
      const difference = point.values[name] - best.values[name] || point.total - best.total || compareText(point.hash, best.hash);
      return difference < 0 ? point : best;
    },
    at(points, 0),
  );
}

function differ(points: readonly Point[], name: Criterion): boolean {
  return points.some(({ values }) => values[name] !== at(points, 0).values[name]);
}

/** A criterion, or the total, as a share of its range over `points`: 0 least, 1 most. */
function scaleOf(points: readonly Point[]): (point: Point, axis: Axis) => number {
  const range = new Map(
    axes.map((axis) => {
      const values = points.map((point) => on(point, axis));
      return [axis, { low: Math.min(...values), span: Math.max(...values) - Math.min(...values) }];
    }),
  );
  return (point, axis) => {
    const { low, span } = range.get(axis) ?? { low: 0, span: 0 };
    return span === 0 ? 0 : (on(point, axis) - low) / span;
  };
}
