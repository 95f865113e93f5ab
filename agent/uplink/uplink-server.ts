/** The upper site's side: takes reports of child sites, adopts what they decided alone, and answers with its intent. */
import type { NodeId, Term } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { UplinkAnswer, UplinkReport } from '../../schemas/generated/types.ts';
import { describeProblems, parseDocument } from '../../schemas/validate.ts';
import type { CallPort, KnownPeer, Log, SiteAccess } from '../ports.ts';
import { composeIntent, ownAffairs, sharedWith, stillHolds } from './intent.ts';
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
  /** A name no log had before. */
  readonly newLogName: () => string;
}

export interface ChildReport {
  readonly report: UplinkReport;
  readonly receivedAt: number;
}

/** A site reports every second at least; one silent for this long may run anything by now. */
const inTouchMs = 5000;

export class UplinkServer {
  readonly #parts: UplinkServerComponents;
  readonly #reports = new Map<string, ChildReport>();
  /** Authority epoch of each child whose own decisions were already taken over. */
  readonly #adopted = new Map<string, { readonly epoch: number; readonly verdicts: UplinkAnswer['verdicts'] }>();

  #adopting = 0;

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

  /** False while a site's own decisions are being taken over. */
  settled(): boolean {
    return this.#adopting === 0;
  }

  /** Whether a box of a child site may still run a replica that was taken away from there; undefined while that is not known. */
  holds(workload: string, replica: number, node: NodeId): boolean | undefined {
    const { state } = this.#parts.site;
    const since = state.placement(workload, replica)?.epoch ?? state.plan()?.revision ?? 0;
    for (const { report } of this.#reports.values()) {
      // Revisions of another log say nothing here.
      if (report.authority.basisLog !== state.logName()) continue;
      const held = stillHolds(report, node, { workload, replica }, since);
      if (held !== undefined) return held;
    }
    return undefined;
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
    const inTerm = site.leadsIn();
    if (inTerm === undefined) throw new Error('NOT_LEADER: ask another box of the upper site');
    const name = await this.#logName();
    // What a site decided alone is taken over before anything is planned from its report; until it asks for that, nothing is.
    if (report.authority.mode === 'autonomous') return this.#encode(report, name, []);
    this.#adopting += 1;
    let verdicts: UplinkAnswer['verdicts'];
    try {
      await this.#takeSpecs(report, inTerm);
      verdicts = await this.#takeDecisions(report, inTerm);
    } finally {
      this.#adopting -= 1;
    }
    this.#reports.set(report.site, { report, receivedAt: clock.nowMs() });
    this.#parts.onNews();
    return this.#encode(report, name, verdicts);
  }

  /** Revisions count within one log: a site that lost its memory starts a new one, and says so. */
  async #logName(): Promise<string> {
    const { site, newLogName } = this.#parts;
    const known = site.state.logName();
    if (known !== undefined) return known;
    await site.propose({ type: 'nameLog', name: newLogName() });
    const name = site.state.logName();
    if (name === undefined) throw new Error('NOT_READY: the log of this site has no name yet');
    return name;
  }

  /** By this leader or by nobody: to the next one the site may have told more since. */
  async #takeSpecs(report: UplinkReport, inTerm: Term): Promise<void> {
    const { site, log } = this.#parts;
    const origin = `child:${report.site}` as const;
    const known = site.state.workloads().filter((row) => row.origin === origin);
    const specs = report.specs.filter(({ name }) => (site.state.workload(name)?.origin ?? origin) === origin);
    if (specs.length < report.specs.length) {
      const taken = new Set(specs.map(({ name }) => name));
      log.debug('uplink.specs.kept', { site: report.site, names: report.specs.flatMap(({ name }) => (taken.has(name) ? [] : [name])) });
    }
    const same =
      known.length === specs.length && specs.every((spec) => JSON.stringify(site.state.workload(spec.name)?.spec) === JSON.stringify(spec));
    if (same) return;
    const outcome = await site.propose({ type: 'workloadsApply', origin, specs, replace: true }, { inTerm });
    if (!outcome.ok) log.warn('uplink.specs.refused', { site: report.site, code: outcome.code, message: outcome.message });
  }

  /** While a site rejoins, its placements are revalidated once per authority epoch. */
  async #takeDecisions(report: UplinkReport, inTerm: Term): Promise<UplinkAnswer['verdicts']> {
    if (report.authority.mode !== 'rejoining') return [];
    const before = this.#adopted.get(report.site);
    if (before?.epoch === report.authority.epoch) return before.verdicts;
    const { site, log } = this.#parts;
    // Boxes where work never stopped: our own, and those of other sites that are in touch.
    const steady = [...this.#reports.values()].filter(
      (one) =>
        one.report.site !== report.site &&
        one.report.authority.mode === 'connected' &&
        this.#parts.clock.nowMs() - one.receivedAt < inTouchMs,
    );
    const running = new Set<NodeId>(
      [...this.#parts.ownNodes(), ...steady.flatMap((one) => one.report.nodes)]
        .filter(({ usable }) => usable)
        .map(({ topology }) => topology.node),
    );
    const shared = sharedWith(report, site.state);
    const own = ownAffairs(report, (name) => site.state.workload(name));
    const asked = { ...report, placements: report.placements.filter(({ workload }) => !own.has(workload)) };
    const adoption = adopt(asked, site.state.placements(), (name) => shared.has(name), running);
    if (adoption.changed) {
      const { epoch, basisRevision } = site.state.authority();
      const outcome = await site.propose(
        {
          type: 'planCommit',
          by: 'local',
          authorityEpoch: epoch,
          basisRevision,
          expectPlan: site.state.plan()?.revision ?? 0,
          provisional: false,
          assignments: adoption.assignments,
          plan: site.state.plan()?.plan ?? null,
        },
        { inTerm },
      );
      if (!outcome.ok) throw new Error(`${outcome.code}: ${outcome.message}`);
    }
    const verdicts: UplinkAnswer['verdicts'] = [
      ...adoption.verdicts,
      ...report.placements
        .filter(({ workload }) => own.has(workload))
        .map(({ workload, replica, epoch }) => ({ workload, replica, epoch, verdict: 'valid' as const })),
    ];
    this.#adopted.set(report.site, { epoch: report.authority.epoch, verdicts });
    log.info('uplink.site.revalidated', {
      site: report.site,
      valid: verdicts.filter(({ verdict }) => verdict === 'valid').length,
      of: verdicts.length,
    });
    return verdicts;
  }

  #encode(report: UplinkReport, log: string, verdicts: UplinkAnswer['verdicts']): Uint8Array {
    const { site, planning, ownNodes } = this.#parts;
    const unfit = planning() || report.authority.mode === 'autonomous';
    const answer: UplinkAnswer = {
      version: 1,
      site: site.site,
      log,
      authorityEpoch: report.authority.epoch,
      planning: planning(),
      nodes: ownNodes(),
      intent: unfit ? null : composeIntent(report, site.state),
      verdicts,
    };
    return new TextEncoder().encode(JSON.stringify(answer));
  }
}
