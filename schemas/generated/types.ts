// Made from schemas/*.schema.json by schemas/tools/generate.ts: change those, then run `npm run build`.

export type KvGuard = KvRevisionGuard | KvValueGuard | KvSessionGuard;
export type KvOperation = KvPutOperation | KvDeleteOperation | KvDeletePrefixOperation;
/**
 * Done once, however often it is sent: numbered in a session, or by a key of the client's own choice.
 */
export type PipeOnce = PipeNumbered | PipeKeyed;

export interface AllDocuments {
  AgentConfig: AgentConfig;
  DecisionsDocument: DecisionsDocument;
  HealthDocument: HealthDocument;
  InstancesDocument: InstancesDocument;
  KvTransaction: KvTransaction;
  MaintenanceOrder: MaintenanceOrder;
  MaintenanceDocument: MaintenanceDocument;
  MemberChange: MemberChange;
  MembersDocument: MembersDocument;
  NodesDocument: NodesDocument;
  PipeRequest: PipeRequest;
  PlacementProblem: PlacementProblem;
  Placement: Placement;
  PlacementsDocument: PlacementsDocument;
  Plan: Plan;
  ProblemDetails: ProblemDetails;
  StatusDocument: StatusDocument;
  TopologyDocument: TopologyDocument;
  UplinkAnswer: UplinkAnswer;
  UplinkReport: UplinkReport;
  WorkloadFile: WorkloadFile;
  WorkloadsDocument: WorkloadsDocument;
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
    energy?: NodeEnergy;
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
    /**
     * This box joins a site that exists: it belongs to it, and votes, once it was added there.
     */
    join?: boolean;
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
     * Smallest claim of accelerator memory this box takes, so that a large accelerator is kept for work that needs it.
     */
    minimumVramMiB?: number;
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
   * When this box calls itself cold (much free), warm or hot (little free). Relations are checked at start.
   */
  availability?: {
    /**
     * Free share below which a cold box becomes warm.
     */
    warmBelowPercent?: number;
    /**
     * Free share below which it becomes hot.
     */
    hotBelowPercent?: number;
    /**
     * A box cools down only this many points above the bound it fell below.
     */
    marginPercent?: number;
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
     * The device is there while this path exists, for example /dev/ttyUSB0. Without one it always is.
     */
    path?: string;
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
    /**
     * What it is, for work that asks for it: wired, radio, ….
     */
    kind?: string;
    latencyMs?: number;
    mbps?: number;
  }[];
  /**
   * Times in milliseconds. Relations are checked at start.
   */
  timing?: {
    pingMs?: number;
    electionMs?: number;
    /**
     * Slow disks and long round trips stretch the election timeout up to here; the same as electionMs: it is constant. Without it three times electionMs, as far as leaseMs allows.
     */
    electionMaxMs?: number;
    /**
     * Heartbeat interval of a site that rests: with nothing to do for restAfterMs, leader and followers agree on it, and the first thing to do ends it. At most a quarter of leaseMs and of lostAfterMs. 0: the site never rests.
     */
    restPingMs?: number;
    /**
     * The site rests after so long without anything to do: at least twice electionMaxMs.
     */
    restAfterMs?: number;
    leaseMs?: number;
    healthSampleMs?: number;
    /**
     * A member that its peers cannot reach for this long is lost, and its work is placed elsewhere. Longer than an agent's restart, so that a restart moves nothing.
     */
    lostAfterMs?: number;
    /**
     * A box whose writes to the log take longer (99 in 100 of the last 10 seconds, for 3 seconds) is flagged, and hands leadership over.
     */
    slowSyncMs?: number;
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
  /**
   * What plans of this site weigh, as in placement problems. What energy is worth stands under `energy`.
   */
  weights?: {
    /**
     * Weight of start-up, staging and transfer seconds.
     */
    latency?: number;
    /**
     * Weight of forwarding by boxes on the way.
     */
    hops?: number;
    /**
     * Weight of load above comfort.
     */
    balance?: number;
    /**
     * Weight of risk times criticality.
     */
    robustness?: number;
    /**
     * Weight of using scarce hardware for work that does not need it.
     */
    minimumSize?: number;
    /**
     * Weight of keeping work near its data and its partners.
     */
    colocation?: number;
    /**
     * Weight of moving what already runs.
     */
    migration?: number;
    /**
     * Seconds per hour that a box in use counts for.
     */
    hardware?: number;
  };
  /**
   * What energy costs and how much that counts. The price in force is planned with, and a new one calls for a plan.
   */
  energy?: {
    /**
     * @minItems 1
     * @maxItems 48
     */
    prices: {
      /**
       * Local time from which it holds, until the next one.
       */
      from: string;
      /**
       * Money per kilowatt hour.
       */
      perKwh: number;
    }[];
    /**
     * Seconds of waiting that one unit of money is worth: a plan may lose so many to save it.
     */
    secondsPerMoney: number;
  };
  /**
   * When the placements are planned again, and when a new plan is worth its moves.
   */
  replan?: {
    /**
     * What does not call for a plan by itself. What makes a place impossible (a box lost, a workload new) always does.
     *
     * @maxItems 9
     */
    ignore?: ('node-joined' | 'node-returned' | 'health' | 'link' | 'load' | 'frequency' | 'maintenance' | 'price' | 'calm')[];
    /**
     * How far the observed runs per hour of a workload may be from what the plan assumed.
     */
    frequencyBandPercent?: number;
    /**
     * Least time between a decision and the next one that only drift calls for: load, frequency, price.
     */
    restSeconds?: number;
    /**
     * After a partial plan and this long without another decision, everything is planned again.
     */
    calmSeconds?: number;
    /**
     * Sites of more replicas than this are planned again in part, where that is enough.
     */
    partialAbove?: number;
    /**
     * Seconds per hour a move must save beyond what it costs.
     */
    moveThresholdSeconds?: number;
    /**
     * Replicas one decision may take the place of for more critical work. Beyond, nothing makes way, and the newcomer waits.
     */
    preemptionsMax?: number;
    /**
     * Decisions kept for `holdfast placement history`.
     */
    historyMax?: number;
  };
  log?: {
    level?: 'debug' | 'info' | 'warn' | 'error';
  };
}
/**
 * What a box draws.
 */
export interface NodeEnergy {
  /**
   * Switched on, without work.
   */
  idleWatts: number;
  /**
   * With all its processors busy; not below idleWatts.
   */
  fullWatts: number;
  /**
   * It may be switched off while it has no work: then its idle power is saved.
   */
  maySwitchOff?: boolean;
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
  /**
   * It keeps no data: it votes, so that a site of two others goes on when one of them dies. One of the voters at most.
   */
  witness?: boolean;
}
/**
 * Why plans were made, and what became of them, newest last: answer to GET /v1/decisions.
 */
export interface DecisionsDocument {
  /**
   * Log index applied when this was answered.
   */
  revision: number;
  /**
   * Older decisions this box does not keep any more.
   */
  forgotten: number;
  /**
   * @maxItems 1000
   */
  decisions: Decision[];
}
/**
 * One decision about placements: what called for it, what was considered, what was chosen, and why.
 */
export interface Decision {
  /**
   * Name of a box, unique over all tiers.
   */
  by: string;
  /**
   * Clock of the box that decided (ISO 8601), for people: clocks of boxes are not compared.
   */
  at: string;
  /**
   * @minItems 1
   * @maxItems 16
   */
  triggers: Trigger[];
  /**
   * Whether everything was planned again, or only the replicas that had to be.
   */
  scope: 'whole' | 'partial';
  /**
   * Replicas that were free to move.
   */
  freed: number;
  /**
   * What was considered, the plan of least cost first; `stay` leaves everything where it is.
   *
   * @maxItems 8
   */
  candidates: DecisionCandidate[];
  /**
   * kept: everything stays where it is.
   */
  outcome: 'applied' | 'kept';
  /**
   * Why, in words.
   */
  reason: string;
  /**
   * Seconds per hour the moves save, before what moving costs; null where staying was not possible.
   */
  gain: number | null;
  /**
   * Seconds per hour charged for moving, threshold included.
   */
  movingCost: number;
  /**
   * What changed, in words.
   *
   * @maxItems 32
   */
  moves: string[];
  /**
   * Changes beyond those listed.
   */
  movesLeftOut: number;
  /**
   * Replicas without a place afterwards.
   */
  unplaced: number;
  /**
   * Log index of the plan; null when it was kept.
   */
  planRevision: number | null;
  /**
   * Milliseconds it took.
   */
  ms: number;
}
/**
 * What called for a plan.
 */
export interface Trigger {
  /**
   * first: this box began to decide. placement: placements were changed by somebody else. calm: all is planned again after a partial plan.
   */
  kind:
    | 'first'
    | 'authority'
    | 'node-joined'
    | 'node-lost'
    | 'node-returned'
    | 'node-changed'
    | 'health'
    | 'link'
    | 'artefact'
    | 'workload'
    | 'placement'
    | 'maintenance'
    | 'load'
    | 'frequency'
    | 'price'
    | 'calm';
  /**
   * Box, link, workload or artefact.
   */
  subject: string;
  /**
   * What changed, in words.
   */
  detail: string;
}
export interface DecisionCandidate {
  /**
   * How it was built, or `stay`.
   */
  madeBy: string;
  /**
   * Of its assignments.
   */
  hash: string | null;
  /**
   * Seconds per hour, moving included.
   */
  total: number;
  /**
   * Replicas without a place.
   */
  unplaced: number;
  /**
   * Replicas on another box than now.
   */
  moves: number;
  chosen: boolean;
}
/**
 * How one box is. Gossiped when it changed beyond a band, at least every healthMaxAgeMs. What a box cannot measure is null, never 0.
 */
export interface HealthDocument {
  /**
   * Version of this document.
   */
  version: 1;
  /**
   * Name of a box, unique over all tiers.
   */
  node: string;
  /**
   * Name of a site.
   */
  site: string;
  /**
   * How often the agent was started on this data directory: orders documents over restarts.
   */
  run: number;
  /**
   * Counts documents within a run.
   */
  seq: number;
  /**
   * Seconds from the start of the box to this sample, suspend included.
   */
  uptimeSeconds: number;
  /**
   * Identity of this start of the box, from the kernel. null: unknown.
   */
  bootId: string | null;
  /**
   * The wall clock. It is shown to people; no decision rests on it.
   */
  clock: {
    /**
     * Wall clock of the box at this sample, in milliseconds since 1970. Negative before.
     */
    unixMs: number;
    /**
     * Whether a time service says that the clock follows a reference. null: unknown.
     */
    synchronised: boolean | null;
  };
  availability?: Availability;
  /**
   * Processors.
   */
  cpu: {
    /**
     * Logical processors this agent may use.
     */
    cores: number;
    /**
     * Share of all processor time in use since the sample before. null: unknown.
     */
    usagePercent: number | null;
    /**
     * Load average over 1 minute: tasks that run or wait. null: unknown.
     */
    load1: number | null;
    /**
     * Load average over 5 minutes. null: unknown.
     */
    load5: number | null;
    /**
     * Load average over 15 minutes. null: unknown.
     */
    load15: number | null;
  };
  /**
   * RAM and swap.
   */
  memory: {
    /**
     * RAM of the box, or the limit of the container the agent runs in where that is less; bytes. null: unknown.
     */
    totalBytes: number | null;
    /**
     * RAM that new work can have without swapping, bytes. null: unknown.
     */
    availableBytes: number | null;
    /**
     * Size of swap, bytes. null: unknown.
     */
    swapTotalBytes: number | null;
    /**
     * Free swap, bytes. null: unknown.
     */
    swapFreeBytes: number | null;
  };
  pressure: null | Pressure;
  /**
   * File systems the agent writes to; the first holds the data directory.
   *
   * @maxItems 4
   */
  disks: DiskHealth[];
  /**
   * Network interfaces with hardware or an address of their own, loopback left out.
   *
   * @maxItems 16
   */
  network: InterfaceHealth[];
  temperatures: null | Temperature[];
  power: null | Power;
  /**
   * The agent itself.
   */
  agent: {
    /**
     * Version of the agent.
     */
    version: string;
    /**
     * Seconds since this agent started.
     */
    uptimeSeconds: number;
    /**
     * RAM held by the agent's process, bytes.
     */
    rssBytes: number;
    /**
     * Processor time the agent used since the sample before, in percent of one core. null: unknown.
     */
    cpuPercent: number | null;
  };
  inventory: null | Inventory;
}
/**
 * How much of a box is free: cold has much, warm some, hot little. Smoothed, and with a margin, so that it does not flap.
 */
export interface Availability {
  /**
   * The hottest of the others.
   */
  class: 'cold' | 'warm' | 'hot';
  cpu: 'cold' | 'warm' | 'hot';
  memory: 'cold' | 'warm' | 'hot';
}
/**
 * Share of the last 10 seconds in which tasks waited for a resource (Linux PSI).
 */
export interface Pressure {
  /**
   * Some task waited for a processor. null: unknown.
   */
  cpuSomePercent: number | null;
  /**
   * Some task waited for memory. null: unknown.
   */
  memorySomePercent: number | null;
  /**
   * All tasks waited for memory. null: unknown.
   */
  memoryFullPercent: number | null;
  /**
   * Some task waited for a disk. null: unknown.
   */
  ioSomePercent: number | null;
  /**
   * All tasks waited for a disk. null: unknown.
   */
  ioFullPercent: number | null;
}
/**
 * One file system.
 */
export interface DiskHealth {
  /**
   * Where it is mounted.
   */
  mount: string;
  /**
   * Kind of file system, for example ext4. null: unknown.
   */
  type: string | null;
  /**
   * Size, bytes. null: unknown.
   */
  totalBytes: number | null;
  /**
   * What an ordinary user may still write, bytes. null: unknown.
   */
  freeBytes: number | null;
  /**
   * Mounted read-only, by intent or because the kernel found an error. null: unknown.
   */
  readOnly: boolean | null;
  /**
   * Worn part of the device's life, in steps of 10, as an eMMC reports it. null: unknown.
   */
  lifeUsedPercent: number | null;
}
/**
 * One interface. Counters run from the start of the box.
 */
export interface InterfaceHealth {
  /**
   * Name of the interface.
   */
  name: string;
  /**
   * Whether it has a carrier. null: unknown.
   */
  up: boolean | null;
  /**
   * Negotiated speed, megabit per second. null: unknown.
   */
  speedMbps: number | null;
  /**
   * Bytes received. null: unknown.
   */
  receivedBytes: number | null;
  /**
   * Bytes sent. null: unknown.
   */
  sentBytes: number | null;
  /**
   * Packets received damaged or dropped for an error. null: unknown.
   */
  receiveErrors: number | null;
  /**
   * Packets that could not be sent. null: unknown.
   */
  sendErrors: number | null;
}
/**
 * One sensor.
 */
export interface Temperature {
  /**
   * Name of the sensor, from the kernel.
   */
  sensor: string;
  /**
   * Degrees Celsius.
   */
  celsius: number;
}
/**
 * Power supply. null: the box does not tell.
 */
export interface Power {
  /**
   * Whether mains or another outside supply feeds the box. null: unknown.
   */
  onMains: boolean | null;
  /**
   * Charge of the emptiest battery. null: unknown.
   */
  batteryPercent: number | null;
}
/**
 * What the box is made of; read at start and every hour. null: not read yet.
 */
export interface Inventory {
  /**
   * Operating system.
   */
  os: {
    /**
     * Distribution. null: unknown.
     */
    name: string | null;
    /**
     * Its release. null: unknown.
     */
    release: string | null;
    /**
     * Kernel release. null: unknown.
     */
    kernel: string | null;
    /**
     * Processor architecture as Node names it. null: unknown.
     */
    arch: string | null;
    /**
     * Host name. null: unknown.
     */
    hostname: string | null;
  };
  /**
   * The machine.
   */
  hardware: {
    /**
     * Who made it. null: unknown.
     */
    manufacturer: string | null;
    /**
     * Model. null: unknown.
     */
    model: string | null;
    /**
     * Whether it is a virtual machine or a container. null: unknown.
     */
    virtual: boolean | null;
  };
  /**
   * The processor.
   */
  cpu: {
    /**
     * Maker and model. null: unknown.
     */
    brand: string | null;
    /**
     * Cores without hyper-threads. null: unknown.
     */
    physicalCores: number | null;
    /**
     * Nominal speed, GHz. null: unknown.
     */
    speedGHz: number | null;
  };
  /**
   * Storage devices.
   *
   * @maxItems 8
   *
   * Items: One device.
   */
  disks: {
    /**
     * Model. null: unknown.
     */
    name: string | null;
    /**
     * HD, SSD, NVMe, eMMC and so on. null: unknown.
     */
    type: string | null;
    /**
     * Size, bytes. null: unknown.
     */
    sizeBytes: number | null;
  }[];
  /**
   * Graphics processors.
   *
   * @maxItems 8
   *
   * Items: One graphics processor.
   */
  gpus: {
    /**
     * Maker and model. null: unknown.
     */
    model: string | null;
    /**
     * Its own memory, MiB. null: unknown.
     */
    vramMiB: number | null;
  }[];
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
  observed?: ObservedRuns;
}
/**
 * A job as it was seen here: means over its newest runs. Absent before there are two.
 */
export interface ObservedRuns {
  /**
   * Runs counted, 32 at most.
   */
  runs: number;
  /**
   * Runs per hour.
   */
  perHour: number;
  /**
   * From the end of a run to the beginning of the next.
   */
  idleGapSeconds: number;
  /**
   * Length of a run.
   */
  durationSeconds: number;
  /**
   * Seconds from the decision to start until the run was under way, by work class.
   */
  startSeconds: {
    /**
     * Seconds.
     */
    hot?: number;
    /**
     * Seconds.
     */
    warm?: number;
    /**
     * Seconds.
     */
    cold?: number;
  };
}
/**
 * Changes of values that happen together, at one revision, or not at all: the body of POST /v1/txn.
 */
export interface KvTransaction {
  /**
   * What must hold; else nothing happens (GUARD_FAILED).
   *
   * @maxItems 64
   */
  guards?: KvGuard[];
  /**
   * Done in order. A key is named by one of them at most.
   *
   * @minItems 1
   * @maxItems 64
   */
  operations: KvOperation[];
}
/**
 * The key is at this revision; 0: it does not exist.
 */
export interface KvRevisionGuard {
  key: string;
  /**
   * Log index.
   */
  revision: number;
}
/**
 * The key has this value.
 */
export interface KvValueGuard {
  key: string;
  value: string;
}
/**
 * The session lives, under this owner epoch.
 */
export interface KvSessionGuard {
  session: KvSessionClaim;
}
/**
 * A session as opening or revalidating it answered.
 */
export interface KvSessionClaim {
  /**
   * Log index.
   */
  session: number;
  /**
   * Log index.
   */
  ownerEpoch: number;
}
export interface KvPutOperation {
  type: 'put';
  key: string;
  value: string;
  session?: KvSessionClaim;
  /**
   * A number that only grows is added to the key.
   */
  sequential?: boolean;
}
/**
 * A key that does not exist is no fault: guard it where it must.
 */
export interface KvDeleteOperation {
  type: 'delete';
  key: string;
}
/**
 * Deletes all keys that begin with this, at most 10 000.
 */
export interface KvDeletePrefixOperation {
  type: 'deletePrefix';
  prefix: string;
}
/**
 * Body of POST /v1/maintenance: a box is to be given nothing new.
 */
export interface MaintenanceOrder {
  /**
   * Name of a box, unique over all tiers.
   */
  node: string;
  /**
   * Why, for people.
   */
  reason?: string;
}
/**
 * Boxes that keep what they have and are given nothing new: answer to GET /v1/maintenance.
 */
export interface MaintenanceDocument {
  /**
   * Log index applied when this was answered.
   */
  revision: number;
  /**
   * @maxItems 256
   */
  maintenance: {
    /**
     * Name of a box, unique over all tiers.
     */
    node: string;
    /**
     * As given with the order.
     */
    reason: string;
    /**
     * Log index of the order.
     */
    revision: number;
    /**
     * Replicas still placed there.
     */
    replicas: number;
  }[];
}
/**
 * What a box is to be in its site's agreement: the body of POST /v1/members. Key and address are needed for a box that is new.
 */
export interface MemberChange {
  /**
   * Name of a box, unique over all tiers.
   */
  name: string;
  /**
   * libp2p peer id (base58, Ed25519).
   */
  peerId?: string;
  /**
   * Multiaddr of the box, without the peer id.
   */
  address?: string;
  /**
   * voter: it decides with the others once it has the log. learner: it only has the log. witness: it votes and keeps no data.
   */
  role?: 'voter' | 'learner' | 'witness';
  /**
   * Name of a box, unique over all tiers.
   */
  replaces?: string;
}
/**
 * Who belongs to a site and who is to: the answer of GET /v1/members.
 */
export interface MembersDocument {
  /**
   * Log index this box has applied.
   */
  revision: number;
  /**
   * Who leads; null when nobody is known to.
   */
  leader: string | null;
  /**
   * A change of voters is between its two steps: majorities of the old and of the new voters are needed.
   */
  changing: boolean;
  /**
   * @maxItems 1024
   */
  members: MemberView[];
}
export interface MemberView {
  /**
   * Name of a box, unique over all tiers.
   */
  name: string;
  /**
   * libp2p peer id (base58, Ed25519).
   */
  peerId: string;
  /**
   * Where it is dialled; null when only it dials.
   */
  address: string | null;
  /**
   * What it is now. joining: not a member yet. leaving: still one.
   */
  role: 'voter' | 'learner' | 'joining' | 'leaving';
  /**
   * What it is to be.
   */
  wanted: 'voter' | 'learner' | 'witness' | 'none';
  /**
   * It keeps no data.
   */
  witness: boolean;
  /**
   * Whether this box is connected with it.
   */
  reachable: boolean;
  /**
   * Entries of the log it has not acknowledged; null on boxes that do not lead.
   */
  behind: number | null;
}
/**
 * All boxes this agent knows of, with what they say of themselves: answer to GET /v1/nodes.
 */
export interface NodesDocument {
  /**
   * Log index applied when this was answered.
   */
  revision: number;
  /**
   * @maxItems 128
   */
  nodes: {
    /**
     * Name of a box, unique over all tiers.
     */
    name: string;
    /**
     * Name of a site.
     */
    site: string;
    /**
     * It is given nothing new.
     */
    cordoned?: boolean;
    /**
     * May be given work.
     */
    usable: boolean;
    /**
     * Why it may not.
     */
    reason: string | null;
    topology: null | TopologyDocument;
    health: null | HealthDocument;
    /**
     * Age of the health document in seconds, on this box's clock.
     */
    healthAgeSeconds: number | null;
    /**
     * Artefacts it holds.
     */
    staged: number;
  }[];
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
  energy?: NodeEnergy;
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
     * Smallest claim of accelerator memory it takes.
     */
    minimumVramMiB?: number;
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
    /**
     * A label, matched exactly.
     */
    kind?: string;
    latencyMs: number;
    mbps: number;
  }[];
}
/**
 * One line a client writes into GET /v1/pipe: a request of the HTTP interface, answered by a line with the same id, in any order.
 */
