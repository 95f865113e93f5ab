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

const usage = `Usage: npm run bench -- AREA [options] [--json]

  consensus [--peers] [--quick]   durable changes, linearizable reads, failover, rest; with --peers beside etcd and ZooKeeper where installed
  site                            three agents: what they use while the site works
  idle                            what a site of three sends while nothing happens
  placement [--set gap|mc|peers|incremental|size|roadef] [--budget SECONDS] [--data FOLDER] [--only PREFIX] [--repeat N] [--quick]
                                  how good plans are; budgets are CPU seconds of one thread

  --json                          one JSON object a line

Exit codes: 0 measured, 2 wrong usage.
`;

const [area = '', ...options] = process.argv.slice(2);
const run = areas[area];
if ([area, ...options].includes('--help')) process.stdout.write(usage);
else if (run === undefined) misused(area === '' ? 'No area is given.' : `There is no area ${area}.`);
else {
  try {
    await run(options.includes('--json'), options);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))) throw error;
    misused(error.message);
  }
}

function misused(why: string): void {
  process.stderr.write(`${why}\n\n${usage}`);
  process.exitCode = 2;
}
