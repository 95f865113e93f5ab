/** Tries to kill one mutant: by the exploration of small bounds where one is made for its kind, then by simulated seeds. */
import type { Mutant } from './mutant.ts';
import { type Run, run, type Workshop } from './workshop.ts';

export interface Kill {
  readonly mutant: string;
  readonly killed: boolean;
  /** Which rule it broke, in the words of who noticed. */
  readonly by: string | undefined;
  /** Seeds simulated, the last one included; states explored. */
  readonly seeds: number;
  readonly states: number;
  readonly seconds: number;
}

export interface Budget {
  /** Of simulation. */
  readonly seconds: number;
  /** Of exploration. */
  readonly states: number;
}

export async function hunt(workshop: Workshop, mutant: Mutant, { seconds, states }: Budget): Promise<Kill> {
  const began = performance.now();
  const at = workshop.make(mutant);
  let seeds = 0;
  let explored = 0;
  const kill = (by: string | undefined): Kill => {
    const took = Math.round((performance.now() - began) / 100) / 10;
    return { mutant: mutant.name, killed: by !== undefined, by, seeds, states: explored, seconds: took };
  };
  const simulate = async (): Promise<string | undefined> => {
    const temper = mutant.temper === undefined ? [] : ['--temper', mutant.temper];
    const simulator = mutant.boxes === true ? 'test/sim/whole/main.ts' : 'test/sim/main.ts';
    const args = [simulator, '--seeds', '1..', '--minutes', String(seconds / 60), '--first', '--json', ...temper];
    const done = await run(at, args, seconds);
    const lines = linesOf(done);
    seeds = lines.reduce((sum, { summary }) => sum + (summary?.seeds ?? 0), 0);
    const failure = lines.find(({ checker }) => checker !== undefined);
    return kindOf(mutant, failure?.checker, done.code);
  };
  const explore = async (scope: string): Promise<string | undefined> => {
    const done = await run(at, ['test/explore/main.ts', '--states', String(states), '--json', '--scope', scope], 60);
    const lines = linesOf(done);
    explored = lines.reduce((sum, line) => sum + (line.states ?? 0), 0);
    const broken = lines.find(({ violation }) => violation !== undefined)?.violation?.rule;
    return kindOf(mutant, broken === undefined ? undefined : `${broken} (exploration)`, done.code);
  };
  try {
    const broken = mutant.scope === undefined ? undefined : await explore(mutant.scope);
    return kill(broken ?? (await simulate()));
  } finally {
    workshop.drop(at);
  }
}

/** A patch of today's code as it was: a name that is gone breaks it, and that proves nothing of the simulation. */
const slips: ReadonlySet<string> = new Set(['ReferenceError', 'TypeError', 'SyntaxError']);

/** By whom it was noticed, if it was. @throws when the mutant does not work at all. */
function kindOf({ name }: Mutant, by: string | undefined, code: number | null): string | undefined {
  if (by === undefined && code === null) return 'It does not end';
  if ((by === undefined && code !== 0) || (by !== undefined && slips.has(by)))
    throw new Error(`${name}.patch makes no working program (${by ?? `it ended with ${code}`}): make it again`);
  return by;
}

/** What either program prints with --json, as far as it matters here. */
interface Line {
  readonly checker?: string;
  readonly summary?: { readonly seeds: number };
  readonly states?: number;
  readonly violation?: { readonly rule: string };
}

function linesOf({ output }: Run): readonly Line[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
}
