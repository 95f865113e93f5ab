/** A leader with its planning duty on a played site. */
import { defaultReplan, PlanningDuty, type ReplanOptions } from '../../../agent/control/planning-duty.ts';
import type { PlanningInput } from '../../../agent/ports.ts';
import type { Decision, ReportedNode } from '../../../schemas/generated/types.ts';
import { keepingLog, ManualClock } from '../health/fixtures.ts';
import { box, InlinePlanner, SiteDouble, settled } from '../site-double.ts';

export interface LeaderOptions {
  readonly hasUpper?: boolean;
  readonly hasChildren?: boolean;
  readonly replan?: Partial<ReplanOptions>;
  readonly weights?: PlanningInput['weights'];
}

/** A leader with its duty; what it knows of boxes is set by the test. */
export class Leader {
  readonly clock = new ManualClock();
  readonly log = keepingLog();
  readonly planner = new InlinePlanner();
  readonly site: SiteDouble;
  readonly duty: PlanningDuty;
  nodes: ReportedNode[] = [box('a'), box('b'), box('c')];
  unseen: { absent: string[]; unheard: string[] } = { absent: [], unheard: [] };
  settled = true;
  cordoned: () => ReadonlySet<string> = () => new Set();
  price: number | undefined;
  /** Decisions to leave everything as it is, oldest first. */
  readonly kept: Decision[] = [];

  constructor({ hasUpper = false, hasChildren = false, replan = {}, weights = {} }: LeaderOptions = {}) {
    this.site = new SiteDouble(this.clock, { hasUpper });
    this.duty = new PlanningDuty(
      {
        site: this.site,
        planner: this.planner,
        clock: this.clock,
        log: this.log,
        nodes: () => this.nodes,
        unseen: () => this.unseen,
        settled: () => this.settled,
        onPlanned: () => {},
        onKept: (decision) => this.kept.push(decision),
        cordoned: () => this.cordoned(),
        price: () => this.price,
        wallClock: () => new Date(1e12),
      },
      { hasUpper, hasChildren, uplink: { latencyMs: 20, mbps: 100 }, replan: { ...defaultReplan, ...replan }, weights },
    );
  }

  /** One round of the roster, and time for what it begins. */
  async round(ms = 200): Promise<void> {
    await settled();
    this.duty.check();
    await this.clock.advance(ms);
    await settled();
  }

  get plans(): number {
    return this.site.count('planCommit');
  }
  at(replica: string): string | undefined {
    return this.site.where()[replica];
  }
  /** Why the plan in force was made. */
  get decision(): Decision | undefined {
    return this.site.state.plan()?.decision as Decision | undefined;
  }
  /** Changes what is known of a box. */
  know(name: string, options: Parameters<typeof box>[1]): void {
    this.nodes = [...this.nodes.filter(({ topology }) => topology.node !== name), box(name, options)];
  }
}
