/** A site's side of the link to its upper site: reports up, takes intent down, and moves the site's authority. Runs on the leader. */
import { type NodeId, type Term, term } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { Intent, UplinkAnswer, UplinkReport } from '../../schemas/generated/types.ts';
import { describeProblems, parseDocument } from '../../schemas/validate.ts';
import type { CallPort, Log, SiteAccess } from '../ports.ts';
import type { Command, Outcome } from '../state/commands.ts';

export const uplinkProtocol = '/holdfast/uplink/1';
export const uplinkBytesMax = 4 * 1024 * 1024;

export interface UplinkClientComponents {
  readonly site: SiteAccess;
  readonly calls: CallPort;
  readonly clock: Clock;
  readonly log: Log;
  /** Boxes of the upper site, tried in turn. */
  readonly upper: readonly NodeId[];
  readonly report: () => UplinkReport;
  /** What became of the site's own decisions when it came back. */
  readonly onRejoined: (summary: { readonly valid: number; readonly moved: number; readonly invalid: number }) => void;
}

export interface UplinkClientOptions {
  /** Milliseconds without an answer before the site decides for itself. */
  readonly holdTimeMs: number;
  /** Milliseconds between reports when nothing changes. @default 1000 */
  readonly intervalMs?: number;
}

export interface UplinkView {
  readonly connected: boolean;
  /** Milliseconds since boot of the last answer; undefined before the first. */
  readonly lastContactAt: number | undefined;
}

/** Milliseconds that news is gathered before it is reported. */
const gatherMs = 20;

export class UplinkClient {
  readonly #parts: UplinkClientComponents;
  readonly #holdTimeMs: number;
  readonly #intervalMs: number;
  #cancel: (() => void) | undefined;
  /** When the next round is due. */
  #dueAt = 0;
  #stopped = false;
  #busy = false;
  /** Term of the round under way, 0 before the first: what comes of it is decided by this leader or by nobody, for the next one asks anew. */
  #inTerm: Term = term(0);
  #pokedMeanwhile = false;
  #turn = 0;
  #lastContactAt: number | undefined;
  #answeredLast = false;
  #upperNodes: UplinkAnswer['nodes'] = [];
  #merged: number | undefined;

  constructor(components: UplinkClientComponents, options: UplinkClientOptions) {
    this.#parts = components;
    this.#holdTimeMs = options.holdTimeMs;
    this.#intervalMs = options.intervalMs ?? 1000;
  }

