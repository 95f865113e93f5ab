import assert from 'node:assert/strict';
import { program } from '../e2e/agent-process.ts';
import { chaos } from './chaos.ts';

describe('chaos', function () {
  this.timeout(180_000);

  it('K8 K10: five real agents under faults for 20 s: what clients saw is linearizable, tickets are taken once, all members end alike', async () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const { report } = await chaos({ program, seed, minutes: 1 / 3 });
    assert.deepEqual(report.failures, [], `replay with SEED=${seed}: ${JSON.stringify(report)}`);
    assert.ok(report.operations.answered > 100, JSON.stringify(report.operations));
    assert.ok(report.tickets.taken > 50, JSON.stringify(report.tickets));
  });
});
