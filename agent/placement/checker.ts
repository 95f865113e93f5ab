/**
 * Verifies a plan against its problem. Shares no code with the engine, on purpose: written from the model alone, so that a mistake
 * in one is seen by the other.
 */
import type { PlacedReplica, PlacementNode, PlacementProblem, PlacementWorkload, Plan } from '../../schemas/generated/types.ts';

const slack = 1e-5;

/**
 * Everything wrong with a plan, in words; empty when it may be carried out.
 * @param checkpoint called for each replica; ends the check by throwing.
 */
export function checkPlan(problem: PlacementProblem, plan: Plan, checkpoint: () => void = () => {}): readonly string[] {
  const nodes = new Map(problem.nodes.map((node) => [node.id, node]));
  const workloads = new Map(problem.workloads.map((workload) => [workload.id, workload]));
  const pinned = new Map(problem.fixed.map((placed) => [nameOf(placed), placed]));
  const current = new Map(problem.current.map((placed) => [nameOf(placed), placed]));
  const wrong: string[] = [];
  const reaches = new Map<string, ReadonlyMap<string, Reach>>();
  const placedNames = new Set(plan.assignments.map(nameOf));
  checkOnce(problem, plan, wrong);
  for (const placed of plan.assignments) {
    checkpoint();
    const workload = workloads.get(placed.workload);
    if (workload === undefined) {
      wrong.push(`${nameOf(placed)} is not a workload of the problem`);
      continue;
    }
    const fixed = pinned.get(nameOf(placed));
    if (fixed !== undefined) {
      if (fixed.node !== placed.node || fixed.class !== placed.class)
        wrong.push(`${nameOf(placed)} must stay at ${fixed.node} (${fixed.class})`);
      continue;
    }
    const node = nodes.get(placed.node);
    if (node === undefined) wrong.push(`${nameOf(placed)} is at ${placed.node}, which is not a box of the problem`);
    else checkEligible(problem, workload, node, placed, current.get(nameOf(placed)), reaches, wrong);
  }
  for (const name of pinned.keys()) {
    const known = workloads.has(name.slice(0, name.lastIndexOf('/')));
    if (known && !placedNames.has(name)) wrong.push(`${name} must stay, but is missing`);
  }
  checkCapacity(problem, plan, nodes, workloads, pinned, wrong);
  checkHeld(problem, plan, workloads, pinned, current, wrong);
  checkTogether(plan, nodes, workloads, pinned, wrong);
  checkGroups(problem, plan, nodes, pinned, wrong);
  checkSum(plan, wrong);
  return wrong;
}

function nameOf({ workload, replica }: { readonly workload: string; readonly replica: number }): string {
  return `${workload}/${replica}`;
}

/** Every replica exactly once: placed, or said to have no place. */
function checkOnce(problem: PlacementProblem, plan: Plan, wrong: string[]): void {
  const times = new Map<string, number>();
  for (const item of [...plan.assignments, ...plan.unplaced]) times.set(nameOf(item), (times.get(nameOf(item)) ?? 0) + 1);
  for (const { id, replicas } of problem.workloads) {
    for (let replica = 0; replica < replicas; replica += 1) {
      const count = times.get(`${id}/${replica}`) ?? 0;
      if (count !== 1) wrong.push(`${id}/${replica} occurs ${count} times`);
      times.delete(`${id}/${replica}`);
    }
  }
  for (const name of times.keys()) wrong.push(`${name} is not a replica of the problem`);
}

