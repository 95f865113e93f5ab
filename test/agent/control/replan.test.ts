import assert from 'node:assert/strict';
import { weigh } from '../../../agent/control/decisions.ts';
import { toProblem, toResult } from '../../../agent/engine-planner.ts';
import { replan } from '../../../agent/placement/replan.ts';
import type { Decision } from '../../../schemas/generated/types.ts';
import { box, spec } from '../site-double.ts';
import { Leader } from './leader.ts';

const kinds = ({ triggers = [] }: Partial<Decision> = {}): string[] => triggers.map(({ kind, subject }) => `${kind} ${subject}`);

/** A leader with `web` in force on box a and nothing pending. */
async function atRest(options: ConstructorParameters<typeof Leader>[0] = {}): Promise<Leader> {
  const leader = new Leader(options);
  leader.site.give(spec('web'));
  leader.site.plan({ 'web/0': 'a' });
  await leader.round();
  assert.equal(leader.at('web/0'), 'a');
  assert.deepEqual(kinds(leader.decision), ['first site']);
  return leader;
}

describe('what calls for a plan', () => {
  it('P18: each piece of news is named by its kind in the record of the decision', async () => {
    const leader = await atRest();
    const linked = box('b');
    const cases: readonly (readonly [string, () => void])[] = [
      ['health b', () => leader.know('b', { risk: 0.7 })],
      ['node-lost b', () => leader.know('b', { usable: false, risk: 0.7 })],
      ['node-returned b', () => leader.know('b', { usable: true, risk: 0.7 })],
      ['node-changed c', () => leader.know('c', { memoryMiB: 4096 })],
      ['node-joined d', () => leader.know('d', {})],
      [
        'link b c',
        () => {
          leader.know('b', { risk: 0.7 });
          const topology = { ...linked.topology, links: [{ to: 'c', latencyMs: 9, mbps: 10 }] };
          leader.nodes = [...leader.nodes.filter(({ topology: { node } }) => node !== 'b'), { ...linked, risk: 0.7, topology }];
        },
      ],
      ['maintenance c', () => (leader.cordoned = () => new Set(['c']))],
    ];
    for (const [expected, change] of cases) {
      const before = leader.kept.length + leader.plans;
      change();
      await leader.round(500);
      assert.equal(leader.kept.length + leader.plans, before + 1, expected);
      assert.ok(kinds(leader.kept.at(-1)).includes(expected), `${expected}: ${kinds(leader.kept.at(-1))}`);
      await leader.round();
      assert.equal(leader.duty.pending(), false, expected);
    }
    assert.equal(leader.at('web/0'), 'a', 'none of it was worth a move');
  });

  it('P18: kinds that are configured away call for nothing, what makes a place impossible always does', async () => {
    const leader = await atRest({ replan: { ignore: new Set(['node-joined', 'health', 'link', 'maintenance']) } });
    leader.know('d', {});
    leader.know('b', { risk: 0.7 });
    leader.cordoned = () => new Set(['c']);
    await leader.round();
    assert.equal(leader.planner.inputs.length, 1, 'the first one alone');
    leader.know('a', { usable: false });
    await leader.round();
    assert.notEqual(leader.at('web/0'), 'a');
    assert.deepEqual(kinds(leader.decision), ['node-lost a']);
  });

  it('P5 P18: a change of availability does, after a rest; new work goes where others use little', async () => {
    const loaded = (name: string, load: 'cold' | 'hot') => ({
      ...box(name),
      availability: { class: load, cpu: load, memory: 'cold' as const },
    });
    for (const [busy, idle] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const leader = new Leader({ replan: { restMs: 30_000 } });
      leader.nodes = [loaded('a', 'cold'), loaded('b', 'cold')];
      leader.site.give(spec('panel', { resources: { memoryMiB: 64, cpuSecondsPerRun: 0.1 } }));
      leader.site.plan({ 'panel/0': busy });
      await leader.round();
      leader.nodes = [loaded(busy, 'hot'), loaded(idle, 'cold')];
      await leader.round();
      assert.equal(leader.duty.pending(), false, 'drift waits');
      await leader.round(30_000);
      await leader.round(500);
      assert.deepEqual(leader.kept.at(-1)?.triggers, [
        { kind: 'load', subject: busy, detail: 'processor cold, memory cold became processor hot, memory cold' },
      ]);
      assert.equal(leader.at('panel/0'), busy, 'not worth a move');
      leader.site.give(spec('web', { resources: { memoryMiB: 64, cpuSecondsPerRun: 1.6 } }));
      await leader.round();
      assert.equal(leader.at('web/0'), idle);
    }
  });

  it('P18: a lost link does: data takes another way, or the work moves to it', async () => {
    const leader = new Leader();
    const cut = (name: string, ...unreached: string[]) => ({
      ...box(name, name === 'a' ? { delivers: 'press/vibration' } : {}),
      unreached,
    });
    leader.nodes = [cut('a'), cut('b'), cut('c')];
    const inputs = [{ source: 'press/vibration', maxHops: 1 }];
    leader.site.give(spec('near', { inputs, requires: { nodes: ['b', 'c'] } }));
    leader.site.plan({ 'near/0': 'b' });
    await leader.round();
    assert.equal(leader.at('near/0'), 'b');
    leader.nodes = [cut('a', 'b'), cut('b', 'a'), cut('c')];
    await leader.round();
    assert.equal(leader.at('near/0'), 'c', 'by way of c it would be two hops');
    assert.deepEqual(
      leader.decision?.triggers.map(({ kind, subject }) => `${kind} ${subject}`),
      ['link a b', 'link b a'],
    );
  });

  it('P18: boxes that come one after the other are planned with together', async () => {
    const leader = await atRest();
    const before = leader.planner.inputs.length;
    for (const name of ['d', 'e', 'f']) {
      leader.know(name, {});
      await leader.round(100);
    }
    await leader.round(400);
    assert.equal(leader.planner.inputs.length, before + 1);
    assert.deepEqual(kinds(leader.kept.at(-1)), ['node-joined d', 'node-joined e', 'node-joined f']);
  });

  it('P18: drift alone waits until the last decision has had its time', async () => {
    const leader = await atRest({ replan: { restMs: 30_000 } });
    leader.price = 0.4;
    await leader.round();
    assert.equal(leader.kept.length, 0);
    assert.equal(leader.duty.pending(), false, 'and nobody has to wait for it');
    await leader.round(30_000);
    await leader.round();
    assert.deepEqual(leader.kept.map(kinds), [['price energy']]);
  });
});

