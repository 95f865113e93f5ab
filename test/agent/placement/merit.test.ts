import assert from 'node:assert/strict';
import { Candidate } from '../../../agent/placement/candidate.ts';
import { diffusionForce, nodeTemperature, placeByDiffusion } from '../../../agent/placement/construct.ts';
import { explain } from '../../../agent/placement/explain.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';

const termOf = (
  { objective }: { readonly objective: { readonly terms: readonly { readonly name: string; readonly cost: number }[] } },
  name: string,
): number | undefined => objective.terms.find((term) => term.name === name)?.cost;

describe('the figure of merit', () => {
  it('P4: a start costs nothing hot, more warm, most cold, as worked out by hand', () => {
    const costs = (['hot', 'warm', 'cold'] as const).map((workClass) => {
      const work = makeWorkload('w', {
        classes: [workClass],
        perHour: 10,
        criticality: 0.5,
        demand: { imageMiB: 1000 / 1.048576 },
        startup: { initSeconds: 2 },
      });
      return termOf(solve(makeProblem([makeNode('a', { capacity: { cacheMiB: 2000 } })], [work])), 'startup');
    });
    // 10 runs an hour x 0.5 x (0.2 x 2 s + 1000 MB / 2000 MB/s), then x (2 s + 1000 MB / 200 MB/s).
    assert.deepEqual(costs, [0, 4.5, 35]);
  });

  it('P4: work is hot while memory lasts; then what is used least gives way to warm and cold', () => {
    const often = makeWorkload('often', { perHour: 1000, durationSeconds: 0.1, demand: { memoryMiB: 600 } });
    const seldom = makeWorkload('seldom', { perHour: 1, durationSeconds: 0.1, demand: { memoryMiB: 600 } });
    const places = placesOf(solve(makeProblem([makeNode('a', { capacity: { cacheMiB: 60 } })], [often, seldom])));
    assert.equal(places['often/0'], 'a:hot');
    assert.notEqual(places['seldom/0'], 'a:hot');
  });

  it('P7: the terms of the plan and of every alternative add up exactly, and at least two alternatives differ', () => {
    const nodes = ['a', 'b', 'c'].map((id, index) => makeNode(id, { health: { usable: true, risk: index / 10 } }));
    const plan = solve(
      makeProblem(
        nodes,
        Array.from({ length: 7 }, (_, index) => makeWorkload(`w${index}`, { demand: { memoryMiB: 211 + 17 * index } })),
      ),
    );
    assert.ok(plan.alternatives.length >= 2);
    assert.equal(new Set([plan, ...plan.alternatives].map(({ hash }) => hash)).size, plan.alternatives.length + 1);
    for (const { objective } of [plan, ...plan.alternatives]) {
      const micros = objective.terms.reduce((sum, { cost }) => sum + BigInt(Math.round(cost * 1e6)), 0n);
      assert.equal(micros, BigInt(Math.round(objective.total * 1e6)));
    }
    for (const { pros, cons } of plan.alternatives) assert.ok(pros.length + cons.length > 0);
  });

  it('P14: two tasks that share a source land together, unless that costs more', () => {
    const nodes = [makeNode('a'), makeNode('b')];
    const inputs = [{ source: 's', mbPerCall: 0, hard: true }];
    const links = [{ a: 'a', b: 'b', latencyMs: 0, mbps: 1000 }];
    const sources = [{ id: 's', nodes: ['a', 'b'], rateMBps: 1 }];
    const tasks = [makeWorkload('x', { inputs }), makeWorkload('y', { inputs })];
    const together = solve(makeProblem(nodes, tasks, { links, sources }));
    assert.equal(placesOf(together)['x/0'], placesOf(together)['y/0']);
    assert.equal(termOf(together, 'colocation'), 0);
    const large = tasks.map((task) => ({ ...task, classes: ['hot' as const], demand: { ...task.demand, memoryMiB: 511 } }));
    const apart = solve(makeProblem(nodes, large, { links, sources }));
    assert.notEqual(placesOf(apart)['x/0'], placesOf(apart)['y/0']);
    assert.equal(termOf(apart, 'colocation'), 1);
  });

  it('P14: partners are placed on one box when it has room', () => {
    const links = [{ a: 'a', b: 'b', latencyMs: 5, mbps: 100 }];
    const camera = makeWorkload('camera', { requires: { tags: [], extras: [], nodes: ['b'] } });
    const plan = solve(makeProblem([makeNode('a'), makeNode('b')], [camera, makeWorkload('viewer', { affinity: ['camera'] })], { links }));
    assert.equal(placesOf(plan)['viewer/0'], 'b:hot');
  });

  it('P14: partners apart cost the way there and back once a run, as worked out by hand', () => {
    const links = [{ a: 'a', b: 'b', latencyMs: 5, mbps: 100 }];
    const at = (node: string) => ({ requires: { tags: [], extras: [], nodes: [node] } });
    const plan = solve(
      makeProblem(
        [makeNode('a'), makeNode('b')],
        [makeWorkload('camera', at('b')), makeWorkload('viewer', { ...at('a'), affinity: ['camera'] })],
        { links },
      ),
    );
    // 60 runs an hour x 0.5 x (1 ms + 2 x 5 ms).
    assert.equal(termOf(plan, 'affinity'), 0.33);
  });

  it('P10: data is taken from the other box that delivers it when the first is gone', () => {
    const problem = (usable: boolean): PlacementProblem =>
      makeProblem(
        [makeNode('a', { health: { usable, risk: 0 } }), makeNode('b'), makeNode('c')],
        [makeWorkload('w', { inputs: [{ source: 's', mbPerCall: 10, maxHops: 0, hard: true }] })],
        {
          links: [
            { a: 'a', b: 'b', latencyMs: 1, mbps: 100 },
            { a: 'b', b: 'c', latencyMs: 1, mbps: 100 },
          ],
          sources: [{ id: 's', nodes: ['a', 'c'], rateMBps: 1 }],
        },
      );
    assert.ok(['a:hot', 'c:hot'].includes(placesOf(solve(problem(true)))['w/0'] ?? ''));
    assert.equal(placesOf(solve(problem(false)))['w/0'], 'c:hot');
  });

  it('nothing moves for a gain below its cost and threshold, and it does for more', () => {
    const current = [{ workload: 'w', replica: 0, node: 'a', class: 'hot' as const }];
    // Leaving a saves 0.5 x 60 s x risk an hour; moving costs 1 + 0.5 x 2 s, and the threshold is 1 s: 3 in all.
    const planAt = (risk: number) =>
      solve(makeProblem([makeNode('a', { health: { usable: true, risk } }), makeNode('b')], [makeWorkload('w')], { current }));
    assert.deepEqual(planAt(0.099).moves, []);
    const moved = planAt(0.101);
    assert.deepEqual(moved.moves, [{ workload: 'w', replica: 0, from: 'a', to: 'b' }]);
    assert.equal(termOf(moved, 'migration'), 3);
  });

  it('when a box is lost only its own work moves, and being forced costs nothing', () => {
    const workloads = Array.from({ length: 6 }, (_, index) => makeWorkload(`w${index}`));
    const current = workloads.map(({ id }, index) => ({
      workload: id,
      replica: 0,
      node: ['a', 'b', 'c'][index % 3] ?? 'a',
      class: 'hot' as const,
    }));
    const plan = solve(
      makeProblem([makeNode('a', { health: { usable: false, risk: 1, reason: 'lost' } }), makeNode('b'), makeNode('c')], workloads, {
        current,
      }),
    );
    assert.deepEqual(
      plan.moves.map(({ workload }) => workload),
      ['w0', 'w3'],
    );
    assert.equal(termOf(plan, 'migration'), 0);
  });

  it('P16: says why a box was chosen, and for every other what is against it', () => {
    const nodes = [makeNode('a'), makeNode('b', { health: { usable: true, risk: 0.5 } }), makeNode('c', { capacity: { memoryMiB: 50 } })];
    const problem = makeProblem(nodes, [makeWorkload('w')]);
    const { known, replicas } = explain(problem, solve(problem), 'w');
    const options = replicas[0]?.options ?? [];
    assert.ok(known);
    assert.equal(options.length, 9);
    assert.deepEqual(replicas[0]?.chosen, { node: 'a', class: 'hot' });
    assert.ok(options[0]?.chosen);
    const option = (node: string, workClass: string) => options.find((one) => one.node === node && one.class === workClass);
    assert.equal(option('b', 'hot')?.costDifference, 15);
    assert.match(option('b', 'hot')?.text ?? '', /15 s\/h more; costs robustness 15 s\/h/);
    assert.deepEqual(option('c', 'hot')?.misfits, [{ code: 'MEMORY_SHORT', needMiB: 100, freeMiB: 50 }]);
    assert.equal(explain(problem, solve(problem), 'nobody').known, false);
  });

  it('P7: the plan and every alternative show all terms, those that cost nothing as well, and each once', () => {
    const nodes = [makeNode('a'), makeNode('b', { health: { usable: true, risk: 0.5 } })];
    const problem = makeProblem(nodes, [makeWorkload('w'), makeWorkload('v')]);
    const plan = solve(problem);
    assert.ok(plan.alternatives.length > 0);
    const names = [
      'startup',
      'staging',
      'transfer',
      'hops',
      'balance',
      'robustness',
      'minimumSize',
      'affinity',
      'colocation',
      'migration',
      'energy',
      'hardware',
    ];
    for (const { objective } of [plan, ...plan.alternatives]) {
      assert.deepEqual(
        objective.terms.map(({ name }) => name),
        names,
      );
      assert.ok(
        objective.terms.some(({ cost }) => cost === 0),
        'those of nothing are there',
      );
    }
    const options = explain(problem, plan, 'w').replicas.flatMap((replica) => replica.options);
    assert.equal(options.length, 6);
    for (const { terms } of options)
      assert.deepEqual(
        terms?.map(({ name }) => name),
        names,
      );
  });

  it('P6: T_node rises as load lands: from 0 empty, by the scarcest resource, to 2 full', () => {
    const work = Array.from({ length: 4 }, (_, i) => makeWorkload(`w${i}`, { classes: ['hot'], demand: { memoryMiB: 256 } }));
    const candidate = new Candidate(compile(makeProblem([makeNode('a'), makeNode('b')], work)));
    const { slots } = candidate.instance;
    const seen = [nodeTemperature(candidate, 0)];
    slots.forEach(({ columns }, slot) => {
      candidate.put(
        slot,
        columns.findIndex(({ node }) => node === 0),
      );
      seen.push(nodeTemperature(candidate, 0));
    });
    assert.deepEqual(seen, [0, 0.5, 1, 1.5, 2]);
    assert.equal(nodeTemperature(candidate, 1), 0, 'the other box stays cold');
    candidate.take(0);
    assert.equal(nodeTemperature(candidate, 0), 1.5, 'and cools down when load leaves');
    assert.ok(diffusionForce(2, 0) > diffusionForce(2, 1) && diffusionForce(2, 1) > diffusionForce(2, 1.5));
  });

  it('P6: placing by diffusion favours cold boxes, in proportion to their force, for any seed the same each time', () => {
    // One box is three quarters full: it draws hot work with a force of 2 - 1.5 + 0.05, the empty one with 2.05.
    const fixed = [{ workload: 'full', replica: 0, node: 'warm', class: 'hot' as const }];
    const problem = makeProblem(
      [makeNode('warm'), makeNode('cold')],
      [makeWorkload('full', { demand: { memoryMiB: 768 } }), makeWorkload('w', { classes: ['hot'], demand: { memoryMiB: 10 } })],
      { fixed, current: fixed },
    );
    const instance = compile(problem);
    const placedOn = (seed: number): number | undefined => {
      const candidate = new Candidate(instance);
      placeByDiffusion(candidate, new PlacementRandom(seed));
      return candidate.column(0)?.node;
    };
    const drawn = Array.from({ length: 2000 }, (_, seed) => placedOn(seed));
    const cold = drawn.filter((node) => node === 1).length;
    assert.equal(drawn.filter((node) => node === 0).length, 2000 - cold, 'all are placed');
    assert.ok(Math.abs(cold / 2000 - 2.05 / 2.6) < 0.03, `${cold} of 2000 on the cold box`);
    assert.deepEqual(
      Array.from({ length: 20 }, (_, seed) => placedOn(seed)),
      drawn.slice(0, 20),
    );
  });

  it('P6: the explanation gives temperatures, and hot work is drawn to cold boxes', () => {
    const fixed = [{ workload: 'full', replica: 0, node: 'b', class: 'hot' as const }];
    const problem = makeProblem([makeNode('a'), makeNode('b')], [makeWorkload('full', { demand: { memoryMiB: 896 } }), makeWorkload('w')], {
      fixed,
      current: fixed,
    });
    const options = explain(problem, solve(problem), 'w').replicas[0]?.options ?? [];
    const hotAt = (node: string) => options.find((one) => one.node === node && one.class === 'hot');
    assert.deepEqual(
      [hotAt('a')?.nodeTemperature, hotAt('a')?.availability, hotAt('b')?.nodeTemperature, hotAt('b')?.availability],
      [0, 'cold', 1.75, 'hot'],
    );
    assert.ok((hotAt('a')?.force ?? 0) > (hotAt('b')?.force ?? 0));
  });
});
