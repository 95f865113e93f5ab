/** An upper site and its child sites on one clock: real state, duties and uplink; calls in memory, and boxes that die when told. */
import { PlanningDuty } from '../../../agent/control/planning-duty.ts';
import { ReleaseDuty } from '../../../agent/control/release-duty.ts';
import { DutyRoster } from '../../../agent/duty-roster.ts';
import type { CallPort, KnownPeer, SiteAccess } from '../../../agent/ports.ts';
import { UplinkClient, uplinkProtocol } from '../../../agent/uplink/uplink-client.ts';
import { UplinkServer } from '../../../agent/uplink/uplink-server.ts';
import type { ReportedNode, UplinkAnswer, UplinkReport } from '../../../schemas/generated/types.ts';
import { keepingLog, ManualClock } from '../health/fixtures.ts';
import { box, InlinePlanner, SiteDouble, settled } from '../site-double.ts';

export const holdTimeMs = 2000;
const leaseMs = 3000;
type Handler = (from: KnownPeer, request: Uint8Array) => Promise<Uint8Array>;

/** `silent`: packets vanish, and a call ends by its time-out. `cut`: it is refused at once. */
export type LinkState = 'up' | 'cut' | 'silent';

export class MemoryCalls implements CallPort {
  readonly self: KnownPeer;
  readonly #clock: ManualClock;
  readonly #net: Map<string, MemoryCalls>;
  readonly #served = new Map<string, { readonly bytesMax: number; readonly handler: Handler }>();
  link: LinkState = 'up';
  calls = 0;
  /** Looks at, or replaces, what comes back. */
  tamper: (answer: Uint8Array) => Uint8Array = (answer) => answer;

  constructor(net: Map<string, MemoryCalls>, clock: ManualClock, name: string, site: string, relation: KnownPeer['relation']) {
    this.self = { name, site, relation, peerId: name, address: undefined };
    this.#clock = clock;
    this.#net = net;
    net.set(name, this);
  }

  serve(protocol: string, { requestBytesMax }: { readonly requestBytesMax: number }, handler: Handler): void {
    this.#served.set(protocol, { bytesMax: requestBytesMax, handler });
  }

  async call(
    to: string,
    protocol: string,
    request: Uint8Array,
    { timeoutMs, responseBytesMax }: { readonly timeoutMs: number; readonly responseBytesMax: number },
  ): Promise<Uint8Array> {
    this.calls += 1;
    const far = this.#net.get(to);
    const served = far === undefined ? undefined : far.#served.get(protocol);
    if (this.link === 'silent' || far?.link === 'silent') {
      await new Promise<void>((resolve) => this.#clock.after(timeoutMs, resolve));
      throw new Error('TIMEOUT');
    }
    if (this.link === 'cut' || far?.link === 'cut' || served === undefined) throw new Error('UNREACHABLE');
    if (request.byteLength > served.bytesMax) throw new Error('TOO_LARGE');
    const answer = this.tamper(await served.handler(this.self, request));
    if (answer.byteLength > responseBytesMax) throw new Error('TOO_LARGE');
    return answer;
  }
}

/** What both tiers have: boxes, some of them dead, a leader's duties, and every box letting go of what it lost. */
abstract class Tier {
  readonly site: SiteDouble;
  readonly planner = new InlinePlanner();
  readonly log = keepingLog();
  readonly dead = new Set<string>();
  readonly options = new Map<string, Parameters<typeof box>[1]>();
  readonly clock: ManualClock;
  protected stopDuties: () => void = () => {};

  constructor(clock: ManualClock, site: SiteDouble) {
    this.clock = clock;
    this.site = site;
  }

  nodes(): ReportedNode[] {
    const level = this.site.site === 'plant' ? 1 : 0;
    return this.site.members.map((name) =>
      box(name, { site: this.site.site, level, usable: !this.dead.has(name), ...this.options.get(name) }),
    );
  }

  /** Boxes on which a process of the replica may run by this site's own decisions. */
  running(workload: string, replica = 0): readonly string[] {
    const placement = this.site.state.placement(workload, replica);
    if (placement === undefined || placement.awaiting !== null || this.dead.has(placement.node)) return [];
    return this.site.members.includes(placement.node) ? [placement.node] : [];
  }

