/** The documents of the HTTP interface, made from state and facts. Nothing here changes anything. */
import { tickMs } from '../consensus/core/types.ts';
import type { NodeStatus } from '../consensus/driver/node-options.ts';
import type { NodesDocument, ReportedNode, StatusDocument, WorkloadsDocument } from '../schemas/generated/types.ts';
import type { Agreement } from './agreement.ts';
import type { Settings } from './config.ts';
import type { SlowDisk } from './control/disk-guard.ts';
import type { FactBook } from './fact-book.ts';
import type { HealingView } from './healing.ts';
import type { ExecutorPort, NetworkCounters, PeerView } from './ports.ts';
import type { UplinkView } from './uplink/uplink-client.ts';

export interface AnswerComponents {
  readonly settings: Settings;
  readonly agreement: Agreement;
  readonly facts: FactBook;
  readonly executor: ExecutorPort;
  readonly peers: () => readonly PeerView[];
  readonly counters: () => NetworkCounters;
  readonly uplink: () => UplinkView | undefined;
  /** Boxes of other tiers, as last reported. */
  readonly foreignNodes: () => readonly ReportedNode[];
  readonly unplaced: () => number;
  readonly isolated: () => boolean;
  readonly healing: () => HealingView | undefined;
  readonly slowDisk: () => SlowDisk | undefined;
  readonly nowMs: () => number;
  readonly peerId: string;
  readonly run: number;
  readonly version: string;
}

export class Answers {
  readonly #parts: AnswerComponents;
  readonly #startedAt: number;

  constructor(components: AnswerComponents) {
    this.#parts = components;
    this.#startedAt = components.nowMs();
  }