export interface PipeRequest {
  /**
   * Chosen by the client: different for all requests under way.
   */
  id: number;
  method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /**
   * Path and query, as in HTTP.
   */
  path: string;
  /**
   * The JSON body, where the request has one.
   */
  body?: {
    [k: string]: unknown;
  };
  once?: PipeOnce;
}
export interface PipeNumbered {
  session: number;
  ownerEpoch: number;
  sequence: number;
  /**
   * At most the sequence.
   */
  lowestAwaited: number;
}
export interface PipeKeyed {
  idempotencyKey: string;
}
/**
 * Everything a plan is made from: boxes, links, data sources, workloads, what stands. Costs are seconds per hour.
 */
export interface PlacementProblem {
  version: 1;
  weights: {
    /**
     * Weight of start-up, staging and transfer seconds.
     */
    latency: number;
    /**
     * Weight of forwarding by boxes on the way.
     */
    hops: number;
    /**
     * Weight of load above comfort.
     */
    balance: number;
    /**
     * Weight of risk times criticality.
     */
    robustness: number;
    /**
     * Weight of using scarce hardware for work that does not need it.
     */
    minimumSize: number;
    /**
     * Weight of keeping work near its data and its partners.
     */
    colocation: number;
    /**
     * Weight of moving what already runs.
     */
    migration: number;
    /**
     * Seconds per hour that one unit of money per hour for energy is worth; 0 where absent.
     */
    energy?: number;
    /**
     * Seconds per hour that a box in use counts for; 0 where absent.
     */
    hardware?: number;
    /**
     * Seconds per hour for each moved replica of the group of which most are moved: a plan disturbs many groups a little rather than one a lot. 0 where absent.
     */
    groupMoves?: number;
  };
  /**
   * Money per kilowatt hour now; energy costs nothing where absent.
   */
  energyPrice?: number;
  /**
   * A move must gain this many seconds per hour more than it costs.
   */
  moveThresholdSeconds: number;
  /**
   * Further resources that boxes have and workloads take (`more`), and what is to be known of any resource.
   *
   * @maxItems 21
   */
  resources?: ResourceKind[];
  /**
   * What should be left free of two resources of a box in proportion, so that neither is stranded without the other.
   *
   * @maxItems 64
   */
  proportions?: FreeProportion[];
  /**
   * Rules for workloads together.
   *
   * @maxItems 32768
   */
  groups?: WorkloadGroup[];
  /**
   * @maxItems 4096
   */
  nodes: PlacementNode[];
  /**
   * @maxItems 65536
   */
  links: PlacementLink[];
  /**
   * @maxItems 16384
   */
  sources: PlacementSource[];
  /**
   * @maxItems 32768
   */
  workloads: PlacementWorkload[];
  /**
   * Where replicas are now: moving them costs.
   *
   * @maxItems 65536
   */
  current: PlacedReplica[];
  /**
   * Replicas that must stay exactly there; they use resources and count for spreading.
   *
   * @maxItems 65536
   */
  fixed: PlacedReplica[];
  limits: {
    /**
     * Evaluations allowed; the same problem, seed and steps give the same plan.
     */
    steps: number;
    /**
     * Optional time budget; what was found by then is returned, and need not repeat.
     */
    milliseconds?: number;
    /**
     * Start of the pseudo-random sequence.
     */
    seed: number;
    /**
     * Candidate plans built and improved.
     */
    starts: number;
  };
}
/**
 * Declares a further resource, or says more of one of the five.
 */
