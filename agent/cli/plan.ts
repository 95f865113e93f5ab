/** `holdfast plan`: of a placement problem here and now, without any agent; of a workload file by asking one. */
import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { PlacementProblem, Plan } from '../../schemas/generated/types.ts';
import { checkPlan } from '../placement/checker.ts';
import { type Decomposed, partsTried, planWithParts, wholeNames } from '../placement/decompose.ts';
import { evaluate } from '../placement/evaluate.ts';
import { pareto } from '../placement/pareto.ts';
import { PlacementError } from '../placement/placement-error.ts';
import { dropSet, shortages } from '../placement/shortage.ts';
import { smallestBox } from '../placement/smallest-box.ts';
import { type SolveProgress, solve } from '../placement/solve.ts';
import { drawPlan } from '../placement/svg.ts';
import { effectOf } from '../placement/what-if.ts';
import { type Aside, asideFor } from './aside.ts';
import { wholeNumber } from './context.ts';
import { CliError, exitCode } from './http-client.ts';
import type { Act } from './main-cli.ts';
import { planInThread } from './plan-thread.ts';
import { applyWhatIf, readAmounts, readProblemFile } from './problem-file.ts';
import { type Progress, progressLine } from './progress-line.ts';
import { showPlan } from './show.ts';
import { type PlanReport, showReport } from './show-problem.ts';
import { readWorkloadFile } from './workload-file.ts';

export interface PlanOptions {
  readonly file: string;
  readonly budget?: number;
  readonly steps?: number;
  readonly seed?: number;
  readonly weights?: string;
  readonly pareto?: boolean;
  readonly whatIf: readonly string[];
  readonly compare?: string;
  readonly svg?: string;
}

const stepsMax = 2 ** 31 - 1;
/** As in the schema. */
const weightMax = 1_000_000;

/** @param endWith sets the exit code: 4 when something of a problem has no place. */
export function addPlan(program: Command, act: Act, endWith: (code: number) => void): void {
  program
    .command('plan')
    .description('show what would be planned; changes nothing')
    .requiredOption('-f, --file <file>', 'placement problem (needs no agent) or workload file (asks the agent), YAML or JSON')
    .option('--budget <time>', 'search this long, for example 2s or 500ms', duration)
    .option('--steps <count>', 'evaluations; the same seed and steps give the same plan', wholeNumber(stepsMax))
    .option('--seed <number>', 'start of the pseudo-random sequence', wholeNumber(2 ** 32 - 1))
    .option('--weights <weights>', 'instead of those of the problem, for example latency=2,migration=0.5')
    .option('--pareto', 'also show choices: what each gains and gives up')
    .option('--what-if <change>', 'add:FILE, remove:BOX, resize:BOX:…, link:A/B:…, scale:WORKLOAD=N; may be repeated', collect, [])
    .option('--compare <what>', 'current: the terms of what stands now beside the plan', onlyCurrent)
    .option('--svg <file>', 'draw the plan')
    .addHelpText('after', '\nExample: holdfast plan -f packaging/examples/mill.problem.yaml --budget 2s --pareto --svg plan.svg')
    .action(
      act(async ({ client, print, json }, options: PlanOptions) => {
        const problem = readProblemFile(options.file);
        if (problem === undefined) {
          refuseForWorkloads(options);
          const plan = (await client.send('POST', '/v1/plan', readWorkloadFile(options.file))) as Plan;
          print(plan, () => showPlan(plan));
          return;
        }
        if (options.svg !== undefined) refuseUnwritable(options.svg);
        const report = await planInThread(problem, options, json ? undefined : progressLine());
        const { problem: _, ...document } = report;
        print(document, () => showReport(report));
        if (options.svg !== undefined) writePicture(options.svg, report);
        if (report.plan.unplaced.length > 0) endWith(exitCode.refused);
      }),
    );
}

/**
 * Plans a problem as the options say. Throws CliError.
 * @param stopped asked often: true ends all searches, and what was found by then is told.
 */
