/** Command line: `npm run sim:boxes`, whole boxes on simulated disks. */
import { parseArgs } from 'node:util';
import { runAll } from '../crew.ts';
import { simulateWhole, type WholeOptions, type WholeResult } from './whole-simulation.ts';

const usage = `Usage: npm run sim:boxes -- --seed N [--ms T] [--json]
       npm run sim:boxes -- --seeds A..B [--jobs N] [--minutes M] [--first] [--json]

Whole boxes: the driver, the log and its recovery, the wire format as they ship, on disks that fail, fill, tear and forget.
\`npm run sim\` looks closer at the agreement itself, on a disk that is a model.

  --seed N       run one seed and print what happens (the same on every machine)
  --ms T         length of its phase with faults, in simulated milliseconds (30000)
  --seeds A..B   run seeds A to B, both included; A.. goes on until the time is over
  --jobs N       so many at a time (1)
  --minutes M    begin no new seed after this time
  --first        end at the first failure
  --json         JSON lines: each failure, then the summary; with --seed the result

Exit codes: 0 all seeds passed, 1 a seed failed, 2 wrong usage.
`;

const progressMs = 10_000;

interface Asked {
  readonly from: number;
  readonly to: number;
  readonly faultMs: number;
  readonly isOne: boolean;
  readonly jobs: number;
  readonly minutes: number;
  readonly first: boolean;
  readonly json: boolean;
}

interface Summary {
  readonly counts: Record<string, number>;
  readonly faults: Record<string, number>;
}

function read(args: readonly string[]): Asked | undefined {
  const options = {
    seed: { type: 'string' },
    ms: { type: 'string', default: '30000' },
    seeds: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    first: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    const { seed, seeds, first, json } = values;
    const [, from, to] = /^(\d{1,9})\.\.(\d{1,9})?$/.exec(seed === undefined ? (seeds ?? '') : `${seed}..${seed}`) ?? [];
    const [faultMs, jobs, minutes] = [Number(values.ms), Number(values.jobs), Number(values.minutes ?? Number.POSITIVE_INFINITY)];
    const last = to === undefined ? Number.POSITIVE_INFINITY : Number(to);
    const isSound = Number.isInteger(faultMs) && faultMs > 0 && Number.isInteger(jobs) && jobs >= 1 && jobs <= 64 && minutes >= 0;
    const isBounded = last < Number.POSITIVE_INFINITY || values.minutes !== undefined;
    if (from === undefined || !isSound || !isBounded || (seed === undefined) === (seeds === undefined) || Number(from) > last)
      return undefined;
    return { from: Number(from), to: last, faultMs, isOne: seed !== undefined, jobs, minutes, first, json };
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

const describe = ({ seed, ok, failure }: WholeResult): string =>
  ok ? `seed ${seed} passed` : `seed ${seed} FAILED ${failure}\n  replay with: npm run sim:boxes -- --seed ${seed}`;

/** Adds what a run counted; the kinds of faults by name. */
function add(summary: Summary, result: WholeResult): void {
  const { seed: _seed, ok, failure: _failure, checker: _checker, faults, faultyMs, ...counts } = result;
  const all = { seeds: 1, failed: ok ? 0 : 1, simulatedHours: faultyMs / 3_600_000, ...counts };
  for (const [name, value] of Object.entries(all)) summary.counts[name] = (summary.counts[name] ?? 0) + value;
  for (const [kind, count] of Object.entries(faults)) summary.faults[kind] = (summary.faults[kind] ?? 0) + count;
}

async function runMany({ from, to, faultMs, jobs, minutes, first, json }: Asked): Promise<number> {
  const summary: Summary = { counts: {}, faults: {} };
  const began = performance.now();
  const endAt = began + minutes * 60_000;
  let [seed, failures] = [from, 0];
  const progress = setInterval(() => process.stderr.write(`${summary.counts.seeds ?? 0} seeds, ${failures} failed\n`), progressMs);
  await runAll<WholeOptions, WholeResult>(
    new URL('./worker.ts', import.meta.url),
    jobs,
    () => {
      if (seed > to || performance.now() >= endAt || (first && failures > 0)) return undefined;
      seed += 1;
      return { seed: seed - 1, faultMs };
    },
    (result) => {
      add(summary, result);
      if (result.ok) return;
      failures += 1;
      process.stdout.write(`${json ? JSON.stringify(result) : describe(result)}\n`);
    },
  );
  clearInterval(progress);
  const seconds = (performance.now() - began) / 1000;
  const simulatedSecondsPerSecond = (Number(summary.counts.simulatedHours ?? 0) * 3600) / seconds;
  const all = { ...summary.counts, seconds, simulatedSecondsPerSecond, faults: summary.faults };
  const lines = Object.entries(all).map(([name, value]) => {
    return `${name}: ${typeof value === 'number' ? Math.round(value * 100) / 100 : JSON.stringify(value)}\n`;
  });
  process.stdout.write(json ? `${JSON.stringify({ summary: all })}\n` : lines.join(''));
  return failures === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const asked = read(process.argv.slice(2));
  if (asked === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  if (!asked.isOne) return runMany(asked);
  const trace = asked.json ? {} : { onTrace: (line: string) => void process.stdout.write(`${line}\n`) };
  const result = await simulateWhole({ seed: asked.from, faultMs: asked.faultMs, ...trace });
  process.stdout.write(`${asked.json ? JSON.stringify(result) : describe(result)}\n`);
  return result.ok ? 0 : 1;
}

process.exitCode = await main();
