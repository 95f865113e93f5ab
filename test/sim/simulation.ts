import type { Message } from '../../consensus/core/messages.ts';
import { type NodeId, tickMs } from '../../consensus/core/types.ts';
import { Ballots } from './checkers/ballots.ts';
import { BoundedMemory } from './checkers/bounded-memory.ts';
import { CommittedLog, LeaderCompleteness, StateMachineSafety } from './checkers/committed-log.ts';
import { DefiniteRefusals } from './checkers/definite-refusals.ts';
import { DurableAcks } from './checkers/durable-acks.ts';
import { ElectionSafety } from './checkers/election-safety.ts';
import { ExactlyOnce } from './checkers/exactly-once.ts';
import { LeaderBelief } from './checkers/leader-belief.ts';
import { LeaderHeard } from './checkers/leader-heard.ts';
import { LeaderInTouch } from './checkers/leader-in-touch.ts';
import { LeaseSafety } from './checkers/lease-safety.ts';
import { Linearizability } from './checkers/linearizability.ts';
import { LockExclusivity } from './checkers/lock-exclusivity.ts';
import { LogMatching } from './checkers/log-matching.ts';
import { Memberships } from './checkers/memberships.ts';
import { checkProgress } from './checkers/progress.ts';
import { ReadFloor } from './checkers/read-floor.ts';
import { ReplicatedState } from './checkers/replicated-state.ts';
import { SessionBounds } from './checkers/session-bounds.ts';
import { Transactions } from './checkers/transactions.ts';
import { Violation } from './checkers/violation.ts';
import { WatchOrder } from './checkers/watch-order.ts';
import { Clients } from './clients.ts';
import { Cluster } from './cluster.ts';
import { type FaultKind, Faults } from './faults.ts';
import { Network } from './network.ts';
import type { Observer } from './observer.ts';
import { SeededRandom } from './random.ts';
import { Releases } from './releases.ts';
import { SessionClients } from './session-clients.ts';
import { type Temper, type TemperName, temperOf, tempers } from './tempers.ts';
import { Times } from './times.ts';
import { tracer } from './trace.ts';

export interface SimulationOptions {
  readonly seed: number;
  /** Length of the phase with faults, in ticks. @default 3600 */
  readonly faultTicks?: number;
  /** Time the healed cluster has to make progress, in ticks. @default 900 */
  readonly quietTicks?: number;
  /** What the run is made to find. @default drawn by the seed */
  readonly temper?: TemperName;
  /** Kinds of faults left out. */
  readonly without?: ReadonlySet<FaultKind>;
  /** Takes each line of the trace. */
  readonly onTrace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  readonly ok: boolean;
  /** What went wrong, in one line. */
  readonly failure: string | undefined;
  /** Which rule was broken. */
  readonly checker: string | undefined;
  /** Simulated milliseconds, the quiet phase left out. */
  readonly faultyMs: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly snapshots: number;
  readonly nodes: number;
  readonly elections: number;
  /** Memberships that were in force. */
  readonly memberships: number;
  readonly committed: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly verdicts: number;
  readonly leaseRenewals: number;
  readonly messages: number;
  /** How often a site at rest agreed to be silent for longer. */
  readonly rests: number;
  /** Starts of a box with another release than before, and messages in an older form. */
  readonly updates: number;
  readonly older: number;
  readonly sessions: {
    readonly answered: number;
    readonly expired: number;
    readonly repeated: number;
    readonly holders: number;
    readonly told: number;
  };
}

