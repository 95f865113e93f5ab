import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Decision } from '../../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../../schemas/validate.ts';
import { box, spec } from '../site-double.ts';
import { Leader } from './leader.ts';

const names = ['a', 'b', 'c', 'd'] as const;
const name = fc.constantFrom(...names);
const event = fc.oneof(
  fc.record({
    kind: fc.constantFrom('lose', 'return', 'leave', 'cordon', 'uncordon', 'sicken', 'heal', 'hot', 'cold', 'shrink'),
    box: name,
  }),
  fc.record({ kind: fc.constantFrom('give', 'change', 'delete', 'price', 'wait'), box: name }),
);
type Event = typeof event extends fc.Arbitrary<infer One> ? One : never;

/** Everything that can happen to a leader's knowledge, and what it decides. */
class Weather {
  readonly leader: Leader;
  readonly #boxes = new Map(names.map((one) => [one as string, box(one)]));
  #given = 0;

  constructor(partialAbove: number) {
    this.leader = new Leader({ replan: { partialAbove, restMs: 1000, calmMs: 2000, secondsPerMoney: 50, preemptionsMax: 1 } });
    this.leader.cordoned = () => new Set(this.leader.site.state.maintenance().keys());
    this.#tell();
  }

  async happen({ kind, box: at }: Event): Promise<void> {
    const { leader } = this;
    const known = this.#boxes.get(at) ?? box(at);
    const set = (changes: Partial<typeof known>): void => void this.#boxes.set(at, { ...known, ...changes });
    const load = (word: 'hot' | 'cold'): void => set({ availability: { class: word, cpu: word, memory: 'cold' } });
    const actions: Readonly<Record<Event['kind'], () => unknown>> = {
      lose: () => set({ usable: false, reason: 'lost' }),
      return: () => set({ usable: true, reason: null }),
      leave: () => this.#boxes.delete(at),
      cordon: () => leader.site.apply({ type: 'maintenanceSet', node: at, reason: '' }),
      uncordon: () => leader.site.apply({ type: 'maintenanceSet', node: at, reason: null }),
      sicken: () => set({ risk: 0.9 }),
      heal: () => set({ risk: 0 }),
      hot: () => load('hot'),
      cold: () => load('cold'),
      shrink: () => this.#boxes.set(at, box(at, { memoryMiB: 300 })),
      give: () => {
        this.#given += 1;
        const memoryMiB = 100 + 150 * (this.#given % 3);
        leader.site.give(spec(`w${this.#given}`, { resources: { memoryMiB, cpuSecondsPerRun: 0.3 }, criticality: (this.#given % 5) / 4 }));
      },
      change: () => this.#given > 0 && leader.site.give(spec(`w${this.#given}`, { replicas: 2 })),
      delete: () => leader.site.apply({ type: 'workloadDelete', name: `w${this.#given}` }),
      price: () => {
        leader.price = (leader.price ?? 0) + 0.1;
      },
      wait: () => undefined,
    };
    actions[kind]();
    this.#tell();
    await leader.round(kind === 'wait' ? 1000 : 50);
  }

  #tell(): void {
    this.leader.nodes = [...this.#boxes.values()];
    this.leader.unseen = { absent: names.filter((one) => !this.#boxes.has(one)), unheard: [] };
  }
}

describe('news without end', function () {
  this.timeout(60_000);

  it('P18: whatever happened, the leader comes to rest, and what it decided can be carried out', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 30 }), fc.constantFrom(0, 64), async (events, partialAbove) => {
        const weather = new Weather(partialAbove);
        for (const one of events) await weather.happen(one);
        const { leader } = weather;
        for (let turn = 0; turn < 8; turn += 1) await leader.round(1000);
        const planned = leader.planner.inputs.length;
        for (let turn = 0; turn < 20; turn += 1) await leader.round(1000);
        assert.equal(leader.planner.inputs.length, planned, 'at rest');
        assert.equal(leader.duty.pending(), false);
        const usable = new Set(leader.nodes.flatMap(({ topology, usable: is }) => (is ? [topology.node] : [])));
        for (const { node } of leader.site.state.placements()) assert.ok(usable.has(node), `${node} is not there`);
        const decisions = leader.site.applied.flatMap(({ command }) =>
          command.type === 'planCommit' ? [command.decision as Decision] : [],
        );
        const checked = checkDocument('DecisionsDocument', {
          revision: 1,
          forgotten: 0,
          decisions: [...decisions, ...leader.kept].slice(0, 1000),
        });
        assert.ok(checked.ok, checked.ok ? '' : describeProblems(checked.problems));
        const moved = (replica: string): string | undefined => leader.at(replica);
        for (const { workload, replica } of leader.duty.unplaced()) assert.equal(moved(`${workload}/${replica}`), undefined);
      }),
      { numRuns: 100 },
    );
  });
});
