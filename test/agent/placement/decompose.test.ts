import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { cutProblem, partName, partsTried, planWithParts } from '../../../agent/placement/decompose.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { specsToProblem } from '../../../agent/placement/spec-to-problem.ts';
import type { PlacedReplica, PlacementPart, PlacementProblem, PlacementWorkload, Plan } from '../../../schemas/generated/types.ts';
import { box, spec } from '../site-double.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';

const small = { memoryMiB: 60, imageMiB: 10, cpuSeconds: 0.1, diskMiB: 0, vramMiB: 0 };
const part = (id: string, source: string | undefined, takes: PlacementPart['takes'] = [], demand = small): PlacementPart => ({
  id,
  demand,
  durationSeconds: 0.5,
  inputs: source === undefined ? [] : [{ source, mbPerCall: 40, hard: true }],
  takes,
});
/** Two cameras at two boxes, each filtered where it is or both sent to one place; the results are brought together. */
const inspection = (mbPerRun: number): PlacementWorkload =>
  makeWorkload('inspection', {
    classes: ['hot'],
    demand: { memoryMiB: 150 },
    inputs: ['left', 'right'].map((source) => ({ source, mbPerCall: 40, hard: true })),
    parts: [
      part('left', 'left'),
      part('right', 'right'),
      part('join', undefined, [
        { part: 'left', mbPerRun },
        { part: 'right', mbPerRun },
      ]),
    ],
  });
const site = (work: PlacementWorkload, parts: Partial<PlacementProblem> = {}): PlacementProblem =>
  makeProblem([makeNode('a'), makeNode('b'), makeNode('c')], [work], {
    links: [
      { a: 'a', b: 'b', latencyMs: 1, mbps: 100 },
      { a: 'b', b: 'c', latencyMs: 1, mbps: 100 },
    ],
    sources: [
      { id: 'left', nodes: ['a'], rateMBps: 1 },
      { id: 'right', nodes: ['c'], rateMBps: 1 },
    ],
    ...parts,
  });

/** Megabytes over links in one run, by the model's words alone. */
function moved({ workloads, sources }: PlacementProblem, { assignments }: Plan): number {
  const at = (name: string): string | undefined => assignments.find(({ workload }) => workload === name)?.node;
  return workloads.reduce((sum, { id, inputs, flows = [] }) => {
    const here = at(id) ?? '';
    const read = inputs.filter(({ source }) => !sources.find((one) => one.id === source)?.nodes.includes(here));
    const taken = flows.filter(({ from }) => at(from) !== here);
    return sum + read.reduce((all, { mbPerCall }) => all + mbPerCall, 0) + taken.reduce((all, { mbPerRun }) => all + mbPerRun, 0);
  }, 0);
}

