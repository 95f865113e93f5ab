/**
 * What the rooms of the agent offer each other. Rooms never import one another: compose.ts hands them these.
 * Everything durable or shared by the site goes through the replicated state; everything here is local or a fact.
 */
import type { NodeId, Term } from '../consensus/core/types.ts';
import type {
  InstanceStatus,
  InstancesDocument,
  MeasuredRun,
  Placement,
  PlacementProblem,
  Plan,
  ReportedNode,
  WorkloadSpec,
} from '../schemas/generated/types.ts';
import type { Assignment, Command, Outcome } from './state/commands.ts';
import type { SiteState } from './state/site-state.ts';

/** Starts in dependency order, stops in reverse. Both are called once. */
export interface Startable {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A logger: an event name and its facts. */
export interface Log {
  debug(event: string, facts?: object): void;
  info(event: string, facts?: object): void;
  warn(event: string, facts?: object): void;
  error(event: string, facts?: object): void;
}

// --- network -------------------------------------------------------------------------------------------------------

/** A box that may connect: a member of this site, of the upper site, or of a child site. */
export interface KnownPeer {
  readonly name: NodeId;
  readonly site: string;
  readonly peerId: string;
  /** Where to dial it; absent when only it dials us. */
  readonly address: string | undefined;
  /** Where it was or was said to be before: tried when it is not found at its address. */
  readonly formerAddresses?: readonly string[];
  /** Which side keeps the connection: site members dial each other, a site dials its upper site. */
  readonly relation: 'member' | 'upper' | 'child';
}

export interface PeerView {
  readonly name: NodeId;
  readonly site: string;
  readonly relation: KnownPeer['relation'];
  readonly connected: boolean;
  /** Milliseconds since boot of the last change of `connected`. */
  readonly since: number;
}

export interface NetworkCounters {
  readonly strangersRefused: number;
  readonly hellosRefused: number;
  readonly framesRefused: number;
  readonly gossipRefused: number;
}

/** Topics of the site's gossip. Every message is signed by its sender; `from` is the verified name. */
export type Topic = 'health' | 'topology' | 'instances';
export interface GossipPort {
  /** At most 64 KiB. Resolves when handed to the mesh; with nobody connected it is dropped. */
  publish(topic: Topic, document: Uint8Array): Promise<void>;
  /** `accept` false: the message is not forwarded, and counted as refused. */
  subscribe(topic: Topic, handler: (from: NodeId, document: Uint8Array) => boolean): void;
}

/** One request, one answer, each bounded, over its own libp2p stream. */
export interface CallPort {
  serve(
    protocol: string,
    limits: { readonly requestBytesMax: number },
    handler: (from: KnownPeer, request: Uint8Array) => Promise<Uint8Array>,
  ): void;
  /** Rejects with NetworkError: UNREACHABLE, TIMEOUT, REFUSED (with the far side's words), TOO_LARGE. */
  call(
    to: NodeId,
    protocol: string,
    request: Uint8Array,
    options: { readonly timeoutMs: number; readonly responseBytesMax: number; readonly signal?: AbortSignal },
  ): Promise<Uint8Array>;
}

// --- workloads -----------------------------------------------------------------------------------------------------

/** Pulls part of an artefact from another box. */
export interface ArtefactFetcher {
  /** Boxes that can be asked, best first. */
  sources(sha256: string): readonly NodeId[];
  /** At most 256 KiB from `offset`; empty past the end. Rejects when that box lacks it. */
  fetchChunk(from: NodeId, sha256: string, offset: number): Promise<Uint8Array>;
}

/** What this box is to run, from the replicated state. */
export interface DesiredInstance {
  readonly spec: WorkloadSpec;
  readonly replica: number;
  readonly epoch: number;
  readonly class: 'hot' | 'warm' | 'cold';
  /** Set: it must not be started yet, and why (a former holder has not let go, say). A process of this very epoch goes on. */
  readonly blockedBy: string | undefined;
}

export interface ExecutorPort {
  /** The whole list; whatever runs here and is not in it is stopped. */
  setDesired(desired: readonly DesiredInstance[]): void;
  /** Artefacts to have here besides those of desired instances: fallback staging. */
  setStaging(artefacts: readonly { readonly sha256: string; readonly bytes: number }[]): void;
  instances(): readonly InstanceStatus[];
  staged(): readonly string[];
  onChange(listener: () => void): void;
  /** `onSplit: stop` instances may run until this time (milliseconds since boot); keepers end them then. */
  extendLease(untilMs: number): void;
  /** Newest lines of one replica's output, oldest first; undefined when this box never ran it. */
  logs(workload: string, replica: number | undefined, lines: number): readonly string[] | undefined;
}

// --- facts ---------------------------------------------------------------------------------------------------------

/** A document received from a member, with its age on our own clock. */
export interface Fact<Document> {
  readonly from: NodeId;
  readonly document: Document;
  /** Milliseconds since boot at which it arrived (or was made, for our own). */
  readonly receivedAt: number;
}

export type { InstanceStatus, InstancesDocument, WorkloadSpec };

// --- the site's decisions --------------------------------------------------------------------------------------------

/** How rooms reach the replicated state: read it here, change it through the log. */
export interface SiteAccess {
  readonly self: NodeId;
  readonly site: string;
  readonly members: readonly NodeId[];
  readonly state: SiteState;
  /** Leader, and the first entry of its term is applied. */
  leads(): boolean;
  /** The term it leads in; undefined when it does not. */
  leadsIn(): Term | undefined;
  /** Milliseconds since boot at which this box began to lead; undefined when it does not. */
  leadsSince(): number | undefined;
  /** Milliseconds since boot at which the leader (this box) last had an ACK of the member. */
  lastAckAt(member: NodeId): number | undefined;
  /**
   * Commits a decision. Rejects with a ConsensusError; a refusal by the state itself comes back as an outcome.
   * @param options.inTerm what was decided by something that only this leader knows: with its term, so that no other one commits it.
   */
  propose(command: Command, options?: { readonly inTerm?: Term }): Promise<Outcome>;
}

// --- planning --------------------------------------------------------------------------------------------------------

/** What a plan is made from: boxes that may be used or not, what is to run, what stands. */
export interface PlanningInput {
  readonly nodes: readonly ReportedNode[];
  readonly specs: readonly WorkloadSpec[];
  /** Present placements, whose moving costs something. Replicas not to be touched are left out together with their demand. */
  readonly current: readonly Placement[];
  /** Replicas decided elsewhere: not to be placed, but their boxes count for spreading. */
  readonly held: ReadonlySet<string>;
  /** Boxes and child sites reach each other over this link unless a topology says otherwise. */
  readonly uplink: { readonly latencyMs: number; readonly mbps: number };
  /** Artefacts that no reachable box holds: work that needs one may only go where it is staged. */
  readonly unreachableArtefacts: ReadonlySet<string>;
  /** How often workloads run, where that was seen often enough; it takes the place of what their specifications say. */
  readonly learned?: ReadonlyMap<
    string,
    { readonly perHour: number; readonly durationSeconds: number; readonly measured: readonly MeasuredRun[] }
  >;
  /** Boxes that take nothing new and keep what they have. */
  readonly cordoned?: ReadonlySet<string>;
  /** Only these replicas, and those that may not stay, are to be looked at, if that is enough. Absent: all. */
  readonly free?: ReadonlySet<string>;
  /** Price of energy per kWh, and the seconds one unit of money is worth. */
  readonly energy?: { readonly price: number; readonly secondsPerMoney: number };
  /** With `free`: nothing else is looked at, even when something then has no place. */
  readonly partOnly?: boolean;
  /** Seconds per hour a move must save beyond what it costs. */
  readonly moveThresholdSeconds?: number;
  /** What the terms of the figure of merit count; 1 where nothing is said. */
  readonly weights?: Partial<PlacementProblem['weights']>;
}

export interface PlanResult {
  readonly assignments: readonly Assignment[];
  readonly unplaced: readonly { readonly workload: string; readonly replica: number; readonly reasons: readonly string[] }[];
  /** The engine's plan document, with terms and alternatives. */
  readonly plan: Plan;
  /** What it comes to when everything that may stays where it is: seconds per hour, and replicas without a place then. */
  readonly standing: { readonly total: number; readonly homeless: readonly string[] };
  /** Only some replicas were free to move, and how many. */
  readonly partial: boolean;
  readonly freed: number;
}

export interface PlanningPort {
  solve(input: PlanningInput, signal: AbortSignal): Promise<PlanResult>;
}
