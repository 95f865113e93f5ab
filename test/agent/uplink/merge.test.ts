import assert from 'node:assert/strict';
import { adopt } from '../../../agent/uplink/merge.ts';
import type { Placement, UplinkReport } from '../../../schemas/generated/types.ts';

const placement = (workload: string, node: string, epoch = 1): Placement => ({
  workload,
  replica: 0,
  node,
  class: 'hot',
  epoch,
  provisional: false,
  basisRevision: 0,
  awaiting: null,
});
const node = (name: string): UplinkReport['nodes'][number] => ({
  topology: {
    version: 1,
    node: name,
    site: 'mill',
    run: 1,
    seq: 0,
    level: 0,
    domain: name,
    tags: [],
    extras: [],
    capacity: { memoryMiB: 1, cpuCores: 1, diskMiB: 1, cacheMiB: 1, vramMiB: 0 },
    devices: [],
    links: [],
  },
  usable: true,
  reason: null,
  risk: 0,
  staged: [],
  healthAgeSeconds: 0,
});
const report = (placements: Placement[]): UplinkReport => ({
  version: 1,
  site: 'mill',
  authority: { mode: 'rejoining', epoch: 2, basisRevision: 5 },
  nodes: [node('a'), node('b')],
  specs: [],
  placements,
  absent: [],
  holders: [],
});
const anyWorkload = (): boolean => true;
const verdicts = (result: ReturnType<typeof adopt>): readonly string[] => result.verdicts.map(({ verdict }) => verdict);

describe('what becomes of decisions a site made alone', () => {
  it('K7: a placement that never moved is valid and changes nothing', () => {
    const result = adopt(report([placement('web', 'a')]), [placement('web', 'a')], anyWorkload, new Set(['up']));
    assert.deepEqual(verdicts(result), ['valid']);
    assert.equal(result.changed, false);
  });

  it('K7: a replica the site moved among its own boxes is accepted where it runs', () => {
    const result = adopt(report([placement('web', 'b', 9)]), [placement('web', 'a')], anyWorkload, new Set(['up']));
    assert.deepEqual(verdicts(result), ['valid']);
    assert.deepEqual(result.assignments, [{ workload: 'web', replica: 0, node: 'b', class: 'hot' }]);
  });

  it('K7: a copy made while the upper site ran its own is moved, and the upper one stays', () => {
    const result = adopt(report([placement('web', 'b', 9)]), [placement('web', 'up')], anyWorkload, new Set(['up']));
    assert.deepEqual(verdicts(result), ['moved']);
    assert.equal(result.changed, false);
  });

  it('K7: a copy of work whose box above is gone is accepted', () => {
    const result = adopt(report([placement('web', 'b', 9)]), [placement('web', 'up')], anyWorkload, new Set());
    assert.deepEqual(verdicts(result), ['valid']);
  });

  it('K7: a workload deleted meanwhile is invalid', () => {
    const result = adopt(report([placement('web', 'a')]), [], () => false, new Set(['up']));
    assert.deepEqual(verdicts(result), ['invalid']);
  });
});
