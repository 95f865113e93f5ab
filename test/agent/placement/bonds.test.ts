import assert from 'node:assert/strict';
import fc from 'fast-check';
import { floorOf, improveStanding, isBonded } from '../../../agent/placement/bonded.ts';
import { Candidate } from '../../../agent/placement/candidate.ts';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { placeByDiffusion } from '../../../agent/placement/construct.ts';
import { enumerate } from '../../../agent/placement/enumerate.ts';
import { evaluate } from '../../../agent/placement/evaluate.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { groundOf } from '../../../agent/placement/ground.ts';
import { HardPlan } from '../../../agent/placement/hard-plan.ts';
import { describeMisfit } from '../../../agent/placement/misfit.ts';
import { at, classes } from '../../../agent/placement/model.ts';
import { finish } from '../../../agent/placement/plan-document.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { Rearrange } from '../../../agent/placement/rearrange.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { walk } from '../../../agent/placement/walk.ts';
import { remedy } from '../../../agent/placement/why.ts';
import type { Misfit, PlacedReplica, PlacementProblem } from '../../../schemas/generated/types.ts';
import { checkDocument } from '../../../schemas/validate.ts';
import { asPlan, bruteForce, costOf } from './brute-force.ts';
import { bonds, constrained, kinds, withBonds } from './constrained-problem.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';

const never = (): boolean => false;
const missing = (counts: Iterable<number>): number => [...counts].reduce((sum, count) => sum + count, 0);
const hot = (workload: string, node: string, replica = 0): PlacedReplica => ({ workload, replica, node, class: 'hot' });

/** A problem of one kind of work, larger than what is tried completely: everything stands, and may move. */
function standing(seed: number, on: ReadonlySet<(typeof bonds)[number]>): PlacementProblem {
  const random = new PlacementRandom(seed);
  const nodes = Array.from({ length: 6 }, (_, index) =>
    makeNode(`n${index}`, { domain: `d${index % 3}`, area: `z${index % 2}`, capacity: { memoryMiB: 4000 } }),
  );
  const workloads = Array.from({ length: 24 }, (_, index) =>
    makeWorkload(`w${index}`, { classes: ['hot'], demand: { memoryMiB: 100 + random.nextInt(500) }, replicas: index % 9 === 0 ? 2 : 1 }),
  );
  const base = withBonds(makeProblem(nodes, workloads), seed, on);
  const roomy = base.nodes.map((node, index) => ({
    ...node,
    ...nodes[index],
    capacity: { ...node.capacity, memoryMiB: 4000, more: { seats: 40 } },
    ...(node.leaving === undefined ? {} : { leaving: node.leaving }),
  }));
  const named = on.has('further') || on.has('held') || on.has('proportions');
  return {
    ...base,
    resources: base.resources ?? [],
    nodes: roomy.map((node) => ({ ...node, capacity: named ? node.capacity : makeNode('x', { capacity: { memoryMiB: 4000 } }).capacity })),
    groups: [
      { id: 'g0', members: ['w0', 'w1', 'w2', 'w3', 'w4'], apart: on.has('apart'), leastDomains: on.has('leastDomains') ? 3 : 1 },
      { id: 'g1', members: ['w5', 'w6', 'w7'], ...(on.has('near') ? { near: ['g0', 'g2'] } : {}) },
      { id: 'g2', members: ['w8', 'w9', 'w10'] },
    ],
    current: [],
    limits: { steps: 4000, seed: 3, starts: 1 },
  };
}

/** The same with a plan that stands: one that the engine makes. */
function settled(seed: number, on: ReadonlySet<(typeof bonds)[number]>): PlacementProblem {
  const problem = standing(seed, on);
  const free = { ...problem, weights: { ...problem.weights, balance: 0, groupMoves: 0 } };
  const candidate = new Candidate(compile(free));
  placeByDiffusion(candidate, new PlacementRandom(seed));
  return { ...problem, current: finish(candidate, 'diffusion').assignments };
}