export function planProblem(
  given: PlacementProblem,
  options: PlanOptions,
  onProgress?: Progress,
  stopped: () => boolean = () => false,
): PlanReport {
  try {
    const wanted = withOptions(given, options);
    const changed = options.whatIf.reduce((before, text) => applyWhatIf(before, text), wanted);
    // Who asks for steps wants the same plan each time: no clock then.
    const time = options.budget ?? (options.steps === undefined ? given.limits.milliseconds : undefined);
    const search = (one: PlacementProblem): Decomposed => {
      const budget = time === undefined ? undefined : time / (1 + partsTried(one));
      return planWithParts(one, (cut) => checked(cut, searchFor(cut, budget, stopped, onProgress?.say)));
    };
    const around = (found: Decomposed, isAll: boolean): Looks =>
      lookAround(found, { wantsChoices: options.pareto === true, wantsRemedies: isAll }, { time, onProgress, stopped });
    const found = search(changed);
    const { problem, cut, together } = found;
    // The search for choices may come by a better plan. So may it for the plan of a what-if that this one is compared with.
    const { plan, ...looks } = around(found, true);
    // Told to stop, nothing is compared: what one of the two had no time for would look like an effect.
    const compares = options.whatIf.length > 0 && !stopped();
    const compared = compares ? around(search(wanted), false).plan : undefined;
    const before = stopped() ? undefined : compared;
    onProgress?.end();
    const stands = evaluate(problem, { assignments: problem.current });
    return {
      problem,
      plan,
      ...(partsTried(changed) === 0 ? {} : { cut, ...(together.length === 0 ? {} : { together }) }),
      ...(options.compare === undefined
        ? {}
        : { current: { ...stands, unplaced: plan.assignments.length + plan.unplaced.length - problem.current.length } }),
      ...(before === undefined
        ? {}
        : {
            whatIf: {
              changes: options.whatIf,
              effect: effectOf(before, plan, wholeNames(wanted, changed)),
              addedBoxes: Math.max(0, problem.nodes.length - wanted.nodes.length),
              before,
            },
          }),
      ...looks,
      ...(options.whatIf.length > 0 && before === undefined ? { endedEarly: [...(looks.endedEarly ?? []), 'whatIf'] } : {}),
    };
  } catch (error) {
    if (error instanceof PlacementError) throw new CliError(exitCode.usage, 'PROBLEM_INVALID', `${options.file}: ${error.message}`);
    throw error;
  }
}

/** The plan, and what is told beside it. */
type Looks = Pick<PlanReport, 'plan' | 'choices' | 'infeasible' | 'endedEarly'>;

/** What is told beside the plan, all of it in about the time of the plan itself, however large the problem. A better plan found so is the plan. */
function lookAround(
  { problem, plan: found }: Pick<Decomposed, 'problem' | 'plan'>,
  { wantsChoices, wantsRemedies }: { readonly wantsChoices: boolean; readonly wantsRemedies: boolean },
  {
    time,
    onProgress,
    stopped,
  }: { readonly time: number | undefined; readonly onProgress: Progress | undefined; readonly stopped: () => boolean },
): Looks {
  const share = 1 / Math.max(1, Number(wantsChoices) + 2 * Number(wantsRemedies && found.unplaced.length > 0));
  const endedEarly: string[] = [];
  const look = <T>(name: string, what: string, ask: (aside: Aside) => T): T => {
    onProgress?.doing(what);
    const aside = asideFor(time === undefined ? undefined : time * share, share, stopped);
    const answer = ask(aside);
    if (aside.endedEarly()) endedEarly.push(name);
    return answer;
  };
  const { plan, choices } = wantsChoices
    ? look('choices', 'looking for choices', ({ solve, over }) => pareto(problem, found, solve, over))
    : { plan: found, choices: undefined };
  const infeasible =
    wantsRemedies && plan.unplaced.length > 0
      ? {
          shortages: shortages(problem),
          drops: look('drops', 'looking for what to drop', ({ solve, over }) => dropSet(problem, plan, solve, over)),
          smallestBox:
            look('smallestBox', 'looking for the smallest box', ({ solve, over }) => smallestBox(problem, plan, solve, over)) ?? null,
        }
      : undefined;
  return {
    plan: checked(problem, plan),
    ...(choices === undefined ? {} : { choices }),
    ...(infeasible === undefined ? {} : { infeasible }),
    ...(endedEarly.length === 0 ? {} : { endedEarly }),
  };
}