describe('workloads that can be cut', () => {
  it('P13: are placed stage by stage where that moves less, their results brought together', () => {
    const given = site(inspection(0.5));
    const { problem, plan, cut } = planWithParts(given, solve);
    assert.deepEqual(cut, ['inspection']);
    assert.deepEqual(checkPlan(problem, plan), []);
    const places = placesOf(plan);
    assert.equal(places['inspection--left/0'], 'a:hot');
    assert.equal(places['inspection--right/0'], 'c:hot');
    const whole = cutProblem(given, new Set());
    assert.ok(moved(problem, plan) <= moved(whole, solve(whole)), 'no more moves than with the whole');
    assert.equal(moved(problem, plan), 0.5, 'one of the two filters is where they are joined');
  });

  it('P13: stay whole where cutting does not pay', () => {
    const { problem, plan, cut } = planWithParts(site(inspection(90)), solve);
    assert.deepEqual(cut, []);
    assert.deepEqual(Object.keys(placesOf(plan)), ['inspection/0']);
    assert.equal(problem.workloads[0]?.parts, undefined);
  });

  it('P13: are cut when no box takes the whole, and only then count as placed when all their parts are', () => {
    const large = { ...inspection(0.5), demand: { ...small, memoryMiB: 5000 } };
    assert.deepEqual(planWithParts(site(large), solve).cut, ['inspection']);
    const hopeless = { ...large, parts: large.parts?.map((one) => ({ ...one, demand: { ...small, memoryMiB: 4000 } })) ?? [] };
    const { cut, plan } = planWithParts(site(hopeless), solve);
    assert.deepEqual(cut, []);
    assert.deepEqual(
      plan.unplaced.map(({ workload }) => workload),
      ['inspection'],
    );
  });

  it('P13: what runs whole is cut only for more than the moves cost; what runs in parts is not joined for nothing', () => {
    const standing: PlacedReplica[] = [{ workload: 'inspection', replica: 0, node: 'a', class: 'hot' }];
    const dear = site(inspection(0.5), { current: standing, moveThresholdSeconds: 100_000 });
    assert.deepEqual(planWithParts(dear, solve).plan.moves, [], 'nothing moves');
    const inParts = ['left', 'right', 'join'].map((id, index) => ({
      workload: partName('inspection', id),
      replica: 0,
      node: 'aca'[index] as string,
      class: 'hot' as const,
    }));
    const { plan, cut } = planWithParts(site(inspection(0.5), { current: inParts }), solve);
    assert.deepEqual([cut, plan.moves], [['inspection'], []]);
  });

  it('P13: whoever keeps away from the whole keeps away from every part; who takes its data takes its result', () => {
    const given = site(inspection(0.5));
    const others = [
      makeWorkload('press', { antiAffinity: ['inspection'] }),
      makeWorkload('panel', { affinity: ['inspection'], flows: [{ from: 'inspection', mbPerRun: 3 }] }),
    ];
    const { workloads } = cutProblem({ ...given, workloads: [...given.workloads, ...others] }, new Set(['inspection']));
    const byName = new Map(workloads.map((one) => [one.id, one]));
    assert.deepEqual(byName.get('press')?.antiAffinity, ['inspection--left', 'inspection--right', 'inspection--join']);
    assert.deepEqual(byName.get('panel')?.affinity, ['inspection--join']);
    assert.deepEqual(byName.get('panel')?.flows, [{ from: 'inspection--join', mbPerRun: 3 }]);
  });

  it('P13: parts that contradict each other are refused with their place', () => {
    const refused = (parts: PlacementPart[], words: RegExp): void => {
      assert.throws(() => cutProblem(site({ ...inspection(1), parts }), new Set()), words);
    };
    refused([part('x', 'left'), part('x', 'right')], /\/workloads\/0\/parts\/1\/id.*repeats x/);
    refused([part('x', 'left', [{ part: 'y', mbPerRun: 1 }]), part('z', 'right')], /parts\/0\/takes.*y, which is no part/);
    refused([part('x', 'left', [{ part: 'z', mbPerRun: 1 }]), part('z', 'right', [{ part: 'x', mbPerRun: 1 }])], /circle: x, z/);
  });

  it('P13: with any flows, the plan is valid and never worse than leaving everything whole', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { minLength: 2, maxLength: 2 }),
        fc.integer({ min: 40, max: 400 }),
        fc.integer({ min: 1, max: 2 }),
        ([left = 0, right = 0], memoryMiB, replicas) => {
          const work = {
            ...inspection(0),
            replicas,
            parts: [
              part('left', 'left', [], { ...small, memoryMiB }),
              part('right', 'right', [{ part: 'left', mbPerRun: left }]),
              part('join', undefined, [{ part: 'right', mbPerRun: right }]),
            ],
          };
          const given = site(work, { limits: { steps: 4000, seed: 3, starts: 2 } });
          const { problem, plan } = planWithParts(given, solve);
          assert.deepEqual(checkPlan(problem, plan), []);
          const whole = solve(cutProblem(given, new Set()));
          assert.ok(plan.unplaced.length === 0 || whole.unplaced.length > 0);
          if (whole.unplaced.length === 0) assert.ok(plan.objective.total <= whole.objective.total);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('what a workload in parts moves', () => {
  /** One workload of two to four parts in any graph, on boxes where nothing counts but the megabytes that go over links. */
  const drawn = (seed: number): PlacementProblem => {
    const random = new PlacementRandom(seed);
    const names = ['a', 'b', 'c', 'd'].slice(0, 2 + random.nextInt(3));
    const count = 2 + random.nextInt(3);
    const sources = Array.from({ length: count }, (_, i) => ({
      id: `s${i}`,
      nodes: [names[random.nextInt(names.length)] ?? 'a'],
      rateMBps: 0,
    }));
    const inputOf = (i: number) => ({ source: `s${i}`, mbPerCall: 1 + random.nextInt(40), hard: true });
    const parts = Array.from({ length: count }, (_, i): PlacementPart => {
      const takes = Array.from({ length: i }, (_, from) => ({ part: `p${from}`, mbPerRun: random.nextInt(40) })).filter(
        ({ mbPerRun }) => mbPerRun < 20,
      );
      return { ...part(`p${i}`, undefined, takes, { ...small, memoryMiB: 100 + random.nextInt(300) }), inputs: [inputOf(i)] };
    });
    const whole = makeWorkload('line', {
      classes: ['hot'],
      demand: { ...small, memoryMiB: parts.reduce((sum, { demand }) => sum + demand.memoryMiB, 0) },
      inputs: parts.flatMap(({ inputs }) => inputs),
      parts,
    });
    return makeProblem(
      names.map((id) => makeNode(id, { capacity: { memoryMiB: 300 + random.nextInt(1200) } })),
      [whole],
      {
        weights: { latency: 1, hops: 0, balance: 0, robustness: 0, minimumSize: 0, colocation: 1, migration: 0 },
        links: names.slice(1).map((b, i) => ({ a: names[random.nextInt(i + 1)] ?? 'a', b, latencyMs: 0, mbps: 100 })),
        sources,
        limits: { steps: 5000, seed: 3, starts: 2 },
      },
    );
  };

  it('P13: is never more than what it moves whole, whatever the graph, where what is moved is all that counts', () => {
    const counts = { less: 0, equal: 0, impossible: 0 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const given = drawn(seed);
        const { problem, plan } = planWithParts(given, solve);
        const uncut = cutProblem(given, new Set());
        const whole = solve(uncut);
        if (whole.unplaced.length > 0) {
          counts.impossible += 1;
          return;
        }
        assert.deepEqual(plan.unplaced, []);
        const [cut, together] = [moved(problem, plan), moved(uncut, whole)];
        assert.ok(cut <= together, `${cut} MB a run in parts, ${together} MB whole`);
        counts[cut < together ? 'less' : 'equal'] += 1;
      }),
      { numRuns: 150 },
    );
    assert.ok(counts.less > 0 && counts.equal > 0, JSON.stringify(counts));
  });
});

/** Workloads too large for any box, that fit once they are cut in two. */
const wide = (count: number, memoryMiB: (index: number) => number): PlacementWorkload[] =>
  Array.from({ length: count }, (_, i) => {
    const demand = { ...small, memoryMiB: memoryMiB(i) / 2 };
    const parts = [part('x', undefined, [], demand), part('y', undefined, [{ part: 'x', mbPerRun: 1 }], demand)];
    return makeWorkload(`w${i}`, { classes: ['hot'], demand: { memoryMiB: memoryMiB(i) }, parts });
  });
const boxes = (count: number): PlacementProblem['nodes'] => Array.from({ length: count }, (_, i) => makeNode(`n${i}`));
const star = (count: number): PlacementProblem['links'] =>
  Array.from({ length: count - 1 }, (_, i) => ({ a: 'n0', b: `n${i + 1}`, latencyMs: 1, mbps: 1000 }));

describe('many workloads that can be cut', () => {
  const quick = { limits: { steps: 2000, seed: 3, starts: 2 } };
  const counted = (given: PlacementProblem): ReturnType<typeof planWithParts> & { readonly searches: number } => {
    let searches = 0;
    const found = planWithParts(given, (one) => {
      searches += 1;
      return solve(one);
    });
    assert.ok(searches <= 1 + partsTried(given), `${searches} searches, ${partsTried(given)} said`);
    assert.deepEqual(checkPlan(found.problem, found.plan), []);
    return { ...found, searches };
  };

  it('P13: ten alike are cut all, in fewer searches than there are workloads', () => {
    const { plan, cut, together, searches } = counted(
      makeProblem(
        boxes(20),
        wide(10, () => 1500),
        { links: star(20), ...quick },
      ),
    );
    assert.deepEqual([cut.length, plan.unplaced, together], [10, [], []]);
    assert.ok(searches < 10, `${searches} searches`);
  });

  it('P13: of those that are alike no more are cut than is better', () => {
    // Three fit whole, each on a box of its own, and two only in halves. Being there has its price for each half.
    const given = makeProblem(
      [
        ...boxes(3).map((one) => ({ ...one, health: { usable: true, risk: 0.5 } })),
        ...['s', 't', 'u', 'v'].map((id) => makeNode(id, { capacity: { memoryMiB: 400 } })),
      ],
      wide(5, () => 800),
      {
        links: [...star(3), ...['s', 't', 'u', 'v'].map((b) => ({ a: 'n0', b, latencyMs: 20, mbps: 10 }))],
        ...quick,
      },
    );
    const { plan, cut, together } = counted(given);
    assert.deepEqual([cut, plan.unplaced, together], [['w0', 'w1'], [], []]);
  });

  it('P13: those that others keep away from are not alike to the rest: which is cut does not hang on the order', () => {
    const nodes = [
      makeNode('x', { capacity: { memoryMiB: 160 }, health: { usable: true, risk: 0.5 } }),
      ...['y', 'z'].map((id) => makeNode(id, { capacity: { memoryMiB: 100 } })),
    ];
    const half = { ...small, memoryMiB: 75 };
    const [first, second] = ['wa', 'wb'].map((id) =>
      makeWorkload(id, {
        classes: ['hot'],
        criticality: 1,
        demand: { ...small, memoryMiB: 150 },
        parts: [part('a', undefined, [], half), part('b', undefined, [{ part: 'a', mbPerRun: 0 }], half)],
      }),
    );
    const guards = ['y', 'z'].map((pin) =>
      makeWorkload(`g${pin}`, { classes: ['hot'], criticality: 0.5, demand: { memoryMiB: 1 }, antiAffinity: ['wa'], pin }),
    );
    const links = [
      { a: 'x', b: 'y', latencyMs: 1, mbps: 1000 },
      { a: 'y', b: 'z', latencyMs: 1, mbps: 1000 },
    ];
    assert.ok(first !== undefined && second !== undefined);
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const { plan, cut } = counted(makeProblem(nodes, [...order, ...guards], { links, limits: { steps: 20_000, seed: 3, starts: 2 } }));
      assert.deepEqual([cut, plan.unplaced], [['wb'], []]);
    }
  });

  it('P13: twelve that differ are all cut; those that were tried together only are told', () => {
    const work = wide(12, (i) => 1400 + 10 * i).map((one, i) => ({ ...one, criticality: 0.9 - i / 20 }));
    const { plan, cut, together } = counted(makeProblem(boxes(24), work, { links: star(24), ...quick }));
    assert.deepEqual([cut.length, plan.unplaced], [12, []]);
    assert.deepEqual(together, ['w7', 'w8', 'w9', 'w10', 'w11']);
  });

  it('P13: however many there are, searches are few and each is tried', () => {
    const many = Array.from({ length: 60 }, (_, i) => ({ ...inspection(i % 20), id: `w${i}`, criticality: (i % 7) / 10 }));
    const given = makeProblem([], many);
    assert.ok(partsTried(given) <= 16);
    const tried = new Set<string>();
    const plan = solve(makeProblem([], []));
    const { cut, together } = planWithParts(given, ({ workloads }) => {
      for (const { id } of many) if (workloads.some((one) => one.id === partName(id, 'left'))) tried.add(id);
      return plan;
    });
    assert.deepEqual([tried.size, cut], [60, []]);
    assert.ok(together.length > 0);
  });
});

