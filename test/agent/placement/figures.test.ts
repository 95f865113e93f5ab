import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { MeritTerm, PlacementProblem } from '../../../schemas/generated/types.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';

/** The terms of the plan that are not 0; the problem is a sound document, and the plan passes the checker with everything placed. */
function termsOf(problem: PlacementProblem): Readonly<Record<string, number>> {
  assert.ok(checkDocument('PlacementProblem', problem).ok);
  const plan = solve(problem);
  assert.deepEqual(plan.unplaced, []);
  assert.deepEqual(checkPlan(problem, plan), []);
  return Object.fromEntries(plan.objective.terms.flatMap(({ name, cost }: MeritTerm) => (cost === 0 ? [] : [[name, cost]])));
}

const hot = { classes: ['hot' as const] };
const on = (node: string) => ({ requires: { tags: [], extras: [], nodes: [node] } });
const sha = (digit: string): string => digit.repeat(64);

describe('figures that can be worked out by hand', () => {
  it('P2: a gap between runs is a rate: the gap and the run make one round', () => {
    const cold = { classes: ['cold' as const], startup: { initSeconds: 2 }, demand: { imageMiB: 0 } };
    // Every 40 s of gap and 20 s of run: 60 an hour x 0.5 x 2 s.
    assert.deepEqual(termsOf(makeProblem([makeNode('a')], [makeWorkload('w', { ...cold, idleGapSeconds: 40, durationSeconds: 20 })])), {
      startup: 60,
    });
    assert.deepEqual(termsOf(makeProblem([makeNode('a')], [makeWorkload('w', { ...cold, perHour: 60, durationSeconds: 20 })])), {
      startup: 60,
    });
  });

  it('P4: while it is not kept, work takes memory for the share of time it runs; warm work takes cache, cold none', () => {
    const busy = { perHour: 900, durationSeconds: 2, demand: { memoryMiB: 800, imageMiB: 512 } };
    const pair = (workClass: 'hot' | 'warm' | 'cold', cacheMiB: number): number =>
      solve(
        makeProblem(
          [makeNode('a', { capacity: { memoryMiB: 1000, cacheMiB } })],
          ['u', 'v'].map((id) => makeWorkload(id, { ...busy, classes: [workClass] })),
        ),
      ).assignments.length;
    assert.equal(pair('hot', 1024), 1, '1600 MiB do not fit in 1000');
    assert.equal(pair('warm', 1024), 2, '900 runs of 2 s are half the time: twice 400 MiB fit');
    assert.equal(pair('warm', 1023), 1, 'their images do not fit in the cache');
    assert.equal(pair('cold', 0), 2);
  });

  it('P7: fetching artefacts takes the widest link of the box, and nothing where they are', () => {
    const artefacts = [
      { sha256: sha('a'), bytes: 50_000_000 },
      { sha256: sha('b'), bytes: 25_000_000 },
    ];
    const work = makeWorkload('w', { ...hot, ...on('a'), criticality: 0.5, artefacts });
    const links = [
      { a: 'a', b: 'b', latencyMs: 1, mbps: 100 },
      { a: 'a', b: 'c', latencyMs: 1, mbps: 10 },
    ];
    const withStaged = (stagedArtefacts: string[]) =>
      termsOf(makeProblem([makeNode('a', { stagedArtefacts }), makeNode('b'), makeNode('c')], [work], { links }));
    // 0.5 x 600 Mbit at 100 Mbit/s, or 200 Mbit where the larger one is there.
    assert.deepEqual(withStaged([]), { staging: 3 });
    assert.deepEqual(withStaged([sha('a')]), { staging: 1 });
    assert.deepEqual(withStaged([sha('a'), sha('b')]), {});
  });

  it('P7 P10: data costs the latency and width of its way, and a millisecond for each box that forwards it', () => {
    const links = [
      { a: 'a', b: 'b', latencyMs: 3, mbps: 100 },
      { a: 'b', b: 'c', latencyMs: 7, mbps: 50 },
    ];
    const work = makeWorkload('w', {
      ...hot,
      ...on('c'),
      perHour: 100,
      criticality: 1,
      inputs: [{ source: 's', mbPerCall: 2, hard: true }],
    });
    const problem = makeProblem(
      ['a', 'b', 'c'].map((id) => makeNode(id)),
      [work],
      {
        links,
        sources: [{ id: 's', nodes: ['a'], rateMBps: 0 }],
      },
    );
    // 100 runs x (10 ms + 16 Mbit at 50 Mbit/s), and 100 runs x 2 links x 1 ms.
    assert.deepEqual(termsOf(problem), { transfer: 33, hops: 0.2 });
    // A soft limit that is passed by one link costs 10 ms a run, one that is passed by 4 ms costs those.
    const soft = (input: object): PlacementProblem => ({
      ...problem,
      workloads: [{ ...work, inputs: [{ source: 's', mbPerCall: 2, hard: false, ...input }] }],
    });
    assert.deepEqual(termsOf(soft({ maxHops: 1 })), { transfer: 34, hops: 0.2 });
    assert.deepEqual(termsOf(soft({ maxLatencyMs: 6 })), { transfer: 33.4, hops: 0.2 });
  });

  it('P7: health is a risk that counts by criticality, and draws work away', () => {
    const risky = makeNode('a', { health: { usable: true, risk: 0.25 } });
    assert.deepEqual(
      termsOf(makeProblem([risky], [makeWorkload('w', { ...hot, criticality: 0.8 })])),
      { robustness: 12 },
      '60 x 0.8 x 0.25',
    );
    assert.deepEqual(placesOf(solve(makeProblem([risky, makeNode('b')], [makeWorkload('w', hot)]))), { 'w/0': 'b:hot' });
  });

  it('P3 P7: a large accelerator counts against work by the share that it would waste', () => {
    const work = makeWorkload('w', { ...hot, demand: { vramMiB: 8192 } });
    const [large, small] = [24_576, 10_240].map((vramMiB, index) => makeNode(`n${index}`, { capacity: { vramMiB } }));
    const balanceless = (problem: PlacementProblem): PlacementProblem => ({ ...problem, weights: { ...problem.weights, balance: 0 } });
    assert.deepEqual(termsOf(balanceless(makeProblem([large ?? assert.fail()], [work]))), { minimumSize: 0.666667 });
    assert.deepEqual(termsOf(balanceless(makeProblem([small ?? assert.fail()], [work]))), { minimumSize: 0.2 });
    assert.deepEqual(
      placesOf(
        solve(
          balanceless(
            makeProblem(
              [large, small].flatMap((one) => one ?? []),
              [work],
            ),
          ),
        ),
      ),
      { 'w/0': 'n1:hot' },
    );
  });

  it('P5 P7: load costs nothing up to comfort, then the square of the way to full', () => {
    const work = makeWorkload('w', { ...hot, demand: { memoryMiB: 800, cpuSeconds: 0 } });
    const at = (share?: number): PlacementProblem =>
      makeProblem(
        [makeNode('a', { capacity: { memoryMiB: 1000 }, ...(share === undefined ? {} : { comfort: { memoryMiB: share } }) })],
        [work],
      );
    assert.deepEqual(termsOf(at()), { balance: 1.111111 }, '10 x ((0.8 - 0.7) / 0.3) squared');
    assert.deepEqual(termsOf(at(0.6)), { balance: 2.5 }, '10 x ((0.8 - 0.6) / 0.4) squared');
    assert.deepEqual(termsOf(at(0.8)), {});
  });

  it('P18: a change of class on its box costs a quarter of a move', () => {
    const current = [{ workload: 'w', replica: 0, node: 'a', class: 'cold' as const }];
    // 1 s, 0.5 x 2 s for its start, and 1 s of threshold.
    assert.deepEqual(termsOf(makeProblem([makeNode('a')], [makeWorkload('w', hot)], { current })), { migration: 0.75 });
    const elsewhere = makeWorkload('w', { ...hot, perHour: 3600, inputs: [{ source: 's', mbPerCall: 1, hard: false }] });
    const problem = makeProblem([makeNode('a'), makeNode('b')], [elsewhere], {
      current,
      links: [{ a: 'a', b: 'b', latencyMs: 1, mbps: 100 }],
      sources: [{ id: 's', nodes: ['b'], rateMBps: 0 }],
    });
    assert.deepEqual(termsOf(problem), { migration: 3 }, 'moved to its data: 3600 x 0.5 x 81 ms are more than 3 s');
  });

  it('P7: weights take the terms for what they say they are worth', () => {
    const risky = makeNode('a', { health: { usable: true, risk: 0.5 } });
    const problem = makeProblem([risky], [makeWorkload('w', { classes: ['cold'], demand: { imageMiB: 0 } })]);
    // 60 runs x 0.5 x 2 s, and 60 x 0.5 x 0.5.
    assert.deepEqual(termsOf(problem), { startup: 60, robustness: 15 });
    assert.deepEqual(termsOf({ ...problem, weights: { ...problem.weights, latency: 0.5, robustness: 4 } }), {
      startup: 30,
      robustness: 60,
    });
  });
});