  start(): void {
    this.#schedule(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /** Something the upper site should hear of changed: report soon. */
  poke(): void {
    if (this.#busy) this.#pokedMeanwhile = true;
    // A round that is due sooner stays due: news without end must not put it off without end.
    else if (this.#dueAt > this.#parts.clock.nowMs() + gatherMs) this.#schedule(gatherMs);
  }

  view(): UplinkView {
    return { connected: this.#answeredLast, lastContactAt: this.#lastContactAt };
  }

  /** The upper site's own boxes, as last told. */
  upperNodes(): UplinkAnswer['nodes'] {
    return this.#upperNodes;
  }

  #schedule(ms: number): void {
    this.#cancel?.();
    this.#dueAt = this.#parts.clock.nowMs() + ms;
    if (!this.#stopped) this.#cancel = this.#parts.clock.after(ms, () => void this.#round());
  }

  async #round(): Promise<void> {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    this.#pokedMeanwhile = false;
    let soon = false;
    try {
      const since = this.#parts.site.leadsSince();
      this.#inTerm = this.#parts.site.leadsIn() ?? term(0);
      if (since !== undefined) soon = await this.#exchange(since);
    } catch (error) {
      this.#parts.log.debug('uplink.round.failed', { message: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#busy = false;
      this.#schedule(soon || this.#pokedMeanwhile ? 100 : Math.min(this.#intervalMs, Math.max(100, this.#holdTimeMs / 5)));
    }
  }

  /** One report and its answer. True: ask again soon. */
  async #exchange(leadsSince: number): Promise<boolean> {
    const { site, clock, report } = this.#parts;
    // A new leader grants the upper site a full hold time: it does not know when it was last heard.
    const holdEnds = Math.max(this.#lastContactAt ?? 0, leadsSince) + this.#holdTimeMs;
    // Boxes that do not answer are waited for one after the other: the decision to go on alone does not wait with them.
    const left = holdEnds - clock.nowMs();
    const cancelHold = left > 0 ? clock.after(left, () => void this.#goAlone()) : undefined;
    const answer = await this.#ask(report()).finally(cancelHold);
    const now = clock.nowMs();
    this.#answeredLast = answer !== undefined;
    const { mode, epoch, basisLog } = site.state.authority();
    if (answer === undefined) {
      if (now >= holdEnds) await this.#goAlone();
      return mode !== 'autonomous';
    }
    this.#lastContactAt = now;
    this.#upperNodes = answer.nodes;
    if (answer.authorityEpoch !== epoch) return true;
    if (mode === 'autonomous' || answer.log !== basisLog) {
      await this.#become('rejoining', epoch, answer.log);
      return true;
    }
    if (mode === 'rejoining' && this.#merged !== epoch) {
      this.#merged = epoch;
      const count = (verdict: string): number => answer.verdicts.filter((item) => item.verdict === verdict).length;
      this.#parts.onRejoined({ valid: count('valid'), moved: count('moved'), invalid: count('invalid') });
    }
    const taken = answer.intent === null ? answer.planning === false : await this.#takeIntent(answer.intent, epoch);
    if (mode === 'rejoining' && taken && !answer.planning) await this.#become('connected', epoch);
    return answer.planning || mode === 'rejoining';
  }

  async #takeIntent(intent: Intent, authorityEpoch: number): Promise<boolean> {
    const { site, log } = this.#parts;
    const { basisRevision, mode } = site.state.authority();
    if (intent.revision === basisRevision && mode === 'connected' && this.#inForce(intent)) return true;
    const applied = await this.#propose({ type: 'workloadsApply', origin: 'upper', specs: intent.specs, replace: true });
    if (!applied.ok) {
      log.warn('uplink.intent.refused', { code: applied.code, message: applied.message });
      return false;
    }
    const committed = await this.#propose({
      type: 'planCommit',
      by: 'upper',
      authorityEpoch,
      basisRevision: intent.revision,
      provisional: false,
      assignments: intent.assignments,
      plan: intent.plan,
      ...(intent.decision === undefined ? {} : { decision: intent.decision }),
    });
    if (!committed.ok) log.warn('uplink.intent.refused', { code: committed.code, message: committed.message });
    else log.info('uplink.intent.taken', { revision: intent.revision, assignments: intent.assignments.length });
    return committed.ok;
  }

  /** The same revision may come to hold more: a replica is handed on only when its former holder has let go. */
  #inForce(intent: Intent): boolean {
    const placements = this.#parts.site.state.placements();
    const same = ({ workload, replica, node, class: workClass }: Intent['assignments'][number]): boolean => {
      const placement = this.#parts.site.state.placement(workload, replica);
      return placement?.node === node && placement.class === workClass;
    };
    return placements.length === intent.assignments.length && intent.assignments.every(same);
  }

  async #goAlone(): Promise<void> {
    const { site, log } = this.#parts;
    const { mode, epoch } = site.state.authority();
    if (mode === 'autonomous' || site.leadsIn() !== this.#inTerm) return;
    try {
      await this.#become('autonomous', epoch);
    } catch (error) {
      log.debug('authority.unchanged', { message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #become(mode: 'autonomous' | 'rejoining' | 'connected', fromEpoch: number, basisLog?: string): Promise<void> {
    const outcome = await this.#propose({ type: 'authority', mode, fromEpoch, ...(basisLog !== undefined && { basisLog }) });
    if (outcome.ok) this.#parts.log.info('authority.changed', { mode, epoch: fromEpoch + 1 });
  }

  #propose(command: Command): Promise<Outcome> {
    return this.#parts.site.propose(command, { inTerm: this.#inTerm });
  }

  async #ask(report: UplinkReport): Promise<UplinkAnswer | undefined> {
    const { upper, calls, log } = this.#parts;
    const request = new TextEncoder().encode(JSON.stringify(report));
    for (let tries = 0; tries < upper.length; tries += 1) {
      const to = upper[(this.#turn + tries) % upper.length] as NodeId;
      try {
        const timeoutMs = Math.min(2000, Math.max(500, this.#holdTimeMs / 2));
        const bytes = await calls.call(to, uplinkProtocol, request, { timeoutMs, responseBytesMax: uplinkBytesMax });
        const answer = parseDocument('UplinkAnswer', bytes, uplinkBytesMax);
        if (answer.ok) {
          this.#turn += tries;
          return answer.value;
        }
        log.warn('uplink.answer.refused', { from: to, problems: describeProblems(answer.problems) });
      } catch (error) {
        log.debug('uplink.unreachable', { to, message: error instanceof Error ? error.message : String(error) });
      }
    }
    return undefined;
  }
}