describe('a plan is worth its moves, or is not carried out', () => {
  it('P18: an empty box that joins moves nothing while the gain is below the cost of moving', async () => {
    const leader = await atRest();
    leader.know('d', {});
    const plans = leader.plans;
    await leader.round(500);
    assert.equal(leader.plans, plans);
    const [record] = leader.kept;
    assert.equal(record?.outcome, 'kept');
    assert.ok(record.gain !== null && record.gain <= record.movingCost);
    assert.equal(record.candidates.find(({ chosen }) => chosen)?.madeBy, 'stay');
  });

  it('P18: a gain that only equals the cost of moving moves nothing', () => {
    const input = {
      nodes: [box('a'), box('b')],
      specs: [spec('web')],
      current: [],
      held: new Set<string>(),
      uplink: { latencyMs: 1, mbps: 100 },
      unreachableArtefacts: new Set<string>(),
    };
    const made = toResult(replan(toProblem(input), undefined));
    const current = made.assignments.map((one) => ({ ...one, epoch: 1, provisional: false, basisRevision: 0, awaiting: null }));
    const moved = made.assignments.map((one) => ({ ...one, node: one.node === 'a' ? 'b' : 'a' }));
    const migration = made.plan.objective.terms.map((term) => (term.name === 'migration' ? { ...term, cost: 2 } : term));
    for (const [staying, apply, gain] of [
      [9, false, 1],
      [10, false, 2],
      [11, true, 3],
    ] as const) {
      const result = {
        ...made,
        standing: { total: staying, homeless: [] },
        plan: { ...made.plan, objective: { total: 10, terms: migration } },
      };
      const verdict = weigh(result, moved, current);
      assert.deepEqual([verdict.apply, verdict.gain, verdict.movingCost], [apply, gain, 2], verdict.reason);
    }
  });

  it('P18: moves away from a box at risk when that saves more than it costs, and not when moving is made dear', async () => {
    for (const [moveThresholdSeconds, moved] of [
      [1, true],
      [100_000, false],
    ] as const) {
      const leader = new Leader({ replan: { moveThresholdSeconds } });
      leader.site.give(spec('web', { criticality: 1 }));
      leader.site.plan({ 'web/0': 'a' });
      await leader.round();
      leader.know('a', { risk: 1 });
      await leader.round();
      assert.equal(leader.at('web/0') !== 'a', moved);
      const record = moved ? leader.decision : leader.kept[0];
      assert.equal(record?.outcome, moved ? 'applied' : 'kept');
      assert.equal((record?.gain ?? 0) > (record?.movingCost ?? 0), moved, record?.reason);
      assert.deepEqual(kinds(record), ['health a']);
    }
  });

  it('P18: what cannot stay is moved whatever it costs, and the record says so', async () => {
    const leader = await atRest({ replan: { moveThresholdSeconds: 100_000 } });
    leader.know('a', { usable: false });
    await leader.round();
    assert.notEqual(leader.at('web/0'), 'a');
    assert.equal(leader.decision?.gain, null);
    assert.match(leader.decision?.reason ?? '', /1 replica cannot stay/);
    assert.match(leader.decision?.moves[0] ?? '', /^web\/0: a \(hot\) → [bc] \(hot\)$/);
  });
});

