import assert from 'node:assert/strict';
import type { Agreement } from '../../agent/agreement.ts';
import { askStanding, askToHeal, HealDesk, type HealDeskComponents } from '../../agent/heal-desk.ts';
import { Standing } from '../../consensus/driver/standing.ts';
import { until } from '../consensus/driver/cluster.ts';
import { SleepingClock } from '../consensus/driver/sleeping-clock.ts';
import { AgreementSite } from './agreement-site.ts';
import { keepingLog, ManualClock } from './health/fixtures.ts';
import { MemoryCalls } from './uplink/tiers.ts';

const names = ['a', 'b', 'c'];
/** Longer than an election, and shorter than a request waits. */
const pauseMs = 5000;
const request = { incarnation: 7, code: 'DAMAGED', message: 'its log is damaged' };
const notLeader = { name: 'ConsensusError', code: 'NOT_LEADER', definite: true };

describe('where a box asks to begin anew', function () {
  this.timeout(60_000);
  let site: AgreementSite;
  let clocks: Map<string, SleepingClock>;
  let leader: Agreement;
  /** Who asks. */
  let asking: string;
  let calls: MemoryCalls;
  beforeEach(async () => {
    site = await AgreementSite.open(...names);
    clocks = new Map(names.map((name) => [name, new SleepingClock()]));
    for (const [name, clock] of clocks) await site.start(name, clock);
    leader = await site.leader();
    asking = others()[0]?.self as string;
  });
  afterEach(async () => {
    await site.stop();
    for (const clock of clocks.values()) clock.close();
  });

  const others = (): Agreement[] => [...site.boxes.values()].filter((box) => box !== leader);
  const pause = (): void => clocks.get(leader.self)?.sleep(pauseMs);

  /** The leader's desk. Who asks answers nobody; everybody else does. */
  function open(parts: Partial<HealDeskComponents> = {}): void {
    const net = new Map<string, MemoryCalls>();
    const clock = new ManualClock();
    calls = new MemoryCalls(net, clock, asking, 'mill', 'member');
    new HealDesk({
      agreement: leader,
      calls: new MemoryCalls(net, clock, leader.self, 'mill', 'member'),
      answers: (name) => name !== asking,
      greetings: { standing: new Standing(leader.self), refusalOf: () => undefined },
      epoch: 0,
      log: keepingLog(),
      ...parts,
    }).start();
  }

  /** What each box knows of it, once all of them know everything. */
  async function healing(): Promise<readonly (number | undefined)[]> {
    const boxes = [...site.boxes.values()];
    for (const box of boxes) await box.barrier();
    return boxes.map(({ state }) => state.members().get(asking)?.healing);
  }

  it('K13: its wish is taken by the leader, and known to all', async () => {
    open();
    assert.deepEqual(await askToHeal(calls, leader.self, request), { state: 'taken' });
    assert.deepEqual(await healing(), [7, 7, 7]);
  });

  it('K13: a leader that is paused while it judges takes nothing, nor does the next one for it', async () => {
    open({
      answers: (name) => {
        pause();
        return name !== asking;
      },
    });
    await assert.rejects(askToHeal(calls, leader.self, request), notLeader);
    assert.deepEqual(await healing(), [undefined, undefined, undefined]);
  });

  it('K13: a leader that is cut off takes nothing by way of the next one, which hears other boxes', async () => {
    open();
    for (const { self } of others()) site.network.cut(leader.self, self);
    const asked = askToHeal(calls, leader.self, request);
    const refused = assert.rejects(asked, notLeader);
    assert.equal(leader.status().pendingRequests, 1, 'cut off, it has not noticed yet');
    await until(() => others().some((box) => box.leads()), 'another leader');
    site.network.heal();
    await refused;
    assert.deepEqual(await healing(), [undefined, undefined, undefined]);
  });

  it('K13: a memory is called unfit by the leader, and not by one that another box follows meanwhile', async () => {
    const refusal = { code: 'ROLLED_BACK', message: 'it promised more', at: 0 } as const;
    open({ greetings: { standing: new Standing(leader.self), refusalOf: () => refusal } });
    const { code, message } = refusal;
    assert.deepEqual(await askStanding(calls, leader.self, 1), { state: 'refused', epoch: 0, code, message });
    const asked = askStanding(calls, leader.self, 1);
    pause();
    assert.equal((await asked).state, 'elsewhere');
  });
});
