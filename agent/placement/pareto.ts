/**
 * Choices: plans none of which is better than another in everything. Criteria are delay, imbalance and risk in seconds per hour
 * (unweighted), and moved replicas. An epsilon archive keeps the choices apart, so that a few show the whole range.
 */
import type { PlacedReplica, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
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
  /** Against the plan, in words and numbers; both empty for the plan itself. */
  readonly gains: readonly string[];
  readonly givesUp: readonly string[];
}

/** Most choices shown. */
export const choicesMax = 15;
/** Choices nearer than this share of the range in every criterion are one. */
const epsilonShare = 0.05;

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
 * @returns 1 to 15 choices, the plan among them, by delay. Only plans that place as many replicas as the plan are choices.
 */
export function pareto(
  problem: PlacementProblem,
  plan: Plan,
  solve: (problem: PlacementProblem) => Plan,
  over: () => boolean = () => false,
): readonly Choice[] {
  const found = [plan];
  for (const weights of leanings(problem.weights, problem.current.length > 0)) {
    if (over()) break;
    found.push(solve({ ...problem, weights }));
  }
  const all = found.flatMap((each) => [each.assignments, ...each.alternatives.map(({ assignments }) => assignments)]);
  const points = new Map<string, Point>();
  for (const assignments of all) {
    const hash = planHash(assignments);
    if (assignments.length === plan.assignments.length && !points.has(hash)) points.set(hash, pointOf(problem, assignments, hash));
  }
  const own = points.get(plan.hash) ?? pointOf(problem, plan.assignments, plan.hash);
  return named(archive([...points.values()], own), own);
}

/** What is compared: a plan by its criteria. */
export interface Point {
  readonly hash: string;
  readonly assignments: readonly PlacedReplica[];
  readonly values: Readonly<Record<Criterion, number>>;
  readonly total: number;
}

/** Better in something and worse in nothing. */
function dominates(a: Point, b: Point): boolean {
  return criteria.every((name) => a.values[name] <= b.values[name]) && criteria.some((name) => a.values[name] < b.values[name]);
}

/**
 * The choices of `points`: none dominated, none nearer to another than 5 % of the range, at most 15.
 * Extremes and `own` are kept; of the others those with most room around them.
 */
export function archive(points: readonly Point[], own: Point): readonly Point[] {
  const front = points
    .filter((point) => point.hash === own.hash || !points.some((other) => other.hash !== point.hash && dominates(other, point)))
    .sort((a, b) => a.total - b.total || compareText(a.hash, b.hash));
  const scale = scaleOf(front);
  const keep = new Set([own.hash, ...criteria.map((name) => least(front, name).hash)]);
  const kept: Point[] = front.filter(({ hash }) => keep.has(hash));
  const apart = (a: Point, b: Point): number => Math.max(...criteria.map((name) => Math.abs(scale(a, name) - scale(b, name))));
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

/** Plans that are equal in all criteria are one choice: the plan itself first, else the one with the lower total. */
function distinct(points: readonly Point[], own: Point): Point[] {
  const seen = new Set<string>();
  return [own, ...points.filter(({ hash }) => hash !== own.hash)].filter(({ values }) => {
    const key = criteria.map((name) => values[name]).join(' ');
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
    return { ...point, names, ...compared(point, own) };
  });
}

/** What `point` gains over `own` and what it gives up for it. */
function compared(point: Point, own: Point): Pick<Choice, 'gains' | 'givesUp'> {
  const gains: string[] = [];
  const givesUp: string[] = [];
  for (const name of criteria) {
    const difference = Math.round((point.values[name] - own.values[name]) * 1e6) / 1e6;
    if (difference === 0) continue;
    const size = Math.abs(difference);
    const text = (word: string): string =>
      name === 'moves'
        ? `${size} ${word} ${size === 1 ? 'move' : 'moves'}`
        : `${short(size)} s/h${share(size, own.values[name])} ${word} ${name}`;
    if (difference < 0) gains.push(text(name === 'moves' ? 'fewer' : 'less'));
    else givesUp.push(text('more'));
  }
  return { gains, givesUp };
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}

function share(size: number, of: number): string {
  return of > 0 && size / of < 10 ? ` (${Math.round((100 * size) / of)} %)` : '';
}

function pointOf(problem: PlacementProblem, assignments: readonly PlacedReplica[], hash: string): Point {
  const ones: Weights = { latency: 1, hops: 1, balance: 1, robustness: 1, minimumSize: 1, colocation: 1, migration: 1 };
  const { terms } = evaluate({ ...problem, weights: ones }, { assignments: [...assignments] });
  const cost = (...names: string[]): number =>
    Math.round(terms.filter(({ name }) => names.includes(name)).reduce((sum, term) => sum + term.cost, 0) * 1e6) / 1e6;
  const now = new Map(problem.current.map((placed) => [`${placed.workload}/${placed.replica}`, placed.node]));
  const moves = assignments.filter(({ workload, replica, node }) => (now.get(`${workload}/${replica}`) ?? node) !== node).length;
  return {
    hash,
    assignments,
    values: {
      delay: cost('startup', 'staging', 'transfer', 'hops', 'affinity', 'colocation'),
      imbalance: cost('balance'),
      risk: cost('robustness'),
      moves,
    },
    total: evaluate(problem, { assignments: [...assignments] }).total,
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

/** A criterion as a share of its range over `points`: 0 least, 1 most. */
function scaleOf(points: readonly Point[]): (point: Point, name: Criterion) => number {
  const range = new Map(
    criteria.map((name) => {
      const values = points.map((point) => point.values[name]);
      return [name, { low: Math.min(...values), span: Math.max(...values) - Math.min(...values) }];
    }),
  );
  return (point, name) => {
    const { low, span } = range.get(name) ?? { low: 0, span: 0 };
    return span === 0 ? 0 : (point.values[name] - low) / span;
  };
}