describe('the weights of a site', () => {
  it('P15: are those of its plans: work stays on a box that may fail where that counts little', async () => {
    for (const [robustness, where] of [
      [1, 'b'],
      [0, 'a'],
    ] as const) {
      const leader = new Leader({ weights: { robustness } });
      leader.nodes = [{ ...box('a'), risk: 0.9 }, box('b')];
      leader.site.give(spec('web'));
      leader.site.plan({ 'web/0': 'a' });
      await leader.round();
      assert.equal(leader.at('web/0'), where, `robustness ${robustness}`);
    }
  });
});

describe('the price of energy', () => {
  it('P25 P18: a new price calls for a plan, and empties a box when that saves more than the moves cost', async () => {
    const leader = new Leader({ replan: { restMs: 1000, secondsPerMoney: 100 } });
    const hungry = (name: string): ReturnType<typeof box> => {
      const one = box(name);
      return { ...one, topology: { ...one.topology, energy: { idleWatts: 100, fullWatts: 150, maySwitchOff: true } } };
    };
    leader.nodes = [hungry('a'), hungry('b')];
    leader.price = 0.1;
    leader.site.give(spec('web'), spec('panel'));
    leader.site.plan({ 'web/0': 'a', 'panel/0': 'b' });
    await leader.round();
    await leader.round(1000);
    assert.equal(new Set(Object.values(leader.site.where())).size, 2, 'cheap energy is not worth a move');
    leader.price = 0.5;
    await leader.round();
    await leader.round();
    assert.equal(new Set(Object.values(leader.site.where())).size, 1);
    assert.deepEqual(leader.decision?.triggers, [{ kind: 'price', subject: 'energy', detail: '0.1 became 0.5 per kWh' }]);
    assert.ok((leader.decision?.gain ?? 0) > (leader.decision?.movingCost ?? 0));
  });
});

describe('a plan in part', () => {
  async function crowd(partialAbove: number): Promise<Leader> {
    const leader = new Leader({ replan: { partialAbove, calmMs: 60_000 } });
    leader.site.give(...Array.from({ length: 9 }, (_, index) => spec(`w${index}`)));
    leader.site.plan(Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`w${index}/0`, 'abc'[index % 3] as string])));
    await leader.round();
    return leader;
  }

  it('P18: of a large site only what a lost box held is looked at, and everything once it is calm', async () => {
    const leader = await crowd(4);
    leader.know('a', { usable: false });
    await leader.round();
    assert.equal(leader.decision?.scope, 'partial');
    assert.equal(leader.decision?.freed, 3);
    assert.ok(Object.values(leader.site.where()).every((node) => node !== 'a'));
    await leader.round(59_000);
    assert.equal(leader.kept.length, 0);
    await leader.round(1000);
    await leader.round();
    assert.deepEqual(leader.kept.map(kinds), [['calm site']]);
    assert.equal(leader.kept[0]?.scope, 'whole');
    await leader.round(120_000);
    assert.equal(leader.kept.length, 1, 'and then it is calm');
  });

  it('P18: with nothing left to plan there is nothing to plan again, and nothing without a place', async () => {
    const leader = new Leader({ replan: { partialAbove: 0, calmMs: 1000, restMs: 1000 } });
    leader.nodes = [box('a'), box('b')];
    leader.site.give(spec('web'), spec('huge', { resources: { memoryMiB: 9000 } }));
    await leader.round();
    leader.know('a', { usable: false });
    await leader.round();
    assert.equal(leader.duty.unplaced().length, 1);
    for (const name of ['web', 'huge']) leader.site.apply({ type: 'workloadDelete', name });
    await leader.round();
    await leader.round(2000);
    assert.equal(leader.duty.pending(), false);
    assert.deepEqual(leader.duty.unplaced(), []);
  });

  it('P18: a small site is planned whole', async () => {
    const leader = await crowd(64);
    leader.know('a', { usable: false });
    await leader.round();
    assert.equal(leader.decision?.scope, 'whole');
    assert.equal(leader.decision?.freed, 9);
  });

  it('P18: everything is planned where a part is not enough', async () => {
    const leader = new Leader({ replan: { partialAbove: 0 } });
    leader.nodes = [box('a', { memoryMiB: 200 }), box('b', { memoryMiB: 200 }), box('c', { memoryMiB: 400 })];
    const sized = (name: string, memoryMiB: number): ReturnType<typeof spec> =>
      spec(name, { resources: { memoryMiB, cpuSecondsPerRun: 0 } });
    leader.site.give(sized('small', 150), sized('large', 300));
    leader.site.plan({ 'small/0': 'c', 'large/0': 'c' });
    leader.site.give(sized('small', 180));
    await leader.round();
    leader.site.give(sized('huge', 390));
    leader.site.apply({ type: 'workloadDelete', name: 'large' });
    await leader.round();
    assert.equal(leader.at('huge/0'), 'c');
    assert.equal(leader.duty.unplaced().length, 0);
  });
});
