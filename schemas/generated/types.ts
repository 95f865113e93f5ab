// Made from schemas/*.schema.json by schemas/tools/generate.ts: change those, then run `npm run build`.

export interface AllDocuments {
  AgentConfig: AgentConfig;
  InstancesDocument: InstancesDocument;
  Placement: Placement;
  TopologyDocument: TopologyDocument;
  UplinkAnswer: UplinkAnswer;
  UplinkReport: UplinkReport;
  WorkloadFile: WorkloadFile;
}
/**
 * Configuration file of one agent (YAML or JSON).
 */
export interface AgentConfig {
  version: 1;
  node: {
    /**
     * Name of a box, unique over all tiers.
     */
    name: string;
    /**
     * Failure domain (cabinet, power feed). Default: the node's own name.
     */
    domain?: string;
    /**
     * @maxItems 64
     *
     * Items: A label, matched exactly.
     */
    tags?: string[];
    /**
     * Named extras workloads may ask for, for example data-backup.
     *
     * @maxItems 64
     *
     * Items: A label, matched exactly.
     */
    extras?: string[];
  };
  site: {
    /**
     * Name of a site.
     */
    name: string;
    /**
     * Identity of the site's log. Boxes with another one are refused.
     */
    clusterId: string;
    /**
     * All boxes of the site, this one included. The list is also the allow-list of peers.
     *
     * @minItems 1
     * @maxItems 9
     */
    members: Member[];
  };
  /**
   * The upper site that plans for this one while it can be reached.
   */
  upper?: {
    /**
     * Name of a site.
     */
    site: string;
    /**
     * @minItems 1
     * @maxItems 9
     */
    members: Member[];
    /**
     * Milliseconds without the upper site before this site decides for itself.
     */
    holdTimeMs?: number;
    /**
     * One-way latency of the uplink in milliseconds, for placement.
     */
    latencyMs?: number;
    /**
     * Bandwidth of the uplink in megabit per second, for placement.
     */
    mbps?: number;
  };
  /**
   * Sites this one plans for, with the boxes that may connect.
   *
   * @maxItems 256
   */
  children?: {
    /**
     * Name of a site.
     */
    site: string;
    /**
     * @minItems 1
     * @maxItems 9
     */
    members: {
      /**
       * Name of a box, unique over all tiers.
       */
      name: string;
      /**
       * libp2p peer id (base58, Ed25519).
       */
      peerId: string;
    }[];
  }[];
  /**
   * The one TCP address peers connect to, as a multiaddr.
   */
  listen?: string;
  /**
   * Directory of everything durable. Made when missing, mode 0700.
   */
  dataDir: string;
  /**
   * Directory of what need not survive a reboot (process records, output rings, leases); should be in RAM. Default: dataDir/run.
   */
  runtimeDir?: string;
  /**
   * The local HTTP interface.
   */
  status?: {
    /**
     * Unix socket path. Default: runtimeDir/holdfast.sock.
     */
    socket?: string;
    /**
     * Loopback address to listen on.
     */
    host?: '127.0.0.1' | '::1';
    /**
     * TCP port on loopback; 0 for none.
     */
    port?: number;
    /**
     * Bearer token for writes over TCP. Without one, writes are taken on the Unix socket only.
     */
    token?: string;
  };
  /**
   * The share of this box that workloads may use. Default: 80 % of memory, all cores.
   */
  capacity?: {
    memoryMiB?: number;
    cpuCores?: number;
    diskMiB?: number;
    /**
     * Cache storage for warm workloads.
     */
    cacheMiB?: number;
    vramMiB?: number;
    /**
     * Administrative cap on replicas here.
     */
    maxWorkloads?: number;
    /**
     * Smallest memory claim this box takes, so that small work flows to small boxes.
     */
    minimumMemoryMiB?: number;
    /**
     * When present, only these requesters may use the box.
     *
     * @maxItems 64
     *
     * Items: A label, matched exactly.
     */
    requesters?: string[];
  };
  /**
   * Field devices attached to this box and the data they deliver.
   *
   * @maxItems 1024
   */
  devices?: {
    id: string;
    kind?: string;
    /**
     * @minItems 1
     * @maxItems 64
     */
    delivers: {
      /**
       * Name of a data source, for example press-7/vibration.
       */
      source: string;
      /**
       * Megabytes per second.
       */
      rateMBps?: number;
    }[];
  }[];
  /**
   * Links of this box to others, where they differ from the site's default (1 ms, 1000 Mbit/s to every member).
   *
   * @maxItems 256
   */
  links?: {
    /**
     * Name of a box, unique over all tiers.
     */
    to: string;
    latencyMs?: number;
    mbps?: number;
  }[];
  /**
   * Times in milliseconds. Relations are checked at start.
   */
  timing?: {
    pingMs?: number;
    electionMs?: number;
    leaseMs?: number;
    healthSampleMs?: number;
    /**
     * A member that its peers cannot reach for this long is lost, and its work is placed elsewhere. Longer than an agent's restart, so that a restart moves nothing.
     */
    lostAfterMs?: number;
    /**
     * Unchanged health is published at least this often.
     */
    healthMaxAgeMs?: number;
  };
  limits?: {
    /**
     * Size of this box's artefact store.
     */
    artefactStoreMiB?: number;
    /**
     * Output kept per instance.
     */
    outputKiB?: number;
    /**
     * Size of one preallocated log segment.
     */
    logSegmentKiB?: number;
  };
  log?: {
    level?: 'debug' | 'info' | 'warn' | 'error';
  };
}
export interface Member {
  /**
   * Name of a box, unique over all tiers.
   */
  name: string;
  /**
   * libp2p peer id (base58, Ed25519).
   */
  peerId: string;
  /**
   * Multiaddr of the box, without the peer id.
   */
  address: string;
}
/**
 * What one box runs and whom it reaches. Gossiped on every change, at least every minute.
 */