  status(): StatusDocument {
    const { settings, agreement, facts, executor, counters, uplink, isolated, nowMs, peerId, run, version } = this.#parts;
    const view = agreement.status();
    const authority = agreement.state.authority();
    const link = uplink();
    const refused = counters();
    const instances = executor.instances();
    const ready = new Set(['ready', 'waiting', 'running']);
    const upperNames = new Set(settings.upper?.members.map(({ name }) => name));
    return {
      version: 1,
      node: {
        name: settings.name,
        site: settings.site,
        peerId,
        version,
        pid: process.pid,
        run,
        uptimeSeconds: (nowMs() - this.#startedAt) / 1000,
      },
      authority: {
        mode: isolated() ? 'isolated' : authority.mode,
        siteMode: authority.mode,
        epoch: authority.epoch,
        basisRevision: authority.basisRevision,
      },
      consensus: {
        role: view.role,
        term: view.term,
        leader: view.leader ?? null,
        ready: view.ready,
        commitIndex: view.commitIndex,
        appliedIndex: view.appliedIndex,
        lastIndex: view.lastIndex,
        durableIndex: view.durableIndex,
        voters: [...view.membership.voters],
        ...witnessFacts(view),
        ...(view.uncertain ? { uncertain: true as const } : {}),
        ...healingFacts(this.#parts.healing()),
        succession: [...view.succession],
        electionTimeout: electionFacts(view, settings.timing),
      },
      uplink: {
        configured: settings.upper !== undefined,
        site: settings.upper?.site ?? null,
        connected: this.#parts.peers().some(({ name, connected }) => connected && upperNames.has(name)),
        lastContactSeconds:
          link?.lastContactAt === undefined || view.role !== 'leader' ? null : Math.max(0, (nowMs() - link.lastContactAt) / 1000),
      },
      members: agreement.members.map((name) => {
        const { verdict, observers, unreachableFor } = facts.verdict(name);
        const age = facts.health.ageMs(name);
        const reachable = name === settings.name || this.#parts.peers().some((peer) => peer.name === name && peer.connected);
        return {
          name,
          reachable,
          verdict,
          observers,
          unreachableFor,
          healthAgeSeconds: age === undefined ? null : Math.max(0, age / 1000),
        };
      }),
      workloads: {
        desired: agreement.state.placements().filter(({ node }) => node === settings.name).length,
        ready: instances.filter(({ state }) => ready.has(state)).length,
        blocked: instances.filter(({ state }) => state === 'blocked').length,
        unplaced: this.#parts.unplaced(),
      },
      refused: {
        strangers: refused.strangersRefused,
        hellos: refused.hellosRefused,
        frames: refused.framesRefused,
        gossip: refused.gossipRefused,
        documents: (['health', 'topology', 'instances'] as const).flatMap((kind) =>
          facts[kind].refusals().map(({ from, count, lastReason }) => ({ from, kind, count, lastReason: lastReason.slice(0, 1024) })),
        ),
      },
      storage: storageFacts(view, this.#parts.slowDisk()),
      endpoints: [
        `unix:${settings.status.socket}`,
        ...(settings.status.port > 0 ? [`http://${settings.status.host}:${settings.status.port}`] : []),
      ],
    };
  }

  nodes(): NodesDocument {
    const { facts, agreement, foreignNodes } = this.#parts;
    const health = (name: string) => facts.health.get(name)?.document ?? null;
    const own = new Map(facts.nodes().map((node) => [node.topology.node, node]));
    const members = agreement.members.map((name) => {
      const node = own.get(name);
      const age = facts.health.ageMs(name);
      return {
        name,
        site: agreement.site,
        ...(agreement.state.maintenance().has(name) ? { cordoned: true } : {}),
        usable: node?.usable ?? false,
        reason: node === undefined ? 'nothing was heard of it yet' : node.reason,
        topology: node?.topology ?? null,
        health: health(name),
        healthAgeSeconds: age === undefined ? null : Math.max(0, age / 1000),
        staged: node?.staged.length ?? 0,
      };
    });
    const foreign = foreignNodes().map(({ topology, usable, reason, healthAgeSeconds, staged, cordoned }) => ({
      name: topology.node,
      site: topology.site,
      ...(cordoned === true || agreement.state.maintenance().has(topology.node) ? { cordoned: true } : {}),
      usable,
      reason,
      topology,
      health: null,
      healthAgeSeconds,
      staged: staged.length,
    }));
    return { revision: agreement.status().appliedIndex, nodes: [...members, ...foreign] };
  }

  workloads(): WorkloadsDocument {
    const { agreement, facts, foreignNodes, executor, settings } = this.#parts;
    const said = new Map<string, ReturnType<ExecutorPort['instances']>>();
    for (const { topology, instances } of [...foreignNodes(), ...facts.nodes()]) said.set(topology.node, instances ?? []);
    said.set(settings.name, executor.instances());
    const placements = agreement.state.placements();
    const workloads = agreement.state.workloads().map(({ spec, origin }) => ({
      name: spec.name,
      kind: spec.kind,
      origin,
      onSplit: spec.onSplit ?? ('keep' as const),
      wanted: spec.replicas ?? 1,
      replicas: placements
        .filter(({ workload }) => workload === spec.name)
        .map(({ replica, node, class: workClass, epoch, provisional }) => {
          const instance = said.get(node)?.find((one) => one.workload === spec.name && one.replica === replica);
          return {
            replica,
            node,
            class: workClass,
            epoch,
            provisional,
            state: instance?.state ?? null,
            pid: instance?.pid ?? null,
            adopted: instance?.adopted ?? false,
            restarts: instance?.restarts ?? 0,
            runs: instance?.runs ?? 0,
            lastStartMs: instance?.lastStartMs ?? null,
            ...(instance?.observed === undefined ? {} : { perHour: instance.observed.perHour }),
            ports: instance?.ports ?? {},
            reason: instance?.reason ?? null,
          };
        }),
    }));
    return { revision: agreement.status().appliedIndex, workloads };
  }
}

/** Of a site with a witness: who keeps no data and, on the leader, how many boxes hold everything that is committed. */
function witnessFacts(view: NodeStatus): Pick<StatusDocument['consensus'], 'witnesses' | 'copies'> {
  const witnesses = [...(view.membership.witnesses ?? [])];
  if (witnesses.length === 0) return {};
  if (view.role !== 'leader') return { witnesses };
  const holds = (peer: NodeStatus['peers'][number]): boolean =>
    peer.linkUp && peer.match >= view.commitIndex && !witnesses.includes(peer.id) && view.membership.voters.includes(peer.id);
  return { witnesses, copies: 1 + view.peers.filter(holds).length };
}

/** How patient this box is, and why. */
function electionFacts(view: NodeStatus, timing: Settings['timing']): StatusDocument['consensus']['electionTimeout'] {
  const { electionTicks, pace, measured } = view;
  const ms = electionTicks * tickMs;
  const facts = { ms, syncMs: Math.round(measured.syncMs), roundTripMs: Math.round(measured.roundTripMs), rests: pace.rest > 0 };
  if (facts.rests) return { ...facts, because: 'rest' };
  if (ms <= timing.electionMs) return { ...facts, because: 'least' };
  if (ms >= timing.electionMaxMs) return { ...facts, because: 'most' };
  return { ...facts, because: pace.led > pace.measured ? 'leader' : 'measured' };
}

/** Of a box that could not trust its memory, and is not yet what it was. */
function healingFacts(view: HealingView | undefined): Pick<StatusDocument['consensus'], 'healing'> {
  if (view === undefined) return {};
  const { stage, code, message, refusal } = view;
  return { healing: { stage, code: code.slice(0, 64), reason: message.slice(0, 1024), refusal: refusal?.slice(0, 1024) ?? null } };
}

function storageFacts({ storageFailure }: NodeStatus, slow: SlowDisk | undefined): StatusDocument['storage'] {
  if (storageFailure !== undefined) return { state: 'failed', detail: storageFailure.message.slice(0, 1024) };
  if (slow === undefined) return { state: 'ok', detail: null };
  const { p99Ms, boundMs } = slow;
  return { state: 'slow', detail: `Writes to the log take up to ${Math.round(p99Ms)} ms, above /timing/slowSyncMs (${boundMs})` };
}
