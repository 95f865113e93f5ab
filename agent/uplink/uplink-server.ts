/** The upper site's side: takes reports of child sites, adopts what they decided alone, and answers with its intent. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { Intent, UplinkAnswer, UplinkReport } from '../../schemas/generated/types.ts';
import { describeProblems, parseDocument } from '../../schemas/validate.ts';
import type { CallPort, KnownPeer, Log, SiteAccess } from '../ports.ts';
import { adopt } from './merge.ts';
import { uplinkBytesMax, uplinkProtocol } from './uplink-client.ts';

export interface UplinkServerComponents {
  readonly site: SiteAccess;
  readonly calls: CallPort;
  readonly clock: Clock;
  readonly log: Log;
  /** This site's own boxes, as told to child sites. */
  readonly ownNodes: () => UplinkAnswer['nodes'];
  /** True while the plan in force does not yet answer what is known. */
  readonly planning: () => boolean;
  /** A report brought something the plan depends on. */
  readonly onNews: () => void;
}

export interface ChildReport {
  readonly report: UplinkReport;
  readonly receivedAt: number;
}

export class UplinkServer {
  readonly #parts: UplinkServerComponents;
  readonly #reports = new Map<string, ChildReport>();
  /** Authority epoch of each child whose own decisions were already taken over. */
  readonly #adopted = new Map<string, { readonly epoch: number; readonly verdicts: UplinkAnswer['verdicts'] }>();

  constructor(components: UplinkServerComponents) {
    this.#parts = components;
  }

  start(): void {
    this.#parts.calls.serve(uplinkProtocol, { requestBytesMax: uplinkBytesMax }, (from, request) => this.#answer(from, request));
  }

  /** Newest report of each child site. */
  reports(): ReadonlyMap<string, ChildReport> {
    return this.#reports;
  }

  async #answer(from: KnownPeer, request: Uint8Array): Promise<Uint8Array> {
    const { site, clock, log } = this.#parts;
    if (from.relation !== 'child') throw new Error(`${from.name} is not a box of a child site: add its site to /children`);
    const parsed = parseDocument('UplinkReport', request, uplinkBytesMax);
    if (!parsed.ok) {
      log.warn('uplink.report.refused', { from: from.name, problems: describeProblems(parsed.problems) });
      throw new Error(`REPORT_INVALID: ${describeProblems(parsed.problems)}`);
    }
    const report = parsed.value;
    if (report.site !== from.site || report.nodes.some(({ topology }) => topology.site !== from.site))
      throw new Error(`REPORT_INVALID: ${from.name} belongs to site ${from.site} and reports for it alone`);
    if (!site.leads()) throw new Error('NOT_LEADER: ask another box of the upper site');
    this.#reports.set(report.site, { report, receivedAt: clock.nowMs() });
    await this.#takeSpecs(report);
    const verdicts = await this.#takeDecisions(report);
    this.#parts.onNews();
    return new TextEncoder().encode(JSON.stringify(this.#compose(report, verdicts)));
  }

  async #takeSpecs(report: UplinkReport): Promise<void> {
    const { site, log } = this.#parts;
    const origin = `child:${report.site}` as const;
    const known = site.state.workloads().filter((row) => row.origin === origin);
    const same =
      known.length === report.specs.length &&
      report.specs.every((spec) => JSON.stringify(site.state.workload(spec.name)?.spec) === JSON.stringify(spec));
    if (same) return;
    const outcome = await site.propose({ type: 'workloadsApply', origin, specs: report.specs, replace: true });
    if (!outcome.ok) log.warn('uplink.specs.refused', { site: report.site, code: outcome.code, message: outcome.message });
  }

  /** While a site rejoins, its placements are revalidated once per authority epoch. */
  async #takeDecisions(report: UplinkReport): Promise<UplinkAnswer['verdicts']> {
    if (report.authority.mode !== 'rejoining') return [];
    const before = this.#adopted.get(report.site);
    if (before?.epoch === report.authority.epoch) return before.verdicts;
    const { site, log } = this.#parts;
    const own = new Set<NodeId>(
      this.#parts
        .ownNodes()
        .filter(({ usable }) => usable)
        .map(({ topology }) => topology.node),
    );
    const adoption = adopt(report, site.state.placements(), (name) => site.state.workload(name) !== undefined, own);
    if (adoption.changed) {
      const { epoch, basisRevision } = site.state.authority();
      const outcome = await site.propose({
        type: 'planCommit',
        by: 'local',
        authorityEpoch: epoch,
        basisRevision,
        expectPlan: site.state.plan()?.revision ?? 0,
        provisional: false,
        assignments: adoption.assignments,
        plan: site.state.plan()?.plan ?? null,
      });
      if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
    }
    const verdicts = adoption.verdicts.map((item) => ({ ...item }));
    this.#adopted.set(report.site, { epoch: report.authority.epoch, verdicts });
    log.info('uplink.site.revalidated', {
      site: report.site,
      valid: verdicts.filter(({ verdict }) => verdict === 'valid').length,
      of: verdicts.length,
    });
    return verdicts;
  }

  #compose(report: UplinkReport, verdicts: UplinkAnswer['verdicts']): UplinkAnswer {
    const { site, planning, ownNodes } = this.#parts;
    const plan = site.state.plan();
    const rows = site.state
      .workloads()
      .filter(({ origin }) => origin === 'site' || origin === 'upper' || origin === `child:${report.site}`);
    const names = new Set(rows.map(({ spec }) => spec.name));
    const intent =
      plan === undefined || planning()
        ? null
        : {
            revision: plan.revision,
            // What the child gave us it has already.
            specs: rows.filter(({ origin }) => origin !== `child:${report.site}`).map(({ spec }) => spec),
            assignments: site.state
              .placements()
              // A `stop` replica whose former holder has not let go is not handed on: the child could not know whom to wait for.
              .filter(({ workload, awaiting }) => names.has(workload) && awaiting === null)
              .map(({ workload, replica, node, class: workClass }) => ({ workload, replica, node, class: workClass })),
            plan: plan.plan as Intent['plan'],
          };
    return {
      version: 1,
      site: site.site,
      authorityEpoch: report.authority.epoch,
      planning: planning(),
      nodes: ownNodes(),
      intent,
      verdicts,
    };
  }
}
