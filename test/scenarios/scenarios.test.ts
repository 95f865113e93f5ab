import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScenarioRunner } from './runner.ts';
import { formatScenario, parseScenario, titleOf } from './scenario-file.ts';

const folder = import.meta.dirname;
const rewrite = process.env.REWRITE === '1';

describe('scenarios', () => {
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.scenario'))
    .sort()) {
    const text = readFileSync(join(folder, name), 'utf8');

    it(`${titleOf(text)} (${name})`, () => {
      const blocks = parseScenario(text);
      assert.ok(blocks.length > 0, `${name} holds no commands`);
      const runner = new ScenarioRunner();
      const outputs = blocks.map(({ commands }) => commands.flatMap((command) => runner.run(command)));
      const actual = formatScenario(blocks, outputs);
      if (rewrite) writeFileSync(join(folder, name), actual);
      else assert.equal(actual, text, `${name} prints something else; look at it, then REWRITE=1`);
    });
  }
});