describe('what replicas have to do with each other', () => {
  it('P8 P9: the best of all plans is found and proven, whatever bonds and constraints there are', () => {
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...kinds]), fc.subarray([...bonds]), fc.boolean(), (seed, on, bound, withPrices) => {
        const problem = withBonds(constrained(seed, new Set(on)), seed, new Set(bound));
        assert.ok(checkDocument('PlacementProblem', problem).ok);
        const best = bruteForce(problem);
        const instance = compile(problem);
        const candidate = new Candidate(instance);
        const flat = flatten(instance);
        const grain = { size: 1, above: (one: number): number => one };
        const priced = withPrices ? { flat, price: findPrices(flat, never).price, grain } : undefined;
        assert.ok(enumerate(candidate, { steps: 1e7, target: 0, interrupted: never }, priced));
        const { unplaced, assignments, objective } = finish(candidate, 'enumeration');
        assert.equal(missing(unplaced), missing(best.unplaced));
        const cost = costOf(problem, assignments);
        assert.ok(Math.abs(cost - best.cost) < 1e-4, `${cost} instead of ${best.cost}`);
        // What is fixed has costs, too, but is no choice.
        if (problem.fixed.length === 0)
          assert.ok(Math.abs(objective.total - best.cost) < 1e-4, `${objective.total} instead of ${best.cost}`);
      }),
      { numRuns: 300 },
    );
  });

  it('P8: plans made the usual way keep all rules, bounds stay below them, and small ones are the best', () => {
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...bonds]), (seed, bound) => {
        const problem = withBonds(constrained(seed, new Set()), seed, new Set(bound));
        const plan = solve(problem);
        const best = bruteForce(problem);
        assert.deepEqual(checkPlan(problem, plan), []);
        assert.ok(checkDocument('Plan', plan).ok);
        assert.equal(plan.unplaced.length, missing(best.unplaced));
        assert.ok(Math.abs(plan.objective.total - best.cost) < 1e-4, `${plan.objective.total} instead of ${best.cost}`);
        assert.ok(plan.bound <= best.cost + 1e-4);
        const ground = groundOf(compile(problem));
        if (ground !== undefined && plan.unplaced.length === 0) assert.ok(floorOf(ground) / 1e6 <= best.cost + 1e-4);
      }),
      { numRuns: 40 },
    );
  });

  it('P8: step by step every plan keeps all rules, and costs what it is said to', () => {
    fc.assert(
      fc.property(fc.nat(), fc.subarray([...bonds]), (seed, bound) => {
        const problem = settled(seed, new Set(bound));
        const instance = compile(problem);
        const ground = groundOf(instance);
        assert.ok(ground !== undefined);
        const plan = new HardPlan(ground);
        for (const [slot, { columns, currentColumn }] of instance.slots.entries()) {
          const column = columns[currentColumn];
          if (column !== undefined) plan.insert(slot, column.node, plan.variantAt(slot, column.node, classes.indexOf(column.class)));
        }
        const random = new PlacementRandom(seed);
        const rearrange = new Rearrange(plan);
        for (let turn = 0; turn < 160; turn += 1) {
          const before = plan.value;
          const limit = 1e6 * (random.nextInt(40) - 10);
          const slot = random.nextInt(ground.slots);
          let done: boolean;
          if (plan.node[slot] === -1) continue;
          if (turn % 4 === 0) done = plan.shift(slot, random.nextInt(ground.nodes), at(ground.first, slot), limit);
          else if (turn % 4 < 3) {
            const other = random.nextInt(ground.slots);
            const third = random.nextInt(ground.nodes);
            if (plan.node[other] === -1) continue;
            done = turn % 4 === 1 ? plan.swap(slot, other, limit) : plan.displace(slot, other, third, limit);
          } else done = rearrange.run(random, limit);
          assert.ok(plan.value <= before + (done ? limit : 0) + 1, 'no dearer than allowed');
          if (!done) assert.ok(Math.abs(plan.value - before) < 1, 'nothing has changed');
        }
        const kept = plan.value;
        plan.settle();
        assert.ok(Math.abs(plan.value - kept) < 1, 'the value is kept up to date');
        const assignments = instance.slots.flatMap(({ workload, replica }, index) => {
          const node = problem.nodes[at(plan.node, index)];
          return node === undefined ? [] : [hot(at(problem.workloads, workload).id, node.id, replica)];
        });
        const names = new Set(assignments.map(({ workload, replica }) => `${workload}/${replica}`));
        const left = problem.workloads.flatMap(({ id, replicas }) =>
          Array.from({ length: replicas }, (_, replica) => hot(id, '', replica)).filter((one) => !names.has(`${id}/${one.replica}`)),
        );
        assert.deepEqual(checkPlan(problem, asPlan(assignments, left)), []);
        const { total } = evaluate(problem, { assignments });
        assert.ok(Math.abs(plan.value / 1e6 - total) < 1e-4 * (1 + problem.nodes.length), `${plan.value / 1e6} and ${total}`);
      }),
      // The one that is given: a replica goes to a box that has changed as often as the one it was on.
      { numRuns: 60, examples: [[2081285494, ['leastDomains', 'proportions', 'moveSeconds']]] },
    );
  });

  it('P8 P6: what stands gets better within all rules, the same each time, and ends when it is told to', () => {
    for (let seed = 1; seed <= 6; seed += 1) {
      const problem = settled(seed, new Set(bonds.filter((_, index) => ((seed * 37) >> index) % 2 === 0 || index === seed)));
      const before = evaluate(problem, { assignments: problem.current }).total;
      const free = { interrupted: never, progress: undefined, onBetter: undefined };
      const plan = solve(problem);
      assert.deepEqual(checkPlan(problem, plan), []);
      assert.ok(plan.unplaced.length > 0 || plan.objective.total <= before + 1e-6, `${plan.objective.total} after ${before}`);
      assert.equal(solve(structuredClone(problem)).hash, plan.hash);
      const weightless = { ...problem.weights, latency: 0, hops: 0, robustness: 0, minimumSize: 0 };
      const indifferent = { ...problem, weights: weightless };
      const direct = improveStanding(indifferent, free);
      if (!isBonded(indifferent) || direct === undefined) continue;
      assert.deepEqual(checkPlan(indifferent, direct), []);
      assert.ok(direct.objective.total <= evaluate(indifferent, { assignments: problem.current }).total + 1e-6);
      assert.ok(direct.bound <= direct.objective.total);
      const cut = improveStanding(indifferent, { ...free, interrupted: () => true });
      assert.deepEqual(checkPlan(indifferent, cut ?? direct), []);
    }
  });

  it('P8: overfull boxes on the way are never in what the search leaves', () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const base = settled(seed, new Set(['further', 'held', 'aboveComfort', 'leastDomains', 'apart']));
      const tight = base.nodes.map((node) => ({
        ...node,
        capacity: { ...node.capacity, more: { seats: base.current.filter((one) => one.node === node.id).length * 2 + 2 } },
      }));
      const problem = {
        ...base,
        nodes: tight,
        workloads: base.workloads.map((one) => ({ ...one, demand: { ...one.demand, more: { seats: 2 } } })),
      };
      const instance = compile(problem);
      const ground = groundOf(instance);
      assert.ok(ground !== undefined);
      const plan = new HardPlan(ground);
      for (const [slot, { columns, currentColumn }] of instance.slots.entries()) {
        const column = columns[currentColumn];
        if (column !== undefined) plan.insert(slot, column.node, plan.variantAt(slot, column.node, classes.indexOf(column.class)));
      }
      const { unplaced, value } = plan;
      walk(plan, new PlacementRandom(seed), { tries: 60_000, interrupted: never });
      assert.equal(plan.overfull, 0);
      assert.ok(plan.unplaced < unplaced || plan.value <= value + 1, `${plan.value} after ${value}`);
    }
  });
});