function checkEligible(
  problem: PlacementProblem,
  workload: PlacementWorkload,
  node: PlacementNode,
  placed: PlacedReplica,
  current: PlacedReplica | undefined,
  reaches: Map<string, ReadonlyMap<string, Reach>>,
  wrong: string[],
): void {
  const say = (text: string): void => {
    wrong.push(`${nameOf(placed)} at ${node.id}: ${text}`);
  };
  if (!node.health.usable) say('the box is not usable');
  if (node.health.cordoned === true && current?.node !== node.id) say('the box is cordoned');
  if (!workload.classes.includes(placed.class)) say(`class ${placed.class} is not allowed`);
  if (workload.pin !== undefined && workload.pin !== node.id) say(`it is pinned to ${workload.pin}`);
  if (workload.pin === undefined && workload.requires.nodes !== undefined && !workload.requires.nodes.includes(node.id))
    say('the box is not among those required');
  for (const tag of workload.requires.tags) if (!node.tags.includes(tag)) say(`tag ${tag} is missing`);
  for (const extra of workload.requires.extras) if (!node.extras.includes(extra)) say(`extra ${extra} is missing`);
  if (node.admits.requesters !== undefined && !node.admits.requesters.includes(workload.requester ?? ''))
    say('the requester is not admitted');
  if (node.admits.workloadTags !== undefined && !node.admits.workloadTags.some((tag) => workload.tags.includes(tag)))
    say('no tag of it is admitted');
  if (node.minimumMemoryMiB !== undefined && workload.demand.memoryMiB < node.minimumMemoryMiB)
    say('it needs less memory than the box asks for');
  if (node.minimumVramMiB !== undefined && workload.demand.vramMiB < node.minimumVramMiB)
    say('it needs less accelerator memory than the box asks for');
  if (workload.mustBeStaged)
    for (const { sha256 } of workload.artefacts) if (!node.stagedArtefacts.includes(sha256)) say(`artefact ${sha256} is not staged`);
  for (const amount of ['memoryMiB', 'vramMiB'] as const) {
    const measured = amount === 'memoryMiB' ? workload.measured?.find((run) => run.node === node.id)?.memoryMiB : undefined;
    // More may be kept for others than there is: then nothing is left, and who needs nothing has that.
    if ((measured ?? workload.demand[amount]) > Math.max(0, roomFor(node, amount)) + slack)
      say(`one run needs more ${amount} than there is`);
  }
  for (const { source, maxHops, maxLatencyMs, hard, minMbps = 0, rateMBps = 0, linkKinds } of workload.inputs) {
    if (!hard) continue;
    const slow = problem.sources.find(({ id, rateMBps: delivered }) => id === source && delivered > 0 && delivered < rateMBps);
    if (slow !== undefined) say(`source ${source} delivers ${slow.rateMBps} MB/s, ${rateMBps} are needed`);
    const way = JSON.stringify([source, minMbps, rateMBps, linkKinds]);
    let known = reaches.get(way);
    if (known === undefined) {
      const fit = problem.links.filter(
        (link) =>
          link.mbps >= minMbps && link.mbps >= rateMBps * 8 && (linkKinds === undefined || linkKinds.some((kind) => kind === link.kind)),
      );
      known = distances({ ...problem, links: fit }, source);
      reaches.set(way, known);
    }
    const reach = known.get(node.id);
    if (reach === undefined) say(`source ${source} cannot be reached`);
    else if (maxHops !== undefined && reach.hops > maxHops) say(`source ${source} is ${reach.hops} hops away, ${maxHops} are allowed`);
    else if (maxLatencyMs !== undefined && reach.latencyMs > maxLatencyMs + slack)
      say(`source ${source} is ${reach.latencyMs} ms away, ${maxLatencyMs} are allowed`);
  }
}

/** How far a source is from a box. */
interface Reach {
  readonly hops: number;
  readonly latencyMs: number;
}

/** Fewest hops and least latency to every box, by relaxing all links until nothing changes (Bellman-Ford): slow and plain. */
function distances(problem: PlacementProblem, source: string): ReadonlyMap<string, Reach> {
  const usable = new Set(problem.nodes.filter(({ health }) => health.usable).map(({ id }) => id));
  const hops = new Map<string, number>();
  const latency = new Map<string, number>();
  for (const { id, nodes } of problem.sources) {
    if (id !== source) continue;
    for (const node of nodes) if (usable.has(node)) hops.set(node, 0);
  }
  for (const node of hops.keys()) latency.set(node, 0);
  for (let changed = true; changed; ) {
    changed = false;
    for (const { a, b, latencyMs } of problem.links) {
      if (!usable.has(a) || !usable.has(b)) continue;
      for (const [from, to] of [[a, b] as const, [b, a] as const]) {
        const known = hops.get(from);
        if (known === undefined) continue;
        const far = (latency.get(from) ?? 0) + latencyMs;
        if (known + 1 < (hops.get(to) ?? Number.POSITIVE_INFINITY)) {
          hops.set(to, known + 1);
          changed = true;
        }
        if (far < (latency.get(to) ?? Number.POSITIVE_INFINITY)) {
          latency.set(to, far);
          changed = true;
        }
      }
    }
  }
  return new Map([...hops].map(([box, count]) => [box, { hops: count, latencyMs: latency.get(box) ?? 0 }]));
}

/** An amount of any resource, whether every box has it or the problem declares it. */
function amountOf(amounts: PlacementNode['capacity'] | undefined, resource: string): number {
  const own: unknown = amounts?.[resource as keyof PlacementNode['capacity']];
  return typeof own === 'number' ? own : (amounts?.more?.[resource] ?? 0);
}

function resourceNames({ resources: kinds = [] }: PlacementProblem): ReadonlySet<string> {
  return new Set(['memoryMiB', 'cacheMiB', 'cpuCores', 'diskMiB', 'vramMiB', ...kinds.map(({ id }) => id)]);
}

function roomFor({ capacity, reserved }: PlacementNode, resource: string): number {
  return amountOf(capacity, resource) - amountOf(reserved, resource);
}