export interface InstancesDocument {
  version: 1;
  /**
   * Name of a box, unique over all tiers.
   */
  node: string;
  /**
   * How often the agent was started on this data directory: orders documents over restarts.
   */
  run: number;
  /**
   * Counts documents within a run.
   */
  seq: number;
  /**
   * Which other members this box reaches.
   *
   * @maxItems 32
   */
  observes: {
    /**
     * Name of a box, unique over all tiers.
     */
    node: string;
    reachable: boolean;
  }[];
  /**
   * @maxItems 256
   */
  instances: InstanceStatus[];
  /**
   * Artefacts complete and verified in this box's store.
   *
   * @maxItems 512
   *
   * Items: SHA-256, lower-case hexadecimal.
   */
  staged: string[];
}
export interface InstanceStatus {
  /**
   * Name of a workload, unique in its site.
   */
  workload: string;
  replica: number;
  epoch: number;
  /**
   * How firmly a workload stays in memory after a run: hot in RAM, warm in cache storage, cold in neither.
   */
  class: 'hot' | 'warm' | 'cold';
  /**
   * blocked: may not start yet (reason says why). staging: artefacts on their way. waiting: a job between runs. running: process up, not ready yet. ready: serving, or a hot job idle in memory. exited: ended and not to be restarted.
   */
  state: 'blocked' | 'staging' | 'waiting' | 'starting' | 'running' | 'ready' | 'backoff' | 'stopping' | 'exited';
  pid: number | null;
  /**
   * Seconds since boot at which the process started.
   */
  startedAt: number | null;
  /**
   * The process was started by an earlier run of the agent.
   */
  adopted: boolean;
  restarts: number;
  /**
   * Completed runs of a job.
   */
  runs: number;
  /**
   * Milliseconds from the decision to start until the last run was under way.
   */
  lastStartMs?: number | null;
  ports: {
    [k: string]: number;
  };
  lastExit: null | {
    code: number | null;
    signal: string | null;
    reason: string;
  };
  /**
   * Why it is not running, in words.
   */
  reason: string | null;
}
/**
 * One replica of a workload, where it belongs and under which fence.
 */
export interface Placement {
  /**
   * Name of a workload, unique in its site.
   */
  workload: string;
  /**
   * 0 .. replicas-1.
   */
  replica: number;
  /**
   * Name of a box, unique over all tiers.
   */
  node: string;
  /**
   * How firmly a workload stays in memory after a run: hot in RAM, warm in cache storage, cold in neither.
   */
  class: 'hot' | 'warm' | 'cold';
  /**
   * Fence: grows whenever the replica is given to another box. A stale one is refused everywhere.
   */
  epoch: number;
  /**
   * Decided by the site while the upper site was away, not yet confirmed.
   */
  provisional: boolean;
  /**
   * Revision of the upper site's intent the decision rests on.
   */
  basisRevision: number;
  /**
   * Set while a former holder of an onSplit: stop replica has not let go: nobody may start it yet.
   */
  awaiting: null | {
    /**
     * Name of a box, unique over all tiers.
     */
    node: string;
    epoch: number;
  };
}
/**
 * What one box contributes to the map of the plant: itself, its capacity, its devices and links. Gossiped on change.
 */
