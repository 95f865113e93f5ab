import assert from 'node:assert/strict';
import { describeMoves, heldElsewhere, localAssignments } from '../../../agent/control/assignments.ts';
import type { Placement } from '../../../schemas/generated/types.ts';
import { spec } from '../site-double.ts';

const placed = (workload: string, node: string, more: Partial<Placement> = {}): Placement => ({
  workload,
  replica: 0,
  node,
  class: 'hot',
  epoch: 1,
  provisional: false,
  basisRevision: 0,
  awaiting: null,
  ...more,
});
const to = (workload: string, node: string, workClass: Placement['class'] = 'hot') => ({ workload, replica: 0, node, class: workClass });

describe('from a plan to what is committed', () => {
  it('P16: describes moves, starts, ends and changes of class, and nothing that stays', () => {
    const current = [placed('stays', 'a'), placed('moves', 'a'), placed('ends', 'b'), placed('cools', 'c')];
    const next = [to('stays', 'a'), to('moves', 'b'), to('starts', 'c'), to('cools', 'c', 'warm')];
    assert.deepEqual(describeMoves(current, next), [
      'cools/0: c (hot) → c (warm)',
      'ends/0: b (hot) → nowhere',
      'moves/0: a (hot) → b (hot)',
      'starts/0: nowhere → c (hot)',
    ]);
  });

  it('P19: a replica that is held stays as it is, whatever the plan says', () => {
    const held = placed('single', 'cloud-1', { class: 'warm', provisional: true });
    const [first, ...rest] = localAssignments([to('single', 'a')], [held], new Set(['single/0']), true, () => true);
    assert.deepEqual(first, { workload: 'single', replica: 0, node: 'cloud-1', class: 'warm', provisional: true });
    assert.deepEqual(rest, []);
  });

  it('P19: begins nothing that may run in another tier, but moves what stands here', () => {
    const next = localAssignments([to('here', 'b'), to('there', 'b')], [placed('here', 'a')], new Set(), true, () => false);
    assert.deepEqual(next, [{ ...to('here', 'b'), provisional: true }]);
  });

  it('P19: holds what may run unseen: unheard members, `stop` work of other tiers, and all of a silent child site', () => {
    const current = [placed('here', 'a'), placed('unheard', 'c'), placed('keep', 'cloud-1'), placed('stop', 'cloud-1', { replica: 1 })];
    const specs = (name: string) => spec(name, name === 'stop' ? { onSplit: 'stop' } : {});
    const held = (holdAll: boolean, lost: string[] = []) => [
      ...heldElsewhere(current, specs, new Set(['a', 'b', ...lost]), new Set(['c']), holdAll),
    ];
    assert.deepEqual(held(false), ['unheard/0', 'stop/1']);
    assert.deepEqual(held(true), ['unheard/0', 'keep/0', 'stop/1']);
    assert.deepEqual(held(true, ['cloud-1']), ['unheard/0'], 'boxes that are certainly gone hold nothing back');
  });
});
