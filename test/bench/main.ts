/** `npm run bench -- <area> [--json]`: prints figures, asserts nothing. */
import { benchConsensus } from './consensus/main.ts';
import { benchIdle } from './idle.ts';
import { benchPlacement } from './placement/main.ts';
import { benchSite } from './site.ts';

const areas: Readonly<Record<string, (json: boolean, options: readonly string[]) => Promise<void>>> = {
  consensus: benchConsensus,
  site: benchSite,
  idle: benchIdle,
  placement: benchPlacement,
};

const [area = '', ...options] = process.argv.slice(2);
const run = areas[area];
if (run === undefined) {
  process.stderr.write(`usage: npm run bench -- <area> [--json]\nareas: ${Object.keys(areas).join(', ')}\n`);
  process.exitCode = 2;
} else await run(options.includes('--json'), options);