export interface TopologyDocument {
  version: 1;
  /**
   * Name of a box, unique over all tiers.
   */
  node: string;
  /**
   * Name of a site.
   */
  site: string;
  run: number;
  seq: number;
  /**
   * 0 beside the machines, 1 and up for upper tiers.
   */
  level: number;
  domain: string;
  /**
   * @maxItems 64
   *
   * Items: A label, matched exactly.
   */
  tags: string[];
  /**
   * @maxItems 64
   *
   * Items: A label, matched exactly.
   */
  extras: string[];
  /**
   * What workloads may use here.
   */
  capacity: {
    memoryMiB: number;
    cpuCores: number;
    diskMiB: number;
    cacheMiB: number;
    vramMiB: number;
    maxWorkloads?: number;
    minimumMemoryMiB?: number;
    /**
     * @maxItems 64
     *
     * Items: A label, matched exactly.
     */
    requesters?: string[];
  };
  /**
   * @maxItems 1024
   */
  devices: {
    id: string;
    kind: string | null;
    /**
     * @maxItems 64
     */
    delivers: {
      /**
       * Name of a data source, for example press-7/vibration.
       */
      source: string;
      rateMBps: number;
    }[];
  }[];
  /**
   * @maxItems 256
   */
  links: {
    /**
     * Name of a box, unique over all tiers.
     */
    to: string;
    latencyMs: number;
    mbps: number;
  }[];
}
/**
 * What an upper site answers to a report.
 */
export interface UplinkAnswer {
  version: 1;
  /**
   * Name of a site.
   */
  site: string;
  /**
   * The authority epoch of the report this answers.
   */
  authorityEpoch: number;
  /**
   * A newer intent is being made: ask again soon.
   */
  planning: boolean;
  /**
   * The upper site's own boxes.
   *
   * @maxItems 64
   */
  nodes: ReportedNode[];
  intent: null | Intent;
  /**
   * REVALIDATE of the reported placements: valid goes on, moved and invalid stop.
   *
   * @maxItems 8192
   */
  verdicts: {
    /**
     * Name of a workload, unique in its site.
     */
    workload: string;
    replica: number;
    epoch: number;
    verdict: 'valid' | 'moved' | 'invalid';
  }[];
}
/**
 * One box as its own site sees it.
 */
