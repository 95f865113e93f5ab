import assert from 'node:assert/strict';
import { spec } from '../site-double.ts';
import { Child, holdTimeMs, MemoryCalls, Tiers } from './tiers.ts';

describe('who decides, as the link to the upper site comes and goes', () => {
  let tiers: Tiers;
  beforeEach(async () => {
    tiers = new Tiers();
    tiers.upper.site.give(spec('web'), spec('panel'));
    await tiers.connected();
  });
  afterEach(() => tiers.stop());

  it('C11: the site goes on alone when the hold time has passed without an answer, and not before', async () => {
    const { mill } = tiers;
    const heard = mill.client.view().lastContactAt as number;
    mill.calls.link = 'cut';
    await tiers.pass(heard + holdTimeMs - 1 - tiers.clock.nowMs());
    assert.equal(mill.mode, 'connected');
    await tiers.until('autonomous', () => mill.mode === 'autonomous');
    assert.ok(tiers.clock.nowMs() - heard < holdTimeMs + 500);
    assert.equal(mill.client.view().connected, false);
  });

  it('C11: boxes that swallow every packet do not put that off by their time-outs', async () => {
    const late = new Child(tiers.clock, tiers.net, 'late', ['x'], ['up-1', 'up-2', 'up-3']);
    tiers.children.push(late);
    await tiers.connected();
    for (const name of ['up-2', 'up-3']) new MemoryCalls(tiers.net, tiers.clock, name, 'plant', 'upper');
    for (const name of ['up-1', 'up-2', 'up-3']) (tiers.net.get(name) as MemoryCalls).link = 'silent';
    const heard = late.client.view().lastContactAt as number;
    await tiers.until('autonomous', () => late.mode === 'autonomous');
    assert.ok(tiers.clock.nowMs() - heard >= holdTimeMs);
    assert.ok(tiers.clock.nowMs() - heard < holdTimeMs + 100, `${tiers.clock.nowMs() - heard} ms`);
  });

  it('C11: a new leader grants the upper site a full hold time', async () => {
    const { mill } = tiers;
    mill.calls.link = 'cut';
    await tiers.pass(holdTimeMs - 500);
    mill.site.lead(undefined);
    await tiers.pass(holdTimeMs);
    assert.equal(mill.mode, 'connected', 'nobody leads, nobody decides');
    mill.site.lead(tiers.clock.nowMs());
    await tiers.pass(holdTimeMs - 10);
    assert.equal(mill.mode, 'connected');
    await tiers.until('autonomous', () => mill.mode === 'autonomous');
  });

  it('C11: leading again at once counts as leading anew', async () => {
    const { mill } = tiers;
    await tiers.pass(100);
    mill.calls.link = 'cut';
    await tiers.pass(holdTimeMs - 300);
    mill.site.lead(tiers.clock.nowMs());
    await tiers.pass(holdTimeMs - 10);
    assert.equal(mill.mode, 'connected');
  });

  it('C11: what was answered to a leader whose term is over is not taken: the next one may have a newer answer', async () => {
    const { mill, upper, clock } = tiers;
    const { calls } = mill;
    const call = calls.call.bind(calls);
    calls.call = async (...asked) => {
      const answer = await call(...asked);
      mill.site.lead(clock.nowMs());
      return answer;
    };
    const before = mill.site.applied.length;
    upper.site.give(spec('lamp'));
    await tiers.pass(5000);
    assert.ok(upper.site.where()['lamp/0'] !== undefined);
    assert.equal(mill.site.applied.length, before);
    calls.call = call;
    await tiers.until('what it missed', () => mill.site.state.workload('lamp') !== undefined);
  });

  for (const [type, rest] of [
    ['workloadsApply', 'no plan'],
    ['planCommit', 'no mode'],
  ] as const) {
    it(`C11: an answer is taken by the leader it was given to or not at all: once that is gone, ${rest} follows its ${type}`, async () => {
      const { mill, clock } = tiers;
      mill.calls.link = 'cut';
      await tiers.until('autonomous', () => mill.mode === 'autonomous');
      mill.calls.link = 'up';
      await tiers.until('rejoining', () => mill.mode === 'rejoining');
      let before = 0;
      mill.site.onApplied(() => {
        if (before > 0 || mill.site.applied.at(-1)?.command.type !== type) return;
        before = mill.site.applied.length;
        mill.site.lead(undefined);
      });
      await tiers.until('the leader is gone', () => before > 0);
      await tiers.pass(1000);
      assert.equal(mill.site.applied.length, before);
      assert.equal(mill.mode, 'rejoining');
      mill.site.lead(clock.nowMs());
      await tiers.connected();
    });
  }

  it('C11: a site that is alone does not come back by an answer to a leader whose term is over', async () => {
    const { mill, clock } = tiers;
    mill.calls.link = 'cut';
    await tiers.until('autonomous', () => mill.mode === 'autonomous');
    let answers = 0;
    mill.calls.tamper = (answer) => {
      answers += 1;
      mill.site.lead(clock.nowMs());
      return answer;
    };
    mill.calls.link = 'up';
    await tiers.until('three answers', () => answers >= 3);
    assert.equal(mill.mode, 'autonomous');
    mill.calls.tamper = (answer) => answer;
    await tiers.connected();
  });

  it('C11: going on alone is decided by the leader that waited or not at all: the next one grants a full hold time', async () => {
    const { mill, clock } = tiers;
    mill.site.held = true;
    mill.calls.link = 'cut';
    await tiers.until('decided', () => mill.site.inFlight.length > 0);
    mill.site.lead(clock.nowMs());
    mill.site.held = false;
    mill.site.commit();
    await tiers.pass(holdTimeMs - 10);
    assert.equal(mill.mode, 'connected');
    await tiers.until('autonomous', () => mill.mode === 'autonomous');
  });

  it('C11: a flapping link changes the mode at most once per hold time', async () => {
    const { mill } = tiers;
    const before = mill.site.state.authority().epoch;
    for (let n = 0; n < 40; n += 1) {
      mill.calls.link = n % 2 === 0 ? 'cut' : 'up';
      await tiers.pass(450);
    }
    assert.equal(mill.site.state.authority().epoch, before, 'each silence was shorter than the hold time');
    for (let n = 0; n < 4; n += 1) {
      mill.calls.link = 'cut';
      await tiers.pass(holdTimeMs + 100);
      mill.calls.link = 'up';
      await tiers.connected();
    }
    assert.equal(mill.site.state.authority().epoch, before + 12, 'autonomous, rejoining, connected');
  });

  it('K7: back from autonomy through rejoining, and nothing that ran was touched', async () => {
    const { mill } = tiers;
    const epochs = (): unknown => mill.site.state.placements().map(({ workload, node, epoch }) => [workload, node, epoch]);
    const before = epochs();
    const modes: string[] = [];
    mill.site.onApplied(() => {
      if (modes.at(-1) !== mill.mode) modes.push(mill.mode);
    });
    mill.calls.link = 'cut';
    await tiers.until('autonomous', () => mill.mode === 'autonomous');
    mill.calls.link = 'up';
    await tiers.connected();
    assert.deepEqual(modes.slice(-3), ['autonomous', 'rejoining', 'connected']);
    assert.deepEqual(epochs(), before);
    assert.deepEqual(mill.rejoined.at(-1), { valid: 2, moved: 0, invalid: 0 });
  });

  it('C7: news without end does not keep the site from reporting', async () => {
    const { mill, clock } = tiers;
    const before = mill.calls.calls;
    for (const end = clock.nowMs() + 1000; clock.nowMs() < end; ) {
      mill.client.poke();
      await clock.advance(5);
    }
    assert.ok(mill.calls.calls > before + 5, `${mill.calls.calls - before} reports`);
  });

  it('P19: nothing is said and nothing is asked at rest but the report of every interval', async () => {
    const { mill, upper } = tiers;
    await tiers.pass(1000);
    const applied = mill.site.applied.length + upper.site.applied.length;
    const calls = mill.calls.calls;
    await tiers.pass(20_000);
    assert.equal(mill.site.applied.length + upper.site.applied.length, applied, 'no log entry');
    assert.ok(mill.calls.calls - calls <= 20_000 / Math.min(1000, holdTimeMs / 5) + 1);
  });
});
