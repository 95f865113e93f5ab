import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkPlan } from '../../../agent/placement/checker.ts';
import { describeMisfit, type Misfit, shortfall } from '../../../agent/placement/misfit.ts';
import { solve } from '../../../agent/placement/solve.ts';
import type { PlacementProblem, PlacementWorkload, Plan } from '../../../schemas/generated/types.ts';
import { asPlan } from './brute-force.ts';
import { makeNode, makeProblem, makeWorkload, placesOf } from './problems.ts';

const codesAt = (problem: PlacementProblem, node: string): readonly string[] => {
  const reasons = solve(problem).unplaced[0]?.reasons.find((reason) => reason.node === node);
  return reasons?.misfits.map(({ code }) => code) ?? [];
};

describe('what a box may take', () => {
  it('P1: an impossible requirement names the constraint and by how much it fails', () => {
    const plan = solve(
      makeProblem(
        [makeNode('a'), makeNode('b', { capacity: { memoryMiB: 2048 } })],
        [makeWorkload('big', { demand: { memoryMiB: 4096 } })],
      ),
    );
    const [unplaced] = plan.unplaced;
    assert.deepEqual(plan.assignments, []);
    assert.equal(unplaced?.reasons[0]?.node, 'b');
    assert.deepEqual(unplaced?.reasons[0]?.misfits, [{ code: 'MEMORY_SHORT', needMiB: 4096, freeMiB: 2048 }]);
    assert.match(unplaced?.summary ?? '', /big\/0 fits none of 2 boxes\. Everywhere: MEMORY_SHORT\. Nearest is b .*2048 MiB short/);
  });

  it('P1: nearest is the box that lacks the least share of an amount; a rule that is not kept in part is further than any', () => {
    const tight = makeNode('z', { capacity: { memoryMiB: 64 } });
    const crowded = makeNode('c', { capacity: { memoryMiB: 10, cpuCores: 0.0001 } });
    const line = [makeNode('a', { capacity: { memoryMiB: 1000 } }), makeNode('b', { admits: { requesters: ['others'] } }), crowded, tight];
    const links = [
      { a: 'a', b: 'b', latencyMs: 1, mbps: 1000 },
      { a: 'b', b: 'c', latencyMs: 1, mbps: 1000 },
      { a: 'c', b: 'z', latencyMs: 1, mbps: 1000 },
    ];
    const work = makeWorkload('w', { classes: ['hot'], inputs: [{ source: 's', mbPerCall: 1, hard: true, maxHops: 2 }] });
    const problem = makeProblem(line, [work], { links, sources: [{ id: 's', nodes: ['z'], rateMBps: 1 }] });
    const [missing] = solve(problem).unplaced;
    assert.match(missing?.summary ?? '', /Nearest is a .*HOPS \(limit 2, is 3; s\)/, 'a third too far is nearer than 36 % short');
    assert.deepEqual(
      missing?.reasons.map(({ node, misfits }) => [node, ...misfits.map(({ code }) => code)]),
      [
        ['a', 'HOPS'],
        ['z', 'MEMORY_SHORT'],
        ['c', 'MEMORY_SHORT', 'CPU_SHORT'],
        ['b', 'REQUESTER'],
      ],
    );
    const wider = {
      ...problem,
      nodes: line.map((node) => (node === tight ? { ...node, capacity: { ...node.capacity, memoryMiB: 90 } } : node)),
    };
    assert.match(solve(wider).unplaced[0]?.summary ?? '', /Nearest is z .*10 MiB short/);
  });

  it('P1: how far a box is from fitting counts shares of limits, rates and further resources', () => {
    const far = (misfit: Misfit): number => shortfall([misfit]);
    assert.equal(shortfall([]), 0);
    assert.equal(far({ code: 'LATENCY', limit: 5, actual: 10 }), 0.5);
    assert.equal(far({ code: 'DATA_RATE', limit: 10, actual: 6 }), 0.4);
    assert.equal(far({ code: 'RESOURCE_SHORT', limit: 3, actual: 4, names: ['seats'] }), 0.25);
    assert.equal(far({ code: 'CPU_SHORT', needCores: 4, freeCores: 1 }), 0.75);
    assert.equal(far({ code: 'HOPS', limit: 0, actual: 1 }), 1);
    assert.ok(far({ code: 'MEMORY_SHORT', needMiB: 1, freeMiB: 1 }) > 0, 'what misses by a hair misses still');
    assert.ok(far({ code: 'TAG_MISSING', names: ['gpu'] }) > far({ code: 'MEMORY_SHORT', needMiB: 9, freeMiB: 0 }));
  });

  it('P1: every kind of requirement is refused by its own code', () => {
    const node = makeNode('a', { admits: { requesters: ['ops'], workloadTags: ['trusted'] }, minimumMemoryMiB: 500 });
    const other = makeNode('far', { health: { usable: false, risk: 0, reason: 'lost' } });
    const refused = (parts: Parameters<typeof makeWorkload>[1]): readonly string[] =>
      codesAt(
        makeProblem(
          [node, other],
          [makeWorkload('w', { requester: 'ops', tags: ['trusted'], ...parts, demand: { memoryMiB: 600, ...parts?.demand } })],
          { sources: [{ id: 's', nodes: ['far'], rateMBps: 1 }] },
        ),
        'a',
      );
    assert.deepEqual(refused({}), []);
    assert.deepEqual(refused({ requires: { tags: ['gpu'], extras: [] } }), ['TAG_MISSING']);
    assert.deepEqual(refused({ requires: { tags: [], extras: ['backup'] } }), ['EXTRA_MISSING']);
    assert.deepEqual(refused({ requires: { tags: [], extras: [], nodes: ['far'] } }), ['NODE_NOT_ALLOWED']);
    assert.deepEqual(refused({ pin: 'far' }), ['NODE_NOT_ALLOWED']);
    assert.deepEqual(refused({ requester: 'guest' }), ['REQUESTER']);
    assert.deepEqual(refused({ tags: [] }), ['WORKLOAD_TAG']);
    assert.deepEqual(refused({ demand: { memoryMiB: 100 } }), ['MINIMUM_CLAIM']);
    assert.deepEqual(refused({ demand: { vramMiB: 8 } }), ['VRAM_SHORT']);
    assert.deepEqual(refused({ demand: { diskMiB: 1e6 } }), ['DISK_SHORT']);
    assert.deepEqual(refused({ demand: { cpuSeconds: 600 } }), ['CPU_SHORT']);
    assert.deepEqual(refused({ demand: { imageMiB: 1e6 }, classes: ['warm'] }), ['CACHE_SHORT']);
    assert.deepEqual(refused({ inputs: [{ source: 's', mbPerCall: 1, hard: true }] }), ['SOURCE_UNREACHABLE']);
    assert.deepEqual(refused({ inputs: [{ source: 's', mbPerCall: 1, hard: false }] }), []);
    assert.deepEqual(refused({ artefacts: [{ sha256: 'a'.repeat(64), bytes: 5 }], mustBeStaged: true }), ['NOT_STAGED']);
    assert.deepEqual(codesAt(makeProblem([other], [makeWorkload('w')]), 'far'), ['UNUSABLE']);
  });

  it('P1: data too many hops or milliseconds away is refused with limit and fact', () => {
    const nodes = ['a', 'b', 'c'].map((id) => makeNode(id));
    const links = [
      { a: 'a', b: 'b', latencyMs: 4, mbps: 100 },
      { a: 'b', b: 'c', latencyMs: 4, mbps: 100 },
    ];
    const reader = makeWorkload('w', {
      requires: { tags: [], extras: [], nodes: ['c'] },
      inputs: [{ source: 's', mbPerCall: 1, maxHops: 1, maxLatencyMs: 5, hard: true }],
    });
    const plan = solve(makeProblem(nodes, [reader], { links, sources: [{ id: 's', nodes: ['a'], rateMBps: 1 }] }));
    const misfits = plan.unplaced[0]?.reasons.find(({ node }) => node === 'c')?.misfits;
    assert.deepEqual(misfits, [
      { code: 'HOPS', limit: 1, actual: 2, names: ['s'] },
      { code: 'LATENCY', limit: 5, actual: 8, names: ['s'] },
    ]);
    assert.equal(misfits?.map(describeMisfit).join(), 'HOPS (limit 1, is 2; s),LATENCY (limit 5, is 8; s)');
  });

  it('P1: data takes only links as wide and of such kinds as asked for; limits and costs count those alone', () => {
    const nodes = ['a', 'b', 'c'].map((id) => makeNode(id));
    const links = [
      { a: 'a', b: 'c', latencyMs: 1, mbps: 10, kind: 'radio' },
      { a: 'a', b: 'b', latencyMs: 4, mbps: 100, kind: 'wired' },
      { a: 'b', b: 'c', latencyMs: 4, mbps: 100 },
    ];
    const plan = (input: Partial<PlacementWorkload['inputs'][number]>): Plan => {
      const reader = makeWorkload('w', {
        requires: { tags: [], extras: [], nodes: ['c'] },
        inputs: [{ source: 's', mbPerCall: 1, hard: true, ...input }],
        classes: ['hot'],
      });
      const problem = makeProblem(nodes, [reader], { links, sources: [{ id: 's', nodes: ['a'], rateMBps: 1 }] });
      const made = solve(problem);
      assert.deepEqual(checkPlan(problem, made), []);
      return made;
    };
    const transfer = (made: Plan): number | undefined => made.objective.terms.find(({ name }) => name === 'transfer')?.cost;
    const refusal = (made: Plan): unknown => made.unplaced[0]?.reasons.find(({ node }) => node === 'c')?.misfits;
    assert.equal(transfer(plan({})), 24.03, '30 runs of 1 ms and 8 Mbit at 10 Mbit/s');
    assert.equal(transfer(plan({ minMbps: 50 })), 2.64, 'round about: 8 ms, at 100 Mbit/s');
    assert.deepEqual(refusal(plan({ minMbps: 50, maxHops: 1 })), [{ code: 'HOPS', limit: 1, actual: 2, names: ['s'] }]);
    assert.deepEqual(refusal(plan({ minMbps: 200 })), [{ code: 'LINK_UNFIT', limit: 200, names: ['s'] }]);
    assert.deepEqual(
      refusal(plan({ linkKinds: ['wired'] })),
      [{ code: 'LINK_UNFIT', names: ['s', 'wired'] }],
      'a link of no kind is not wired',
    );
    assert.deepEqual(plan({ linkKinds: ['wired', 'radio'] }).unplaced, []);
    assert.deepEqual(plan({ minMbps: 200, hard: false }).unplaced, [], 'where it only costs, it may be missed');
  });

  it('P1: data comes at the rate asked for: from a source that delivers it, over links that carry it', () => {
    const nodes = ['a', 'b', 'c'].map((id) => makeNode(id));
    const links = [
      { a: 'a', b: 'c', latencyMs: 1, mbps: 10 },
      { a: 'a', b: 'b', latencyMs: 4, mbps: 100 },
      { a: 'b', b: 'c', latencyMs: 4, mbps: 100 },
    ];
    const plan = (rateMBps: number, delivered: number, hard = true): Plan => {
      const reader = makeWorkload('w', {
        requires: { tags: [], extras: [], nodes: ['c'] },
        inputs: [{ source: 's', mbPerCall: 1, hard, rateMBps }],
        classes: ['hot'],
      });
      const problem = makeProblem(nodes, [reader], { links, sources: [{ id: 's', nodes: ['a'], rateMBps: delivered }] });
      const made = solve(problem);
      assert.deepEqual(checkPlan(problem, made), []);
      const there = asPlan([{ workload: 'w', replica: 0, node: 'c', class: 'hot' }], []);
      if (hard) assert.equal(checkPlan(problem, there).length, made.unplaced.length, 'the checker says the same');
      return made;
    };
    const transfer = (made: Plan): number | undefined => made.objective.terms.find(({ name }) => name === 'transfer')?.cost;
    const refusal = (made: Plan): unknown => made.unplaced[0]?.reasons.find(({ node }) => node === 'c')?.misfits;
    assert.equal(transfer(plan(1.25, 2)), 24.03, '10 Mbit/s carry 1.25 MB/s: 30 runs of 1 ms and 8 Mbit at 10 Mbit/s');
    assert.equal(transfer(plan(1.5, 2)), 2.64, 'more goes round about: 8 ms, at 100 Mbit/s');
    assert.deepEqual(refusal(plan(12.6, 20)), [{ code: 'LINK_UNFIT', limit: 100.8, names: ['s'] }]);
    assert.deepEqual(refusal(plan(1.5, 1)), [{ code: 'DATA_RATE', limit: 1.5, actual: 1, names: ['s'] }]);
    assert.deepEqual(plan(1.5, 0).unplaced, [], 'a source of which nothing is known sets no limit');
    assert.equal(transfer(plan(1.5, 1, false)), 1800, 'where it only costs: each of 30 runs starves for a minute');
  });

  it('P1: what the engine takes for unfit, the checker does, on any links', () => {
    const some = fc.record({ mbps: fc.integer({ min: 1, max: 4 }), kind: fc.constantFrom('wired', 'radio', undefined) });
    fc.assert(
      fc.property(
        fc.array(some, { minLength: 6, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(undefined, ['wired'], ['radio', 'wired']),
        (kinds, minMbps, linkKinds) => {
          const names = ['a', 'b', 'c', 'd'];
          const pairs = names.flatMap((a, index) => names.slice(index + 1).map((b) => ({ a, b })));
          const links = pairs.map((pair, index) => {
            const { mbps, kind } = kinds[index] ?? { mbps: 1, kind: undefined };
            return { ...pair, latencyMs: 1, mbps, ...(kind === undefined ? {} : { kind }) };
          });
          const input = {
            source: 's',
            mbPerCall: 0,
            hard: true,
            minMbps,
            ...(linkKinds === undefined ? {} : { linkKinds: [...linkKinds] }),
          };
          for (const node of names) {
            const work = makeWorkload('w', { classes: ['hot'], requires: { tags: [], extras: [], nodes: [node] }, inputs: [input] });
            const problem = makeProblem(
              names.map((id) => makeNode(id)),
              [work],
              { links, sources: [{ id: 's', nodes: ['a'], rateMBps: 1 }] },
            );
            const forced = asPlan([{ workload: 'w', replica: 0, node, class: 'hot' }], []);
            assert.equal(solve(problem).unplaced.length === 0, checkPlan(problem, forced).length === 0, node);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('P3: a box with a minimum claim refuses a small job, which goes to the small box', () => {
    const large = makeNode('large', { capacity: { memoryMiB: 65_536, vramMiB: 24_576 }, minimumVramMiB: 8193 });
    const small = makeNode('small', { capacity: { memoryMiB: 16_384, vramMiB: 8192 }, health: { usable: true, risk: 0.9 } });
    const job = makeWorkload('job', { demand: { vramMiB: 8192 }, criticality: 1 });
    assert.equal(placesOf(solve(makeProblem([large, small], [job])))['job/0'], 'small:hot');
    assert.deepEqual(codesAt(makeProblem([large], [job]), 'large'), ['MINIMUM_CLAIM']);
  });

  it('P3: what is reserved and what fixed work uses is not given away, and an administrative cap holds', () => {
    const amounts = { memoryMiB: 600, cacheMiB: 0, cpuCores: 0, diskMiB: 0, vramMiB: 0 };
    const work = makeWorkload('w', { demand: { memoryMiB: 500 }, classes: ['hot'] });
    assert.deepEqual(codesAt(makeProblem([makeNode('a', { reserved: amounts })], [work]), 'a'), ['MEMORY_SHORT']);
    const kept = makeWorkload('kept', { demand: { memoryMiB: 600 } });
    const fixed = [{ workload: 'kept', replica: 0, node: 'a', class: 'hot' as const }];
    const plan = solve(makeProblem([makeNode('a')], [work, kept], { fixed, current: fixed }));
    assert.deepEqual(placesOf(plan), { 'kept/0': 'a:hot' });
    assert.deepEqual(plan.unplaced[0]?.reasons[0]?.misfits, [{ code: 'MEMORY_SHORT', needMiB: 500, freeMiB: 424 }]);
    assert.deepEqual(codesAt(makeProblem([makeNode('a', { maxWorkloads: 0 })], [work]), 'a'), ['MAX_WORKLOADS']);
  });

  it('P3: a box that keeps more for others than it has takes what needs none of that, and the checker agrees', () => {
    const none = { memoryMiB: 0, cacheMiB: 0, cpuCores: 0, diskMiB: 0, vramMiB: 0 };
    const problem = makeProblem([makeNode('a', { reserved: { ...none, vramMiB: 500, diskMiB: 20_000 } })], [makeWorkload('w')]);
    const plan = solve(problem);
    assert.deepEqual(placesOf(plan), { 'w/0': 'a:hot' });
    assert.deepEqual(checkPlan(problem, plan), []);
    const needy = { ...problem, workloads: [makeWorkload('w', { demand: { vramMiB: 1 } })] };
    assert.deepEqual(codesAt(needy, 'a'), ['VRAM_SHORT']);
    const forced = asPlan([{ workload: 'w', replica: 0, node: 'a', class: 'hot' }], []);
    assert.ok(checkPlan(needy, forced).some((text) => text.includes('one run needs more vramMiB')));
  });

  it('a cordoned box keeps what it has and takes nothing new', () => {
    const nodes = [makeNode('a', { health: { usable: true, risk: 0, cordoned: true } })];
    const current = [{ workload: 'old', replica: 0, node: 'a', class: 'hot' as const }];
    const plan = solve(makeProblem(nodes, [makeWorkload('old'), makeWorkload('new')], { current }));
    assert.deepEqual(placesOf(plan), { 'old/0': 'a:hot' });
    assert.equal(plan.unplaced[0]?.reasons[0]?.misfits[0]?.code, 'CORDONED');
  });

  it('P12: copies go to distinct boxes or failure domains; one too many is refused by name', () => {
    const nodes = [makeNode('a', { domain: 'east' }), makeNode('b', { domain: 'east' }), makeNode('c', { domain: 'west' })];
    const plan = solve(makeProblem(nodes, [makeWorkload('w', { replicas: 3, spread: 'domain' })]));
    const domains = plan.assignments.map(({ node }) => nodes.find(({ id }) => id === node)?.domain);
    assert.deepEqual(domains.sort(), ['east', 'west']);
    const codes = plan.unplaced[0]?.reasons.flatMap(({ misfits }) => misfits.map(({ code }) => code)).sort();
    assert.deepEqual(codes, ['DOMAIN_TAKEN', 'REPLICA_HERE', 'REPLICA_HERE']);
    assert.equal(solve(makeProblem(nodes, [makeWorkload('w', { replicas: 3 })])).unplaced.length, 0);
  });

  it('P12: workloads that must not meet are kept apart, whichever of them says so', () => {
    const problem = makeProblem(
      [makeNode('a')],
      [makeWorkload('main', { criticality: 1 }), makeWorkload('spare', { antiAffinity: ['main'] })],
    );
    const plan = solve(problem);
    assert.deepEqual(placesOf(plan), { 'main/0': 'a:hot' });
    assert.deepEqual(plan.unplaced[0]?.reasons[0]?.misfits, [{ code: 'ANTI_AFFINITY', names: ['main'] }]);
  });

  it('when not everything fits, critical work is placed first, even against several others', () => {
    const workloads = [
      makeWorkload('x', { demand: { memoryMiB: 500 } }),
      makeWorkload('y', { demand: { memoryMiB: 500 } }),
      makeWorkload('vital', { demand: { memoryMiB: 1000 }, criticality: 1 }),
    ];
    const hot = workloads.map((workload) => ({ ...workload, classes: ['hot' as const] }));
    const plan = solve(makeProblem([makeNode('a')], hot));
    assert.deepEqual(placesOf(plan), { 'vital/0': 'a:hot' });
    assert.equal(plan.unplaced.length, 2);
  });

  it('critical work that arrives late drives out as little as it must, in a problem too large to try all plans', () => {
    const small = Array.from({ length: 16 }, (_, index) =>
      makeWorkload(`w${index}`, { demand: { memoryMiB: 120 }, classes: ['hot'], criticality: 0.1 }),
    );
    const current = small.map(({ id }, index) => ({ workload: id, replica: 0, node: index < 8 ? 'a' : 'b', class: 'hot' as const }));
    const vital = makeWorkload('vital', { demand: { memoryMiB: 400 }, classes: ['hot'], criticality: 1 });
    const plan = solve(
      makeProblem([makeNode('a'), makeNode('b')], [...small, vital], { current, limits: { steps: 20_000, seed: 1, starts: 1 } }),
    );
    assert.ok('vital/0' in placesOf(plan));
    // 2 x 1024 MiB hold the 400 MiB and at most 5 + 8 of 120 MiB.
    assert.equal(plan.unplaced.length, 3);
    assert.deepEqual(plan.moves, []);
  });

  it('P10: a box that is gone forwards nothing', () => {
    const nodes = [makeNode('a'), makeNode('b', { health: { usable: false, risk: 1 } }), makeNode('c')];
    const links = [
      { a: 'a', b: 'b', latencyMs: 1, mbps: 100 },
      { a: 'b', b: 'c', latencyMs: 1, mbps: 100 },
    ];
    const work = makeWorkload('w', {
      requires: { tags: [], extras: [], nodes: ['c'] },
      inputs: [{ source: 's', mbPerCall: 1, hard: true }],
    });
    assert.deepEqual(codesAt(makeProblem(nodes, [work], { links, sources: [{ id: 's', nodes: ['a'], rateMBps: 1 }] }), 'c'), [
      'SOURCE_UNREACHABLE',
    ]);
  });

  it('a problem that contradicts itself is refused with place and remedy', () => {
    assert.throws(() => solve(makeProblem([makeNode('a'), makeNode('a')], [])), { code: 'BAD_PROBLEM', pointer: '/nodes/1/id' });
    const { perHour: _, ...timeless } = makeWorkload('w');
    assert.throws(() => solve(makeProblem([], [timeless])), /perHour nor idleGapSeconds: give one/);
  });
});
