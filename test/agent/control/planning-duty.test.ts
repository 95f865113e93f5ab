import assert from 'node:assert/strict';
import { box, settled, spec } from '../site-double.ts';
import { Leader } from './leader.ts';

describe('the leader keeps a fitting plan in force', () => {
  it('P18: plans what is new, once, and not again for what only repeats', async () => {
    const leader = new Leader();
    leader.site.give(spec('web', { replicas: 2 }));
    assert.equal(leader.duty.pending(), true);
    await leader.round();
    assert.equal(Object.keys(leader.site.where()).length, 2);
    assert.equal(leader.plans, 1);
    assert.equal(leader.duty.pending(), false);

    leader.nodes = ['a', 'b', 'c'].map((name) => box(name, { run: 2, seq: 9, healthAgeSeconds: 40, risk: 0.1 }));
    for (let n = 0; n < 5; n += 1) await leader.round();
    assert.equal(leader.plans, 1, 'ages, sequence numbers and small risks are no news');
  });

  it('P18: plans again for a lost box, a changed workload, a changed topology, a risk', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    await leader.round();
    const first = leader.at('web/0') as string;
    leader.know(first, { usable: false });
    await leader.round();
    assert.notEqual(leader.at('web/0'), first, 'its work moved');
    const plans = (): number => leader.planner.inputs.length;
    for (const change of [
      () => leader.site.give(spec('web', { replicas: 2 })),
      () => leader.know(first, { memoryMiB: 2048 }),
      () => leader.know(first, { memoryMiB: 2048, risk: 0.6 }),
    ]) {
      const before = plans();
      change();
      await leader.round();
      assert.ok(plans() > before);
    }
  });

  it('P16: a drained spec list ends its placements and then costs no plan', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    await leader.round();
    leader.site.apply({ type: 'workloadDelete', name: 'web' });
    await leader.round();
    const solved = leader.planner.inputs.length;
    await leader.round();
    assert.deepEqual(leader.site.where(), {});
    assert.equal(leader.planner.inputs.length, solved);
  });

  it('P19: does not plan while following, nor while the upper site decides', async () => {
    const following = new Leader();
    following.site.lead(undefined);
    following.site.give(spec('web'));
    await following.round();
    assert.equal(following.planner.inputs.length, 0);

    const connected = new Leader({ hasUpper: true });
    connected.site.give(spec('web'));
    await connected.round();
    assert.equal(connected.duty.pending(), false);
    assert.equal(connected.planner.inputs.length, 0);
    connected.site.become('autonomous');
    await connected.round();
    assert.equal(connected.plans, 1);
    connected.site.become('rejoining');
    connected.site.give(spec('more'));
    await connected.round();
    assert.equal(connected.plans, 1);
  });

  it('P19: decisions of a site that has an upper site are provisional; what stays keeps its confirmation', async () => {
    const leader = new Leader({ hasUpper: true });
    leader.site.give(spec('web'), spec('panel'));
    leader.site.plan({ 'web/0': 'a', 'panel/0': 'b' }, 'upper');
    leader.know('a', { usable: false });
    leader.site.become('autonomous');
    await leader.round();
    const provisional = Object.fromEntries(leader.site.state.placements().map(({ workload, provisional: is }) => [workload, is]));
    assert.deepEqual(provisional, { panel: false, web: true });

    const alone = new Leader();
    alone.site.give(spec('web'));
    await alone.round();
    assert.equal(alone.site.state.placement('web', 0)?.provisional, false);
  });

  it('P16: says what a plan moves', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    await leader.round();
    assert.ok(leader.log.events.includes('plan.committed'));
  });
});

describe('a new leader concludes nothing from silence', () => {
  it('P19: waits for members not heard of, five seconds at most', async () => {
    const leader = new Leader();
    leader.nodes = [box('a')];
    leader.unseen = { absent: [], unheard: ['b', 'c'] };
    leader.site.give(spec('web'));
    await leader.round(4900);
    await leader.round(100);
    await leader.round(1);
    assert.equal(leader.plans, 0);
    await leader.round();
    assert.equal(leader.at('web/0'), 'a');
  });

  it('P19: plans as soon as all were heard of', async () => {
    const leader = new Leader();
    leader.unseen = { absent: [], unheard: ['c'] };
    leader.site.give(spec('web'));
    await leader.round();
    assert.equal(leader.plans, 0);
    leader.unseen = { absent: [], unheard: [] };
    await leader.round();
    assert.equal(leader.plans, 1);
  });

  it('P19: never moves work off a member it has not heard of, even when its patience has ended', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'), spec('panel'));
    leader.site.plan({ 'web/0': 'c', 'panel/0': 'a' });
    leader.nodes = [box('a'), box('b')];
    leader.unseen = { absent: [], unheard: ['c'] };
    leader.know('a', { usable: false });
    await leader.round(5001);
    await leader.round();
    assert.deepEqual(leader.site.where(), { 'panel/0': 'b', 'web/0': 'c' });
  });

  it('P19: work of a member that is lost without ever having been seen is placed again', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'), spec('single', { onSplit: 'stop' }));
    leader.site.plan({ 'web/0': 'c', 'single/0': 'c' });
    leader.nodes = [box('a'), box('b')];
    leader.unseen = { absent: ['c'], unheard: [] };
    await leader.round();
    assert.notEqual(leader.at('web/0'), 'c');
    assert.notEqual(leader.at('single/0'), 'c');
    assert.equal(leader.site.state.placement('single', 0)?.awaiting?.node, 'c', 'but starts only when its holder has let go');
  });

  it('P19: an upper site leaves work in a child site that has not reported yet', async () => {
    const leader = new Leader({ hasChildren: true });
    leader.site.give(spec('web'));
    leader.site.plan({ 'web/0': 'press-1' });
    leader.site.give(spec('more'));
    await leader.round();
    assert.equal(leader.at('web/0'), 'press-1');
    assert.notEqual(leader.at('more/0'), undefined);
  });

  it('P19: a site alone leaves `stop` work of another tier, and takes over the rest', async () => {
    const leader = new Leader({ hasUpper: true });
    leader.site.give(spec('web'), spec('single', { onSplit: 'stop' }));
    leader.site.plan({ 'web/0': 'cloud-1', 'single/0': 'cloud-1' }, 'upper');
    leader.site.become('autonomous');
    await leader.round();
    assert.equal(leader.at('single/0'), 'cloud-1');
    assert.notEqual(leader.at('web/0'), 'cloud-1');
  });
});

