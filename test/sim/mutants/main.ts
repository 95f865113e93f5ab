/** Command line: `npm run sim:mutants -- [--only NAMES] [--seconds S] [--jobs N] [--json]`. */
import { parseArgs } from 'node:util';
import { hunt, type Kill } from './hunt.ts';
import { allMutants, type Mutant } from './mutant.ts';
import { Workshop } from './workshop.ts';

const usage = `Usage: npm run sim:mutants -- [--only NAMES] [--seconds S] [--jobs N] [--json]

  --only NAMES  these mutants, with commas between them
  --seconds S   of simulation for each, where no exploration kills it (90)
  --jobs N      mutants at a time (2)
  --json        one JSON object per mutant, then the summary

A mutant is the true code with one deliberate bug, from a patch in test/sim/mutants. Those that nobody can tell from the true code say
why in catalogue.json, are run as well, and do not count.
Exit codes: 0 at least 95 % are killed, 1 fewer are, 2 wrong usage.
`;

const states = 1_200_000;
/** One that is equivalent gets a look only: it is there to be seen. */
const lookSeconds = 5;
const share = 0.95;

interface Asked {
  readonly mutants: readonly Mutant[];
  readonly seconds: number;
  readonly jobs: number;
  readonly json: boolean;
}

function read(): Asked | undefined {
  const options = {
    only: { type: 'string' },
    seconds: { type: 'string', default: '90' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  } as const;
  try {
    const { values } = parseArgs({ options });
    const [seconds, jobs] = [Number(values.seconds), Number(values.jobs)];
    const names = values.only?.split(',');
    const all = allMutants();
    const mutants = names === undefined ? all : all.filter(({ name }) => names.includes(name));
    const isSound = seconds >= 0 && Number.isInteger(jobs) && jobs >= 1 && mutants.length === (names?.length ?? all.length);
    return isSound ? { mutants, seconds, jobs, json: values.json } : undefined;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

function text({ name, title, equivalent }: Mutant, { killed, by, seeds, states: explored, seconds }: Kill): string {
  const how = killed ? `killed by ${by}` : equivalent === undefined ? 'SURVIVED' : 'survived, as it should';
  const effort = `${seeds} seeds${explored > 0 ? `, ${explored} states` : ''}, ${seconds} s`;
  return `${name.padEnd(30)} ${how} (${effort})\n${''.padEnd(31)}${title}\n`;
}

async function main(): Promise<number> {
  const asked = read();
  if (asked === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const { mutants, seconds, jobs, json } = asked;
  const began = performance.now();
  const workshop = new Workshop();
  const waiting = [...mutants];
  const kills: Kill[] = [];
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const kill = await hunt(workshop, mutant, { seconds: mutant.equivalent === undefined ? seconds : lookSeconds, states });
      kills.push(kill);
      process.stdout.write(json ? `${JSON.stringify(kill)}\n` : text(mutant, kill));
      if (process.stderr.isTTY) process.stderr.write(`\r${kills.length} of ${mutants.length}\r`);
    }
  };
  try {
    await Promise.all(Array.from({ length: jobs }, work));
  } finally {
    workshop.close();
  }
  const equivalents = new Set(mutants.filter(({ equivalent }) => equivalent !== undefined).map(({ name }) => name));
  const counted = kills.filter(({ mutant }) => !equivalents.has(mutant));
  const killed = counted.filter((kill) => kill.killed).length;
  const survivors = counted.filter((kill) => !kill.killed).map(({ mutant }) => mutant);
  const took = Math.round((performance.now() - began) / 1000);
  const summary = { mutants: counted.length, killed, survivors, equivalents: [...equivalents], seconds: took };
  if (json) process.stdout.write(`${JSON.stringify({ summary })}\n`);
  else {
    const percent = Math.round((1000 * killed) / Math.max(1, counted.length)) / 10;
    const rest = survivors.length === 0 ? '' : `; survivors: ${survivors.join(', ')}`;
    process.stdout.write(`${killed} of ${counted.length} killed (${percent} %) in ${took} s${rest}\n`);
  }
  return killed >= share * counted.length ? 0 : 1;
}

process.exitCode = await main();
