import assert from 'node:assert/strict';
import fc from 'fast-check';
import { AvailabilityMeter, classOf, defaultAvailability, samplesMin } from '../../../agent/health/availability.ts';
import { comfortOf } from '../../../agent/placement/foreign-load.ts';
import type { Availability } from '../../../schemas/generated/types.ts';

type Sample = Parameters<AvailabilityMeter['measure']>[0];
const sample = (cpuUsedPercent: number | null, memoryFreePercent: number | null): Sample => ({
  cpu: { usagePercent: cpuUsedPercent, cores: 4, load1: null, load5: null, load15: null },
  memory: {
    totalBytes: memoryFreePercent === null ? null : 1000,
    availableBytes: memoryFreePercent === null ? null : 10 * memoryFreePercent,
    swapTotalBytes: null,
    swapFreeBytes: null,
  },
});

/** What a box says of itself that is always used like this. */
function settled(used: number | null, free: number | null): Availability {
  const meter = new AvailabilityMeter();
  for (let turn = 1; turn < samplesMin; turn += 1) assert.equal(meter.measure(sample(used, free), turn * 5000), undefined, 'not yet');
  const said = meter.measure(sample(used, free), samplesMin * 5000);
  assert.ok(said !== undefined);
  return said;
}

describe('how much of a box is free', () => {
  it('P5: cold with much free, warm with some, hot with little; the scarcest resource decides', () => {
    for (const [used, free, expected] of [
      [10, 90, ['cold', 'cold', 'cold']],
      [60, 90, ['warm', 'warm', 'cold']],
      [10, 15, ['hot', 'cold', 'hot']],
      [null, null, ['cold', 'cold', 'cold']],
    ] as const) {
      const { class: all, cpu, memory } = settled(used, free);
      assert.deepEqual([all, cpu, memory], expected);
    }
  });

  it('P5: warms up at the bound, and cools down only a margin above it', () => {
    const { warmBelowPercent, marginPercent } = defaultAvailability;
    assert.equal(classOf(warmBelowPercent - 0.1, 'cold', defaultAvailability), 'warm');
    assert.equal(classOf(warmBelowPercent + marginPercent - 0.1, 'warm', defaultAvailability), 'warm');
    assert.equal(classOf(warmBelowPercent + marginPercent, 'warm', defaultAvailability), 'cold');
    assert.equal(classOf(100, 'hot', defaultAvailability), 'cold', 'it need not cool down step by step');
  });

  it('P5: does not flap under load noise of ten points, wherever the load lies', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 100 }),
        fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 100, maxLength: 200 }),
        (load, noise) => {
          const meter = new AvailabilityMeter();
          const classes = noise.map(
            (off, index) => meter.measure(sample(Math.min(100, Math.max(0, load + off)), 90), 1000 + index * 5000)?.class,
          );
          const changes = classes.filter(
            (one, index) => index > 0 && classes[index - 1] !== undefined && one !== classes[index - 1],
          ).length;
          // A first sample off to one side may be put right once.
          assert.ok(changes <= 1, `${changes} changes at ${load} %`);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('P5: follows a load that stays', () => {
    const meter = new AvailabilityMeter();
    const at = (seconds: number, used: number): string | undefined => meter.measure(sample(used, 90), seconds * 1000)?.class;
    for (let turn = -samplesMin; turn < 0; turn += 1) at(5 * turn, 5);
    assert.equal(at(0, 5), 'cold');
    assert.equal(at(5, 95), 'cold', 'one sample is a gust');
    for (let seconds = 10; seconds < 120; seconds += 5) at(seconds, 95);
    assert.equal(at(120, 95), 'hot');
  });

  it('P5: what our own work explains is not held against a box, the rest takes from its comfort', () => {
    assert.equal(comfortOf({ cpu: 'cold', memory: 'cold' }, { cpu: 0, memory: 0 }), undefined);
    assert.equal(comfortOf({ cpu: 'hot', memory: 'warm' }, { cpu: 0.9, memory: 0.5 }), undefined);
    assert.deepEqual(comfortOf({ cpu: 'hot', memory: 'warm' }, { cpu: 0.3, memory: 0.5 }), { cpuCores: 0.2 });
    assert.deepEqual(comfortOf({ cpu: 'hot', memory: 'hot' }, { cpu: 0, memory: 0 }), { cpuCores: 0, memoryMiB: 0 });
  });
});