function withOptions(problem: PlacementProblem, { budget, steps, seed, weights }: PlanOptions): PlacementProblem {
  const names = [...new Set([...Object.keys(problem.weights), 'energy', 'hardware', 'groupMoves'])];
  const amounts = readAmounts(
    weights ?? '',
    names,
    (pair) =>
      new CliError(
        exitCode.usage,
        'WEIGHTS_INVALID',
        `--weights: ${pair} is not a weight: write NAME=NUMBER, from 0 to ${weightMax}; names are ${names.join(', ')}`,
      ),
    weightMax,
  );
  const limits = {
    ...problem.limits,
    // What ends a search that has a time is the time.
    ...(steps === undefined ? (budget === undefined ? {} : { steps: stepsMax }) : { steps: Math.max(1, steps) }),
    ...(seed === undefined ? {} : { seed }),
  };
  return { ...problem, weights: { ...problem.weights, ...amounts }, limits };
}

/** One search: by the steps of the problem, or until a time is over. */
function searchFor(
  problem: PlacementProblem,
  budgetMs: number | undefined,
  stopped: () => boolean,
  say: ((progress: SolveProgress) => void) | undefined,
): Plan {
  const told = say === undefined ? {} : { onProgress: say };
  if (budgetMs === undefined) return solve(problem, { interrupted: stopped, ...told });
  const begun = performance.now();
  const progress = (): number => (performance.now() - begun) / budgetMs;
  return solve(problem, { interrupted: () => stopped() || progress() >= 1, progress, ...told });
}

/** No plan leaves here that the independent checker has not passed. */
function checked(problem: PlacementProblem, plan: Plan): Plan {
  const wrong = checkPlan(problem, plan);
  if (wrong.length === 0) return plan;
  throw new CliError(exitCode.failed, 'BAD_PLAN', `The plan is not valid: ${wrong.slice(0, 5).join('; ')}. This is a defect of Holdfast`);
}

/** Before the search: it may take an hour. */
function refuseUnwritable(path: string): void {
  try {
    accessSync(existsSync(path) ? path : dirname(path), constants.W_OK);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function writePicture(path: string, { problem, plan }: PlanReport): void {
  try {
    writeFileSync(path, drawPlan(problem, plan));
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): CliError {
  return new CliError(
    exitCode.failed,
    'CANNOT_WRITE',
    `Cannot write ${path} (${(error as NodeJS.ErrnoException).code ?? String(error)}): give --svg a file in a directory that is there and may be written to`,
  );
}

/** A workload file says nothing of boxes: the agent plans it as the site is. */
function refuseForWorkloads({ file, budget, steps, seed, weights, pareto: choices, whatIf, compare, svg }: PlanOptions): void {
  const given = { budget, steps, seed, weights, pareto: choices, 'what-if': whatIf[0], compare, svg };
  const first = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (first === undefined) return;
  throw new CliError(
    exitCode.usage,
    'PROBLEM_NEEDED',
    `${file}: --${first} is for placement problems, and this is a workload file: give a file with nodes, links, workloads and limits`,
  );
}

function duration(text: string): number {
  const parts = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m)$/.exec(text);
  const milliseconds = parts === null ? 0 : Number(parts[1]) * { ms: 1, s: 1000, m: 60_000 }[parts[2] as 'ms' | 's' | 'm'];
  if (milliseconds <= 0 || milliseconds > 3_600_000) throw new InvalidArgumentError('Give a time up to an hour, for example 2s or 500ms.');
  return milliseconds;
}

function onlyCurrent(text: string): string {
  if (text !== 'current') throw new InvalidArgumentError('Write --compare current.');
  return text;
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
