/** A plan of a problem file as a person reads it: places, terms, proof, moves, choices, what is short. */
import type { MeritTerm, PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import type { Choice } from '../placement/pareto.ts';
import type { Drop, Shortage } from '../placement/shortage.ts';
import type { SmallestBox } from '../placement/smallest-box.ts';
import type { Effect } from '../placement/what-if.ts';
import { table } from './context.ts';

/** Everything `holdfast plan` says of a problem; what was not asked for is absent. */
export interface PlanReport {
  readonly problem: PlacementProblem;
  readonly plan: Plan;
  /** Workloads that were cut into their parts; absent where none can be. */
  readonly cut?: readonly string[];
  /** Those of which not each was tried by itself; absent where each was. */
  readonly together?: readonly string[];
  /** What stands now, under the same weights. */
  readonly current?: { readonly total: number; readonly unplaced: number; readonly terms: readonly MeritTerm[] };
  readonly whatIf?: { readonly changes: readonly string[]; readonly effect: Effect; readonly addedBoxes: number; readonly before: Plan };
  readonly choices?: readonly Choice[];
  readonly infeasible?: {
    readonly shortages: readonly Shortage[];
    readonly drops: readonly Drop[];
    readonly smallestBox: SmallestBox | null;
  };
  /**
   * Of `choices`, `drops` and `smallestBox`, those for which not all was looked at, the time being over; `whatIf` when the search was ended
   * before plans could be compared. Absent when nothing was left out.
   */
  readonly endedEarly?: readonly string[];
}

const cost = (value: number): string => value.toFixed(6);
const amount = (value: number): string => String(Math.round(value * 1000) / 1000);
const count = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : /[sx]$/.test(one) ? 'es' : 's'}`;

/** Names in a line of text. */
const namesMax = 8;

/** What a term is about, in a few words. */
const meaning: Readonly<Record<MeritTerm['name'], string>> = {
  startup: 'waiting for starts',
  staging: 'fetching artefacts',
  transfer: 'moving data',
  hops: 'forwarding by boxes on the way',
  balance: 'load above comfort',
  robustness: 'risk times criticality',
  minimumSize: 'scarce hardware held by work without need of it',
  affinity: 'partners apart',
  colocation: 'copies of shared data',
  migration: 'moving what runs',
  energy: 'power for work, and for boxes that could be off',
  hardware: 'boxes in use',
};

const maker: Readonly<Record<Plan['trace']['madeBy'], string>> = {
  current: 'from what stands,',
  regret: 'by regret,',
  diffusion: 'by the diffusion law,',
  random: 'by drawing evenly,',
  raster: 'step by step through all places,',
  enumeration: 'by trying all,',
  neighbour: 'by one change,',
  search: 'by search,',
};

export function showReport(report: PlanReport): string {
  const { problem, plan, whatIf } = report;
  const sections = [placesOf(problem, plan), proofOf(plan), termsOf(plan, report.current)];
  if (report.cut !== undefined)
    sections.push(
      report.cut.length === 0
        ? 'Nothing is cut into its parts: that would not pay.'
        : `Cut into parts, because that is better than leaving it whole: ${report.cut.join(', ')}`,
    );
  if (report.together !== undefined)
    sections.push(`There are too many that can be cut to try each by itself; tried together only: ${report.together.join(', ')}`);
  const resting = restingOf(problem, plan);
  if (resting.length > 0) sections.push(`Without work, and may be switched off: ${resting.join(', ')}`);
  if (problem.current.length > 0) sections.push(movesOf(plan, problem));
  if (whatIf !== undefined) sections.push(effectText(whatIf, plan));
  if (report.choices !== undefined) sections.push(choicesOf(report.choices));
  if (report.infeasible !== undefined) sections.push(infeasibleText(plan, report.infeasible));
  if (report.endedEarly !== undefined) sections.push(endedEarlyText(report.endedEarly));
  return sections.join('\n\n');
}

/** Boxes that may be switched off under this plan, with what that saves. */
function restingOf({ nodes }: PlacementProblem, { assignments }: Plan): readonly string[] {
  const used = new Set(assignments.map(({ node }) => node));
  return nodes.flatMap(({ id, energy }) =>
    energy?.maySwitchOff === true && !used.has(id) ? [`${id} (${amount(energy.idleWatts)} W)`] : [],
  );
}

function placesOf({ nodes, workloads }: PlacementProblem, { assignments, unplaced }: Plan): string {
  const critical = new Map(workloads.map(({ id, criticality }) => [id, criticality]));
  const domain = new Map(nodes.map((node) => [node.id, node.domain]));
  const rows = [
    ...assignments.map(({ workload, replica, node, class: workClass }) => [
      `${workload}/${replica}`,
      amount(critical.get(workload) ?? 0),
      node,
      domain.get(node) ?? '-',
      workClass,
    ]),
    ...unplaced.map(({ workload, replica }) => [`${workload}/${replica}`, amount(critical.get(workload) ?? 0), '-', '-', 'no place']),
  ];
  return table(['REPLICA', 'CRITICALITY', 'BOX', 'DOMAIN', 'CLASS'], rows);
}

function proofOf({ objective, bound, gapPercent, provenBy, trace, unplaced }: Plan): string {
  const gap =
    provenBy === 'none'
      ? 'no bound is proven'
      : gapPercent === undefined
        ? trace.interrupted
          ? 'there was no time for a bound'
          : 'no bound above 0 is proven'
        : gapPercent === 0
          ? `proven to be the optimum (${provenBy})`
          : `at most ${gapPercent.toFixed(2)} % above the optimum: no plan costs less than ${cost(bound)} s/h (${provenBy})`;
  const made = `made ${maker[trace.madeBy]} with seed ${trace.seed} in ${count(trace.steps, 'step')}${trace.interrupted ? ', ended early' : ''}`;
  const ways =
    trace.starts.length < 2
      ? ''
      : `\nWays tried: ${trace.starts.map((one) => `${one.madeBy} ${cost(one.total)}${one.unplaced > 0 ? ` (${one.unplaced} without a place)` : ''}`).join(', ')}`;
  const homeless = unplaced.length === 0 ? '' : `\n${count(unplaced.length, 'replica')} without a place`;
  return `Figure of merit ${cost(objective.total)} s/h, lower is better; ${gap};\n${made}.${ways}${homeless}`;
}

function termsOf({ objective }: Plan, current: PlanReport['current']): string {
  const now = new Map(current?.terms.map((term) => [term.name, term.cost]));
  const cells = (name: string, weight: string, value: number, before: number | undefined, text: string): string[] => [
    name,
    weight,
    cost(value).padStart(14),
    ...(current === undefined ? [] : [cost(before ?? 0).padStart(14)]),
    text,
  ];
  const rows = objective.terms.map((term) => cells(term.name, amount(term.weight), term.cost, now.get(term.name), meaning[term.name]));
  rows.push(
    cells(
      'total',
      '',
      objective.total,
      current?.total,
      current === undefined || current.unplaced === 0 ? '' : `now: ${current.unplaced} not counted`,
    ),
  );
  return table(['TERM', 'WEIGHT', 'PLAN, s/h'.padStart(14), ...(current === undefined ? [] : ['NOW, s/h'.padStart(14)]), 'WHAT'], rows);
}

function movesOf({ moves, assignments }: Plan, { current }: PlacementProblem): string {
  const now = new Map(current.map((placed) => [`${placed.workload}/${placed.replica}`, placed]));
  const lines = moves.map(({ workload, replica, from, to }) => `  ${workload}/${replica}: from ${from} to ${to}`);
  for (const { workload, replica, node, class: workClass } of assignments) {
    const before = now.get(`${workload}/${replica}`);
    if (before === undefined) lines.push(`  ${workload}/${replica}: new on ${node}, ${workClass}`);
    else if (before.node === node && before.class !== workClass)
      lines.push(`  ${workload}/${replica}: ${before.class} becomes ${workClass} on ${node}`);
  }
  return lines.length === 0 ? 'Nothing changes against the present.' : ['Against the present:', ...lines].join('\n');
}

function effectText({ changes, effect, addedBoxes, before }: NonNullable<PlanReport['whatIf']>, after: Plan): string {
  const { saved, gained, lost, moved } = effect;
  const isSameWork = gained.length + lost.length === 0;
  const facts = [
    ...(isSameWork
      ? [
          `the figure of merit ${saved === 0 ? 'stays' : saved > 0 ? `falls by ${cost(saved)} s/h` : `rises by ${cost(-saved)} s/h`} (from ${cost(before.objective.total)})`,
        ]
      : []),
    ...(gained.length > 0 ? [`${count(gained.length, 'replica')} more with a place: ${some(gained)}`] : []),
    ...(lost.length > 0 ? [`${count(lost.length, 'replica')} more without a place: ${some(lost)}`] : []),
    ...(isSameWork
      ? []
      : [
          `what has a place costs ${cost(after.objective.total)} s/h, and ${cost(before.objective.total)} before: of different work, so neither is a saving`,
        ]),
    `${count(moved, 'replica')} would be elsewhere`,
    ...(isSameWork && addedBoxes > 0 ? [`gain per added box ${cost(saved / addedBoxes)} s/h`] : []),
  ];
  return [`What if ${changes.join(' and ')}:`, ...facts.map((fact) => `  ${fact}`)].join('\n');
}

/** A list of names, the first few. */
function some(names: readonly string[]): string {
  const more = names.length - namesMax;
  return `${names.slice(0, namesMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function choicesOf(choices: readonly Choice[]): string {
  const number = (value: number): string => value.toFixed(3).padStart(10);
  const rows = choices.map(({ values, total, names }, index) => [
    String(index + 1),
    number(values.delay),
    number(values.imbalance),
    number(values.risk),
    String(values.moves).padStart(5),
    number(total),
    names.join(', '),
  ]);
  const head = ['', ' DELAY s/h', ' IMBAL s/h', '  RISK s/h', 'MOVES', ' TOTAL s/h', ''];
  const words = choices.flatMap(({ gains, givesUp, names }, index) =>
    names.includes('the plan')
      ? []
      : [
          `  ${index + 1}: ${gains.length === 0 ? 'gains nothing of these' : gains.join(', ')}${givesUp.length === 0 ? '' : `; but ${givesUp.join(', ')}`}`,
        ],
  );
  return [`${count(choices.length, 'choice')}, none better than another in everything:`, table(head, rows), 'Against the plan:', ...words]
    .slice(0, words.length === 0 ? 2 : undefined)
    .join('\n');
}

function infeasibleText({ unplaced }: Plan, { shortages, drops, smallestBox }: NonNullable<PlanReport['infeasible']>): string {
  const lines = ['Not everything has a place.', ...unplaced.map(({ summary }) => `  ${summary}`)];
  for (const { resource, need, have } of shortages)
    lines.push(`  All boxes together: ${resource} ${amount(need)} needed at least, ${amount(have)} there, ${amount(need - have)} short.`);
  if (drops.length > 0)
    lines.push(
      `Drop ${drops.map(({ workload, criticality }) => `${workload} (criticality ${amount(criticality)})`).join(', ')} and the rest fits.`,
    );
  if (smallestBox === null) lines.push('No single box was found that would make it feasible.');
  else {
    const { capacity, tags, extras } = smallestBox.node;
    const { more = {}, ...five } = capacity;
    const size = Object.entries({ ...five, ...more }).flatMap(([name, value]) => (value > 0 ? [`${name} ${amount(value)}`] : []));
    const labels = [...tags, ...extras];
    const neighbour = smallestBox.links.at(-1)?.b;
    lines.push(
      `The smallest box found that would make it feasible: ${size.join(', ')}${labels.length > 0 ? `, with ${labels.join(', ')}` : ''}${neighbour === undefined ? '' : `, beside ${neighbour}`}.`,
    );
  }
  return lines.join('\n');
}

/** What more time may bring, where not all was looked at. */
function endedEarlyText(names: readonly string[]): string {
  const more: Readonly<Record<string, string>> = { choices: 'more choices', drops: 'less to drop', smallestBox: 'a smaller box' };
  const looked = names.filter((name) => name !== 'whatIf').map((name) => more[name] ?? name);
  return [
    ...(looked.length === 0 ? [] : [`Not all was looked at in the time: with more, there may be ${looked.join(', ')}.`]),
    ...(names.includes('whatIf') ? ['The plan is not compared with the one without the change: the search was ended before that.'] : []),
  ].join('\n');
}