describe('data that flows between workloads', () => {
  it('P13: is taken over from workload files', () => {
    const flows = [{ from: 'giver', mbPerRun: 2 }];
    const { workloads } = specsToProblem({ specs: [spec('taker', { flows }), spec('giver')], nodes: [box('a')], current: [] });
    assert.deepEqual(
      workloads.map((one) => one.flows),
      [undefined, flows],
    );
  });

  it('P13: draws its taker near, by the megabytes, at the speed of the route', () => {
    const giver = makeWorkload('giver', { classes: ['hot'], requires: { tags: [], extras: [], nodes: ['a'] } });
    const taker = makeWorkload('taker', {
      classes: ['hot'],
      requires: { tags: [], extras: [], nodes: ['c'] },
      flows: [{ from: 'giver', mbPerRun: 10 }],
    });
    const far = solve(site(giver, { workloads: [giver, taker] }));
    const affinity = far.objective.terms.find(({ name }) => name === 'affinity');
    // 60 runs an hour at criticality 0.5; two links of 1 ms, 10 MB at 100 Mbit/s.
    assert.equal(affinity?.cost, 24.06, '60 x 0.5 x (0.002 + 0.8)');
    const free = { ...taker, requires: { tags: [], extras: [] } };
    assert.equal(placesOf(solve(site(giver, { workloads: [giver, free] })))['taker/0'], 'a:hot');
  });
});