export interface ResourceKind {
  /**
   * One of the five that every box has, or a further one: licence-seats, serial-ports, tpu-memory.
   */
  id: string;
  /**
   * A replica keeps its amount at the box where it is now until the whole plan has been carried out: a move needs room at both ends.
   */
  heldWhileMoving?: boolean;
  /**
   * Seconds per hour for each unit of load above comfort, times the balance weight; in place of the square of the load above comfort, which counts where this is absent.
   */
  aboveComfort?: number;
}
/**
 * For each unit of one resource left free on a box, so much of the other should be left free: a core for every 4 GiB.
 */
export interface FreeProportion {
  /**
   * One of the five that every box has, or a further one: licence-seats, serial-ports, tpu-memory.
   */
  of: string;
  /**
   * One of the five that every box has, or a further one: licence-seats, serial-ports, tpu-memory.
   */
  other: string;
  /**
   * Units of the other for each unit of the one.
   */
  ratio: number;
  /**
   * Seconds per hour for each unit of the other that is missing on a box, times the balance weight.
   */
  price: number;
}
/**
 * Rules for workloads together. A member without a place counts in their favour, as if it were wherever it is missed.
 */
export interface WorkloadGroup {
  /**
   * Unique among groups.
   */
  id: string;
  /**
   * Their workloads; those that the problem does not have are left out.
   *
   * @maxItems 32768
   *
   * Items: Name of a workload, unique in its site.
   */
  members: string[];
  /**
   * No two of their replicas on one box.
   */
  apart?: boolean;
  /**
   * Their replicas are in at least so many failure domains, or each in its own where they are fewer.
   */
  leastDomains?: number;
  /**
   * In every area where a replica of this group runs, one of each of these groups runs, too.
   *
   * @maxItems 256
   */
  near?: string[];
}
/**
 * A box that can be given work.
 */
