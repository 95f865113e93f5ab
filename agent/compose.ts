/** Builds the agent: the only file that knows every part. Parts start in dependency order and stop in reverse. */
import { randomInt, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { BootClock } from '../consensus/driver/boot-clock.ts';
import type { ReportedNode } from '../schemas/generated/types.ts';
import { AgentService } from './agent-service.ts';
import { Answers } from './answers.ts';
import { ArtefactExchange } from './artefact-exchange.ts';
import type { Settings } from './config.ts';
import { DecisionBook } from './control/decisions.ts';
import { priceAt } from './control/energy-price.ts';
import { PlanningDuty, replanOptions } from './control/planning-duty.ts';
import { ReleaseDuty } from './control/release-duty.ts';
import { SessionDuty } from './control/session-duty.ts';
import { claimDataDir, type Damage, makeDataDir } from './data-dir.ts';
import { DutyRoster } from './duty-roster.ts';
import { EnginePlanner } from './engine-planner.ts';
import { tellChanges, tellEvent } from './event-notes.ts';
import { FactBook } from './fact-book.ts';
import { DeviceWatch } from './health/device-watch.ts';
import { FactPublisher } from './health/fact-publisher.ts';
import { HealthPublisher } from './health/publisher.ts';
import { Sampler } from './health/sampler.ts';
import { buildTopologyDocument, detectCapacity } from './health/topology-document.ts';
import { trimHeap } from './heap-trimmer.ts';
import { instancesDocument } from './instances-document.ts';
import { LocalWork } from './local-work.ts';
import { LogCollector } from './log-collector.ts';
import { SiteMembership } from './membership.ts';
import { AgentMetrics } from './metrics.ts';
import { DeltaCalls } from './network/delta-calls.ts';
import { loadOrCreateIdentity } from './network/identity.ts';
import { canHeal, openSite } from './open-site.ts';
import type { Log } from './ports.ts';
import { reportOf } from './site-report.ts';
import { EventRing } from './status/event-ring.ts';
import { StatusServer } from './status/server.ts';
import { UplinkClient } from './uplink/uplink-client.ts';
import { type ChildReport, UplinkServer } from './uplink/uplink-server.ts';
import { watchDisk } from './watch-disk.ts';
import { ArtefactPuller } from './workload/artefact-puller.ts';
import { ArtefactStore } from './workload/artefact-store.ts';
import { Executor } from './workload/executor.ts';

export interface Agent {
  /** @param stopWorkloads end what runs here; otherwise it goes on, and the next agent adopts it. */
  stop(stopWorkloads: boolean): Promise<void>;
}

export interface ComposeOptions {
  readonly settings: Settings;
  readonly log: Log;
  readonly version: string;
  /** Entry of the planning thread; from source the engine's own. */
  readonly workerUrl: URL | undefined;
  /** The agreement has broken beyond repair: end the process. */
  readonly onFatal: (error: Error) => void;
  /** Set: the memory of this box is not to be used; it begins anew. */
  readonly damage?: Damage | undefined;
  /** The site does not listen to the memory this box has: start again with this as `damage`. `CLONED`: do not start again. */
  readonly onUnfit: (damage: Damage) => void;
}

/** Facts are said again this long after a box connected: its gossip needs a moment to join the mesh. */
const repeatAfterMs = [200, 1000, 3000] as const;

/** Builds and starts an agent. Rejects with an error that has a code; nothing is left running then. */
export async function startAgent({ settings, log, version, workerUrl, onFatal, damage, onUnfit }: ComposeOptions): Promise<Agent> {
  const clock = new BootClock();
  const random = { nextInt: (below: number) => randomInt(below) };
  makeDataDir(settings.dataDir);
  mkdirSync(settings.runtimeDir, { recursive: true, mode: 0o700 });
  const identity = await loadOrCreateIdentity(settings.dataDir);
  const { name, site, clusterId, timing } = settings;
  const dataDir = await claimDataDir(settings.dataDir, { node: name, clusterId, peerId: identity.peerId }, canHeal(settings));
  const undo: (() => Promise<void> | void)[] = [() => dataDir.release()];
  if (damage !== undefined) dataDir.beginHealing(damage);
  try {
    const events = new EventRing(() => clock.recentMs(), { run: dataDir.run });
    const { network, agreement } = await openSite({
      settings,
      identity,
      dataDir,
      clock,
      random,
      log,
      onEvent: (event) => tellEvent(event, log, events, onFatal),
    });
    undo.push(() => agreement.node.stop());
    dataDir.logMade();
    const facts = new FactBook(
      { clock, gossip: network.gossip, peers: () => network.peers() },
      { self: name, members: () => agreement.members, hosts: () => agreement.hosts, lostAfterMs: timing.lostAfterMs },
    );

    // Workloads of this box.
    const exchange = new ArtefactExchange({ calls: network.calls, holders: (sha256) => holdersOf(sha256) });
    const store = new ArtefactStore({ directory: `${settings.dataDir}/artefacts`, bytesMax: settings.limits.artefactStoreMiB * 2 ** 20 });
    await store.open();
    exchange.start(store);
    const puller = new ArtefactPuller({ store, fetcher: exchange, clock, log });
    const environment = { HOLDFAST_NODE: name, HOLDFAST_SITE: site, HOLDFAST_SOCKET: settings.status.socket };
    const executor = new Executor(
      { store, puller, clock, log, nodeBinary: process.execPath, environment },
      { runtimeDir: settings.runtimeDir, bootId: bootId(), outputKiB: settings.limits.outputKiB },
    );
    const work = new LocalWork(
      { agreement, executor, clock, log },
      { leaseMs: timing.leaseMs, isolatedAfterMs: Math.max(2000, 4 * timing.electionMaxMs) },
    );

    // Deciding, and the link between tiers.
    const uplinkCalls = new DeltaCalls(network.calls);
    const planner = new EnginePlanner(workerUrl === undefined ? {} : { workerUrl });
    undo.push(() => planner.stop());
    const uplinkServer: UplinkServer | undefined =
      settings.children.length === 0
        ? undefined
        : new UplinkServer({
            site: agreement,
            calls: uplinkCalls,
            clock,
            log,
            ownNodes: () => [...facts.nodes()],
            planning: () => duty.pending(),
            onNews: () => roster.poke(),
            newLogName: randomUUID,
          });
    const childReports = (): readonly ChildReport[] => [...(uplinkServer?.reports().values() ?? [])];
    const childNodes = (): ReportedNode[] => childReports().flatMap(({ report }) => report.nodes);
    const unseen = (): ReturnType<FactBook['unseen']> => {
      const own = facts.unseen();
      return { ...own, absent: [...own.absent, ...childReports().flatMap(({ report }) => report.absent)] };
    };
    const decisions = new DecisionBook(settings.replan.historyMax);
    const noteDecision = (): void => {
      const row = agreement.state.plan();
      if (row?.decision !== undefined) decisions.addCommitted(row.revision, row.decision);
    };
    noteDecision();
    const duty: PlanningDuty = new PlanningDuty(
      {
        site: agreement,
        planner,
        clock,
        log,
        nodes: () => [...facts.nodes(), ...childNodes()],
        unseen,
        settled: () => uplinkServer?.settled() ?? true,
        onPlanned: ({ unplaced }) => events.add('plan.committed', { unplaced: unplaced.length }),
        onKept: (decision) => {
          decisions.add(decision);
          events.add('plan.kept', { reason: decision.reason });
        },
        wallClock: () => new Date(),
        cordoned: () =>
          new Set([
            ...agreement.state.maintenance().keys(),
            ...childNodes().flatMap(({ topology, cordoned }) => (cordoned === true ? [topology.node] : [])),
          ]),
        price: () => settings.energy && priceAt(settings.energy.prices, new Date()),
      },
      {
        hasUpper: settings.upper !== undefined,
        hasChildren: settings.children.length > 0,
        uplink: { latencyMs: settings.upper?.latencyMs ?? 20, mbps: settings.upper?.mbps ?? 100 },
        replan: replanOptions(settings.replan, settings.energy),
        weights: settings.weights,
      },
    );
    const uplinkClient =
      settings.upper === undefined
        ? undefined
        : new UplinkClient(
            {
              site: agreement,
              calls: uplinkCalls,
              clock,
              log,
              upper: settings.upper.members.map((member) => member.name),
              report: () => reportOf(agreement, facts),
              onRejoined: (summary) => events.add('uplink.rejoined', summary),
            },
            { holdTimeMs: settings.upper.holdTimeMs },
          );
    const foreignNodes = (): ReportedNode[] => [...(uplinkClient?.upperNodes() ?? []), ...childNodes()];
    function holdersOf(sha256: string): readonly string[] {
      const connected = new Set(
        network
          .peers()
          .filter((peer) => peer.connected)
          .map((peer) => peer.name),
      );
      const said = [...facts.nodes(), ...foreignNodes()]
        .filter(({ topology, staged }) => connected.has(topology.node) && staged.includes(sha256))
        .map(({ topology }) => topology.node);
      // A box of another tier may hold it without our having heard so: followers do not speak with the upper site.
      const others = network
        .peers()
        .filter((peer) => peer.connected && peer.relation !== 'member' && !said.includes(peer.name))
        .map((peer) => peer.name);
      return [...said, ...others];
    }
    const releases = new ReleaseDuty(
      {
        site: agreement,
        clock,
        log,
        runsHere: (workload, replica) =>
          executor.instances().some((one) => one.workload === workload && one.replica === replica && one.pid !== null),
        heldByChild: (workload, replica, node) => uplinkServer?.holds(workload, replica, node),
      },
      { leaseMs: timing.leaseMs, hasOtherTiers: settings.upper !== undefined || settings.children.length > 0 },
    );

    // Facts of this box.
    const sampler = new Sampler({ clock, version, directories: [settings.dataDir, settings.runtimeDir] });
    const health = new HealthPublisher(
      { clock, gossip: network.gossip, sampler, log },
      {
        node: name,
        site,
        run: dataDir.run,
        sampleMs: timing.healthSampleMs,
        maxAgeMs: timing.healthMaxAgeMs,
        availability: settings.availability,
      },
    );
    health.onSample((fact) => facts.health.setOwn(fact));
    const topology = new FactPublisher<'TopologyDocument'>(
      { clock, gossip: network.gossip, log },
      { topic: 'topology', maxAgeMs: timing.healthMaxAgeMs },
    );
    const instances = new FactPublisher<'InstancesDocument'>(
      { clock, gossip: network.gossip, log },
      { topic: 'instances', maxAgeMs: timing.healthMaxAgeMs },
    );
    const detected = await detectCapacity(settings.dataDir);
    const publishInstances = (): void => {
      const document = instancesDocument({
        node: name,
        run: dataDir.run,
        seq: instances.nextSeq,
        observes: facts.observes(),
        instances: executor.instances(),
        staged: executor.staged(),
      });
      if (instances.offer(document)) facts.instances.setOwn({ from: name, document, receivedAt: clock.nowMs() });
    };
    const devices = new DeviceWatch(settings.devices);
    const publishTopology = (): void => {
      const described = { ...settings.document, devices: [...devices.present()] };
      const document = buildTopologyDocument(described, detected, { run: dataDir.run, seq: topology.nextSeq });
      topology.offer(document);
      facts.topology.setOwn({ from: name, document, receivedAt: clock.nowMs() });
    };
    const sessions = new SessionDuty({ site: agreement, clock, log });
    const disk = watchDisk({ agreement, clock, log, events }, timing.slowSyncMs);
    const heap = trimHeap(() => clock.recentMs());
    const membership = new SiteMembership({ agreement, network, dataDir, clock, log, onUnfit });
    agreement.node.onTouched((touches) => sessions.touched(touches));
    const duties = [
      publishInstances,
      () => devices.check(clock.nowMs()) && publishTopology(),
      work.check,
      () => releases.check(),
      () => duty.check(),
      () => sessions.check(),
      membership.check,
      disk.check,
      () => heap.check(),
      () => service.noticeReplaced(),
    ];
    const roster = new DutyRoster(clock, duties, { onFailure: (error) => log.error('duty.failed', { message: String(error) }) });
    const pokeAll = (): void => {
      roster.poke();
      uplinkClient?.poke();
    };
    facts.onChange(pokeAll);
    executor.onChange(pokeAll);
    agreement.onApplied((revision, changes) => {
      tellChanges(events, revision, changes);
      sessions.changed(changes);
      if (changes.some(({ key }) => key.startsWith('plan/'))) noteDecision();
      membership.changed(changes);
      if (changes.some(({ key }) => !key.startsWith('kv/') && !key.startsWith('client/'))) pokeAll();
    });
    network.onPeer((peer, state) => {
      events.add(`peer.${state}`, { peer });
      pokeAll();
      if (state === 'up') {
        for (const ms of repeatAfterMs) {
          clock.after(ms, () => {
            health.repeat();
            topology.repeat();
            instances.repeat();
          });
        }
      }
    });

    // Asked from outside.
    const logs = new LogCollector({ site: agreement, calls: network.calls, executor });
    const answers = new Answers({
      settings,
      agreement,
      facts,
      executor,
      peers: () => network.peers(),
      counters: () => network.counters(),
      uplink: () => uplinkClient?.view(),
      foreignNodes,
      unplaced: () => duty.unplaced().length,
      isolated: () => work.isolated(),
      healing: () => membership.healing(),
      slowDisk: () => disk.slow(),
      nowMs: () => clock.nowMs(),
      peerId: identity.peerId,
      run: dataDir.run,
      version,
    });
    const service: AgentService = new AgentService({
      agreement,
      answers,
      duty,
      decisions,
      planner,
      store,
      logs,
      metrics: new AgentMetrics(() => answers.status()),
      events,
      peers: () => network.peers(),
      isolated: () => work.isolated(),
      nowMs: () => clock.nowMs(),
    });
    const server = new StatusServer({ api: service, log }, settings.status);

    membership.start();
    await network.start();
    undo.push(() => network.stop());
    uplinkServer?.start();
    logs.start();
    await executor.start();
    undo.push(() => executor.stop());
    agreement.node.start();
    sampler.start();
    undo.push(() => sampler.stop());
    publishTopology();
    undo.push(
      () => topology.stop(),
      () => instances.stop(),
    );
    await health.start();
    undo.push(() => health.stop());
    await server.start();
    undo.push(() => server.stop());
    roster.start();
    uplinkClient?.start();
    undo.push(() => {
      uplinkClient?.stop();
      roster.stop();
      duty.stop();
    });
    log.info('agent.started', { run: dataDir.run, version, socket: settings.status.socket, listen: network.listenAddress });
    return {
      stop: async (stopWorkloads) => {
        if (stopWorkloads) await executor.stopWorkloads();
        // A planned hand-over takes milliseconds; the others noticing by themselves takes more.
        agreement.node.transferLeadership();
        await unwind(undo, log);
        log.info('agent.stopped', { stopWorkloads });
      },
    };
  } catch (error) {
    await unwind(undo, log);
    throw error;
  }
}

async function unwind(undo: readonly (() => Promise<void> | void)[], log: Log): Promise<void> {
  for (const stop of [...undo].reverse()) {
    try {
      await stop();
    } catch (error) {
      log.error('agent.stop.failed', { message: error instanceof Error ? error.message : String(error) });
    }
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}
