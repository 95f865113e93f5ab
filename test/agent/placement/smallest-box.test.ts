import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { smallestBox } from '../../../agent/placement/smallest-box.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { changed } from '../../../agent/placement/what-if.ts';
import type { Plan } from '../../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';
import { drawnProblem } from './random-problem.ts';

const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });

describe('the smallest box', () => {
  it('P17 P1: the smallest box makes it feasible, and one step less of any resource does not', () => {
    const full = makeNode('a', { capacity: { memoryMiB: 256, cpuCores: 1 } });
    const work = ['u', 'v', 'w'].map((id) =>
      makeWorkload(id, { demand: { memoryMiB: 250, imageMiB: 10, cpuSeconds: 20 }, classes: ['hot'], requires: { tags: [], extras: [] } }),
    );
    const problem = makeProblem([full], work);
    const plan = solve(problem);
    assert.equal(plan.unplaced.length, 2);
    const found = smallestBox(problem, plan, solve);
    assert.ok(found !== undefined);
    assert.deepEqual(found.plan.unplaced, []);
    const { capacity } = found.node;
    assert.deepEqual([capacity.memoryMiB, capacity.cpuCores, capacity.vramMiB], [512, 1, 0]);
    for (const less of [{ memoryMiB: 256 }, { cpuCores: 0.5 }]) {
      const node = { ...found.node, capacity: { ...capacity, ...less } };
      assert.notEqual(solve(changed(problem, { kind: 'add', nodes: [node], links: found.links })).unplaced.length, 0);
    }
    const nobody = makeProblem([full], [makeWorkload('w', { pin: 'gone' })]);
    assert.equal(smallestBox(nobody, solve(nobody), solve), undefined, 'no box helps work that is pinned to another');
  });

  it('P17 P1: the plan with the smallest box is one that may be carried out, with searches and without', () => {
    let helped = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const problem = drawnProblem(seed);
        const plan = solve(problem);
        if (plan.unplaced.length === 0) return;
        for (const over of [() => false, () => true]) {
          const found = smallestBox(problem, plan, solve, over);
          if (found === undefined) continue;
          helped += 1;
          const larger = changed(problem, { kind: 'add', nodes: [found.node], links: found.links });
          assert.deepEqual([checkPlan(larger, found.plan), found.plan.unplaced], [[], []]);
        }
      }),
      { numRuns: 60 },
    );
    assert.ok(helped > 0);
  });

  it('P17 P1: a box that lets all others stay takes no search, and is no larger than what has no place', () => {
    const work = Array.from({ length: 6 }, (_, i) =>
      makeWorkload(`w${i}`, { classes: ['hot'], demand: { memoryMiB: 300, imageMiB: 10, cpuSeconds: 0 } }),
    );
    const nodes = ['a', 'b'].map((id) => makeNode(id, { capacity: { memoryMiB: 700 } }));
    const problem = makeProblem(nodes, work);
    const plan = solve(problem);
    assert.equal(plan.unplaced.length, 2);
    const unasked = (): Plan => assert.fail('no search is needed');
    const found = smallestBox(problem, plan, unasked, () => true);
    assert.deepEqual([found?.node.capacity.memoryMiB, found?.plan.unplaced], [768, []]);
    const stays = found?.plan.assignments.filter(({ node }) => node !== found.node.id);
    assert.deepEqual(stays, plan.assignments, 'nobody moves');
  });

  it('P17 P1: what keeps memory for its runs only is kept hot where that memory is there anyhow', () => {
    const problem = makeProblem([makeNode('a', { capacity: { memoryMiB: 10 } })], [makeWorkload('w', { classes: ['hot', 'warm'] })]);
    const found = smallestBox(problem, solve(problem), solve, () => true);
    assert.deepEqual([found?.node.capacity.memoryMiB, found?.node.capacity.cacheMiB], [256, 0]);
  });

  it('P17 P1: the box is beside the data of what has no place, has its further resources, and needs no usable neighbour', () => {
    // Only the last boxes of a line are near the data, and too small.
    const names = Array.from({ length: 12 }, (_, i) => `n${i}`);
    const line = names.map((id, i) => makeNode(id, i > 8 ? { capacity: { memoryMiB: 64 } } : {}));
    const links = names.slice(1).map((b, i) => ({ a: `n${i}`, b, latencyMs: 1, mbps: 1000 }));
    const reader = makeWorkload('w', { classes: ['hot'], inputs: [{ source: 's', mbPerCall: 1, maxHops: 1, hard: true }] });
    const far = makeProblem(line, [reader], { links, sources: [{ id: 's', nodes: ['n11'], rateMBps: 1 }] });
    const seated = makeProblem(
      [makeNode('a', { capacity: { more: { seats: 1 } } })],
      ['u', 'v'].map((id) => makeWorkload(id, { demand: { more: { seats: 1 } } })),
      { resources: [{ id: 'seats' }] },
    );
    const gone = makeProblem([makeNode('a', { health: { usable: false, risk: 1 } })], [makeWorkload('w')]);
    const none = makeProblem([], [makeWorkload('w')]);
    const found = [far, seated, gone, none].map((problem) => smallestBox(problem, solve(problem), solve));
    assert.ok(found[0]?.links.some(({ a, b }) => a === 'new-box' && b === 'n11'));
    assert.deepEqual(found[1]?.node.capacity.more, { seats: 1 });
    assert.deepEqual([found[2]?.plan.unplaced, found[3]?.plan.unplaced], [[], []]);
  });

  it('P17 P1: what must not be on the new box gets the room of others, and these go there', () => {
    const hot = { classes: ['hot' as const], demand: { memoryMiB: 200 } };
    const nodes = [makeNode('a', { capacity: { memoryMiB: 450 }, tags: ['quiet'] }), makeNode('b', { tags: ['loud'], extras: ['gpu'] })];
    // Pinned to a full box, more critical work being there: only when some of that leaves has it a place.
    const requires = { tags: ['quiet'], extras: [] };
    const work = [
      ...['u', 'v'].map((id) => makeWorkload(id, { ...hot, criticality: 0.9, requires })),
      makeWorkload('w', { ...hot, pin: 'a' }),
      makeWorkload('x', { criticality: 1, requires: { tags: ['loud'], extras: ['gpu'] }, demand: { memoryMiB: 1 } }),
    ];
    const problem = makeProblem(nodes, work);
    const plan = solve(problem);
    assert.deepEqual(
      plan.unplaced.map(({ workload }) => workload),
      ['w'],
    );
    const found = smallestBox(problem, plan, solve, () => true);
    assert.ok(found !== undefined);
    assert.deepEqual([found.node.capacity.memoryMiB, found.node.tags, found.node.extras], [256, ['quiet'], []]);
    assert.equal(placesOf(found.plan)['w/0'], 'a:hot');
  });

  it('P17 P12: the box that would do is in a failure domain of its own, whatever others are called', () => {
    const problem = makeProblem(
      [makeNode('a'), makeNode('b', { domain: 'new-box' })],
      [makeWorkload('w', { replicas: 3, spread: 'domain', classes: ['hot'] })],
    );
    const found = smallestBox(problem, solve(problem), solve);
    assert.equal(found?.node.domain, 'new-box-2');
    assert.deepEqual(found.plan.unplaced, []);
  });
});
