/** Command line of the simulator. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runAll } from './crew.ts';
import { type FaultKind, faultKinds } from './faults.ts';
import { minimise, replayArguments } from './minimise.ts';
import { type SimulationOptions, type SimulationResult, simulate } from './simulation.ts';
import { describeSummary, Tally } from './tally.ts';
import { type TemperName, temperNames } from './tempers.ts';

const usage = `Usage: npm run sim -- --seed N [--temper NAME] [--ticks T] [--without KINDS] [--json]
       npm run sim -- --seeds A..B [--temper NAME] [--jobs N] [--minutes M] [--first] [--json]

  --seed N         run one seed and print its whole trace (the same on every machine)
  --temper NAME    what the run is made to find, which its seed decides otherwise: ${temperNames.join(', ')}
  --ticks T        length of its phase with faults, in ticks of 10 ms (3600)
  --without KINDS  leave these faults out: ${faultKinds.join(',')}
  --seeds A..B     run seeds A to B, both included; A.. goes on until the time is over
  --jobs N         so many at a time (1)
  --minutes M      begin no new seed after this time
  --first          end at the first failure, and do not look for a smaller one
  --json           JSON lines: each failure, then the summary; with --seed the result

Example: npm run sim -- --seeds 1.. --jobs 2 --minutes 60
A failing seed is run again with less, until nothing can be left out; the trace of that is written to a file.
Exit codes: 0 all seeds passed, 1 a seed failed, 2 wrong usage.
`;

const progressMs = 10_000;
/** Failures looked at closely; more are only counted. */
const minimisedMax = 3;

interface Asked {
  readonly one: SimulationOptions | undefined;
  readonly temper: TemperName | undefined;
  readonly from: number;
  readonly to: number;
  readonly jobs: number;
  readonly minutes: number;
  readonly first: boolean;
  readonly json: boolean;
}

/** Undefined for wrong usage. */
function read(args: readonly string[]): Asked | undefined {
  const options = {
    seed: { type: 'string' },
    temper: { type: 'string' },
    ticks: { type: 'string' },
    without: { type: 'string' },
    seeds: { type: 'string' },
    jobs: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    first: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    const { seed, ticks, without, seeds, temper: name, jobs, minutes, first, json } = values;
    const temper = name === undefined ? undefined : temperNamed(name);
    const common = {
      temper,
      jobs: whole(jobs, 1, 64),
      minutes: minutes === undefined ? Number.POSITIVE_INFINITY : Number(minutes),
      first,
      json,
    };
    if (Number.isNaN(common.minutes) || (seed === undefined) === (seeds === undefined)) return undefined;
    if (seed !== undefined) {
      const kinds = without === undefined ? [] : without.split(',').map(kindNamed);
      const one = {
        seed: whole(seed, 0, 1e9),
        without: new Set(kinds),
        ...(temper === undefined ? {} : { temper }),
        ...(ticks === undefined ? {} : { faultTicks: whole(ticks, 1, 1e7) }),
      };
      return { one, from: 0, to: 0, ...common };
    }
    const range = /^(\d{1,9})\.\.(\d{1,9})?$/.exec(seeds ?? '');
    if (range === null || ticks !== undefined || without !== undefined) return undefined;
    const [from, to] = [Number(range[1]), range[2] === undefined ? Number.POSITIVE_INFINITY : Number(range[2])];
    return from <= to && (to < Number.POSITIVE_INFINITY || minutes !== undefined) ? { one: undefined, from, to, ...common } : undefined;
  } catch {
    return undefined;
  }
}

function whole(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) throw new RangeError(text);
  return value;
}

function kindNamed(name: string): FaultKind {
  const kind = faultKinds.find((one) => one === name);
  if (kind === undefined) throw new RangeError(name);
  return kind;
}

function temperNamed(name: string): TemperName {
  const temper = temperNames.find((one) => one === name);
  if (temper === undefined) throw new RangeError(name);
  return temper;
}

function describe(result: SimulationResult, chosen: Partial<SimulationOptions> = {}): string {
  const { seed, ok, failure, nodes, elections, memberships, committed, acknowledged, refused, messages } = result;
  const figures = `nodes=${nodes} elections=${elections} memberships=${memberships} committed=${committed} acknowledged=${acknowledged} refused=${refused} messages=${messages}`;
  return ok
    ? `seed ${seed} passed ${figures}`
    : `seed ${seed} FAILED ${failure}\n  replay with: npm run sim -- ${replayArguments({ ...chosen, seed })}`;
}

function runOne(options: SimulationOptions, json: boolean): number {
  const trace = json ? {} : { onTrace: (line: string) => void process.stdout.write(`${line}\n`) };
  const result = simulate({ ...options, ...trace });
  process.stdout.write(`${json ? JSON.stringify(result) : describe(result)}\n`);
  return result.ok ? 0 : 1;
}

async function runMany({ temper, from, to, jobs, minutes, first, json }: Asked): Promise<number> {
  const tally = new Tally();
  const failures: SimulationResult[] = [];
  const endAt = performance.now() + minutes * 60_000;
  const chosen = temper === undefined ? {} : { temper };
  let seed = from;
  const progress = setInterval(() => process.stderr.write(`${describeSummary(tally.summary).split('\n', 2).join('; ')}\n`), progressMs);
  await runAll<SimulationOptions, SimulationResult>(
    new URL('./worker.ts', import.meta.url),
    jobs,
    () => {
      if (seed > to || performance.now() >= endAt || (first && failures.length > 0)) return undefined;
      seed += 1;
      return { ...chosen, seed: seed - 1 };
    },
    (result) => {
      tally.add(result);
      if (result.ok) return;
      failures.push(result);
      process.stdout.write(`${json ? JSON.stringify(result) : describe(result, chosen)}\n`);
    },
  );
  clearInterval(progress);
  for (const failure of failures.slice(0, first ? 0 : minimisedMax)) explain({ ...chosen, seed: failure.seed }, failure.checker, json);
  const { summary } = tally;
  process.stdout.write(`${json ? JSON.stringify({ summary }) : describeSummary(summary)}\n`);
  return failures.length === 0 ? 0 : 1;
}

/** Writes the trace of the least run that fails alike. */
function explain(failed: SimulationOptions, checker: string | undefined, json: boolean): void {
  const { seed } = failed;
  const { options, runs } = minimise(failed);
  const lines: string[] = [];
  simulate({ ...options, onTrace: (line) => void lines.push(line) });
  const file = join(mkdtempSync(join(tmpdir(), 'holdfast-sim-')), `seed-${seed}.trace`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const replay = `npm run sim -- ${replayArguments(options)}`;
  const facts = { seed, checker, replay, trace: file, lines: lines.length, runs };
  process.stdout.write(
    json
      ? `${JSON.stringify({ minimised: facts })}\n`
      : `seed ${seed}, ${checker}: least failing run after ${runs} tries: ${replay}\n  its trace, ${lines.length} lines: ${file}\n`,
  );
}

async function main(args: readonly string[]): Promise<number> {
  const asked = read(args);
  if (asked === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  return asked.one === undefined ? runMany(asked) : runOne(asked.one, asked.json);
}

process.exitCode = await main(process.argv.slice(2));
