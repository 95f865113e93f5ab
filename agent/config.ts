/** The validated configuration of one agent: what the file says, with defaults filled in and relations checked. */
import { readFileSync, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import type { AgentConfig, Member } from '../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../schemas/validate.ts';
import { type AvailabilityBounds, defaultAvailability } from './health/availability.ts';
import { describeYamlError } from './lib/yaml-error.ts';

const configBytesMax = 1024 * 1024;

/** A configuration that cannot be used. The message says where and what to do. Exit code 2. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
}

export interface Settings {
  readonly file: string;
  readonly name: string;
  readonly domain: string;
  readonly level: number;
  readonly tags: readonly string[];
  readonly extras: readonly string[];
  readonly site: string;
  readonly clusterId: string;
  readonly members: readonly Member[];
  /** It joins a site that exists: until it is added there, it belongs to nobody. */
  readonly join: boolean;
  readonly upper:
    | {
        readonly site: string;
        readonly members: readonly Member[];
        readonly holdTimeMs: number;
        readonly latencyMs: number;
        readonly mbps: number;
      }
    | undefined;
  readonly children: NonNullable<AgentConfig['children']>;
  readonly listen: string;
  readonly dataDir: string;
  readonly runtimeDir: string;
  readonly status: { readonly socket: string; readonly host: string; readonly port: number; readonly token: string | undefined };
  readonly capacity: NonNullable<AgentConfig['capacity']> & { readonly memoryMiB: number; readonly cpuCores: number };
  readonly devices: NonNullable<AgentConfig['devices']>;
  readonly links: NonNullable<AgentConfig['links']>;
  /** Milliseconds. */
  readonly timing: Required<NonNullable<AgentConfig['timing']>>;
  readonly limits: Required<NonNullable<AgentConfig['limits']>>;
  readonly energy: AgentConfig['energy'];
  readonly weights: NonNullable<AgentConfig['weights']>;
  readonly availability: AvailabilityBounds;
  readonly replan: Required<NonNullable<AgentConfig['replan']>>;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** As written, for what reads the document itself. */
  readonly document: AgentConfig;
}

/** Reads, parses and checks a configuration file. Throws ConfigError. */
export function loadConfig(path: string): Settings {
  const file = resolve(path);
  let text: string;
  try {
    if (statSync(file).size > configBytesMax)
      throw new ConfigError(`${file} is larger than ${configBytesMax} bytes: this is no configuration file`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(
      `Cannot read the configuration ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}. Give its path with --config`,
    );
  }
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 16 });
  } catch (error) {
    throw new ConfigError(`${file} is neither YAML nor JSON: ${describeYamlError(error)}`);
  }
  const checked = checkDocument('AgentConfig', value);
  if (!checked.ok) throw new ConfigError(`${file}: ${describeProblems(checked.problems)}`);
  return resolveSettings(checked.value, file);
}

/** A site that rests is heard of seldom: nothing may be lost, or end, because of that. */
function failRest(timing: Settings['timing'], fail: (message: string) => never): void {
  const { restPingMs, restAfterMs, pingMs, leaseMs, lostAfterMs, electionMaxMs } = timing;
  if (restPingMs === 0) return;
  if (restPingMs < pingMs) fail(`/timing/restPingMs (${restPingMs}) must not be below /timing/pingMs (${pingMs}); 0 turns resting off`);
  if (leaseMs < 4 * restPingMs)
    fail(`/timing/leaseMs (${leaseMs}) must be at least four times /timing/restPingMs (${restPingMs}), or leases end while the site rests`);
  if (lostAfterMs < 4 * restPingMs)
    fail(
      `/timing/lostAfterMs (${lostAfterMs}) must be at least four times /timing/restPingMs (${restPingMs}), or boxes are taken for lost while the site rests`,
    );
  if (restAfterMs < 2 * electionMaxMs)
    fail(`/timing/restAfterMs (${restAfterMs}) must be at least twice /timing/electionMaxMs (${electionMaxMs})`);
}

