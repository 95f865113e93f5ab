import assert from 'node:assert/strict';
import fc from 'fast-check';
import { dropSet, shortages, without } from '../../../agent/placement/shortage.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { changed, effectOf } from '../../../agent/placement/what-if.ts';
import type { PlacementProblem, Plan } from '../../../schemas/generated/types.ts';
import { bruteForce } from './brute-force.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';
import { drawnProblem } from './random-problem.ts';

const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

describe('what if', () => {
  it('P17: without a box the plan is what it is when the box is really gone', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const problem = drawnProblem(seed);
        const [gone] = problem.nodes;
        assert.ok(gone !== undefined);
        const supposed = solve(changed(problem, { kind: 'remove', node: gone.id }));
        const unusable = problem.nodes.map((node) => (node === gone ? { ...node, health: { ...node.health, usable: false } } : node));
        const real = solve({ ...problem, nodes: unusable });
        // Of equally good plans either may be found.
        assert.deepEqual([supposed.unplaced.length, supposed.objective], [real.unplaced.length, real.objective]);
      }),
      { numRuns: 60 },
    );
  });

  it('P17: adding a box and taking it away again is no change; the box put in by hand gives the same plan', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const problem = drawnProblem(seed);
        const node = makeNode('extra', { capacity: { memoryMiB: 2000 } });
        const links = [{ a: 'extra', b: 'a', latencyMs: 1, mbps: 100 }];
        const added = changed(problem, { kind: 'add', nodes: [node], links });
        assert.equal(solve(added).hash, solve({ ...problem, nodes: [...problem.nodes, node], links: [...problem.links, ...links] }).hash);
        assert.deepEqual(changed(added, { kind: 'remove', node: 'extra' }), problem);
      }),
      { numRuns: 40 },
    );
  });

  it('P17: tasks that are added with their data are planned as if they had been written so', () => {
    let placed = 0;
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 3 }), (seed, count) => {
        const problem = drawnProblem(seed);
        const workloads = Array.from({ length: count }, (_, i) =>
          makeWorkload(`new-${i}`, { criticality: (1 + (seed % 9)) / 10, inputs: [{ source: 'fresh', mbPerCall: 1, hard: true }] }),
        );
        const sources = [{ id: 'fresh', nodes: ['a'], rateMBps: 1 }];
        const supposed = changed(problem, { kind: 'add', workloads, sources });
        const real = { ...problem, workloads: [...problem.workloads, ...workloads], sources: [...problem.sources, ...sources] };
        const plan = solve(supposed);
        assert.deepEqual(plan, solve(real));
        const before = solve(problem);
        assert.equal(effectOf(before, plan).placed, before.unplaced.length - plan.unplaced.length);
        placed += plan.assignments.filter(({ workload }) => workload.startsWith('new-')).length;
        for (const { id } of workloads) assert.throws(() => changed(supposed, { kind: 'add', workloads: [makeWorkload(id)] }), /has "new-/);
      }),
      { numRuns: 15 },
    );
    assert.ok(placed > 0);
  });

  it('P17: a box of another size, a link of another speed, and other replicas are as if they had been written so', () => {
    const a = makeNode('a');
    const b = makeNode('b');
    const link = { a: 'a', b: 'b', latencyMs: 1, mbps: 100 };
    const problem = makeProblem([a, b], [makeWorkload('w', { replicas: 2 })], {
      links: [link],
      current: [{ workload: 'w', replica: 1, node: 'b', class: 'hot' }],
    });
    const resized = changed(problem, { kind: 'resize', node: 'b', capacity: { memoryMiB: 10 } });
    assert.deepEqual(resized, { ...problem, nodes: [a, makeNode('b', { capacity: { memoryMiB: 10 } })] });
    const faster = changed(problem, { kind: 'link', a: 'b', b: 'a', to: { latencyMs: 0.1, mbps: 1000 } });
    assert.deepEqual(faster.links, [{ ...link, latencyMs: 0.1, mbps: 1000 }]);
    const parallel = {
      ...problem,
      links: [
        { ...link, kind: 'fibre' },
        { ...link, kind: 'radio', mbps: 10 },
      ],
    };
    assert.deepEqual(
      changed(parallel, { kind: 'link', a: 'b', b: 'a', to: { latencyMs: 9 } }).links,
      parallel.links.map((one) => ({ ...one, latencyMs: 9 })),
      'what is not named stays, the kind with it',
    );
    assert.throws(
      () => changed({ ...problem, links: [] }, { kind: 'link', a: 'a', b: 'b', to: { mbps: 1 } }),
      /\/links has no link a\/b: a new one needs latencyMs and mbps/,
    );
    assert.deepEqual(changed(problem, { kind: 'link', a: 'a', b: 'b', to: null }).links, []);
    const fewer = changed(problem, { kind: 'scale', workload: 'w', replicas: 1 });
    assert.deepEqual([fewer.workloads[0]?.replicas, fewer.current], [1, []]);
    assert.deepEqual(changed(problem, { kind: 'scale', workload: 'w', replicas: 0 }).workloads, []);
  });

  it('P17: a change of what is not there is refused with its place', () => {
    const problem = makeProblem([makeNode('a')], [makeWorkload('w')]);
    assert.throws(() => changed(problem, { kind: 'remove', node: 'x' }), /\/nodes has no "x": name one of a/);
    assert.throws(() => changed(problem, { kind: 'add', nodes: [makeNode('a')] }), /\/nodes has "a" already/);
    assert.throws(() => changed(problem, { kind: 'link', a: 'a', b: 'x', to: null }), /has no "x"/);
    assert.throws(() => changed(problem, { kind: 'scale', workload: 'x', replicas: 2 }), /\/workloads has no "x"/);
  });

  it('P17: the effect counts what is saved, placed and elsewhere', () => {
    const crowded = makeProblem(
      [makeNode('a', { capacity: { memoryMiB: 150 } })],
      ['u', 'v'].map((id) => makeWorkload(id, { classes: ['hot'] })),
    );
    const [before, after] = [solve(crowded), solve(changed(crowded, { kind: 'add', nodes: [makeNode('b')] }))];
    const forth = effectOf(before, after);
    assert.deepEqual([forth.placed, forth.gained, forth.lost], [1, before.unplaced.map(({ workload }) => `${workload}/0`), []]);
    assert.deepEqual(effectOf(after, after), { saved: 0, gained: [], lost: [], placed: 0, moved: 0 });
    assert.deepEqual(effectOf(before, solve(changed(crowded, { kind: 'scale', workload: 'u', replicas: 2 }))).gained, []);
    const dropped = solve(changed(crowded, { kind: 'scale', workload: forth.gained[0]?.split('/')[0] ?? '', replicas: 0 }));
    assert.deepEqual(effectOf(before, dropped).placed, 0, 'what is gone has not got a place');
    const back = effectOf(after, before);
    assert.deepEqual([back.placed, back.lost], [-1, forth.gained]);
    assert.equal(back.saved + effectOf(before, after).saved, 0);
  });

  it('P17 P13: a workload that got its place in parts has got it, and is not said to have moved', () => {
    const wholes = new Map([
      ['w--p', 'w'],
      ['w--q', 'w'],
    ]);
    const crowded = makeProblem([makeNode('a', { capacity: { memoryMiB: 50 } })], [makeWorkload('w', { classes: ['hot'] })]);
    const cut = makeProblem(
      [makeNode('a'), makeNode('b')],
      ['w--p', 'w--q'].map((id) => makeWorkload(id, { classes: ['hot'] })),
    );
    const [before, after] = [solve(crowded), solve(cut)];
    const { gained, lost } = effectOf(before, after, wholes);
    assert.deepEqual([gained, lost], [['w/0'], []]);
    const half = solve({ ...cut, nodes: [makeNode('a', { capacity: { memoryMiB: 150 } })] });
    assert.deepEqual(effectOf(before, half, wholes).gained, [], 'half of it is none');
    assert.deepEqual(effectOf(after, half, wholes).lost, ['w/0']);
    const whole = solve(makeProblem([makeNode('a'), makeNode('b')], [makeWorkload('w', { pin: after.assignments[0]?.node ?? '' })]));
    assert.equal(effectOf(after, whole, wholes).moved, 0);
  });
});

