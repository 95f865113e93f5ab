import assert from 'node:assert/strict';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { evaluate } from '../../../agent/placement/evaluate.ts';
import { Planner } from '../../../agent/placement/planner.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { replan, standingOf } from '../../../agent/placement/replan.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { specsToProblem } from '../../../agent/placement/spec-to-problem.ts';
import type { PlacedReplica, PlacementProblem } from '../../../schemas/generated/types.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { box, spec } from '../site-double.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';
import { randomProblem } from './random-problem.ts';

const at = (workload: string, node: string): PlacedReplica => ({ workload, replica: 0, node, class: 'hot' });
const nodes = [makeNode('a'), makeNode('b'), makeNode('c')];
const workloads = ['w', 'x', 'y'].map((id) => makeWorkload(id, { classes: ['hot'] }));
const current = [at('w', 'a'), at('x', 'b'), at('y', 'c')];

/** A planned site of 100 workloads that lost a box nobody needs for their data. */
function afterLoss(seed: number): PlacementProblem {
  const { problem } = multiClassProblem({ workloads: 100, nodes: 12, seed });
  const limits = { steps: 40_000, seed: 1, starts: 1 };
  const { assignments } = solve({ ...problem, limits });
  const needed = new Set([...problem.sources.flatMap((source) => source.nodes), ...problem.nodes.flatMap(({ parent }) => parent ?? [])]);
  const lost = problem.nodes.find(({ id }) => !needed.has(id));
  const nodes = problem.nodes.map((node) => (node === lost ? { ...node, health: { usable: false, risk: 1 } } : node));
  return { ...problem, limits, nodes, current: assignments, moveThresholdSeconds: 1 };
}

