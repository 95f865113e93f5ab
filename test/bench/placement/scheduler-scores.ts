/**
 * How two known schedulers score the boxes a replica fits on, emulated from their documentation; not the schedulers themselves.
 * kube-scheduler: NodeResourcesFit with LeastAllocated, NodeResourcesBalancedAllocation, PodTopologySpread, InterPodAffinity, each
 * 0..100 with the default weights (1, 1, 2, 2). Nomad: bin packing by the exponential fit of used CPU and memory, job anti-affinity
 * and spread, the mean of those that apply.
 */
import type { Candidate } from '../../../agent/placement/candidate.ts';
import type { Column } from '../../../agent/placement/columns.ts';
import { at, resources } from '../../../agent/placement/model.ts';

export type Scores = (candidate: Candidate, slot: number, column: Column) => number;

const cpu = resources.indexOf('cpuCores');
const memory = resources.indexOf('memoryMiB');

export const kubeScore: Scores = (candidate, slot, column) => {
  const shares = [cpu, memory].map((resource) => used(candidate, column, resource));
  const [cores = 0, ram = 0] = shares;
  const leastAllocated = 100 * (1 - (cores + ram) / 2);
  const balanced = 100 * (1 - Math.abs(cores - ram) / 2);
  const { domain, node } = crowd(candidate, slot, column.node);
  const spread = 100 / (1 + domain + node);
  return leastAllocated + balanced + 2 * spread + 2 * 100 * friendsHere(candidate, slot, column.node);
};

export const nomadScore: Scores = (candidate, slot, column) => {
  const free = [cpu, memory].map((resource) => 1 - used(candidate, column, resource));
  const [cores = 0, ram = 0] = free;
  const fit = Math.min(18, Math.max(0, 20 - (10 ** cores + 10 ** ram))) / 18;
  const { site, slots } = candidate.instance;
  const { replicas, spread } = at(site.workloads, at(slots, slot).workload);
  const { domain, node } = crowd(candidate, slot, column.node);
  const scores = [fit];
  if (node > 0) scores.push(-(node + 1) / replicas);
  if (spread === 'domain' && replicas > 1) scores.push(1 - (2 * domain) / replicas);
  const friends = friendsHere(candidate, slot, column.node);
  if (friends > 0) scores.push(friends);
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
};

/** Share of a resource in use with the replica there; 0 where a box has none. */
function used(candidate: Candidate, { node, demand }: Column, resource: number): number {
  const whole = at(at(candidate.instance.site.available, node), resource);
  return whole > 0 ? (candidate.loadOf(node, resource) + at(demand, resource)) / whole : 0;
}

/** Replicas of the same workload on the box and in its failure domain. */
function crowd({ instance, placed }: Candidate, slot: number, node: number): { readonly domain: number; readonly node: number } {
  const { slots, slotsOf, site } = instance;
  let domain = 0;
  let same = 0;
  for (const other of at(slotsOf, at(slots, slot).workload)) {
    const column = at(slots, other).columns[at(placed, other)];
    if (column === undefined) continue;
    if (column.node === node) same += 1;
    else if (at(site.nodes, column.node).domain === at(site.nodes, node).domain) domain += 1;
  }
  return { domain, node: same };
}

/** Share of the workloads it likes to be near, or takes data from, that are on the box. */
function friendsHere({ instance, placed }: Candidate, slot: number, node: number): number {
  const { near, slots, slotsOf } = instance;
  const partners = at(near, at(slots, slot).workload);
  if (partners.length === 0) return 0;
  const here = partners.filter(({ workload }) =>
    at(slotsOf, workload).some((other) => at(slots, other).columns[at(placed, other)]?.node === node),
  );
  return here.length / partners.length;
}
