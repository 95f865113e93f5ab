import assert from 'node:assert/strict';
import { hunt } from './hunt.ts';
import { allMutants } from './mutant.ts';
import { Workshop } from './workshop.ts';

describe('mutants', () => {
  const workshop = new Workshop();
  after(() => workshop.close());
  const mutants = allMutants();

  it('K20: there are at least 40, more than half of them with the place where others had them', () => {
    assert.ok(mutants.length >= 40);
    assert.ok(mutants.filter(({ source }) => source !== undefined).length * 2 > mutants.length);
  });

  it('K20: every patch fits the sources', function () {
    this.timeout(60_000);
    for (const mutant of mutants) workshop.drop(workshop.make(mutant));
  });

  // Quick to die, each by another checker or temper.
  const sample = [
    'any-log-wins',
    'ephemerals-outlive',
    'commit-one-less',
    'vote-forgotten-in-term',
    'no-check-quorum',
    'single-step-change',
    'joint-one-half',
    'two-changes',
    'truncated-membership-stays',
    'leaving-leader-stuck',
    'match-from-old-term',
    'probe-believed',
    'read-before-noop',
    'request-of-older-term',
    'silent-leader-known',
    'guard-off-by-one',
    'batch-unsynced',
  ];
  for (const name of sample)
    it(`K20: ${name} is killed`, async function () {
      this.timeout(120_000);
      const mutant = mutants.find((one) => one.name === name);
      assert.ok(mutant !== undefined);
      const { killed, by } = await hunt(workshop, mutant, { seconds: 60, states: 0 });
      assert.ok(killed && by !== undefined, name);
    });
});