describe('planning a site that runs', () => {
  it('P18: staying costs what the figure of merit says, and names who may not stay', () => {
    const problem = makeProblem(nodes, workloads, { current });
    assert.deepEqual(standingOf(problem), { total: evaluate(problem, { assignments: current }).total, homeless: [] });
    const dead = nodes.map((node) => (node.id === 'b' ? { ...node, health: { usable: false, risk: 0 } } : node));
    assert.deepEqual(standingOf({ ...problem, nodes: dead }).homeless, ['x/0']);
    const shrunk = nodes.map((node) => (node.id === 'b' ? makeNode('b', { capacity: { memoryMiB: 150 } }) : node));
    const both = { ...problem, nodes: shrunk, current: [at('w', 'b'), at('x', 'b'), at('y', 'c')] };
    assert.equal(standingOf(both).homeless.length, 1, 'two do not fit any more, one of them does');
  });

  it('P18: in part, only what was named and what may not stay moves; the terms count the whole', () => {
    const dead = nodes.map((node) => (node.id === 'b' ? { ...node, health: { usable: false, risk: 0 } } : node));
    const problem = makeProblem(dead, workloads, { current });
    const { plan, partial, freed } = replan(problem, new Set());
    assert.equal(partial, true);
    assert.equal(freed, 1);
    assert.deepEqual(
      plan.moves.map(({ workload }) => workload),
      ['x'],
    );
    assert.deepEqual(checkPlan(problem, plan), []);
    assert.equal(plan.objective.total, evaluate(problem, plan).total);
    assert.equal(plan.provenBy, 'none');
  });

  it('P18: everything is planned when a part leaves something without a place', () => {
    const small = [makeNode('a', { capacity: { memoryMiB: 300 } }), makeNode('b', { capacity: { memoryMiB: 120 } })];
    const needs = [makeWorkload('w', { classes: ['hot'] }), makeWorkload('big', { classes: ['hot'], demand: { memoryMiB: 290 } })];
    const problem = makeProblem(small, needs, { current: [at('w', 'a')] });
    const { plan, partial } = replan(problem, new Set(['big/0']));
    assert.equal(partial, false);
    assert.deepEqual(plan.unplaced, []);
    assert.deepEqual(
      plan.moves.map(({ from, to }) => [from, to]),
      [['a', 'b']],
    );
  });

  it('P18: on any small site a part moves nothing else, is valid, and is never better than planning the whole', () => {
    let parts = 0;
    for (let seed = 0; seed < 40; seed += 1) {
      const random = new PlacementRandom(seed);
      const drawn = randomProblem(random, 4, 4);
      const problem = { ...drawn, limits: { ...drawn.limits, steps: 8000 } };
      const before = solve(problem);
      const dead = problem.nodes[seed % 4]?.id;
      const changed = {
        ...problem,
        nodes: problem.nodes.map((node) => (node.id === dead ? { ...node, health: { ...node.health, usable: false } } : node)),
        sources: problem.sources.map((source) => ({ ...source, nodes: [...source.nodes, ...problem.nodes.map(({ id }) => id)] })),
        current: before.assignments,
      };
      const free = new Set(
        before.assignments.filter((_, index) => (seed >> index) % 2 === 1).map((one) => `${one.workload}/${one.replica}`),
      );
      const { plan, partial, standing } = replan(changed, free);
      assert.deepEqual(checkPlan(changed, plan), [], `seed ${seed}`);
      const whole = solve(changed);
      if (!partial) {
        assert.equal(plan.objective.total, whole.objective.total, `seed ${seed}`);
        continue;
      }
      parts += 1;
      const mayMove = new Set([...free, ...standing.homeless]);
      for (const { workload, replica } of plan.moves) assert.ok(mayMove.has(`${workload}/${replica}`), `seed ${seed}`);
      assert.ok(whole.objective.total <= plan.objective.total + 1e-6, `seed ${seed}`);
      if (standing.homeless.length === 0) assert.ok(plan.objective.total <= standing.total + 1e-6, `seed ${seed}`);
    }
    assert.ok(parts > 10, `${parts} plans in part`);
  });

  it('P18: a part that finds no place leaves time for planning everything', () => {
    for (const seed of [2, 3]) {
      const { problem } = multiClassProblem({ workloads: 200, nodes: 20, seed, tight: true });
      const { assignments } = solve({ ...problem, limits: { steps: 200_000, seed: 1, starts: 1 } });
      const needed = new Set([
        ...problem.sources.flatMap((source) => source.nodes),
        ...problem.nodes.flatMap(({ parent }) => parent ?? []),
      ]);
      const lost = problem.nodes.find(({ id }) => !needed.has(id));
      assert.ok(lost !== undefined);
      const changed = {
        ...problem,
        current: assignments,
        nodes: problem.nodes.map((node) => (node === lost ? { ...node, health: { usable: false, risk: 1 } } : node)),
      };
      // A clock that moves on whenever it is looked at.
      let asked = 0;
      const progress = (): number => asked / 1500;
      const interrupted = (): boolean => {
        asked += 1;
        return progress() >= 1;
      };
      const { plan } = replan(changed, new Set(), { interrupted, progress });
      assert.equal(plan.unplaced.length, 0, `seed ${seed}`);
      assert.deepEqual(checkPlan(changed, plan), [], `seed ${seed}`);
    }
  });

  it('P18: of a site that lost a box, part or whole, each move that was not forced pays for itself, alone and with any other', () => {
    let chosen = 0;
    for (const seed of [1, 3]) {
      const changed = afterLoss(seed);
      for (const free of [new Set<string>(), undefined]) {
        const { plan, standing } = replan(changed, free);
        assert.deepEqual(checkPlan(changed, plan), [], `seed ${seed}`);
        assert.equal(plan.objective.total, evaluate(changed, plan).total);
        const forced = new Set(standing.homeless);
        const now = new Map(changed.current.map((placed) => [`${placed.workload}/${placed.replica}`, placed]));
        const back = new Map(
          plan.assignments.flatMap((placed) => {
            const name = `${placed.workload}/${placed.replica}`;
            const before = now.get(name);
            const same = before === undefined || (before.node === placed.node && before.class === placed.class);
            return same || forced.has(name) ? [] : [[name, before] as const];
          }),
        );
        chosen += back.size;
        const names = [...back.keys()];
        for (const one of names)
          for (const other of names) {
            const undone = plan.assignments.map((placed) => {
              const name = `${placed.workload}/${placed.replica}`;
              return (name === one || name === other ? back.get(name) : undefined) ?? placed;
            });
            const { total } = evaluate(changed, { assignments: undone });
            if (total >= plan.objective.total) continue;
            const wrong = checkPlan(changed, { ...plan, assignments: undone });
            assert.notDeepEqual(wrong, [], `seed ${seed}: without ${one} and ${other} it is cheaper`);
          }
      }
    }
    assert.ok(chosen > 10, `${chosen} moves and changes of class by choice`);
  });

  it('P18: a part has never more moves than planning all without being better, and few that are not forced', () => {
    let parts = 0;
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const changed = afterLoss(seed);
      const { plan, standing, partial } = replan(changed, new Set());
      const whole = solve(changed);
      assert.ok(
        plan.moves.length <= whole.moves.length || plan.objective.total < whole.objective.total,
        `seed ${seed}: ${plan.moves.length} for ${plan.objective.total}, all ${whole.moves.length} for ${whole.objective.total}`,
      );
      // Where no part has room for all, everything is planned: then others move too.
      if (!partial) continue;
      parts += 1;
      assert.ok(plan.moves.length <= 1.25 * standing.homeless.length, `seed ${seed}: ${plan.moves.length} of ${standing.homeless.length}`);
    }
    assert.ok(parts >= 4, `${parts} parts`);
  });

  it('P18: a plan of all is taken over a part only where that is better, moving counted', () => {
    for (const seed of [1, 2]) {
      const changed = afterLoss(seed);
      const part = replan(changed, new Set());
      const all = replan(changed, undefined);
      assert.ok(all.plan.objective.total <= part.plan.objective.total, `seed ${seed}`);
    }
  });

  it('P18: the thread answers the same', async () => {
    const planner = new Planner();
    const specs = ['w', 'x', 'y'].map((name) => spec(name));
    const known = { specs, nodes: ['a', 'b', 'c'].map((name) => box(name)), current };
    const problem = specsToProblem(known);
    try {
      const here = replan(problem, new Set(['w/0']));
      const { plan, standing, partial } = await planner.replan(known, {}, new Set(['w/0']));
      assert.equal(plan.hash, here.plan.hash);
      assert.deepEqual([standing, partial], [here.standing, here.partial]);
    } finally {
      await planner.stop();
    }
  });
});