export interface PlacementNode {
  /**
   * Name of a box, unique over all tiers.
   */
  id: string;
  /**
   * Name of a box, unique over all tiers.
   */
  parent?: string;
  /**
   * Failure domain.
   */
  domain: string;
  /**
   * Area within which groups count as near each other; its failure domain where absent.
   */
  area?: string;
  /**
   * 0 beside the machines, 1 and up for upper tiers.
   */
  level: number;
  capacity: ResourceVector;
  reserved?: ResourceVector;
  comfort?: ComfortShares;
  /**
   * Only workloads that need at least this much RAM are admitted.
   */
  minimumMemoryMiB?: number;
  /**
   * Only workloads that need at least this much accelerator memory are admitted.
   */
  minimumVramMiB?: number;
  /**
   * Administrative limit of replicas here.
   */
  maxWorkloads?: number;
  energy?: NodeEnergy;
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
  admits: {
    /**
     * Only these requesters; everybody when absent.
     *
     * @maxItems 64
     *
     * Items: A label, matched exactly.
     */
    requesters?: string[];
    /**
     * Only workloads with one of these tags; all when absent.
     *
     * @maxItems 64
     *
     * Items: A label, matched exactly.
     */
    workloadTags?: string[];
  };
  health: {
    /**
     * May be given work.
     */
    usable: boolean;
    /**
     * Takes no new work, keeps what it has.
     */
    cordoned?: boolean;
    /**
     * 0 (sound) to 1 (about to fail).
     */
    risk: number;
    reason?: string;
  };
  speed: {
    /**
     * Reading speed of the disk.
     */
    diskMBps: number;
    /**
     * Reading speed of the cache storage.
     */
    cacheMBps: number;
  };
  /**
   * Artefacts already here.
   *
   * @maxItems 8192
   *
   * Items: SHA-256, lower-case hexadecimal.
   */
  stagedArtefacts: string[];
  /**
   * What moving one replica from here to another box costs besides; nothing where a box is not named.
   *
   * @maxItems 4096
   */
  leaving?: LeavingCost[];
}
/**
 * An amount of every resource.
 */
