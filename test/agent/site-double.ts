/** One box's access to a site without a network: the real state, and proposals that are applied at once or when the test says so. */

import { toProblem, toResult } from '../../agent/engine-planner.ts';
import { checkPlan } from '../../agent/placement/checker.ts';
import { replan } from '../../agent/placement/replan.ts';
import type { PlanningInput, PlanningPort, PlanResult, SiteAccess } from '../../agent/ports.ts';
import { type Command, encodeEnvelope, type Outcome } from '../../agent/state/commands.ts';
import { SiteState } from '../../agent/state/site-state.ts';
import { logIndex, type Term, term } from '../../consensus/core/types.ts';
import { ConsensusError } from '../../consensus/driver/errors.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { ReportedNode, WorkloadSpec } from '../../schemas/generated/types.ts';

interface InFlight {
  readonly command: Command;
  readonly inTerm: Term | undefined;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: Error) => void;
}

export interface SiteDoubleOptions {
  readonly site?: string;
  readonly members?: readonly string[];
  readonly hasUpper?: boolean;
}

export class SiteDouble implements SiteAccess {
  readonly self: string;
  readonly site: string;
  readonly members: readonly string[];
  readonly state: SiteState;
  readonly acks = new Map<string, number>();
  /** Everything that was applied, oldest first. */
  readonly applied: { readonly command: Command; readonly outcome: Outcome }[] = [];
  /** True: proposals wait in `inFlight` until `commit` is called. */
  held = false;
  inFlight: InFlight[] = [];
  /** Refuses the next proposals with an error, as consensus does without a quorum. */
  broken: Error | undefined;
  #since: number | undefined;
  #term = 1;
  #index = 0;
  readonly #listeners: (() => void)[] = [];

  constructor(clock: Clock, { site = 'mill', members = ['a', 'b', 'c'], hasUpper = false }: SiteDoubleOptions = {}) {
    this.self = members[0] as string;
    this.site = site;
    this.members = members;
    this.state = new SiteState(hasUpper);
    this.#since = clock.nowMs();
  }

  leads(): boolean {
    return this.#since !== undefined;
  }
  leadsIn(): Term | undefined {
    return this.#since === undefined ? undefined : term(this.#term);
  }
  leadsSince(): number | undefined {
    return this.#since;
  }
  lead(since: number | undefined): void {
    this.#since = since;
    this.#term += 1;
  }
  lastAckAt(member: string): number | undefined {
    return this.acks.get(member);
  }
  onApplied(listener: () => void): void {
    this.#listeners.push(listener);
  }

  propose(command: Command, { inTerm }: { readonly inTerm?: Term } = {}): Promise<Outcome> {
    if (this.#isOver(inTerm)) return Promise.reject(notIn(inTerm));
    if (this.broken !== undefined) return Promise.reject(this.broken);
    if (!this.held) return Promise.resolve(this.apply(command));
    return new Promise((settle, fail) => this.inFlight.push({ command, inTerm, settle, fail }));
  }

  #isOver(inTerm: Term | undefined): boolean {
    return inTerm !== undefined && inTerm !== this.leadsIn();
  }

  /** Applies what is in flight, in order: by whoever leads now, but for what was meant for a term that is over. */
  commit(): readonly Outcome[] {
    const waiting = this.inFlight;
    this.inFlight = [];
    return waiting.flatMap(({ command, inTerm, settle, fail }) => {
      if (this.#isOver(inTerm)) {
        fail(notIn(inTerm));
        return [];
      }
      const outcome = this.apply(command);
      settle(outcome);
      return outcome;
    });
  }