  protected startDuties(
    duty: PlanningDuty,
    heldByChild: (workload: string, replica: number, node: string) => boolean | undefined,
  ): DutyRoster {
    const { clock, log, site } = this;
    const release = (view: SiteAccess): ReleaseDuty =>
      new ReleaseDuty({ site: view, clock, log, runsHere: () => false, heldByChild }, { leaseMs, hasOtherTiers: true });
    const leaders = release(site);
    const others = site.members.slice(1).map((self) => ({ self, duty: release(this.#asSeenBy(self)) }));
    const roster = new DutyRoster(
      clock,
      [
        () => {
          for (const name of site.members) if (!this.dead.has(name)) site.acks.set(name, clock.nowMs());
          for (const { self, duty: own } of others) if (!this.dead.has(self)) own.check();
          leaders.check();
          duty.check();
        },
      ],
      {
        onFailure: (error) => {
          throw error;
        },
      },
    );
    site.onApplied(roster.poke);
    roster.start();
    this.stopDuties = () => {
      roster.stop();
      duty.stop();
    };
    return roster;
  }

  #asSeenBy(self: string): SiteAccess {
    const { site, members, state } = this.site;
    const never = (): undefined => undefined;
    return {
      self,
      site,
      members,
      state,
      leads: () => false,
      leadsIn: never,
      leadsSince: never,
      lastAckAt: never,
      propose: (command, options) => this.site.propose(command, options),
    };
  }
}

export class Upper extends Tier {
  server: UplinkServer;
  readonly duty: PlanningDuty;
  readonly calls: MemoryCalls;
  readonly #logName: string;

  constructor(clock: ManualClock, net: Map<string, MemoryCalls>, logName = 'log-1') {
    super(clock, new SiteDouble(clock, { site: 'plant', members: ['up-1', 'up-2'] }));
    this.calls = new MemoryCalls(net, clock, 'up-1', 'plant', 'upper');
    this.#logName = logName;
    this.duty = new PlanningDuty(
      {
        site: this.site,
        planner: this.planner,
        clock,
        log: this.log,
        nodes: () => [...this.nodes(), ...[...this.server.reports().values()].flatMap(({ report }) => report.nodes)],
        unseen: () => ({ absent: [...this.server.reports().values()].flatMap(({ report }) => report.absent), unheard: [] }),
        settled: () => this.server.settled(),
        onPlanned: () => {},
      },
      { hasUpper: false, hasChildren: true, uplink: { latencyMs: 20, mbps: 100 } },
    );
    this.server = this.#serve(() => roster.poke());
    const roster = this.startDuties(this.duty, (workload, replica, node) => this.server.holds(workload, replica, node));
  }

  /** Another box leads from now on: what was only remembered is gone. */
  changeLeader(): void {
    this.site.lead(this.clock.nowMs());
    this.server = this.#serve(() => this.duty.check());
  }

  #serve(onNews: () => void): UplinkServer {
    const { site, calls, clock, log } = this;
    const server = new UplinkServer({
      site,
      calls,
      clock,
      log,
      ownNodes: () => this.nodes(),
      planning: () => this.duty.pending(),
      onNews,
      newLogName: () => this.#logName,
    });
    server.start();
    return server;
  }

  stop(): void {
    this.stopDuties();
  }
}

export class Child extends Tier {
  readonly client: UplinkClient;
  readonly calls: MemoryCalls;
  readonly absent: string[] = [];
  readonly rejoined: { readonly valid: number; readonly moved: number; readonly invalid: number }[] = [];

  constructor(
    clock: ManualClock,
    net: Map<string, MemoryCalls>,
    site: string,
    members: readonly string[],
    upper: readonly string[] = ['up-1'],
  ) {
    super(clock, new SiteDouble(clock, { site, members, hasUpper: true }));
    this.calls = new MemoryCalls(net, clock, members[0] as string, site, 'child');
    const duty = new PlanningDuty(
      {
        site: this.site,
        planner: this.planner,
        clock,
        log: this.log,
        nodes: () => this.nodes(),
        unseen: () => ({ absent: this.absent, unheard: [] }),
        settled: () => true,
        onPlanned: () => {},
      },
      { hasUpper: true, hasChildren: false, uplink: { latencyMs: 20, mbps: 100 } },
    );
    this.client = new UplinkClient(
      {
        site: this.site,
        calls: this.calls,
        clock,
        log: this.log,
        upper,
        report: () => this.report(),
        onRejoined: (summary) => this.rejoined.push(summary),
      },
      { holdTimeMs },
    );
    this.startDuties(duty, () => undefined);
    this.site.onApplied(() => this.client.poke());
    this.client.start();
  }

  override nodes(): ReportedNode[] {
    return super.nodes().filter(({ topology }) => !this.absent.includes(topology.node));
  }

  get mode(): string {
    return this.site.state.authority().mode;
  }

  report(): UplinkReport {
    const { state, site } = this.site;
    return {
      version: 1,
      site,
      authority: { ...state.authority() },
      nodes: this.nodes(),
      absent: this.absent,
      specs: state.workloads().flatMap(({ spec, origin }) => (origin === 'site' ? [spec] : [])),
      placements: state.placements().map((placement) => ({ ...placement })),
      holders: state.holders().map(({ workload, replica, node }) => ({ workload, replica, node })),
    };
  }

  stop(): void {
    this.stopDuties();
    this.client.stop();
  }
}

export class Tiers {
  readonly clock = new ManualClock();
  readonly net = new Map<string, MemoryCalls>();
  upper: Upper;
  readonly children: Child[] = [];

  constructor(children: Readonly<Record<string, readonly string[]>> = { mill: ['a', 'b', 'c'] }) {
    this.upper = new Upper(this.clock, this.net);
    for (const [site, members] of Object.entries(children)) this.children.push(new Child(this.clock, this.net, site, members));
  }

  get mill(): Child {
    return this.children[0] as Child;
  }

  /** The upper site's boxes come back with empty disks. */
  wipeUpper(): void {
    this.upper.stop();
    this.upper = new Upper(this.clock, this.net, 'log-2');
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.clock.nowMs() + ms; this.clock.nowMs() < end; ) {
      await this.clock.advance(Math.min(10, end - this.clock.nowMs()));
      await settled();
    }
  }

  /** Until it holds. @throws after a minute on the sites' own clock. */
  async until(what: string, holds: () => boolean): Promise<number> {
    const begun = this.clock.nowMs();
    while (!holds()) {
      if (this.clock.nowMs() > begun + 60_000) throw new Error(`Not within a minute: ${what}\n${this.toString()}`);
      await this.pass(10);
    }
    return this.clock.nowMs() - begun;
  }

  connected(): Promise<number> {
    return this.until(
      'all sites connected, nothing to plan',
      () =>
        this.children.every(
          ({ mode, site }) =>
            mode === 'connected' &&
            site.state.authority().basisLog !== undefined &&
            site.state.authority().basisLog === this.upper.site.state.logName(),
        ) && !this.upper.duty.pending(),
    );
  }

  /** What a raw call of a child's box comes to. */
  ask(from: Child, document: unknown): Promise<UplinkAnswer> {
    const bytes = document instanceof Uint8Array ? document : new TextEncoder().encode(JSON.stringify(document));
    return from.calls
      .call('up-1', uplinkProtocol, bytes, { timeoutMs: 1000, responseBytesMax: 4 * 1024 * 1024 })
      .then((answer) => JSON.parse(new TextDecoder().decode(answer)) as UplinkAnswer);
  }

  running(workload: string, replica = 0): readonly string[] {
    return [this.upper, ...this.children].flatMap((tier) => tier.running(workload, replica));
  }

  toString(): string {
    const tier = ({ site }: Tier): string =>
      `${site.site} ${JSON.stringify(site.state.authority())} ${JSON.stringify(site.state.placements())}`;
    return [this.upper, ...this.children].map(tier).join('\n');
  }

  stop(): void {
    for (const part of [this.upper, ...this.children]) part.stop();
  }
}
