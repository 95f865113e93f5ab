/** Why a replica cannot run at a box: every reason, each with its shortfall. */
import type { Misfit, PlacementWorkload } from '../../schemas/generated/types.ts';
import { demandOf, memoryAt } from './demand.ts';
import { at, isResource, type Resource, resources, tolerance, type WorkClass } from './model.ts';
import { isStarved, routeTo, type Site } from './site.ts';

export type { Misfit };

const shortCodes = {
  memoryMiB: 'MEMORY_SHORT',
  cacheMiB: 'CACHE_SHORT',
  cpuCores: 'CPU_SHORT',
  diskMiB: 'DISK_SHORT',
  vramMiB: 'VRAM_SHORT',
} as const satisfies Record<Resource, Misfit['code']>;

/** Says that `need` of a resource is wanted and only `free` is there. */
export function shortOf(resource: string, need: number, free: number): Misfit {
  const [needed, left] = [round(need), round(Math.max(0, free))];
  if (!isResource(resource)) return { code: 'RESOURCE_SHORT', limit: left, actual: needed, names: [resource] };
  const code = shortCodes[resource];
  return resource === 'cpuCores' ? { code, needCores: needed, freeCores: left } : { code, needMiB: needed, freeMiB: left };
}

/** The same beside what is held until all moves are over. */
export function heldShort(resource: string, need: number, free: number): Misfit {
  return { code: 'HELD_SHORT', limit: round(Math.max(0, free)), actual: round(need), names: [resource] };
}

/** Reasons that hold whatever else is placed. Empty: the pair may be used. */
export function staticMisfits(site: Site, workload: PlacementWorkload, node: number, workClass: WorkClass): readonly Misfit[] {
  const notAllowed: readonly Misfit[] = workload.classes.includes(workClass) ? [] : [{ code: 'CLASS_NOT_ALLOWED', names: [workClass] }];
  return [
    ...notAllowed,
    ...placeMisfits(site, workload, node),
    ...capacityMisfits(site, workload, node, demandOf(workload, workClass, at(site.nodes, node).id, site.further)),
  ];
}

/** Those of the box, whatever the class. */
export function placeMisfits(site: Site, workload: PlacementWorkload, node: number): readonly Misfit[] {
  const box = at(site.nodes, node);
  const misfits: Misfit[] = [];
  const { usable, reason } = box.health;
  if (!usable) misfits.push({ code: 'UNUSABLE', names: [reason ?? 'no reason given'] });
  const allowed = workload.pin !== undefined ? [workload.pin] : workload.requires.nodes;
  if (allowed !== undefined && !allowed.includes(box.id)) misfits.push({ code: 'NODE_NOT_ALLOWED', names: [...allowed] });
  addMissing(misfits, 'TAG_MISSING', workload.requires.tags, box.tags);
  addMissing(misfits, 'EXTRA_MISSING', workload.requires.extras, box.extras);
  const { requesters, workloadTags } = box.admits;
  if (requesters !== undefined && (workload.requester === undefined || !requesters.includes(workload.requester))) {
    misfits.push({ code: 'REQUESTER', names: [...requesters] });
  }
  if (workloadTags !== undefined && !workload.tags.some((tag) => workloadTags.includes(tag)))
    misfits.push({ code: 'WORKLOAD_TAG', names: [...workloadTags] });
  const { memoryMiB, vramMiB } = workload.demand;
  if (memoryMiB < (box.minimumMemoryMiB ?? 0))
    misfits.push({ code: 'MINIMUM_CLAIM', limit: box.minimumMemoryMiB ?? 0, actual: memoryMiB, names: ['memoryMiB'] });
  if (vramMiB < (box.minimumVramMiB ?? 0))
    misfits.push({ code: 'MINIMUM_CLAIM', limit: box.minimumVramMiB ?? 0, actual: vramMiB, names: ['vramMiB'] });
  if (workload.mustBeStaged) {
    const here = at(site.stagedAt, node);
    const absent = workload.artefacts.filter(({ sha256 }) => !here.has(sha256)).map(({ sha256 }) => sha256);
    if (absent.length > 0) misfits.push({ code: 'NOT_STAGED', names: absent });
  }
  addRouteMisfits(misfits, site, workload, node);
  return misfits;
}

/**
 * Whether a workload can have a misfit of `placeMisfits` only where a box has rules of its own (`Site.open` says where it has none): most
 * workloads and boxes are so, and need not be looked at pair by pair.
 */
export function asksNothingOfPlaces(site: Site, { pin, requires, inputs, mustBeStaged }: PlacementWorkload): boolean {
  if (pin !== undefined || requires.nodes !== undefined || mustBeStaged) return false;
  if (requires.tags.length > 0 || requires.extras.length > 0) return false;
  return inputs.every((input) => {
    if (!input.hard) return true;
    if (input.maxHops !== undefined || input.maxLatencyMs !== undefined || isStarved(site.problem.sources, input)) return false;
    return site.routes(input, 'hops').every(({ origin }) => origin !== -1);
  });
}

/** A misfit in words, for people. */
export function describeMisfit({ code, needMiB, freeMiB, needCores, freeCores, limit, actual, names }: Misfit): string {
  const facts: string[] = [];
  if (needMiB !== undefined && freeMiB !== undefined)
    facts.push(`needs ${needMiB} MiB, ${freeMiB} MiB free, ${round(needMiB - freeMiB)} MiB short`);
  if (needCores !== undefined && freeCores !== undefined)
    facts.push(`needs ${needCores} cores, ${freeCores} free, ${round(needCores - freeCores)} short`);
  if (code === 'RESOURCE_SHORT' || code === 'HELD_SHORT') facts.push(`needs ${actual ?? 0}, ${limit ?? 0} free`);
  else if (limit !== undefined) facts.push(`limit ${limit}${actual === undefined ? '' : `, is ${actual}`}`);
  if (names !== undefined && names.length > 0) facts.push(names.join(', '));
  return facts.length === 0 ? code : `${code} (${facts.join('; ')})`;
}

