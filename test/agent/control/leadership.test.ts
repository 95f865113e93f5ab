import assert from 'node:assert/strict';
import type { Agreement } from '../../../agent/agreement.ts';
import { ReleaseDuty } from '../../../agent/control/release-duty.ts';
import { SessionDuty } from '../../../agent/control/session-duty.ts';
import { until } from '../../consensus/driver/cluster.ts';
import { SleepingClock } from '../../consensus/driver/sleeping-clock.ts';
import { AgreementSite } from '../agreement-site.ts';
import { keepingLog } from '../health/fixtures.ts';
import { spec } from '../site-double.ts';

const leaseMs = 300;
const names = ['a', 'b', 'c'];

describe('a leader that another one follows', function () {
  this.timeout(60_000);
  let site: AgreementSite;
  let clocks: Map<string, SleepingClock>;
  let leader: Agreement;
  let log: ReturnType<typeof keepingLog>;
  beforeEach(async () => {
    site = await AgreementSite.open(...names);
    clocks = new Map(names.map((name) => [name, new SleepingClock()]));
    for (const [name, clock] of clocks) await site.start(name, clock);
    leader = await site.leader();
    log = keepingLog();
  });
  afterEach(async () => {
    await site.stop();
    for (const clock of clocks.values()) clock.close();
  });

  const others = (): Agreement[] => [...site.boxes.values()].filter((box) => box !== leader);
  const ownClock = (): SleepingClock => clocks.get(leader.self) as SleepingClock;

  /** A session of another box, and the duty that is to end it. `holds`: whether it lives at this box. */
  async function session(clock: SleepingClock) {
    const duty = new SessionDuty({ site: leader, clock, log });
    const outcome = await leader.propose({ type: 'sessionOpen', ttlMs: 2000, owner: others()[0]?.self as string });
    duty.check();
    return { duty, holds: (box: Agreement) => box.state.session(outcome.revision) !== undefined };
  }

  /** A replica that moved from one other box to the other, and the duty that is to release it. `holds`: whether it is still waited for. */
  async function holder(clock: SleepingClock) {
    const options = { leaseMs, hasOtherTiers: false };
    const duty = new ReleaseDuty({ site: leader, clock, log, runsHere: () => true, heldByChild: () => undefined }, options);
    await leader.propose({ type: 'workloadsApply', origin: 'site', specs: [spec('single', { onSplit: 'stop' })], replace: false });
    for (const { self: node } of others()) {
      const { epoch: authorityEpoch, basisRevision } = leader.state.authority();
      const assignments = [{ workload: 'single', replica: 0, node, class: 'hot' as const }];
      await leader.propose({ type: 'planCommit', by: 'local', authorityEpoch, basisRevision, provisional: false, plan: null, assignments });
    }
    return { duty, holds: (box: Agreement) => box.state.holders().length === 1 };
  }

  for (const [what, stage] of [
    ['K5: ends no session', session],
    ['K7: releases no replica', holder],
  ] as const) {
    it(`${what} after a pause, though its duty is the first to run`, async () => {
      const { duty, holds } = await stage(ownClock());
      ownClock().sleep(60_000);
      duty.check();
      assert.equal(leader.status().pendingRequests, 0, 'nothing is asked for');
      assert.ok(holds(leader));
    });

    it(`${what} by way of the next leader, which may know better`, async () => {
      const clock = new SleepingClock();
      const { duty, holds } = await stage(clock);
      for (const { self } of others()) site.network.cut(leader.self, self);
      clock.sleep(60_000);
      duty.check();
      assert.equal(leader.status().pendingRequests, 1, 'cut off, it has not noticed yet');
      await until(() => others().some((box) => box.leads()), 'another leader');
      site.network.heal();
      await until(() => leader.status().pendingRequests === 0, 'an answer');
      await leader.barrier();
      for (const box of site.boxes.values()) assert.ok(holds(box));
      assert.deepEqual(
        log.events.filter((event) => !event.endsWith('.failed')),
        [],
      );
      clock.close();
    });
  }
});
