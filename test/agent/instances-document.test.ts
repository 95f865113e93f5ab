import assert from 'node:assert/strict';
import { instancesDocument } from '../../agent/instances-document.ts';
import type { InstanceStatus } from '../../schemas/generated/types.ts';
import { checkDocument } from '../../schemas/validate.ts';

const job = (index: number): InstanceStatus => ({
  workload: `vibration-analyser-${index}`,
  replica: 0,
  epoch: 1_234_567,
  class: 'warm',
  state: 'waiting',
  pid: null,
  startedAt: null,
  adopted: false,
  restarts: 0,
  runs: 123_456,
  lastStartMs: 43.1234,
  ports: {},
  lastExit: { code: index === 7 ? 3 : 0, signal: null, reason: 'ended' },
  reason: null,
  observed: { runs: 32, perHour: 1234, idleGapSeconds: 2.345, durationSeconds: 0.5678, startSeconds: { warm: 0.1234, cold: 1.234 } },
});
const documentOf = (count: number) =>
  instancesDocument({
    node: 'press-1',
    run: 1,
    seq: 1,
    observes: Array.from({ length: 9 }, (_, index) => ({ node: `press-${index}`, reachable: true })),
    instances: Array.from({ length: count }, (_, index) => job(index)),
    staged: Array.from({ length: 100 }, (_, index) => index.toString(16).padStart(64, '0')),
  });

describe('what a box tells of its instances', () => {
  it('P2: is whole for a box of some dozens', () => {
    const { instances } = documentOf(60);
    assert.ok(instances.every(({ observed, lastExit }) => observed !== undefined && lastExit !== null));
  });

  it('D1: fits into a message for two hundred; that something failed is kept', () => {
    const document = documentOf(200);
    assert.ok(Buffer.byteLength(JSON.stringify(document)) < 64 * 1024);
    assert.equal(checkDocument('InstancesDocument', document).ok, true);
    assert.equal(document.instances.length, 200);
    assert.deepEqual(
      document.instances.flatMap(({ lastExit }) => lastExit?.code ?? []),
      [3],
    );
  });
});