export interface ResourceVector {
  /**
   * RAM.
   */
  memoryMiB: number;
  /**
   * Cache storage that keeps warm workloads.
   */
  cacheMiB: number;
  /**
   * CPU cores, all busy.
   */
  cpuCores: number;
  /**
   * Disk space.
   */
  diskMiB: number;
  /**
   * Memory of accelerators.
   */
  vramMiB: number;
  more?: MoreAmounts;
}
/**
 * Amounts of further resources, each declared in `resources`; 0 where not named.
 */
export interface MoreAmounts {
  [k: string]: number;
}
/**
 * Share of the capacity up to which load costs nothing; 0.7 where absent.
 */
export interface ComfortShares {
  /**
   * Share of the capacity.
   */
  memoryMiB?: number;
  /**
   * Share of the capacity.
   */
  cacheMiB?: number;
  /**
   * Share of the capacity.
   */
  cpuCores?: number;
  /**
   * Share of the capacity.
   */
  diskMiB?: number;
  /**
   * Share of the capacity.
   */
  vramMiB?: number;
  more?: MoreComfort;
}
/**
 * The same for further resources.
 */
export interface MoreComfort {
  [k: string]: number;
}
export interface LeavingCost {
  /**
   * Name of a box, unique over all tiers.
   */
  to: string;
  /**
   * Seconds per hour, times the migration weight.
   */
  seconds: number;
}
/**
 * A two-way link between boxes.
 */
export interface PlacementLink {
  /**
   * Name of a box, unique over all tiers.
   */
  a: string;
  /**
   * Name of a box, unique over all tiers.
   */
  b: string;
  /**
   * A label, matched exactly.
   */
  kind?: string;
  /**
   * One way.
   */
  latencyMs: number;
  /**
   * Megabits per second.
   */
  mbps: number;
}
/**
 * A data source.
 */
export interface PlacementSource {
  /**
   * Name of a data source, for example press-7/vibration.
   */
  id: string;
  /**
   * Boxes that deliver the same data: any one will do.
   *
   * @maxItems 256
   *
   * Items: Name of a box, unique over all tiers.
   */
  nodes: string[];
  /**
   * Megabytes per second it delivers; 0 where that is not known, and then no limit.
   */
  rateMBps: number;
}
/**
 * What is to be placed.
 */
