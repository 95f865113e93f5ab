import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { runAll } from './crew.ts';
import { faultKinds } from './faults.ts';
import { minimise, replayArguments } from './minimise.ts';
import { type SimulationOptions, type SimulationResult, simulate } from './simulation.ts';
import { describeSummary, Tally } from './tally.ts';
import { temperNames, temperOf } from './tempers.ts';

const run = (...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
  spawnSync(process.execPath, ['test/sim/main.ts', ...args], { encoding: 'utf8', timeout: 60_000 });

describe('the simulator as a program', () => {
  it('K20: a failure is run again with less, for as long as the same rule breaks', () => {
    const whole = simulate({ seed: 3, faultTicks: 50 });
    const asked: SimulationOptions[] = [];
    // Breaks with crashes within 137 ticks; when links break too, another rule breaks first in long runs.
    const broken = (options: SimulationOptions): SimulationResult => {
      asked.push(options);
      const { faultTicks = 3600, without = new Set() } = options;
      const fails = faultTicks >= 137 && !without.has('crash');
      return { ...whole, ok: !fails, checker: fails ? 'Log matching' : undefined };
    };
    const { options, result, runs } = minimise({ seed: 3 }, broken);
    assert.equal(result.checker, 'Log matching');
    assert.equal(runs, asked.length);
    assert.ok((options.faultTicks ?? 0) >= 137 && (options.faultTicks ?? 0) < 137 + 8, `${options.faultTicks} ticks`);
    assert.deepEqual([...(options.without ?? [])].includes('crash'), false);
    assert.equal(options.without?.size, faultKinds.length - 1);
    assert.match(replayArguments(options), /^--seed 3 --ticks 1\d\d --without cut,pause,/);
  });

  it('K20: what is left out stays out, and the rest is counted', () => {
    const { faults } = simulate({ seed: 4, faultTicks: 2000, without: new Set(['crash', 'cut']) });
    assert.ok(!('crash' in faults) && !('cut' in faults) && (faults.pause ?? 0) > 0, JSON.stringify(faults));
  });

  it('K20: every seed has its temper, all of them come, and one can be asked for', () => {
    const drawn = new Set(Array.from({ length: 100 }, (_, seed) => temperOf(seed)));
    assert.deepEqual([...drawn].sort(), [...temperNames].sort());
    const seed = Array.from({ length: 100 }, (_, at) => at).find((at) => temperOf(at) === 'members') ?? 0;
    assert.deepEqual(simulate({ seed, faultTicks: 300 }), simulate({ seed, faultTicks: 300, temper: 'members' }));
    assert.notDeepEqual(simulate({ seed, faultTicks: 300 }), simulate({ seed, faultTicks: 300, temper: 'turns' }));
    assert.equal(replayArguments({ seed, temper: 'turns' }), `--seed ${seed} --temper turns`);
  });

  it('K20: threads make the same runs as one process', async () => {
    const alone = [11, 12, 13].map((seed) => simulate({ seed, faultTicks: 300 }));
    const together: SimulationResult[] = [];
    const tally = new Tally();
    let next = 11;
    await runAll<SimulationOptions, SimulationResult>(
      new URL('./worker.ts', import.meta.url),
      2,
      () => (next > 13 ? undefined : { seed: next++, faultTicks: 300 }),
      (result) => {
        together.push(result);
        tally.add(result);
      },
    );
    assert.deepEqual(
      together.sort((a, b) => a.seed - b.seed),
      alone,
    );
    assert.match(describeSummary(tally.summary), /^3 seeds, 0 failed\n0 hours under faults, /);
    assert.equal(
      tally.summary.committed,
      alone.reduce((sum, { committed }) => sum + committed, 0),
    );
  });

  it('D7: says how it is used, and with which code it ends', () => {
    for (const args of [
      [],
      ['--seed', '1', '--seeds', '1..2'],
      ['--seeds', '5..'],
      ['--seed', '1', '--without', 'rain'],
      ['--seeds', '1..2', '--temper', 'sunny'],
      ['--seeds', '3..1'],
    ]) {
      const { status, stderr } = run(...args);
      assert.deepEqual([status, /^Usage: npm run sim/.test(stderr)], [2, true], args.join(' '));
    }
    const { status, stdout } = run('--seeds', '1..2', '--json');
    assert.equal(status, 0);
    const { summary } = JSON.parse(stdout.trim()) as { readonly summary: { readonly seeds: number; readonly failed: readonly number[] } };
    assert.deepEqual([summary.seeds, summary.failed], [2, []]);
  });
});
