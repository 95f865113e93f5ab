/** Command line of the simulator: `npm run sim -- --seed N | --seeds A..B [--json]`. */
import { type SimulationResult, simulate } from './simulation.ts';

const usage = `Usage: npm run sim -- --seed N | --seeds A..B [--json]

  --seed N      run one seed and print its whole trace (the same on every machine)
  --seeds A..B  run seeds A to B, both included, and print those that fail
  --json        one JSON object per seed instead of text

Example: npm run sim -- --seeds 1..200
Exit codes: 0 all seeds passed, 1 a seed failed, 2 wrong usage.
`;

function seedsOf(args: readonly string[]): { readonly from: number; readonly to: number; readonly single: boolean } | undefined {
  const at = args.findIndex((argument) => argument === '--seed' || argument === '--seeds');
  const value = args[at + 1];
  if (at < 0 || value === undefined) return undefined;
  if (args.some((argument, index) => index !== at && index !== at + 1 && argument !== '--json')) return undefined;
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(value);
  if (match === null || (args[at] === '--seed') !== (match[2] === undefined)) return undefined;
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  return from <= to ? { from, to, single: match[2] === undefined } : undefined;
}

function summary(result: SimulationResult): string {
  const { seed, ok, failure, nodes, elections, memberships, committed, acknowledged, refused, messages } = result;
  const figures = `nodes=${nodes} elections=${elections} memberships=${memberships} committed=${committed} acknowledged=${acknowledged} refused=${refused} messages=${messages}`;
  return ok ? `seed ${seed} passed ${figures}` : `seed ${seed} FAILED ${failure}\n  replay with: npm run sim -- --seed ${seed}`;
}

function main(args: readonly string[]): number {
  const json = args.includes('--json');
  const seeds = seedsOf(args);
  if (seeds === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  let failed = 0;
  for (let seed = seeds.from; seed <= seeds.to; seed += 1) {
    const trace = seeds.single && !json ? { onTrace: (line: string) => void process.stdout.write(`${line}\n`) } : {};
    const result = simulate({ seed, ...trace });
    if (!result.ok) failed += 1;
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
    else if (seeds.single || !result.ok) process.stdout.write(`${summary(result)}\n`);
  }
  if (!json && !seeds.single) process.stdout.write(`${seeds.to - seeds.from + 1} seeds, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = main(process.argv.slice(2));
