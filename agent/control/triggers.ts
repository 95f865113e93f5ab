/** What a plan was made from, and what of it has changed enough to call for another one. Pure. */
import type { Placement, ReportedNode, Trigger, WorkloadSpec } from '../../schemas/generated/types.ts';

export type TriggerKind = Trigger['kind'];

/** When drift calls for a plan. */
export interface TriggerCriteria {
  /** Kinds that call for nothing by themselves. */
  readonly ignore: ReadonlySet<TriggerKind>;
  /** Observed runs per hour may be this far from what the plan assumed, in percent. */
  readonly frequencyBandPercent: number;
}

/** What is known when a plan is made. */
export interface Known {
  readonly epoch: number;
  readonly nodes: readonly ReportedNode[];
  readonly unseen: { readonly absent: readonly string[]; readonly unheard: readonly string[] };
  readonly workloads: readonly { readonly spec: WorkloadSpec; readonly revision: number }[];
  readonly placements: readonly Placement[];
  /** Artefacts of known workloads that no usable box holds. */
  readonly unreachable: ReadonlySet<string>;
  /** Boxes that are to take nothing new. */
  readonly cordoned: ReadonlySet<string>;
  /** Runs per hour by workload, as planned with. */
  readonly rates: ReadonlyMap<string, number>;
  /** Price of energy per kWh; undefined where nothing is said of it. */
  readonly price: number | undefined;
}

/** A picture of what is known, made of what plans depend on; ages, loads and counters are left out, or every sample would be news. */
export interface Basis {
  readonly epoch: number;
  readonly boxes: ReadonlyMap<string, BoxBasis>;
  readonly absent: ReadonlySet<string>;
  readonly unheard: ReadonlySet<string>;
  readonly workloads: ReadonlyMap<string, number>;
  readonly placements: string;
  readonly unreachable: ReadonlySet<string>;
  readonly cordoned: ReadonlySet<string>;
  readonly rates: ReadonlyMap<string, number>;
  readonly price: number | undefined;
}

interface BoxBasis {
  readonly usable: boolean;
  readonly reason: string | null;
  readonly atRisk: boolean;
  /** Availability by resource; where it is not known, a box is planned with as cold. */
  readonly load: string;
  /** Of the topology, by key. */
  readonly facts: ReadonlyMap<string, string>;
  readonly links: ReadonlyMap<string, string>;
  readonly unreached: ReadonlySet<string>;
}

/** From this risk on a box counts as unsound. */
const riskFrom = 0.5;

/** Kinds that only say that something drifted: they can wait a little, so that plans do not follow every gust. */
export const drift: ReadonlySet<TriggerKind> = new Set(['load', 'frequency', 'price', 'calm']);

export function basisOf(known: Known): Basis {
  return {
    epoch: known.epoch,
    boxes: new Map(known.nodes.map((node) => [node.topology.node, boxBasis(node)])),
    absent: new Set(known.unseen.absent),
    unheard: new Set(known.unseen.unheard),
    workloads: new Map(known.workloads.map(({ spec, revision }) => [spec.name, revision])),
    placements: placementsKey(known.placements),
    unreachable: known.unreachable,
    cordoned: known.cordoned,
    rates: known.rates,
    price: known.price,
  };
}

export function placementsKey(placements: readonly Placement[]): string {
  return placements.map(({ workload, replica, node }) => `${workload}/${replica}@${node}`).join(' ');
}

/** Everything that calls for a plan; empty when the plan made from `before` still answers what is known. */
export function triggersBetween(before: Basis | undefined, now: Basis, criteria: TriggerCriteria): readonly Trigger[] {
  if (before === undefined) return [{ kind: 'first', subject: 'site', detail: 'this box began to decide' }];
  const found = [
    ...(before.epoch === now.epoch
      ? []
      : [{ kind: 'authority' as const, subject: 'site', detail: `epoch ${before.epoch} became ${now.epoch}` }]),
    ...boxTriggers(before, now),
    ...workloadTriggers(before, now),
    ...setTriggers('artefact', before.unreachable, now.unreachable, 'no usable box holds it any more', 'it can be fetched again'),
    ...setTriggers('maintenance', before.cordoned, now.cordoned, 'takes nothing new', 'takes work again'),
    ...rateTriggers(before.rates, now.rates, criteria.frequencyBandPercent),
    ...(before.price === now.price
      ? []
      : [{ kind: 'price' as const, subject: 'energy', detail: `${before.price ?? 'unknown'} became ${now.price ?? 'unknown'} per kWh` }]),
  ].filter(({ kind }) => !criteria.ignore.has(kind));
  // A workload that goes takes its placements along: that is one piece of news.
  if (found.length === 0 && before.placements !== now.placements)
    return [{ kind: 'placement', subject: 'site', detail: 'placements were changed by somebody else' }];
  return found;
}

/**
 * Replicas (`workload/replica`) that a partial plan has to look at again; undefined when the news may concern any of them.
 * @param placements in force.
 */
