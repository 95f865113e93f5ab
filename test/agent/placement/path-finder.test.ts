import assert from 'node:assert/strict';
import { PathFinder } from '../../../agent/placement/path-finder.ts';
import { PlacementRandom } from '../../../agent/placement/random.ts';
import { simplePaths } from './brute-force.ts';
import { makeNode, makeProblem } from './problems.ts';

describe('the path finder', () => {
  it('P10: finds the fewest hops and the least latency, as all paths without a circle do, in 100 random networks', () => {
    const seed = Number(process.env['SEED'] ?? 11);
    const random = new PlacementRandom(seed);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const index = new Map(names.map((name, number) => [name, number]));
    for (let run = 0; run < 100; run += 1) {
      const links = names.flatMap((a, from) =>
        names
          .slice(from + 1)
          .flatMap((b) => (random.nextInt(2) === 0 ? [] : [{ a, b, latencyMs: random.nextInt(30), mbps: 1 + random.nextInt(5) }])),
      );
      const problem = makeProblem(
        names.map((id) => makeNode(id)),
        [],
        { links },
      );
      const finder = new PathFinder(index, links);
      const origins = [random.nextInt(6), random.nextInt(6)];
      for (const [target, name] of names.entries()) {
        const ways = origins.flatMap((origin) => simplePaths(problem, names[origin] ?? '', name));
        const replay = `replay with SEED=${seed}, run ${run}`;
        assert.equal(
          finder.routes(origins, 'hops')[target]?.hops,
          Math.min(Number.POSITIVE_INFINITY, ...ways.map(({ hops }) => hops)),
          replay,
        );
        assert.equal(
          finder.routes(origins, 'latencyMs')[target]?.latencyMs,
          Math.min(Number.POSITIVE_INFINITY, ...ways.map(({ latencyMs }) => latencyMs)),
          replay,
        );
        assert.equal(finder.routes(origins, 'hops')[target]?.origin === -1, ways.length === 0, replay);
      }
    }
  });
});