  /** What another box proposed, or what the test sets the stage with. */
  apply(command: Command): Outcome {
    this.#index += 1;
    const data = encodeEnvelope({ command });
    const entry = { term: term(1), index: logIndex(this.#index), kind: 'command' as const, origin: undefined, data };
    const outcome = this.state.apply(entry).result as Outcome;
    this.applied.push({ command, outcome });
    for (const listener of this.#listeners) listener();
    return outcome;
  }

  give(...specs: WorkloadSpec[]): Outcome {
    return this.apply({ type: 'workloadsApply', origin: 'site', specs, replace: false });
  }

  become(mode: 'connected' | 'autonomous' | 'rejoining'): Outcome {
    return this.apply({ type: 'authority', mode, fromEpoch: this.state.authority().epoch });
  }

  /** A plan in force: `['web/0', 'a']`. */
  plan(assignments: Readonly<Record<string, string>>, by: 'local' | 'upper' = 'local', provisional = false): Outcome {
    const { epoch, basisRevision } = this.state.authority();
    return this.apply({
      type: 'planCommit',
      by,
      authorityEpoch: epoch,
      basisRevision,
      provisional,
      plan: null,
      assignments: Object.entries(assignments).map(([replica, node]) => {
        const [workload = '', number = '0'] = replica.split('/');
        return { workload, replica: Number(number), node, class: 'hot' as const };
      }),
    });
  }

  /** `web/0 a` for every placement. */
  where(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.state.placements().map(({ workload, replica, node }) => [`${workload}/${replica}`, node]));
  }

  count(type: Command['type']): number {
    return this.applied.filter(({ command, outcome }) => command.type === type && outcome.ok).length;
  }
}

const notIn = (inTerm: Term | undefined): ConsensusError => new ConsensusError('NOT_LEADER', `not in term ${inTerm}`, true);

/** The real engine and its checker, on this thread. With `held` a plan is handed out when the test releases it. */
export class InlinePlanner implements PlanningPort {
  readonly inputs: PlanningInput[] = [];
  held = false;
  fails: Error | undefined;
  #release: (() => void)[] = [];

  async solve(input: PlanningInput, signal: AbortSignal): Promise<PlanResult> {
    this.inputs.push(input);
    if (this.fails !== undefined) throw this.fails;
    const problem = toProblem(input);
    const replanned = replan({ ...problem, limits: { ...problem.limits, steps: 2000 } }, input.free, {
      partOnly: input.partOnly ?? false,
    });
    const wrong = checkPlan(problem, replanned.plan);
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    if (this.held) {
      await new Promise<void>((resolve, reject) => {
        this.#release.push(resolve);
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
      });
    }
    return toResult(replanned);
  }

  release(): void {
    for (const resolve of this.#release.splice(0)) resolve();
  }
}

export const spec = (name: string, more: Partial<WorkloadSpec> = {}): WorkloadSpec => ({
  name,
  kind: 'service',
  command: ['true'],
  resources: { memoryMiB: 64 },
  ...more,
});

export interface BoxOptions {
  readonly site?: string;
  readonly level?: number;
  readonly usable?: boolean;
  readonly memoryMiB?: number;
  readonly delivers?: string;
  readonly risk?: number;
  readonly staged?: string[];
  readonly run?: number;
  readonly seq?: number;
  readonly healthAgeSeconds?: number;
}

/** A box as its site sees it. */
export function box(name: string, options: BoxOptions = {}): ReportedNode {
  const { site = 'mill', level = 0, usable = true, memoryMiB = 1024, delivers, risk = 0, staged = [], run = 1, seq = 1 } = options;
  return {
    topology: {
      version: 1,
      node: name,
      site,
      run,
      seq,
      level,
      domain: name,
      tags: [],
      extras: [],
      capacity: { memoryMiB, cpuCores: 4, diskMiB: 10_000, cacheMiB: 1000, vramMiB: 0 },
      devices: delivers === undefined ? [] : [{ id: 'sensor', kind: 'sensor', delivers: [{ source: delivers, rateMBps: 0.1 }] }],
      links: [],
    },
    usable,
    reason: usable ? null : 'lost: 2 of 2 observers do not reach it',
    risk,
    staged,
    healthAgeSeconds: options.healthAgeSeconds ?? 0,
    instances: [],
  };
}

/** Lets everything that was begun and needs no time run to its end. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