export interface ReportedNode {
  topology: TopologyDocument;
  /**
   * May be given work.
   */
  usable: boolean;
  /**
   * Why it is not usable.
   */
  reason: string | null;
  /**
   * 0 (sound) to 1 (about to fail).
   */
  risk: number;
  /**
   * @maxItems 512
   *
   * Items: SHA-256, lower-case hexadecimal.
   */
  staged: string[];
  healthAgeSeconds: number | null;
}
export interface Intent {
  revision: number;
  /**
   * Workloads the upper site gives to this site.
   *
   * @maxItems 1024
   */
  specs: WorkloadSpec[];
  /**
   * @maxItems 8192
   */
  assignments: {
    /**
     * Name of a workload, unique in its site.
     */
    workload: string;
    replica: number;
    /**
     * Name of a box, unique over all tiers.
     */
    node: string;
    /**
     * How firmly a workload stays in memory after a run: hot in RAM, warm in cache storage, cold in neither.
     */
    class: 'hot' | 'warm' | 'cold';
  }[];
  /**
   * The engine's plan, for explanation.
   */
  plan: {} | null;
}
export interface WorkloadSpec {
  /**
   * Name of a workload, unique in its site.
   */
  name: string;
  description?: string;
  /**
   * A label, matched exactly.
   */
  requester?: string;
  /**
   * @maxItems 32
   *
   * Items: A label, matched exactly.
   */
  tags?: string[];
  /**
   * service: runs all the time (always hot). job: runs again and again and ends.
   */
  kind: 'service' | 'job';
  /**
   * How it is executed.
   */
  driver?: 'process';
  /**
   * Program and arguments, run in a directory that holds the artefacts. The program `node` is the agent's own runtime.
   *
   * @minItems 1
   * @maxItems 64
   */
  command: string[];
  env?: {
    [k: string]: string;
  };
  /**
   * Files the workload needs, named by content.
   *
   * @maxItems 32
   */
  artefacts?: {
    /**
     * File name in the working directory.
     */
    name: string;
    /**
     * SHA-256, lower-case hexadecimal.
     */
    sha256: string;
    bytes: number;
    /**
     * Where `apply` finds the file, relative to the workload file. Without it the site's boxes must have it already.
     */
    source?: string;
    executable?: boolean;
  }[];
  resources: {
    /**
     * RAM of one running replica; also its limit where the system can enforce one.
     */
    memoryMiB: number;
    /**
     * CPU seconds of one run (job), or per second of service.
     */
    cpuSecondsPerRun?: number;
    diskMiB?: number;
    vramMiB?: number;
  };
  /**
   * Runs or requests per hour.
   */
  perHour?: number;
  /**
   * Expected gap between the end of a run and the next request; instead of perHour.
   */
  idleGapSeconds?: number;
  /**
   * Expected length of one run.
   */
  durationSeconds?: number;
  startup?: {
    /**
     * Seconds to create and initialise the execution environment.
     */
    initSeconds?: number;
  };
  /**
   * Work classes the job may be placed in. hot needs `resident`. Default: warm and cold (and hot with `resident`); a service is always hot.
   *
   * @minItems 1
   * @maxItems 3
   *
   * Items: How firmly a workload stays in memory after a run: hot in RAM, warm in cache storage, cold in neither.
   */
  classes?: ('hot' | 'warm' | 'cold')[];
  /**
   * A job that can stay in memory: it does one run for each line on its standard input and prints one line when the run is done.
   */
  resident?: boolean;
  /**
   * @maxItems 32
   */
  inputs?: {
    /**
     * Name of a data source, for example press-7/vibration.
     */
    source: string;
    /**
     * Megabytes read per run.
     */
    mbPerCall?: number;
    maxHops?: number;
    maxLatencyMs?: number;
    /**
     * Whether the limits must hold, or only cost.
     */
    hard?: boolean;
  }[];
  /**
   * 0 (nice to have) to 1 (the plant stops without it).
   */
  criticality?: number;
  replicas?: number;
  /**
   * Replicas on distinct nodes, or on distinct failure domains.
   */
  spread?: 'node' | 'domain';
  /**
   * @maxItems 32
   *
   * Items: Name of a workload, unique in its site.
   */
  antiAffinity?: string[];
  /**
   * @maxItems 32
   *
   * Items: Name of a workload, unique in its site.
   */
  affinity?: string[];
  requires?: {
    /**
     * Tags the box must carry.
     *
     * @maxItems 32
     *
     * Items: A label, matched exactly.
     */
    tags?: string[];
    /**
     * @maxItems 32
     *
     * Items: A label, matched exactly.
     */
    extras?: string[];
    /**
     * Only these boxes.
     *
     * @maxItems 64
     *
     * Items: Name of a box, unique over all tiers.
     */
    nodes?: string[];
  };
  /**
   * What a box does with the workload when it loses its quorum: keep it running, or stop it before anybody else may start it.
   */
  onSplit?: 'keep' | 'stop';
  /**
   * An isolated box may start it by itself.
   */
  localSafe?: boolean;
  /**
   * TCP ports given to each replica; the number is passed in the named environment variable.
   *
   * @maxItems 8
   */
  ports?: {
    /**
     * A label, matched exactly.
     */
    name: string;
    env: string;
  }[];
  /**
   * When a service counts as ready. Without one: as soon as it runs.
   */
  probe?: {
    kind: 'http' | 'tcp' | 'exec';
    /**
     * A label, matched exactly.
     */
    port?: string;
    path?: string;
    /**
     * @minItems 1
     * @maxItems 32
     */
    command?: string[];
    intervalSeconds?: number;
    timeoutSeconds?: number;
    /**
     * Failures in a row before the replica is restarted.
     */
    failures?: number;
  };
  restart?: {
    policy?: 'always' | 'on-failure' | 'never';
    backoffMs?: number;
    backoffMaxMs?: number;
  };
  /**
   * Time between SIGTERM and SIGKILL.
   */
  stopGraceMs?: number;
}
/**
 * What a site's leader tells its upper site. `rejoining` reports are the site's REVALIDATE: every placement listed is asked about.
 */
export interface UplinkReport {
  version: 1;
  /**
   * Name of a site.
   */
  site: string;
  authority: {
    mode: 'connected' | 'autonomous' | 'rejoining';
    epoch: number;
    /**
     * Revision of the newest intent in force at the site.
     */
    basisRevision: number;
  };
  /**
   * @minItems 1
   * @maxItems 64
   */
  nodes: ReportedNode[];
  /**
   * Workloads an operator gave to the site itself.
   *
   * @maxItems 1024
   */
  specs: WorkloadSpec[];
  /**
   * @maxItems 8192
   */
  placements: Placement[];
  /**
   * Boxes that may still run an onSplit: stop replica they no longer have.
   *
   * @maxItems 8192
   */
  holders: {
    /**
     * Name of a workload, unique in its site.
     */
    workload: string;
    replica: number;
    /**
     * Name of a box, unique over all tiers.
     */
    node: string;
  }[];
}
/**
 * What an operator applies: one or more workloads.
 */
export interface WorkloadFile {
  version: 1;
  /**
   * @minItems 1
   * @maxItems 256
   */
  workloads: WorkloadSpec[];
}