describe('the rules of groups and of room that is held', () => {
  const nodes = ['a', 'b', 'c', 'd'].map((id, index) =>
    makeNode(id, { domain: index < 2 ? 'east' : 'west', area: index % 2 === 0 ? 'even' : 'odd', capacity: { more: { seats: 3 } } }),
  );
  const seated = (id: string, seats: number) => makeWorkload(id, { classes: ['hot'], demand: { memoryMiB: 10, more: { seats } } });
  const problem: PlacementProblem = makeProblem(nodes, [seated('x', 1), seated('y', 1), seated('z', 2)], {
    resources: [{ id: 'seats' }],
    groups: [
      { id: 'pair', members: ['x', 'y'], apart: true, leastDomains: 2, near: ['base'] },
      { id: 'base', members: ['z', 'gone'] },
    ],
  });
  const say = (where: readonly PlacedReplica[], changed = problem): string => {
    const names = new Set(where.map(({ workload }) => workload));
    const left = ['x', 'y', 'z'].filter((id) => !names.has(id)).map((id) => hot(id, ''));
    return checkPlan(changed, asPlan([...where], left)).join('; ');
  };

  it('the checker names what is broken', () => {
    assert.equal(say([hot('x', 'a'), hot('y', 'c'), hot('z', 'a')]), '');
    assert.match(say([hot('x', 'a'), hot('y', 'a'), hot('z', 'a')]), /x\/0 and y\/0 of group pair must not share a/);
    assert.match(say([hot('x', 'a'), hot('y', 'b'), hot('z', 'a')]), /group pair is in 1 failure domains, 2 are the least/);
    assert.match(say([hot('x', 'a'), hot('y', 'd'), hot('z', 'a')]), /group pair is in odd without group base/);
    assert.equal(say([hot('x', 'a'), hot('y', 'c')]), '', 'one without a place counts as if it were where it is missed');
    assert.equal(say([hot('x', 'a'), hot('z', 'a')]), '');
    const narrow = { ...problem, nodes: nodes.map((node) => ({ ...node, capacity: { ...node.capacity, more: { seats: 2 } } })) };
    assert.match(say([hot('x', 'a'), hot('z', 'a')], narrow), /a is asked for 3 seats and has 2/);
  });

  it('P12: replicas over boxes or domains, and workloads that must not meet, hold in the walk as elsewhere', () => {
    const plan = (workloads: PlacementProblem['workloads']): HardPlan => {
      const ground = groundOf(compile({ ...problem, workloads, groups: [] }));
      assert.ok(ground !== undefined);
      return new HardPlan(ground);
    };
    const [a = -1, b = -1, c = -1] = ['a', 'b', 'c'].map((id) => nodes.findIndex((node) => node.id === id));
    const free = (of: HardPlan): readonly boolean[] => {
      of.put(0, a, of.ground.first[0] ?? 0);
      return [a, b, c].map((node) => of.allows(1, node));
    };
    const twice = { ...seated('x', 1), replicas: 2 };
    assert.deepEqual(free(plan([{ ...twice, spread: 'node' }])), [false, true, true]);
    assert.deepEqual(free(plan([{ ...twice, spread: 'domain' }])), [false, false, true], 'a and b are of one domain');
    assert.deepEqual(free(plan([seated('x', 1), { ...seated('y', 1), antiAffinity: ['x'] }])), [false, true, true]);
    assert.deepEqual(free(plan([seated('x', 1), seated('y', 1)])), [true, true, true]);
  });

  it('what is held until all moves are over is no room for others', () => {
    const held = { ...problem, resources: [{ id: 'seats', heldWhileMoving: true }], groups: [], current: [hot('z', 'a')] };
    assert.equal(say([hot('z', 'b'), hot('x', 'a')], held), '');
    assert.match(
      say([hot('z', 'b'), hot('x', 'a'), hot('y', 'a')], held),
      /a is asked for 4 seats while the plan is carried out and has 3/,
    );
    assert.equal(say([hot('z', 'b'), hot('x', 'a'), hot('y', 'a')], { ...held, resources: [{ id: 'seats' }] }), '');
    const full = { ...held, current: [hot('x', 'a'), hot('y', 'a'), hot('z', 'a')] };
    assert.match(say([hot('x', 'a'), hot('y', 'a'), hot('z', 'a')], full), /asked for 4 seats and has 3/, 'too much for good');
    assert.equal(say([hot('x', 'a'), hot('y', 'a'), hot('z', 'b')], full), '', 'who stays needs no room beside itself');
  });

  it('P1 P16: each is a reason of its own, with what would have to change', () => {
    const only = (id: string, node: string): PlacementProblem['workloads'][number] => ({
      ...seated(id, 1),
      requires: { tags: [], extras: [], nodes: [node] },
    });
    const reasons = (changed: Partial<PlacementProblem>, node: string): readonly Misfit[] =>
      solve({ ...problem, ...changed }).unplaced[0]?.reasons.find((reason) => reason.node === node)?.misfits ?? [];
    const critical = { criticality: 1 };
    const first = (workload: PlacementProblem['workloads'][number]): PlacementProblem['workloads'][number] => ({
      ...workload,
      ...critical,
    });
    const cases: readonly [Partial<PlacementProblem>, string, string, RegExp][] = [
      [{ workloads: [seated('w', 9)], groups: [] }, 'a', 'RESOURCE_SHORT (needs 9, 3 free; seats)', /free or add 6 of seats on a/],
      [
        { workloads: [only('x', 'a'), first(only('y', 'a')), seated('z', 1)], groups: [{ id: 'pair', members: ['x', 'y'], apart: true }] },
        'a',
        'GROUP_APART (pair)',
        /move the one of pair that is on a elsewhere/,
      ],
      [
        { workloads: [only('x', 'a'), first(only('y', 'b'))], groups: [{ id: 'pair', members: ['x', 'y'], leastDomains: 2 }] },
        'a',
        'GROUP_SPREAD (limit 2, is 1; pair)',
        /move others of pair to further failure domains, or ask for fewer than 2/,
      ],
      [
        {
          workloads: [only('x', 'a'), first(only('z', 'b'))],
          groups: [
            { id: 'pair', members: ['x'], near: ['base'] },
            { id: 'base', members: ['z'] },
          ],
        },
        'a',
        'GROUP_NEAR (base)',
        /bring base into the area of a first/,
      ],
      [
        {
          workloads: [first(only('x', 'a')), only('z', 'b')],
          groups: [
            { id: 'pair', members: ['x'], near: ['base'] },
            { id: 'base', members: ['z'] },
          ],
        },
        'b',
        'GROUP_MISSED (pair)',
        /let it stay near pair, or move these first/,
      ],
      [
        {
          workloads: [
            first({ ...seated('z', 2), requires: { tags: [], extras: [], nodes: ['b'] } }),
            { ...only('w', 'a'), demand: { ...seated('w', 2).demand } },
          ],
          groups: [],
          resources: [{ id: 'seats', heldWhileMoving: true }],
          current: [hot('z', 'a')],
        },
        'a',
        'HELD_SHORT (needs 2, 1 free; seats)',
        /wait until the moves under way have freed 1 of seats on a, or add it/,
      ],
    ];
    for (const [changed, node, text, change] of cases) {
      const misfits = reasons(changed, node);
      assert.equal(misfits.map(describeMisfit).join('; '), text);
      assert.match(misfits.map((misfit) => remedy(misfit, node)).join(), change);
    }
  });

  it('refuses names that nobody declared, and a group near itself', () => {
    const wrong = (changed: Partial<PlacementProblem>, text: RegExp): void => assert.throws(() => solve({ ...problem, ...changed }), text);
    wrong({ resources: [] }, /nodes\/0\/capacity\/more.* names "seats", which \/resources does not declare/);
    wrong({ resources: [{ id: 'seats' }, { id: 'seats' }] }, /repeats "seats"/);
    wrong({ proportions: [{ of: 'seats', other: 'tea', ratio: 1, price: 1 }] }, /proportions\/0\/other.* names "tea"/);
    wrong({ groups: [{ id: 'g', members: [], near: ['h'] }] }, /groups\/0\/near.* names "h", which is no group/);
    wrong({ groups: [{ id: 'g', members: [], near: ['g'] }] }, /names "g" itself/);
    wrong(
      {
        groups: [
          { id: 'g', members: [] },
          { id: 'g', members: [] },
        ],
      },
      /repeats "g"/,
    );
    const memory = nodes.map((node) => ({ ...node, capacity: { ...node.capacity, more: { memoryMiB: 1 } } }));
    wrong({ nodes: memory }, /names "memoryMiB", which every box has/);
    const many = Array.from({ length: 17 }, (_, index) => ({ id: index === 0 ? 'seats' : `r${index}` }));
    wrong({ resources: many }, /has 17 further resources: 16 at the most/);
  });

  it('leaves a plan alone that has no such bonds', () => {
    assert.equal(isBonded(makeProblem(nodes, [])), false);
    const plan = solve({ ...problem, groups: [{ id: 'any', members: ['x', 'y', 'z'] }] });
    assert.deepEqual(placesOf(plan), placesOf(solve({ ...problem, groups: [] })));
  });
});
