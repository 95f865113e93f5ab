import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Candidate } from '../../../agent/placement/candidate.ts';
import { enumerate } from '../../../agent/placement/enumerate.ts';
import { flatten } from '../../../agent/placement/flat.ts';
import { grainOf } from '../../../agent/placement/grain.ts';
import { findPrices } from '../../../agent/placement/prices.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { compile } from '../../../agent/placement/slots.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem } from '../../../schemas/generated/types.ts';
import { gapProblem } from '../../bench/placement/gap.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';
import { correlatedNumbers } from './problems.ts';

const never = (): boolean => false;

describe('what plans can cost at all', () => {
  it('P9: every plan within capacity costs a number and multiples of the grain, none less than the bound rounded up', () => {
    const number = fc.integer({ min: 1, max: 9 });
    let raised = 0;
    fc.assert(
      fc.property(fc.array(number, { minLength: 24, maxLength: 24 }), fc.constantFrom(1, 0.37, 5), fc.nat(20), (drawn, scale, more) => {
        const [agents, jobs] = [3, 4];
        const cost = drawn.slice(0, 12).map((one) => (one + more) * scale);
        const size = drawn.slice(12);
        const flat = flatten(compile(gapProblem([agents, jobs, ...cost, ...size, 12, 11, 10])));
        const grain = grainOf(flat);
        assert.equal(grain.size % Math.round(scale * 1e6), 0);
        const { bound } = findPrices(flat, never);
        const least = grain.above(bound);
        for (let plan = 0; plan < agents ** jobs; plan += 1) {
          const on = Array.from({ length: jobs }, (_, job) => Math.floor(plan / agents ** job) % agents);
          const load = (agent: number): number =>
            on.reduce((sum, one, job) => sum + (one === agent ? (size[agent * jobs + job] ?? 0) : 0), 0);
          if (load(0) > 12 || load(1) > 11 || load(2) > 10) continue;
          const total = on.reduce((sum, agent, job) => sum + Math.round((cost[agent * jobs + job] ?? 0) * 1e6), 0);
          assert.ok(total >= least, `${total} below ${least}`);
          assert.equal((total - least) % grain.size, 0);
        }
        if (least > bound) raised += 1;
      }),
      { numRuns: 200 },
    );
    assert.ok(raised > 20, `raised ${raised} times`);
  });

  it('P9: does not count for plans that leave something out: the best of those is found', () => {
    const number = fc.integer({ min: 0, max: 3 });
    let incomplete = 0;
    fc.assert(
      fc.property(fc.array(number, { minLength: 8, maxLength: 8 }), fc.array(fc.nat(9), { minLength: 4, maxLength: 4 }), (drawn, more) => {
        const [agents, jobs] = [2, 4];
        const cost = drawn.map((one, index) => 10 * one + (more[index % jobs] ?? 0));
        const flat = flatten(compile(gapProblem([agents, jobs, ...cost, ...drawn.map((one) => 4 + one), 9, 8])));
        let least: [number, number] = [jobs, 0];
        for (let plan = 0; plan < (agents + 1) ** jobs; plan += 1) {
          const on = Array.from({ length: jobs }, (_, job) => Math.floor(plan / (agents + 1) ** job) % (agents + 1));
          const sum = (of: (agent: number, job: number) => number): number => on.reduce((total, agent, job) => total + of(agent, job), 0);
          const load = (one: number): number => sum((agent, job) => (agent === one ? 4 + (drawn[agent * jobs + job] ?? 0) : 0));
          if (load(0) > 9 || load(1) > 8) continue;
          const found: [number, number] = [
            sum((agent) => (agent === agents ? 1 : 0)),
            sum((agent, job) => (agent === agents ? 0 : (cost[agent * jobs + job] ?? 0))),
          ];
          if (found[0] < least[0] || (found[0] === least[0] && found[1] < least[1])) least = found;
        }
        const candidate = new Candidate(flat.instance);
        const priced = { flat, price: findPrices(flat, never).price, grain: grainOf(flat) };
        assert.ok(enumerate(candidate, { steps: 1e6, target: 0, interrupted: never }, priced));
        assert.deepEqual([candidate.unplaced.reduce((sum, count) => sum + count, 0), Math.round(candidate.cost / 1e6)], least);
        if (least[0] > 0 && priced.grain.size > 1) incomplete += 1;
      }),
      { numRuns: 200 },
    );
    assert.ok(incomplete > 20, `${incomplete} incomplete`);
  });

  it('P9: is not known where load costs something by itself', () => {
    assert.equal(grainOf(flatten(compile(multiClassProblem({ workloads: 10, nodes: 4, seed: 1 }).problem))).size, 1);
  });

  it('P9: with a time given, what can be proven in it is proven', () => {
    const clocked = (problem: PlacementProblem) => {
      let asked = 0;
      return solve(problem, { interrupted: () => asked > 6000, progress: () => ++asked / 6000 });
    };
    const problem = gapProblem(correlatedNumbers(new PlacementRandom(5), 4, 20));
    const plan = clocked(problem);
    assert.equal(plan.provenBy, 'enumeration', `${plan.gapPercent} %`);
    assert.ok(!plan.trace.interrupted);
    assert.notEqual(clocked(gapProblem(correlatedNumbers(new PlacementRandom(5), 10, 60))).provenBy, 'enumeration');
  });
});
