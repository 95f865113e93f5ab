import assert from 'node:assert/strict';
import fc from 'fast-check';
import { explain } from '../../../agent/placement/explain.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { prices, why } from '../../../agent/placement/why.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';
import { randomProblem } from './random-problem.ts';

function ask(problem: PlacementProblem, workload: string, node: string): ReturnType<typeof why> {
  return why(explain(problem, solve(problem), workload), node);
}

describe('why and why not', () => {
  it('P16: every replica and box of a drawn problem has one answer; what stands against a box is named with its remedy', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
        const random = new PlacementRandom(seed);
        const problem = randomProblem(random, 2 + random.nextInt(3), 1 + random.nextInt(4));
        const plan = solve(problem);
        for (const { id, replicas } of problem.workloads) {
          const explanation = explain(problem, plan, id);
          for (const { id: node } of problem.nodes) {
            const answers = why(explanation, node);
            assert.equal(answers.length, replicas);
            for (const { replica, isThere, misfits, details, text } of answers) {
              const placed = plan.assignments.find((one) => one.workload === id && one.replica === replica);
              assert.equal(isThere, placed?.node === node, text);
              if (misfits.length === 0) continue;
              assert.equal(details.length, misfits.length);
              for (const { code } of misfits) assert.ok(text.includes(code), text);
              for (const detail of details) assert.doesNotMatch(detail, /undefined|NaN/);
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('P16: why: the next best place and the terms that speak against it', () => {
    const problem = makeProblem(
      [makeNode('near'), makeNode('far')],
      [makeWorkload('w', { perHour: 3600, criticality: 1, inputs: [{ source: 's', mbPerCall: 0, hard: false }] })],
      { links: [{ a: 'near', b: 'far', latencyMs: 10, mbps: 100 }], sources: [{ id: 's', nodes: ['near'], rateMBps: 1 }] },
    );
    const [answer] = ask(problem, 'w', 'near');
    // 3600 runs, each 10 ms of latency and 1 ms of forwarding.
    assert.equal(answer?.text, 'w/0 is on near (hot): the best other place, far (hot), costs 39.6 s/h more');
    assert.deepEqual(answer.details, ['transfer 36 s/h more on far', 'hops 3.6 s/h more on far']);
    const [other] = ask(problem, 'w', 'far');
    assert.equal(other?.text, 'w/0 would fit on far (hot) but costs 39.6 s/h more there: it is on near (hot)');
    assert.deepEqual(ask(problem, 'w', 'nowhere'), []);
    assert.deepEqual(ask(problem, 'nothing', 'near'), []);
  });

  it('P16 P3: why not: a box kept for larger work says so; what is short has its worth', () => {
    const problem = makeProblem(
      [makeNode('big', { minimumVramMiB: 12_000, capacity: { vramMiB: 24_000 } }), makeNode('small', { capacity: { vramMiB: 4000 } })],
      ['u', 'v'].map((id) => makeWorkload(id, { classes: ['hot'], demand: { memoryMiB: 10, imageMiB: 1, cpuSeconds: 0, vramMiB: 3000 } })),
    );
    const plan = solve(problem);
    const homeless = plan.unplaced[0]?.workload ?? '';
    const [kept] = why(explain(problem, plan, homeless), 'big');
    assert.deepEqual([kept?.isThere, kept?.misfits[0]?.code], [false, 'MINIMUM_CLAIM']);
    assert.match(kept?.details[0] ?? '', /lower the minimum of 12000 vramMiB on big/);
    const [short] = why(explain(problem, plan, homeless), 'small');
    assert.ok(short !== undefined);
    assert.deepEqual(short.details, ['free or add 2000 MiB of vram on small']);
    assert.deepEqual(prices(problem, plan, short, 'small', solve), [{ resource: 'vramMiB', amount: 2000, placed: 1 }]);
  });

  it('P16: a fixed replica, a replica with one place only', () => {
    const fixed = makeProblem([makeNode('a'), makeNode('b')], [makeWorkload('w')], {
      fixed: [{ workload: 'w', replica: 0, node: 'b', class: 'hot' }],
    });
    assert.match(ask(fixed, 'w', 'b')[0]?.text ?? '', /^w\/0 is fixed on b/);
    assert.equal(ask(fixed, 'w', 'a')[0]?.isThere, false);
    const pinned = makeProblem([makeNode('a'), makeNode('b')], [makeWorkload('w', { pin: 'a' })]);
    assert.match(ask(pinned, 'w', 'a')[0]?.text ?? '', /it fits on none of the other 1 boxes$/);
    assert.match(ask(pinned, 'w', 'b')[0]?.details[0] ?? '', /^allow b beside a$/);
  });
});
