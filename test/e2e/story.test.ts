import assert from 'node:assert/strict';
import { processesOf } from '../../agent/demo/processes.ts';
import { run } from './agent-process.ts';

interface StepLine {
  readonly step?: number;
  readonly ok?: boolean;
  readonly observed?: string;
  readonly verified?: boolean;
}

describe('the whole story on real processes', function () {
  this.timeout(300_000);

  for (const victim of ['leader', 'follower'] as const) {
    it(`K1 K7 K9 K10 D3 D4 P12 P19: a site of three loses its upper site, then its ${victim}, and comes back`, async () => {
      const result = await run(['demo', '--verify', '--json', '--victim', victim], { timeoutMs: 280_000 });
      const lines = result.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as StepLine);
      const last = lines.at(-1);
      const failed = lines.find(({ ok }) => ok === false);
      assert.equal(failed, undefined, `step ${failed?.step}: ${failed?.observed}\n${result.stderr}`);
      assert.equal(last?.verified, true);
      assert.equal(result.code, 0);
      assert.equal(lines.length, 9, 'eight steps and a summary');
      assert.deepEqual(processesOf('never used by any box'), []);
    });
  }
});