/** Fixed work alone may fill a box too far: nobody chose that here. Anything more placed there then is wrong. */
function checkCapacity(
  problem: PlacementProblem,
  plan: Plan,
  nodes: ReadonlyMap<string, PlacementNode>,
  workloads: ReadonlyMap<string, PlacementWorkload>,
  pinned: ReadonlyMap<string, PlacedReplica>,
  wrong: string[],
): void {
  const byBox = Map.groupBy(plan.assignments, ({ node }) => node);
  for (const node of nodes.values()) {
    const here = byBox.get(node.id) ?? [];
    const chosen = here.filter((placed) => !pinned.has(nameOf(placed)));
    if (chosen.length === 0) continue;
    if (node.maxWorkloads !== undefined && here.length > node.maxWorkloads)
      wrong.push(`${node.id} has ${here.length} replicas, ${node.maxWorkloads} are allowed`);
    const used = here.map((placed) => {
      const workload = workloads.get(placed.workload);
      return workload === undefined ? undefined : usage(workload, placed.class, placed.node);
    });
    const usedBy = new Map(here.map((placed, index) => [placed, used[index]]));
    for (const resource of resourceNames(problem)) {
      const use = (placed: PlacedReplica): number => amountOf(usedBy.get(placed), resource);
      const sum = here.reduce((total, placed) => total + use(placed), 0);
      const free = roomFor(node, resource);
      if (sum > free + slack * (1 + here.length) && chosen.some((placed) => use(placed) > 0))
        wrong.push(`${node.id} is asked for ${sum} ${resource} and has ${free}`);
    }
  }
}

function usage(
  { demand, perHour, idleGapSeconds, durationSeconds, measured }: PlacementWorkload,
  workClass: PlacedReplica['class'],
  node: string,
): PlacementNode['capacity'] {
  const frequency = perHour ?? Math.min(3_600_000, 3600 / Math.max(0.001, (idleGapSeconds ?? 3600) + durationSeconds));
  const busy = workClass === 'hot' ? 1 : Math.min(1, (frequency / 3600) * durationSeconds);
  return {
    memoryMiB: busy * (measured?.find((run) => run.node === node)?.memoryMiB ?? demand.memoryMiB),
    cacheMiB: workClass === 'warm' ? demand.imageMiB : 0,
    cpuCores: (frequency / 3600) * demand.cpuSeconds,
    diskMiB: demand.diskMiB,
    vramMiB: busy * demand.vramMiB,
    ...(demand.more === undefined ? {} : { more: demand.more }),
  };
}

/** While a plan is carried out what is there now is still there: of some resources, those that come must find room beside it. */
function checkHeld(
  problem: PlacementProblem,
  plan: Plan,
  workloads: ReadonlyMap<string, PlacementWorkload>,
  pinned: ReadonlyMap<string, PlacedReplica>,
  current: ReadonlyMap<string, PlacedReplica>,
  wrong: string[],
): void {
  const useOf = (placed: PlacedReplica | undefined, resource: string): number => {
    const workload = workloads.get(placed?.workload ?? '');
    return placed === undefined || workload === undefined ? 0 : amountOf(usage(workload, placed.class, placed.node), resource);
  };
  const coming = Map.groupBy(plan.assignments, ({ node }) => node);
  const present = Map.groupBy(current.values(), ({ node }) => node);
  for (const { id: resource, heldWhileMoving } of problem.resources ?? []) {
    if (heldWhileMoving !== true) continue;
    for (const node of problem.nodes) {
      // Who stays has its room; in another class it may need more than it has.
      const more = (coming.get(node.id) ?? []).map((placed) => {
        const now = current.get(nameOf(placed));
        return { placed, need: Math.max(0, useOf(placed, resource) - (now?.node === node.id ? useOf(now, resource) : 0)) };
      });
      if (!more.some(({ placed, need }) => need > 0 && !pinned.has(nameOf(placed)))) continue;
      const held = (present.get(node.id) ?? []).reduce((sum, placed) => sum + useOf(placed, resource), 0);
      const sum = more.reduce((total, { need }) => total + need, held);
      if (sum > roomFor(node, resource) + slack * (1 + more.length))
        wrong.push(`${node.id} is asked for ${sum} ${resource} while the plan is carried out and has ${roomFor(node, resource)}`);
    }
  }
}