/** Codes whose `limit` is what there is or is allowed, and `actual` what is needed or would be. */
const amountCodes: ReadonlySet<Misfit['code']> = new Set(['RESOURCE_SHORT', 'HELD_SHORT', 'MAX_WORKLOADS', 'HOPS', 'LATENCY']);
/** A rule that is kept or not, and never in part, is further than all of an amount that is missing. */
const ruleShortfall = 2;

/** How far a box is from fitting, 0 when it does: of each amount the share that is missing or too much, and more for each other reason. */
export function shortfall(misfits: readonly Misfit[]): number {
  return misfits.reduce((sum, misfit) => sum + missingShare(misfit), 0);
}

function missingShare({ code, needMiB, freeMiB, needCores, freeCores, limit, actual }: Misfit): number {
  if (needMiB !== undefined && freeMiB !== undefined) return share(needMiB, freeMiB);
  if (needCores !== undefined && freeCores !== undefined) return share(needCores, freeCores);
  if (limit === undefined || actual === undefined) return ruleShortfall;
  if (amountCodes.has(code)) return share(actual, limit);
  return code === 'DATA_RATE' || code === 'MINIMUM_CLAIM' ? share(limit, actual) : ruleShortfall;
}

/** Some is missing always; a need of nothing that is not there is a matter of rounding. */
function share(need: number, free: number): number {
  return need > 0 ? Math.min(1, Math.max(tolerance, (need - free) / need)) : tolerance;
}

function addMissing(misfits: Misfit[], code: Misfit['code'], wanted: readonly string[], present: readonly string[]): void {
  if (wanted.length === 0) return;
  const missing = wanted.filter((tag) => !present.includes(tag));
  if (missing.length > 0) misfits.push({ code, names: missing });
}

/** Each limit is held against its own best path: some path within the hops, some path within the latency. */
function addRouteMisfits(misfits: Misfit[], site: Site, workload: PlacementWorkload, node: number): void {
  for (const input of workload.inputs) {
    const { source, maxHops, maxLatencyMs, hard, rateMBps = 0 } = input;
    if (!hard) continue;
    if (isStarved(site.problem.sources, input)) {
      const actual = site.problem.sources.find(({ id }) => id === source)?.rateMBps ?? 0;
      misfits.push({ code: 'DATA_RATE', limit: rateMBps, actual, names: [source] });
      continue;
    }
    const { origin, hops } = routeTo(site, input, node, 'hops');
    if (origin === -1) {
      misfits.push(
        routeTo(site, { source }, node, 'hops').origin === -1
          ? { code: 'SOURCE_UNREACHABLE', names: [source] }
          : {
              code: 'LINK_UNFIT',
              ...(input.minMbps === undefined && rateMBps === 0 ? {} : { limit: Math.max(input.minMbps ?? 0, 8 * rateMBps) }),
              names: [source, ...(input.linkKinds ?? [])],
            },
      );
      continue;
    }
    if (maxHops !== undefined && hops > maxHops) misfits.push({ code: 'HOPS', limit: maxHops, actual: hops, names: [source] });
    if (maxLatencyMs === undefined) continue;
    const { latencyMs } = routeTo(site, input, node, 'latencyMs');
    if (latencyMs > maxLatencyMs + tolerance)
      misfits.push({ code: 'LATENCY', limit: maxLatencyMs, actual: round(latencyMs), names: [source] });
  }
}

/** Those of the room a box has when it is empty. */
export function capacityMisfits(site: Site, workload: PlacementWorkload, node: number, demand: readonly number[]): readonly Misfit[] {
  const available = at(site.available, node);
  let misfits: Misfit[] | undefined;
  for (let index = 0; index < site.resources.length; index += 1) {
    const resource = at(site.resources, index);
    // While it runs, a warm or cold workload needs all its memory at once: the box must be large enough for that.
    const whole =
      resource === 'memoryMiB' ? memoryAt(workload, at(site.nodes, node).id) : resource === 'vramMiB' ? workload.demand.vramMiB : 0;
    const need = Math.max(at(demand, index), whole);
    const free = at(available, index);
    if (need <= free + tolerance) continue;
    misfits ??= [];
    misfits.push(shortOf(resource, need, free));
  }
  return misfits ?? none;
}

const none: readonly Misfit[] = [];

/** Whether none of `capacityMisfits` holds. */
export function fitsEmpty(site: Site, workload: PlacementWorkload, node: number, demand: readonly number[]): boolean {
  const available = at(site.available, node);
  for (let index = 0; index < demand.length; index += 1) if (at(demand, index) > at(available, index) + tolerance) return false;
  const {
    demand: { vramMiB },
    measured,
  } = workload;
  const memoryMiB = measured === undefined ? workload.demand.memoryMiB : memoryAt(workload, at(site.nodes, node).id);
  return memoryMiB <= at(available, memoryIndex) + tolerance && vramMiB <= at(available, vramIndex) + tolerance;
}

const memoryIndex = resources.indexOf('memoryMiB');
const vramIndex = resources.indexOf('vramMiB');

function round(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