describe('a site alone', () => {
  it('P19: begins no `stop` work of the upper site that was given no box here: another tier may run it', async () => {
    const leader = new Leader({ hasUpper: true });
    const specs = [spec('web'), spec('single', { onSplit: 'stop' })];
    leader.site.apply({ type: 'workloadsApply', origin: 'upper', specs, replace: true });
    leader.site.plan({}, 'upper');
    leader.site.give(spec('own', { onSplit: 'stop' }));
    leader.site.become('autonomous');
    await leader.round();
    assert.deepEqual(Object.keys(leader.site.where()), ['own/0', 'web/0']);
    assert.equal(leader.duty.pending(), false);
  });
});

describe('a plan that was overtaken', () => {
  it('P16: is refused when another plan came first, and made again from that one', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'), spec('panel'));
    leader.site.plan({ 'panel/0': 'a' });
    leader.planner.held = true;
    await leader.round();
    leader.site.plan({ 'panel/0': 'a', 'web/0': 'c' });
    leader.planner.held = false;
    leader.planner.release();
    await leader.round();
    const outcomes = leader.site.applied
      .filter(({ command }) => command.type === 'planCommit')
      .map(({ outcome }) => outcome.ok || outcome.code);
    assert.deepEqual(outcomes.slice(0, 3), [true, true, 'STALE_PLAN']);
    assert.equal(leader.at('web/0'), 'c', 'the newer placement survives');
    assert.equal(leader.duty.pending(), false);
  });

  it('P16: is made again when a workload came meanwhile', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    leader.planner.held = true;
    await leader.round();
    leader.site.give(spec('late'));
    leader.planner.held = false;
    leader.planner.release();
    await leader.round();
    assert.deepEqual(Object.keys(leader.site.where()), ['late/0', 'web/0']);
  });

  it('P16: is given up when leadership is lost, without a word of failure', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    leader.planner.held = true;
    await leader.round();
    leader.site.lead(undefined);
    await leader.round();
    leader.planner.release();
    await settled();
    assert.equal(leader.plans, 0);
    assert.ok(!leader.log.events.includes('plan.failed'));
    leader.planner.held = false;
    leader.site.lead(leader.clock.nowMs());
    await leader.round();
    assert.equal(leader.plans, 1);
  });

  it('K7: waits while decisions of a child site are being taken over, and gives up the plan under way', async () => {
    const leader = new Leader({ hasChildren: true });
    leader.site.give(spec('web'));
    leader.planner.held = true;
    await leader.round();
    leader.settled = false;
    await leader.round();
    leader.planner.held = false;
    leader.planner.release();
    await leader.round();
    assert.equal(leader.plans, 0);
    leader.settled = true;
    await leader.round();
    assert.equal(leader.plans, 1);
  });
});

describe('a plan that fails', () => {
  it('P16: is tried again after a while that doubles, ten seconds at most', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    leader.planner.fails = new Error('no thread');
    const tried: number[] = [];
    let before = 0;
    leader.duty.check();
    for (const start = leader.clock.nowMs(); leader.clock.nowMs() < start + 60_000; ) {
      await leader.clock.advance(10);
      if (leader.planner.inputs.length > before) tried.push(leader.clock.nowMs());
      before = leader.planner.inputs.length;
      leader.duty.check();
    }
    const gaps = tried.slice(1).map((at, index) => at - (tried[index] as number));
    assert.ok(
      gaps.every((gap, index) => index === 0 || gap >= (gaps[index - 1] as number)),
      `${gaps}`,
    );
    assert.ok(Math.max(...gaps) <= 10_100, `${gaps}`);
    assert.ok(gaps.length >= 8, `${gaps}`);
    leader.planner.fails = undefined;
    await leader.round(10_000);
    assert.equal(leader.plans, 1);
  });

  it('P16: a plan made in a term that is over is not committed, and that is no failure', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    const { planner } = leader;
    const solve = planner.solve.bind(planner);
    planner.solve = (...of) => {
      planner.solve = solve;
      leader.site.lead(leader.clock.nowMs());
      return solve(...of);
    };
    await leader.round(100);
    assert.deepEqual([planner.inputs.length, leader.plans], [1, 0]);
    await leader.round(100);
    assert.deepEqual([planner.inputs.length, leader.plans], [2, 1]);
    assert.ok(!leader.log.events.includes('plan.failed'));
  });

  it('P16: the agreement without a quorum is such a failure; a box that leads anew plans at once', async () => {
    const leader = new Leader();
    leader.site.give(spec('web'));
    leader.site.broken = new Error('NO_QUORUM');
    for (let n = 0; n < 100; n += 1) await leader.round();
    leader.site.lead(undefined);
    await leader.round();
    leader.site.broken = undefined;
    leader.site.lead(leader.clock.nowMs());
    await leader.round(100);
    assert.equal(leader.plans, 1);
  });
});
