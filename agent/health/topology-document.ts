/** What this box contributes to the map of the plant: its configuration, completed by what was found on the box. */
import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import type { AgentConfig, TopologyDocument } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { containerLimit } from './sampler.ts';

/** What the box has, before anybody decides how much of it workloads may use. */
export interface DetectedCapacity {
  /** RAM, or the container's limit where that is less. */
  readonly memoryMiB: number;
  readonly cpuCores: number;
  /** Free space beside the data directory; 0 when it cannot be told, so that nothing is promised. */
  readonly diskFreeMiB: number;
  /** Memory of the largest graphics processor; 0 when there is none, or none is known. */
  readonly vramMiB: number;
}

const mebibyte = 1024 * 1024;

/** Looks at the box. Never rejects. `vramMiB` comes from the inventory, which arrives later. */
export async function detectCapacity(dataDir: string, vramMiB = 0): Promise<DetectedCapacity> {
  const space = await statfs(dataDir).catch(() => undefined);
  return {
    memoryMiB: Math.floor(Math.min(totalmem(), containerLimit() ?? Infinity) / mebibyte),
    cpuCores: availableParallelism(),
    diskFreeMiB: space === undefined ? 0 : Math.floor((space.bavail * space.bsize) / mebibyte),
    vramMiB,
  };
}

/** Share of RAM left to workloads by default: the rest is the system's and the agent's. */
const memoryShare = 0.8;
/** Share of the free disk that keeps warm workloads by default; the rest is for their files. */
const cacheShare = 0.2;
/** Defaults of the configuration's links and uplink. */
const linkDefaults = { latencyMs: 1, mbps: 1000 };
const uplinkDefaults = { latencyMs: 20, mbps: 100 };

/**
 * The topology document of this box. What the configuration says wins over what was found.
 * @throws Error when the result breaks the schema: the configuration was checked, so this is a fault of ours.
 */
export function buildTopologyDocument(
  config: AgentConfig,
  detected: DetectedCapacity,
  order: { readonly run: number; readonly seq: number },
): TopologyDocument {
  const { node, site, capacity = {}, devices = [], children = [] } = config;
  const { maxWorkloads, minimumMemoryMiB, minimumVramMiB, requesters } = capacity;
  const cacheMiB = capacity.cacheMiB ?? Math.floor(detected.diskFreeMiB * cacheShare);
  const document: TopologyDocument = {
    version: 1,
    node: node.name,
    site: site.name,
    run: order.run,
    seq: order.seq,
    // A box that plans for other sites stands above the machines. How high is known only to those further up.
    level: children.length > 0 ? 1 : 0,
    domain: node.domain ?? node.name,
    ...(node.energy === undefined ? {} : { energy: node.energy }),
    tags: node.tags ?? [],
    extras: node.extras ?? [],
    capacity: {
      memoryMiB: capacity.memoryMiB ?? Math.floor(detected.memoryMiB * memoryShare),
      cpuCores: capacity.cpuCores ?? detected.cpuCores,
      diskMiB: capacity.diskMiB ?? Math.max(0, detected.diskFreeMiB - cacheMiB),
      cacheMiB,
      vramMiB: capacity.vramMiB ?? detected.vramMiB,
      ...(maxWorkloads === undefined ? {} : { maxWorkloads }),
      ...(minimumMemoryMiB === undefined ? {} : { minimumMemoryMiB }),
      ...(minimumVramMiB === undefined ? {} : { minimumVramMiB }),
      ...(requesters === undefined ? {} : { requesters }),
    },
    devices: devices.map(({ id, kind, delivers }) => ({
      id,
      kind: kind ?? null,
      delivers: delivers.map(({ source, rateMBps }) => ({ source, rateMBps: rateMBps ?? 0 })),
    })),
    links: links(config),
  };
  const checked = checkDocument('TopologyDocument', document);
  if (!checked.ok) throw new Error(`Cannot describe this box's place in the plant: ${describeProblems(checked.problems)}`);
  return checked.value;
}

/** The links configured, and those to the upper site's boxes; members of the site have the default link and are not listed. */
function links({ links: configured = [], upper }: AgentConfig): TopologyDocument['links'] {
  const byNode = new Map<string, TopologyDocument['links'][number]>();
  for (const { name } of upper?.members ?? []) {
    byNode.set(name, { to: name, latencyMs: upper?.latencyMs ?? uplinkDefaults.latencyMs, mbps: upper?.mbps ?? uplinkDefaults.mbps });
  }
  for (const { to, kind, latencyMs, mbps } of configured) {
    byNode.set(to, {
      to,
      ...(kind === undefined ? {} : { kind }),
      latencyMs: latencyMs ?? linkDefaults.latencyMs,
      mbps: mbps ?? linkDefaults.mbps,
    });
  }
  return [...byNode.values()].slice(0, 256);
}