/** Runs one seed: faults and safety checks first, then quiet and progress checks. The same seed gives the same run. */
export function simulate(options: SimulationOptions): SimulationResult {
  const { seed, faultTicks = 3600, quietTicks = 900, without = new Set<FaultKind>(), onTrace } = options;
  const temper: Temper = tempers[options.temper ?? temperOf(seed)];
  const random = new SeededRandom(seed);
  const times = new Times(seed);
  const releases = new Releases(seed);
  const voterCount = random.pick(temper.voterCounts);
  const voters: NodeId[] = Array.from({ length: voterCount }, (_, at) => `n${at + 1}`);
  const learners = random.chance(20) ? ['learner'] : [];
  // Boxes that belong to nobody yet; the last one keeps no data.
  const spares = random.chance(temper.sparesPercent) ? ['s1', 's2', 's3', 'witness'] : [];
  // Thousandths by which clocks go fast or slow: crystals at their worst, and virtual machines.
  const drift = random.pick([0, 0, 1, 20]);
  const network = new Network(random, { lossPercent: 0, duplicatePercent: 0, delayMin: 0, delayMax: 2 });
  let messages = 0;
  let now = () => 0;
  const trace = (line: string): void => onTrace?.(`${now()} ${line}`);

  const elections = new ElectionSafety();
  const matching = new LogMatching();
  const log = new CommittedLog();
  const refusals = new DefiniteRefusals();
  const linearizability = new Linearizability();
  const leases = new LeaseSafety(() => now());
  const floor = new ReadFloor();
  const clients = new Clients(random, 8, { linearizability, refusals, floor });
  const memberships = new Memberships({ voters, learners });
  const durable = new DurableAcks(() => cluster.nodes.values(), matching.mirror, memberships);
  const completeness = new LeaderCompleteness(log, matching.mirror);
  const checkers = { bounds: new SessionBounds(() => now()), locks: new LockExclusivity(), watches: new WatchOrder() };
  const once = new ExactlyOnce();
  const states = new ReplicatedState();
  const sessions = new SessionClients(random, random.pick(temper.sessionCounts), () => cluster, checkers, times.ttlFactor);
  const observers: Observer[] = [
    releases,
    elections,
    matching,
    memberships,
    new Ballots(memberships),
    completeness,
    durable,
    new LeaderBelief(() => cluster.nodes, matching.mirror),
    new LeaderInTouch(),
    new LeaderHeard(),
    new Transactions(),
    floor,
    new StateMachineSafety(log),
    refusals,
    leases,
    clients,
  ];
  observers.push(states, checkers.watches, checkers.bounds, checkers.locks, once, new BoundedMemory(), sessions);
  const membershipsSeen = new Set<number>();
  let snapshots = 0;
  observers.push({
    event: (_node, event) => {
      if (event.type === 'membership') membershipsSeen.add(event.index);
      if (event.type === 'snapshot-received') snapshots += 1;
    },
  });
  if (onTrace !== undefined) observers.push(tracer(trace));

  const snapshotBytes = random.pick(temper.snapshotBytes);
  // After all others: what fails now was seen by them.
  observers.push({ sent: (message) => faults.sent(message), saving: (node, save) => faults.saving(node, save) });

  const cluster: Cluster = new Cluster({
    network,
    observers,
    nodes: [...voters, ...learners, ...spares].map((id) => ({
      id,
      membership: spares.includes(id) ? { voters: [], learners: [] } : { voters, learners },
      witness: id === 'witness',
      timing: times.timing(),
      random,
      clockOffset: random.nextInt(1_000_000),
      clockRate: drift === 0 ? 1 : 1 + random.between(-drift, drift) / 1000,
      compactEntries: random.pick(temper.compactEntries),
      snapshotBytes,
    })),
    diskDelay: (node) => faults.diskDelay(node),
    pass: (message) => releases.pass(message),
    onSend: (message: Message) => {
      messages += 1;
      if (onTrace !== undefined) trace(`${message.from} > ${message.to} ${message.type} term=${message.term}`);
    },
  });
  now = () => cluster.agenda.now;
  const faults = new Faults(
    random,
    cluster,
    { flippable: spares.length === 0 ? voters : [], changing: spares.length > 0, temper, without },
    trace,
  );

  let failure: string | undefined;
  let checker: string | undefined;
  let faultyTicks = 0;
  try {
    for (const node of cluster.nodes.values()) node.start();
    while (cluster.agenda.now < faultTicks) {
      times.tick(cluster, faults, clients, sessions);
      checkers.locks.check(sessions.clients);
      cluster.tick();
    }
    faultyTicks = cluster.agenda.now;
    faults.mendAll();
    checkProgress(cluster, clients, times.quiet(quietTicks));
    checkers.bounds.checkCalm(cluster);
    states.checkEqual(cluster);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    checker = error instanceof Violation ? error.checker : error.name;
    failure = `tick ${cluster.agenda.now}: ${error.message}`;
    trace(failure);
  }
  return {
    seed,
    ok: failure === undefined,
    failure,
    checker,
    faultyMs: (faultyTicks || cluster.agenda.now) * tickMs,
    faults: Object.fromEntries(faults.counts),
    snapshots,
    nodes: cluster.nodes.size,
    elections: elections.elections,
    memberships: membershipsSeen.size,
    committed: log.lastIndex,
    acknowledged: clients.acknowledged,
    refused: clients.refusedCount,
    verdicts: clients.verdictCount,
    leaseRenewals: leases.renewals,
    messages,
    rests: times.rests,
    updates: releases.updates,
    older: releases.older,
    sessions: {
      answered: sessions.answered,
      expired: checkers.bounds.expired,
      repeated: once.repeated,
      holders: checkers.locks.holders,
      told: checkers.watches.changesTold,
    },
  };
}