export function affected(triggers: readonly Trigger[], placements: readonly Placement[]): ReadonlySet<string> | undefined {
  const boxes = new Set<string>();
  const workloads = new Set<string>();
  for (const { kind, subject } of triggers) {
    if (kind === 'workload' || kind === 'frequency') workloads.add(subject);
    else if (kind === 'node-lost' || kind === 'node-changed' || kind === 'health' || kind === 'load' || kind === 'maintenance')
      boxes.add(subject);
    else return undefined;
  }
  return new Set(
    placements.flatMap(({ workload, replica, node }) => (boxes.has(node) || workloads.has(workload) ? [`${workload}/${replica}`] : [])),
  );
}

function boxBasis({ topology, usable, reason, risk, availability, unreached }: ReportedNode): BoxBasis {
  const { links, run: _run, seq: _seq, ...facts } = topology;
  return {
    usable,
    reason,
    atRisk: risk >= riskFrom,
    load: `processor ${availability?.cpu ?? 'cold'}, memory ${availability?.memory ?? 'cold'}`,
    facts: new Map(Object.entries(facts).map(([key, value]) => [key, JSON.stringify(value)])),
    unreached: new Set(unreached),
    links: new Map(links.map(({ to, latencyMs, mbps }) => [to, `${latencyMs} ms, ${mbps} Mbit/s`])),
  };
}

function boxTriggers(before: Basis, now: Basis): Trigger[] {
  const found: Trigger[] = [];
  const add = (kind: TriggerKind, subject: string, detail: string): void => {
    found.push({ kind, subject: subject.slice(0, 160), detail: detail.slice(0, 300) });
  };
  for (const [name, box] of now.boxes) {
    const was = before.boxes.get(name);
    if (was === undefined) {
      add(before.absent.has(name) ? 'node-returned' : 'node-joined', name, 'may be given work');
      continue;
    }
    if (was.usable && !box.usable) add('node-lost', name, box.reason ?? 'is not usable');
    if (!was.usable && box.usable) add('node-returned', name, 'is usable again');
    if (was.atRisk !== box.atRisk) add('health', name, box.atRisk ? 'is at risk' : 'is sound again');
    if (was.load !== box.load) add('load', name, `${was.load} became ${box.load}`);
    const keys = [...new Set([...was.facts.keys(), ...box.facts.keys()])].filter((key) => was.facts.get(key) !== box.facts.get(key));
    if (keys.length > 0) add('node-changed', name, `changed: ${keys.join(', ')}`);
    for (const [to, quality] of box.links) {
      const former = was.links.get(to);
      if (former !== quality) add('link', `${name} ${to}`, former === undefined ? `joined: ${quality}` : `${former} became ${quality}`);
    }
    for (const to of box.unreached)
      if (!was.unreached.has(to)) add('link', `${name} ${to}`, 'lost: both live, and do not reach each other');
    for (const to of was.unreached) if (!box.unreached.has(to)) add('link', `${name} ${to}`, 'is there again');
    for (const to of was.links.keys()) if (!box.links.has(to)) add('link', `${name} ${to}`, 'lost');
  }
  for (const name of before.boxes.keys())
    if (!now.boxes.has(name)) add('node-lost', name, now.absent.has(name) ? 'is lost' : 'left, or is not heard of');
  for (const name of now.absent) if (!before.absent.has(name) && !before.boxes.has(name)) add('node-lost', name, 'is lost');
  for (const name of now.unheard)
    if (!before.unheard.has(name) && !before.boxes.has(name)) add('node-changed', name, 'is not heard of yet');
  for (const name of before.unheard)
    if (!now.unheard.has(name) && !now.boxes.has(name) && !now.absent.has(name)) add('node-lost', name, 'is no member any more');
  for (const name of before.absent)
    if (!now.absent.has(name) && !now.boxes.has(name)) add('node-changed', name, 'is not counted as lost any more');
  return found;
}

function workloadTriggers({ workloads: before }: Basis, { workloads: now }: Basis): Trigger[] {
  const found: Trigger[] = [];
  for (const [name, revision] of now) {
    const was = before.get(name);
    if (was !== revision) found.push({ kind: 'workload', subject: name, detail: was === undefined ? 'is new' : 'was changed' });
  }
  for (const name of before.keys()) if (!now.has(name)) found.push({ kind: 'workload', subject: name, detail: 'was deleted' });
  return found;
}

function setTriggers(
  kind: 'artefact' | 'maintenance',
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
  came: string,
  went: string,
): Trigger[] {
  return [
    ...[...now].filter((one) => !before.has(one)).map((subject) => ({ kind, subject, detail: came })),
    ...[...before].filter((one) => !now.has(one)).map((subject) => ({ kind, subject, detail: went })),
  ];
}

function rateTriggers(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>, bandPercent: number): Trigger[] {
  return [...now].flatMap(([subject, rate]) => {
    const was = before.get(subject);
    if (was === undefined || Math.abs(rate - was) * 100 <= bandPercent * was) return [];
    const show = (perHour: number): number => Number(perHour.toPrecision(3));
    return [{ kind: 'frequency' as const, subject, detail: `${show(was)} runs per hour became ${show(rate)}` }];
  });
}