/** Rules of groups. A member without a place counts as if it were wherever it is missed; what fixed members break alone is nobody's choice. */
function checkGroups(
  problem: PlacementProblem,
  plan: Plan,
  nodes: ReadonlyMap<string, PlacementNode>,
  pinned: ReadonlyMap<string, PlacedReplica>,
  wrong: string[],
): void {
  const replicas = new Map(problem.workloads.map(({ id, replicas: count }) => [id, count]));
  const known = plan.assignments.filter(({ node }) => nodes.has(node));
  const gone = [...pinned.values()].filter(({ node }) => !nodes.has(node));
  const placedBy = Map.groupBy(known, ({ workload }) => workload);
  const groups = new Map(
    (problem.groups ?? []).map((group) => {
      const placed = [...new Set(group.members)].flatMap((member) => placedBy.get(member) ?? []);
      const fixed = placed.filter((one) => pinned.has(nameOf(one)));
      const all = [...new Set(group.members)].reduce((sum, member) => sum + (replicas.get(member) ?? 0), 0);
      const away = gone.filter(({ workload }) => group.members.includes(workload)).length;
      return [group.id, { ...group, placed, fixed, free: all - fixed.length - away, open: all - placed.length - away }];
    }),
  );
  const placesOf = (list: readonly PlacedReplica[], place: 'domain' | 'area'): ReadonlySet<string> =>
    new Set(
      list.flatMap(({ node }) => {
        const box = nodes.get(node);
        return box === undefined ? [] : [place === 'area' ? (box.area ?? box.domain) : box.domain];
      }),
    );
  for (const { id, apart, leastDomains = 1, near = [], placed, fixed, free, open } of groups.values()) {
    if (apart === true)
      for (const [node, here] of Map.groupBy(placed, (one) => one.node))
        if (here.length > 1 && here.some((one) => !pinned.has(nameOf(one))))
          wrong.push(`${here.map(nameOf).join(' and ')} of group ${id} must not share ${node}`);
    const least = Math.min(leastDomains, placesOf(fixed, 'domain').size + free);
    const domains = placesOf(placed, 'domain').size;
    if (domains + open < least) wrong.push(`group ${id} is in ${domains} failure domains, ${least} are the least`);
    for (const name of near) {
      const other = groups.get(name);
      if (other === undefined) continue;
      const lacking = (mine: readonly PlacedReplica[], theirs: readonly PlacedReplica[]): readonly string[] => {
        const there = placesOf(theirs, 'area');
        return [...placesOf(mine, 'area')].filter((area) => !there.has(area));
      };
      const excused = Math.max(0, lacking(fixed, other.fixed).length - other.free);
      const missing = lacking(placed, other.placed);
      if (missing.length > other.open + excused) wrong.push(`group ${id} is in ${missing.join(', ')} without group ${name}`);
    }
  }
}

function checkTogether(
  plan: Plan,
  nodes: ReadonlyMap<string, PlacementNode>,
  workloads: ReadonlyMap<string, PlacementWorkload>,
  pinned: ReadonlyMap<string, PlacedReplica>,
  wrong: string[],
): void {
  const list = plan.assignments;
  const enemies = new Set(
    [...workloads.values()].flatMap(({ id, antiAffinity }) =>
      antiAffinity.flatMap((other) => (other === id ? [] : [`${id} ${other}`, `${other} ${id}`])),
    ),
  );
  const groups = Map.groupBy(list, ({ workload }) => workload);
  for (const [name, group] of groups) {
    const byDomain = workloads.get(name)?.spread === 'domain';
    group.forEach((one, index) => {
      for (const two of group.slice(index + 1)) {
        if (pinned.has(nameOf(one)) && pinned.has(nameOf(two))) continue;
        const domain = nodes.get(one.node)?.domain;
        if (one.node === two.node) wrong.push(`${nameOf(one)} and ${nameOf(two)} are on one box, ${one.node}`);
        else if (byDomain && domain !== undefined && domain === nodes.get(two.node)?.domain)
          wrong.push(`${nameOf(one)} and ${nameOf(two)} are in one failure domain, ${domain}`);
      }
    });
  }
  if (enemies.size === 0) return;
  for (const [node, group] of Map.groupBy(list, (placed) => placed.node)) {
    group.forEach((one, index) => {
      for (const two of group.slice(index + 1)) {
        if (pinned.has(nameOf(one)) && pinned.has(nameOf(two))) continue;
        if (enemies.has(`${one.workload} ${two.workload}`)) wrong.push(`${nameOf(one)} and ${nameOf(two)} must not share ${node}`);
      }
    });
  }
}

/** The terms must add up exactly, as decimals of six places. */
function checkSum({ objective, alternatives }: Plan, wrong: string[]): void {
  for (const { total, terms } of [objective, ...alternatives.map((alternative) => alternative.objective)]) {
    const sum = terms.reduce((micros, { cost }) => micros + Math.round(cost * 1e6), 0);
    if (sum !== Math.round(total * 1e6)) wrong.push(`the terms sum to ${sum / 1e6}, the total says ${total}`);
  }
}