/** Fills in defaults and checks what a schema cannot say. Throws ConfigError. */
export function resolveSettings(document: AgentConfig, file: string): Settings {
  const base = dirname(file);
  const fail = (message: string): never => {
    throw new ConfigError(`${file}: ${message}`);
  };
  const { node, site } = document;
  const dataDir = resolve(base, document.dataDir);
  const runtimeDir = document.runtimeDir === undefined ? join(dataDir, 'run') : resolve(base, document.runtimeDir);
  const names = [...site.members, ...(document.upper?.members ?? []), ...(document.children ?? []).flatMap(({ members }) => members)];
  for (const key of ['name', 'peerId'] as const) {
    const seen = new Set<string>();
    for (const member of names) {
      if (seen.has(member[key])) fail(`two boxes have the ${key} ${member[key]}: every box has its own`);
      seen.add(member[key]);
    }
  }
  const self = site.members.find(({ name }) => name === node.name);
  if (self === undefined) fail(`/site/members does not name this box (${node.name}): add it with its peerId and address`);
  if (site.members.filter(({ witness = false }) => witness).length > 1 || site.members.every(({ witness = false }) => witness))
    fail('/site/members: one of several boxes at most is a witness: it keeps no data');
  const times = {
    pingMs: 100,
    electionMs: 400,
    restPingMs: 0,
    restAfterMs: 30_000,
    leaseMs: 3000,
    healthSampleMs: 5000,
    healthMaxAgeMs: 60_000,
    lostAfterMs: 3000,
    slowSyncMs: 500,
    ...document.timing,
  };
  const longest = Math.max(times.electionMs, Math.min(3 * times.electionMs, times.leaseMs - 1));
  const timing = { ...times, electionMaxMs: times.electionMaxMs ?? longest };
  if (timing.electionMs < 3 * timing.pingMs)
    fail(
      `/timing/electionMs (${timing.electionMs}) must be at least three times /timing/pingMs (${timing.pingMs}), or one lost heartbeat starts an election`,
    );
  if (timing.leaseMs < 3 * timing.pingMs)
    fail(`/timing/leaseMs (${timing.leaseMs}) must be at least three times /timing/pingMs (${timing.pingMs})`);
  if (timing.leaseMs <= timing.electionMs)
    fail(`/timing/leaseMs (${timing.leaseMs}) must be above /timing/electionMs (${timing.electionMs}), or every election ends work`);
  if (timing.electionMaxMs < timing.electionMs || timing.electionMaxMs >= timing.leaseMs)
    fail(
      `/timing/electionMaxMs (${timing.electionMaxMs}) must be between /timing/electionMs (${timing.electionMs}) and below /timing/leaseMs (${timing.leaseMs})`,
    );
  failRest(timing, fail);
  if (document.upper !== undefined && (document.children?.length ?? 0) > 0)
    fail('/upper and /children: a site has an upper site or child sites, not both; three tiers are not built yet');
  const availability = { ...defaultAvailability, ...document.availability };
  if (availability.hotBelowPercent + availability.marginPercent > availability.warmBelowPercent)
    fail('/availability: hotBelowPercent and marginPercent together must not be above warmBelowPercent, or a hot box never becomes warm');
  if (timing.healthMaxAgeMs < timing.healthSampleMs) fail(`/timing/healthMaxAgeMs must not be below /timing/healthSampleMs`);
  const listen = document.listen ?? `/ip4/0.0.0.0/tcp/${/\/tcp\/([0-9]+)$/.exec(self?.address ?? '')?.[1] ?? '7400'}`;
  if (Number(/([0-9]+)$/.exec(listen)?.[1]) > 65_535) fail(`/listen ${listen}: a port is at most 65535`);
  const socket = document.status?.socket === undefined ? join(runtimeDir, 'holdfast.sock') : resolve(base, document.status.socket);
  if (Buffer.byteLength(socket) > 100)
    fail(`the socket path ${socket} is longer than 100 bytes, more than Unix sockets take: set /status/socket or a shorter /runtimeDir`);
  return {
    file,
    name: node.name,
    domain: node.domain ?? node.name,
    level: document.upper === undefined && (document.children?.length ?? 0) > 0 ? 1 : 0,
    tags: node.tags ?? [],
    extras: node.extras ?? [],
    site: site.name,
    clusterId: site.clusterId,
    members: site.members,
    join: site.join ?? false,
    upper: document.upper && { holdTimeMs: 5000, latencyMs: 20, mbps: 100, ...document.upper },
    children: document.children ?? [],
    listen,
    dataDir,
    runtimeDir,
    status: { socket, host: document.status?.host ?? '127.0.0.1', port: document.status?.port ?? 7480, token: document.status?.token },
    capacity: { memoryMiB: Math.floor((totalmem() / 2 ** 20) * 0.8), cpuCores: availableParallelism(), ...document.capacity },
    devices: document.devices ?? [],
    links: document.links ?? [],
    timing,
    limits: { artefactStoreMiB: 1024, outputKiB: 256, logSegmentKiB: 4096, ...document.limits },
    energy: document.energy,
    weights: document.weights ?? {},
    availability,
    replan: {
      ignore: [],
      frequencyBandPercent: 30,
      restSeconds: 30,
      calmSeconds: 60,
      partialAbove: 64,
      moveThresholdSeconds: 1,
      preemptionsMax: 1_000_000,
      historyMax: 200,
      ...document.replan,
    },
    logLevel: document.log?.level ?? 'info',
    document,
  };
}