describe('an infeasible problem', () => {
  it('P26: without the dropped workloads all has a place, and none of them can stay', () => {
    let infeasible = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const problem = drawnProblem(seed);
        const plan = solve(problem);
        if (plan.unplaced.length === 0) return;
        infeasible += 1;
        const drops = dropSet(problem, plan, solve);
        const fits = (one: PlacementProblem): boolean => bruteForce(one).unplaced.every((missing) => missing === 0);
        assert.ok(fits(without(problem, drops)));
        for (const kept of drops)
          assert.ok(
            !fits(
              without(
                problem,
                drops.filter((drop) => drop !== kept),
              ),
            ),
            `${kept.workload} could stay`,
          );
      }),
      { numRuns: 90 },
    );
    // About one in eight is.
    assert.ok(infeasible > 0, `${infeasible} problems were infeasible`);
  });

  it('P26: where there is no time to search, what is left after the drops still fits', () => {
    let infeasible = 0;
    const unasked = (): Plan => assert.fail('the time is over');
    fc.assert(
      fc.property(seeds, (seed) => {
        const problem = drawnProblem(seed);
        const plan = solve(problem);
        if (plan.unplaced.length === 0) return;
        infeasible += 1;
        const drops = dropSet(problem, plan, unasked, () => true);
        const homeless = new Set(plan.unplaced.map(({ workload }) => workload));
        assert.ok(drops.length > 0 && drops.every(({ workload }) => homeless.has(workload)));
        assert.ok(bruteForce(without(problem, drops)).unplaced.every((missing) => missing === 0));
      }),
      { numRuns: 60 },
    );
    assert.ok(infeasible > 0);
  });

  it('P26: a dropped workload leaves room for another that has none, which is seen without a search', () => {
    const demand = { memoryMiB: 100, imageMiB: 1, cpuSeconds: 0 };
    const wide = makeWorkload('wide', { replicas: 3, classes: ['hot'], criticality: 0.2, demand });
    const late = makeWorkload('late', { classes: ['hot'], criticality: 0.2, demand });
    const problem = makeProblem(
      ['a', 'b'].map((id) => makeNode(id, { capacity: { memoryMiB: 100 } })),
      [wide, late],
    );
    const assignments = ['a', 'b'].map((node, replica) => ({ workload: 'wide', replica, node, class: 'hot' as const }));
    const unplaced = ['wide', 'late'].map((workload, i) => ({ workload, replica: i === 0 ? 2 : 0, summary: '', reasons: [] }));
    const drops = dropSet(problem, { ...solve(problem), assignments, unplaced }, solve, () => true);
    assert.deepEqual(
      drops.map(({ workload }) => workload),
      ['wide'],
    );
  });

  it('P26: who may only be near what is dropped goes with it', () => {
    const problem = makeProblem(
      [makeNode('a', { capacity: { memoryMiB: 150 } })],
      [makeWorkload('guest', { classes: ['hot'], criticality: 0.9 }), makeWorkload('host', { classes: ['hot'], criticality: 0.2 })],
      {
        groups: [
          { id: 'guests', members: ['guest'], near: ['hosts'] },
          { id: 'hosts', members: ['host'] },
        ],
      },
    );
    const plan = solve(problem);
    assert.equal(plan.unplaced.length, 1);
    const drops = dropSet(problem, plan, solve);
    assert.deepEqual(solve(without(problem, drops)).unplaced, []);
    // As long as a third is wanted, two may be in one domain.
    const three = makeProblem(
      ['a', 'b', 'c'].map((id) => makeNode(id, { domain: id === 'c' ? 'east' : 'west', capacity: { memoryMiB: id === 'c' ? 10 : 150 } })),
      ['u', 'v', 'w'].map((id) => makeWorkload(id, { classes: ['hot'] })),
      { groups: [{ id: 'all', members: ['u', 'v', 'w'], leastDomains: 2 }] },
    );
    const fewer = dropSet(three, solve(three), solve);
    assert.deepEqual([fewer.length, solve(without(three, fewer)).unplaced], [2, []]);
  });

  it('P26: the least critical goes', () => {
    const work = [0.9, 0.2, 0.6].map((criticality, i) =>
      makeWorkload(`w${i}`, { criticality, classes: ['hot'], demand: { memoryMiB: 100, imageMiB: 1, cpuSeconds: 0 } }),
    );
    const problem = makeProblem([makeNode('a', { capacity: { memoryMiB: 200 } })], work);
    const plan = solve(problem);
    assert.deepEqual(placesOf(plan), { 'w0/0': 'a:hot', 'w2/0': 'a:hot' });
    assert.deepEqual(dropSet(problem, plan, solve), [{ workload: 'w1', criticality: 0.2 }]);
  });

  it('P1: what all boxes together lack is named with its amounts, and a shortage proves that not all fits', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const problem = drawnProblem(seed);
        if (shortages(problem).length > 0) assert.ok(solve(problem).unplaced.length > 0);
      }),
      { numRuns: 60 },
    );
    const problem = makeProblem([makeNode('a', { capacity: { memoryMiB: 150 } })], [makeWorkload('w', { replicas: 2, classes: ['hot'] })]);
    assert.deepEqual(shortages(problem), [{ resource: 'memoryMiB', need: 200, have: 150 }]);
    const seated = makeProblem(
      [makeNode('a', { capacity: { more: { seats: 1 } } })],
      [makeWorkload('w', { replicas: 2, demand: { more: { seats: 1 } } })],
      { resources: [{ id: 'seats' }] },
    );
    assert.deepEqual(shortages(seated), [{ resource: 'seats', need: 2, have: 1 }]);
  });

  it('P1: without a usable box, and for what stays on one that is gone, only what is true is said to be short', () => {
    const down = makeNode('down', { health: { usable: false, risk: 1 }, capacity: { memoryMiB: 4000 } });
    const measured = makeWorkload('w', { classes: ['hot'], measured: [{ node: 'down', memoryMiB: 90 }] });
    assert.deepEqual(
      shortages(makeProblem([down], [measured])).find(({ resource }) => resource === 'memoryMiB'),
      { resource: 'memoryMiB', need: 100, have: 0 },
    );
    const large = makeWorkload('x', { replicas: 2, classes: ['hot'], demand: { memoryMiB: 1000 } });
    const stays = makeProblem([down, makeNode('a', { capacity: { memoryMiB: 1100 } })], [large], {
      fixed: [{ workload: 'x', replica: 0, node: 'down', class: 'hot' }],
    });
    assert.deepEqual([shortages(stays), solve(stays).unplaced], [[], []]);
  });
});