export interface PlacementWorkload {
  /**
   * Name of a workload, unique in its site.
   */
  id: string;
  /**
   * A label, matched exactly.
   */
  requester?: string;
  /**
   * @maxItems 32
   *
   * Items: A label, matched exactly.
   */
  tags: string[];
  demand: PlacementDemand;
  /**
   * Runs per hour.
   */
  perHour?: number;
  /**
   * Expected gap between the end of a run and the next request; used when perHour is absent.
   */
  idleGapSeconds?: number;
  /**
   * Expected length of one run.
   */
  durationSeconds: number;
  /**
   * @maxItems 32
   */
  inputs: PlacementInput[];
  /**
   * 0 (nice to have) to 1 (the plant stops without it).
   */
  criticality: number;
  /**
   * Copies.
   */
  replicas: number;
  /**
   * Replicas on distinct boxes, or in distinct failure domains.
   */
  spread: 'node' | 'domain';
  /**
   * Never on one box with these.
   *
   * @maxItems 32
   *
   * Items: Name of a workload, unique in its site.
   */
  antiAffinity: string[];
  /**
   * Better near these.
   *
   * @maxItems 32
   *
   * Items: Name of a workload, unique in its site.
   */
  affinity: string[];
  /**
   * Data each run takes from runs of other workloads: better near them, by the megabytes.
   *
   * @maxItems 32
   */
  flows?: PlacementFlow[];
  /**
   * Stages it can be cut into. It is cut only where that gives a better plan than leaving it whole.
   *
   * @minItems 2
   * @maxItems 16
   */
  parts?: PlacementPart[];
  requires: {
    /**
     * @maxItems 32
     *
     * Items: A label, matched exactly.
     */
    tags: string[];
    /**
     * @maxItems 32
     *
     * Items: A label, matched exactly.
     */
    extras: string[];
    /**
     * Only these boxes; any when absent.
     *
     * @maxItems 64
     *
     * Items: Name of a box, unique over all tiers.
     */
    nodes?: string[];
  };
  startup: {
    /**
     * Seconds to create and initialise the execution environment.
     */
    initSeconds: number;
  };
  /**
   * @minItems 1
   * @maxItems 3
   *
   * Items: How firmly a workload stays in memory after a run: hot in RAM, warm in cache storage, cold in neither.
   */
  classes: ('hot' | 'warm' | 'cold')[];
  /**
   * @maxItems 32
   */
  artefacts: {
    /**
     * SHA-256, lower-case hexadecimal.
     */
    sha256: string;
    /**
     * Size.
     */
    bytes: number;
  }[];
  /**
   * Boxes that lack one of the artefacts cannot take it.
   */
  mustBeStaged: boolean;
  /**
   * Name of a box, unique over all tiers.
   */
  pin?: string;
  /**
   * Seconds per hour that moving one replica costs, times the migration weight: in place of what follows from its start. The problem's threshold is added.
   */
  moveSeconds?: number;
  /**
   * What was observed at single boxes; takes the place of what would be computed there. Each box at most once.
   *
   * @maxItems 4096
   */
  measured?: MeasuredRun[];
}
export interface PlacementDemand {
  /**
   * RAM of one running replica.
   */
  memoryMiB: number;
  /**
   * Size in cache or on disk of what is loaded at a start.
   */
  imageMiB: number;
  /**
   * CPU seconds of one run.
   */
  cpuSeconds: number;
  /**
   * Disk space.
   */
  diskMiB: number;
  /**
   * Accelerator memory of one running replica.
   */
  vramMiB: number;
  more?: MoreAmounts;
}
export interface PlacementInput {
  /**
   * Name of a data source, for example press-7/vibration.
   */
  source: string;
  /**
   * Megabytes read per run.
   */
  mbPerCall: number;
  /**
   * Links between the box and the source.
   */
  maxHops?: number;
  /**
   * One way, from the source to the box.
   */
  maxLatencyMs?: number;
  /**
   * Every link its data takes has at least this many megabits per second.
   */
  minMbps?: number;
  /**
   * Megabytes per second it must be able to take in: the source delivers them, and every link its data takes carries them.
   */
  rateMBps?: number;
  /**
   * Every link its data takes is of one of these kinds.
   *
   * @minItems 1
   * @maxItems 16
   *
   * Items: A label, matched exactly.
   */
  linkKinds?: string[];
  /**
   * Limits must hold; else they only cost.
   */
  hard: boolean;
}
export interface PlacementFlow {
  /**
   * Name of a workload, unique in its site.
   */
  from: string;
  /**
   * Megabytes per run.
   */
  mbPerRun: number;
}
/**
 * One stage of a workload that may be placed stage by stage. What is not said is as for the whole.
 */
export interface PlacementPart {
  /**
   * Unique in its workload; placed as WORKLOAD--PART.
   */
  id: string;
  demand: PlacementDemand;
  /**
   * Expected length of its share of a run.
   */
  durationSeconds: number;
  /**
   * @maxItems 32
   */
  inputs: PlacementInput[];
  /**
   * What it takes from earlier parts. A part that takes from several brings their results together.
   *
   * @maxItems 16
   */
  takes: {
    part: string;
    /**
     * Megabytes per run.
     */
    mbPerRun: number;
  }[];
}
export interface MeasuredRun {
  /**
   * Name of a box, unique over all tiers.
   */
  node: string;
  /**
   * Seconds one run waits for its start there, in every class.
   */
  startSeconds?: number;
  /**
   * The same by class, where it was seen in that class.
   */
  startSecondsByClass?: {
    /**
     * Seconds.
     */
    hot?: number;
    /**
     * Seconds.
     */
    warm?: number;
    /**
     * Seconds.
     */
    cold?: number;
  };
  /**
   * RAM of one running replica there.
   */
  memoryMiB?: number;
}
/**
 * One replica at one box in one class.
 */
export interface PlacedReplica {
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
 * All placements in force: answer to GET /v1/placements.
 */
export interface PlacementsDocument {
  /**
   * Log index applied when this was answered.
   */
  revision: number;
  /**
   * @maxItems 8192
   */
  placements: Placement[];
}
/**
 * Where every replica goes, what it costs, what else was possible.
 */
export interface Plan {
  version: 1;
  /**
   * @maxItems 65536
   */
  assignments: PlacedReplica[];
  objective: Objective;
  /**
   * No plan that places everything costs less, in seconds per hour.
   */
  bound: number;
  /**
   * How far the plan may be from the bound, in percent of it; absent when nothing is proven or the bound is 0.
   */
  gapPercent?: number;
  provenBy: 'enumeration' | 'relaxation' | 'lagrangian' | 'none';
  /**
   * @maxItems 65536
   */
  unplaced: UnplacedReplica[];
  /**
   * @maxItems 8
   */
  alternatives: PlanAlternative[];
  explanation: {
    /**
     * For the plan chosen.
     *
     * @maxItems 64
     */
    pros: string[];
    /**
     * Against it.
     *
     * @maxItems 64
     */
    cons: string[];
  };
  /**
   * Replicas that change their box.
   *
   * @maxItems 65536
   */
  moves: {
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
    from: string;
    /**
     * Name of a box, unique over all tiers.
     */
    to: string;
  }[];
  /**
   * Of the assignments: equal plans have equal hashes.
   */
  hash: string;
  trace: {
    /**
     * As given.
     */
    seed: number;
    /**
     * Evaluations used.
     */
    steps: number;
    /**
     * Wall time, where it was measured.
     */
    elapsedMs?: number;
    /**
     * Ended before its steps were used up.
     */
    interrupted: boolean;
    /**
     * Builder: from what stands, by regret, by the diffusion law, drawn evenly, step by step through all places, all candidates tried, one change to the plan chosen, or a search on prices.
     */
    madeBy: 'current' | 'regret' | 'diffusion' | 'random' | 'raster' | 'enumeration' | 'neighbour' | 'search';
    /**
     * @maxItems 80
     */
    starts: {
      /**
       * Builder: from what stands, by regret, by the diffusion law, drawn evenly, step by step through all places, all candidates tried, one change to the plan chosen, or a search on prices.
       */
      madeBy: 'current' | 'regret' | 'diffusion' | 'random' | 'raster' | 'enumeration' | 'neighbour' | 'search';
      /**
       * Seconds per hour, after improvement.
       */
      total: number;
      /**
       * Replicas without a place.
       */
      unplaced: number;
    }[];
  };
}
/**
 * Figure of merit in seconds per hour; lower is better.
 */
export interface Objective {
  /**
   * Exactly the sum of the terms.
   */
  total: number;
  /**
   * @maxItems 16
   */
  terms: MeritTerm[];
}
/**
 * One named part of the objective; lower is better.
 */
export interface MeritTerm {
  name:
    | 'startup'
    | 'staging'
    | 'transfer'
    | 'hops'
    | 'balance'
    | 'robustness'
    | 'minimumSize'
    | 'affinity'
    | 'colocation'
    | 'migration'
    | 'energy'
    | 'hardware';
  unit: 's/h';
  /**
   * Factor.
   */
  weight: number;
  /**
   * Weighted, in seconds per hour, rounded to six decimals.
   */
  cost: number;
}
/**
 * A replica without a place.
 */
export interface UnplacedReplica {
  /**
   * Name of a workload, unique in its site.
   */
  workload: string;
  /**
   * 0 .. replicas-1.
   */
  replica: number;
  /**
   * The binding constraint, and by how much.
   */
  summary: string;
  /**
   * Boxes nearest to fitting first, each in its best class.
   *
   * @maxItems 64
   */
  reasons: NodeRefusal[];
}
export interface NodeRefusal {
  /**
   * Name of a box, unique over all tiers.
   */
  node: string;
  /**
   * How firmly a workload stays in memory after a run: hot in RAM, warm in cache storage, cold in neither.
   */
  class: 'hot' | 'warm' | 'cold';
  /**
   * @maxItems 64
   */
  misfits: Misfit[];
}
/**
 * One reason why a replica cannot run at a box, with the shortfall.
 */
export interface Misfit {
  code:
    | 'MEMORY_SHORT'
    | 'CACHE_SHORT'
    | 'CPU_SHORT'
    | 'DISK_SHORT'
    | 'VRAM_SHORT'
    | 'HOPS'
    | 'LATENCY'
    | 'SOURCE_UNREACHABLE'
    | 'LINK_UNFIT'
    | 'DATA_RATE'
    | 'TAG_MISSING'
    | 'EXTRA_MISSING'
    | 'NODE_NOT_ALLOWED'
    | 'UNUSABLE'
    | 'CORDONED'
    | 'REQUESTER'
    | 'WORKLOAD_TAG'
    | 'MINIMUM_CLAIM'
    | 'NOT_STAGED'
    | 'MAX_WORKLOADS'
    | 'REPLICA_HERE'
    | 'DOMAIN_TAKEN'
    | 'ANTI_AFFINITY'
    | 'CLASS_NOT_ALLOWED'
    | 'RESOURCE_SHORT'
    | 'HELD_SHORT'
    | 'GROUP_APART'
    | 'GROUP_SPREAD'
    | 'GROUP_NEAR'
    | 'GROUP_MISSED';
  /**
   * Needed.
   */
  needMiB?: number;
  /**
   * Free for it.
   */
  freeMiB?: number;
  /**
   * Needed.
   */
  needCores?: number;
  /**
   * Free for it.
   */
  freeCores?: number;
  /**
   * What is allowed: hops, milliseconds, replicas, failure domains, or what is free of a named resource.
   */
  limit?: number;
  /**
   * What it is: hops, milliseconds, replicas, failure domains, or what is needed of a named resource.
   */
  actual?: number;
  /**
   * What is missing, or in the way.
   *
   * @maxItems 64
   */
  names?: string[];
}
export interface PlanAlternative {
  hash: string;
  /**
   * Builder: from what stands, by regret, by the diffusion law, drawn evenly, step by step through all places, all candidates tried, one change to the plan chosen, or a search on prices.
   */
  madeBy: 'current' | 'regret' | 'diffusion' | 'random' | 'raster' | 'enumeration' | 'neighbour' | 'search';
  /**
   * @maxItems 65536
   */
  assignments: PlacedReplica[];
  /**
   * Replicas without a place.
   */
  unplaced: number;
  objective: Objective;
  /**
   * What is better than in the plan chosen.
   *
   * @maxItems 64
   */
  pros: string[];
  /**
   * What is worse.
   *
   * @maxItems 64
   */
  cons: string[];
}
/**
 * Every refusal over HTTP (RFC 9457), served as application/problem+json.
 */
export interface ProblemDetails {
  /**
   * about:blank: the code says it all.
   */
  type: string;
  /**
   * The HTTP status in words.
   */
  title: string;
  /**
   * HTTP status.
   */
  status: number;
  /**
   * What went wrong, to match on.
   */
  code: string;
  /**
   * Place, facts and remedy in words.
   */
  detail: string;
  /**
   * True: the change certainly did not happen. False: it may still.
   */
  definite: boolean;
}
/**
 * How one agent and its site are, as this agent sees it.
 */
export interface StatusDocument {
  /**
   * Version of this document.
   */
  version: 1;
  /**
   * This box.
   */
  node: {
    /**
     * Name of a box, unique over all tiers.
     */
    name: string;
    /**
     * Name of a site.
     */
    site: string;
    /**
     * libp2p peer id (base58, Ed25519).
     */
    peerId: string;
    /**
     * Version of the agent.
     */
    version: string;
    /**
     * Process id of the agent.
     */
    pid: number;
    /**
     * How often an agent was started on this data directory.
     */
    run: number;
    /**
     * Seconds since this agent started.
     */
    uptimeSeconds: number;
  };
  /**
   * Who decides placements.
   */
  authority: {
    /**
     * Who decides placements: the upper site, this site's leader, nobody while merging, or nobody because this box has no quorum.
     */
    mode: 'connected' | 'autonomous' | 'rejoining' | 'isolated';
    /**
     * Who decides placements: the upper site, this site's leader, nobody while merging, or nobody because this box has no quorum.
     */
    siteMode: 'connected' | 'autonomous' | 'rejoining' | 'isolated';
    /**
     * Grows with every change of the site's mode.
     */
    epoch: number;
    /**
     * Newest intent of the upper site in force.
     */
    basisRevision: number;
  };
  /**
   * This box's part in the site's agreement.
   */
  consensus: {
    /**
     * Raft role.
     */
    role: 'follower' | 'preCandidate' | 'candidate' | 'leader';
    /**
     * Raft term.
     */
    term: number;
    /**
     * Leader known here; null while there is none.
     */
    leader: string | null;
    /**
     * Leader: its term has begun. Others: caught up with what the leader said to be committed.
     */
    ready: boolean;
    /**
     * Log index known to be committed.
     */
    commitIndex: number;
    /**
     * Log index applied here.
     */
    appliedIndex: number;
    /**
     * Last log index here.
     */
    lastIndex: number;
    /**
     * Last log index on this box's disk.
     */
    durableIndex: number;
    /**
     * How long this box waits for its leader before it campaigns: up to twice this. A leader steps down after it without a majority.
     */
    electionTimeout: {
      /**
       * In force now.
       */
      ms: number;
      /**
       * least: /timing/electionMs. measured: this box's disk and round trips. leader: what the leader measured. most: /timing/electionMaxMs. rest: the site rests, heartbeats are /timing/restPingMs apart.
       */
      because: 'least' | 'measured' | 'leader' | 'most' | 'rest';
      /**
       * 99 in 100 writes to the log took at most this long.
       */
      syncMs: number;
      /**
       * On the leader: the longest round trip, with four times its usual deviation; to the grain of 10 ms.
       */
      roundTripMs: number;
      /**
       * Nothing happens, and all members agreed on fewer heartbeats.
       */
      rests: boolean;
    };
    /**
     * Voting members.
     *
     * @maxItems 9
     *
     * Items: Name of a box, unique over all tiers.
     */
    voters: string[];
    /**
     * Members that keep no data; left out without any.
     *
     * @maxItems 9
     *
     * Items: Name of a box, unique over all tiers.
     */
    witnesses?: string[];
    /**
     * On the leader of a site with a witness: boxes that hold everything committed and are connected. 1: the next box to die takes data with it.
     */
    copies?: number;
    /**
     * The last batch of this box's log was torn or damaged: until it has all of a leader's log again it leads only with the votes of all, and votes for less than it may have had only then. Left out when it is not so.
     */
    uncertain?: true;
    /**
     * This box could not trust its memory, set it aside, and has no vote until its site has given it anew; left out when it is well.
     */
    healing?: {
      /**
       * asking: its site has not let it begin anew yet. learning: it is given the log.
       */
      stage: 'asking' | 'learning';
      /**
       * What was wrong with its memory.
       */
      code: string;
      /**
       * The same in words, with the place.
       */
      reason: string;
      /**
       * What the last member asked said against it.
       */
      refusal: string | null;
    };
    /**
     * Who campaigns first, second, … when the leader's links are lost: voters that keep the data, by name. One whose log is behind loses to the next.
     *
     * @maxItems 9
     *
     * Items: Name of a box, unique over all tiers.
     */
    succession: string[];
  };
  /**
   * The link to the upper site; answered by the leader, who alone speaks over it.
   */
  uplink: {
    /**
     * There is an upper site.
     */
    configured: boolean;
    /**
     * Name of the upper site.
     */
    site: string | null;
    /**
     * The upper site's box is connected to this one.
     */
    connected: boolean;
    /**
     * Seconds since the last answer; null on members that do not lead, or before the first.
     */
    lastContactSeconds: number | null;
  };
  /**
   * All members of the site.
   *
   * @maxItems 32
   */
  members: {
    /**
     * Name of a box, unique over all tiers.
     */
    name: string;
    /**
     * Connected to this box (true for itself).
     */
    reachable: boolean;
    /**
     * What the members say of it together.
     */
    verdict: 'alive' | 'cut-off' | 'lost' | 'unknown';
    /**
     * Members that were heard on it.
     */
    observers: number;
    /**
     * How many of them do not reach it.
     */
    unreachableFor: number;
    /**
     * Age of its newest health document; null before the first.
     */
    healthAgeSeconds: number | null;
  }[];
  /**
   * Replicas on this box.
   */
  workloads: {
    /**
     * Given to this box.
     */
    desired: number;
    /**
     * Serving, or a job between two runs.
     */
    ready: number;
    /**
     * May not start yet.
     */
    blocked: number;
    /**
     * Replicas of the site without a box.
     */
    unplaced: number;
  };
  /**
   * What came from outside and was not let in, since this agent started.
   */
  refused: {
    /**
     * Connections of unknown peers.
     */
    strangers: number;
    /**
     * Streams of another cluster, version or incarnation.
     */
    hellos: number;
    /**
     * Malformed or oversized frames.
     */
    frames: number;
    /**
     * Gossip messages refused.
     */
    gossip: number;
    /**
     * Refused documents by peer.
     *
     * @maxItems 64
     */
    documents: {
      /**
       * Who sent it.
       */
      from: string;
      /**
       * Which document.
       */
      kind: 'health' | 'topology' | 'instances';
      /**
       * How many.
       */
      count: number;
      /**
       * Why the last one was refused.
       */
      lastReason: string;
    }[];
  };
  /**
   * The disk under log and state.
   */
  storage: {
    /**
     * slow: writes take longer than /timing/slowSyncMs, and this box does not keep leading. failed: writes fail, this box has stepped down and tries again.
     */
    state: 'ok' | 'slow' | 'failed';
    /**
     * Why.
     */
    detail: string | null;
  };
  /**
   * Where this interface is served.
   *
   * @maxItems 4
   */
  endpoints: string[];
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
   * The upper site's log, in which revisions count. Another name than before: it lost its memory.
   */
  log: string;
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
   * Boxes of its site that it does not reach though both are alive.
   *
   * @maxItems 32
   *
   * Items: Name of a box, unique over all tiers.
   */
  unreached?: string[];
  /**
   * Its site gives it nothing new.
   */
  cordoned?: boolean;
  availability?: Availability;
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
  /**
   * What it runs.
   *
   * @maxItems 256
   */
  instances?: InstanceStatus[];
}
export interface Intent {
  revision: number;
  decision?: Decision;
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
     * Every link its data takes has at least this many megabits per second.
     */
    minMbps?: number;
    /**
     * Megabytes per second it must be able to take in: the source delivers them, and every link its data takes carries them.
     */
    rateMBps?: number;
    /**
     * Every link its data takes is of one of these kinds.
     *
     * @minItems 1
     * @maxItems 16
     *
     * Items: A label, matched exactly.
     */
    linkKinds?: string[];
    /**
     * Whether the limits must hold, or only cost.
     */
    hard?: boolean;
  }[];
  /**
   * Data each run takes from runs of other workloads: placed nearer to them, by the megabytes.
   *
   * @maxItems 32
   */
  flows?: {
    /**
     * Name of a workload, unique in its site.
     */
    from: string;
    /**
     * Megabytes per run.
     */
    mbPerRun: number;
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
    /**
     * The upper site's log that revision counts in.
     */
    basisLog?: string;
  };
  /**
   * @minItems 1
   * @maxItems 64
   */
  nodes: ReportedNode[];
  /**
   * Members that are lost and of which nothing else is known: what was placed there is to run elsewhere.
   *
   * @maxItems 64
   *
   * Items: Name of a box, unique over all tiers.
   */
  absent: string[];
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
/**
 * Workloads, where their replicas belong and what their boxes say of them: answer to GET /v1/workloads.
 */
export interface WorkloadsDocument {
  /**
   * Log index applied when this was answered.
   */
  revision: number;
  /**
   * @maxItems 1024
   */
  workloads: {
    /**
     * Name of a workload, unique in its site.
     */
    name: string;
    /**
     * Runs all the time, or again and again.
     */
    kind: 'service' | 'job';
    /**
     * Who gave it: site, upper, or child:NAME.
     */
    origin: string;
    /**
     * What a box does with the workload when it loses its quorum: keep it running, or stop it before anybody else may start it.
     */
    onSplit: 'keep' | 'stop';
    /**
     * Replicas asked for.
     */
    wanted: number;
    /**
     * @maxItems 16
     */
    replicas: {
      /**
       * 0 .. wanted-1.
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
       * Fence of the placement.
       */
      epoch: number;
      /**
       * Decided by the site alone, not yet confirmed.
       */
      provisional: boolean;
      /**
       * As its box says; null when that was not heard.
       */
      state: string | null;
      /**
       * Process id on its box.
       */
      pid: number | null;
      /**
       * Started by an earlier run of its agent.
       */
      adopted: boolean;
      /**
       * Restarts after failures.
       */
      restarts: number;
      /**
       * Completed runs of a job.
       */
      runs: number;
      /**
       * Milliseconds the last start took.
       */
      lastStartMs: number | null;
      /**
       * Runs per hour as seen on its box; absent before there are two.
       */
      perHour?: number;
      /**
       * Ports by name.
       */
      ports: {
        [k: string]: number;
      };
      /**
       * Why it does not run.
       */
      reason: string | null;
    }[];
  }[];
}
