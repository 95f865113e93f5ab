/** `holdfast placement explain`, `why` and `why-not`: of the site's plan, or of a problem file without any agent. */
import type { Command } from 'commander';
import { type Explanation, explain, type Option } from '../placement/explain.ts';
import { solve } from '../placement/solve.ts';
import { type Answer, type Price, prices, why } from '../placement/why.ts';
import type { Context } from './context.ts';
import { CliError, exitCode } from './http-client.ts';
import type { Act } from './main-cli.ts';
import { planProblem } from './plan.ts';
import { readProblemFile } from './problem-file.ts';
import type { PlanReport } from './show-problem.ts';

interface Told extends Answer {
  readonly prices?: readonly Price[];
}

export function addWhy(placement: Command, act: Act): void {
  placement
    .command('explain <workload>')
    .description('why each replica is where it is, and not elsewhere')
    .option('-f, --file <file>', 'a placement problem: it is planned here, without the agent')
    .addHelpText('after', '\nExample: holdfast placement explain press-guard -f packaging/examples/mill.problem.yaml')
    .action(
      act(async ({ client, print }, workload: string, { file }: { file?: string }) => {
        const explained = file === undefined ? await explanationOfSite(client, workload) : explanationOfProblem(file, workload);
        print(explained, () => showExplanation(explained));
      }),
    );
  for (const [name, description, example] of [
    ['why', 'why a workload is on a box: what the next best place would cost', 'press-guard press-1'],
    ['why-not', 'why a workload is not on a box, and what would have to change', 'sheet-vision press-1'],
  ] as const)
    placement
      .command(`${name} <workload> <box>`)
      .description(description)
      .option('-f, --file <file>', 'a placement problem: it is planned here, without the agent')
      .addHelpText('after', `\nExample: holdfast placement ${name} ${example} -f packaging/examples/mill.problem.yaml`)
      .action(
        act(async ({ client, print }, workload: string, node: string, { file }: { file?: string }) => {
          const told = file === undefined ? await ofSite(client, workload, node) : ofProblem(file, workload, node);
          print({ workload, node, replicas: told }, () => told.map(show).join('\n'));
        }),
      );
}

/** Of a problem file. Throws CliError. */
export function ofProblem(file: string, workload: string, node: string): readonly Told[] {
  const { problem, plan } = planned(file);
  const answers = answersOf(explain(problem, plan, workload), workload, node);
  return answers.map((answer) => ({ ...answer, prices: prices(problem, plan, answer, node, (one) => solve(one)) }));
}

/** Every box and class for each replica, of a problem file. Throws CliError. */
export function explanationOfProblem(file: string, workload: string): Explanation {
  const { problem, plan } = planned(file);
  const explanation = explain(problem, plan, workload);
  if (!explanation.known) throw notPlanned(`no workload ${workload} is planned`);
  return explanation;
}

function planned(file: string): Pick<PlanReport, 'problem' | 'plan'> {
  const problem = readProblemFile(file);
  if (problem === undefined)
    throw new CliError(exitCode.usage, 'PROBLEM_NEEDED', `${file}: is a workload file: leave --file away to ask the agent`);
  return planProblem(problem, { file, whatIf: [] });
}

async function explanationOfSite(client: Context['client'], workload: string): Promise<Explanation> {
  const explained = (await client.get(`/v1/placements/${encodeURIComponent(workload)}/explain`)) as Explanation;
  return { ...explained, workload };
}

async function ofSite(client: Context['client'], workload: string, node: string): Promise<readonly Told[]> {
  return answersOf(await explanationOfSite(client, workload), workload, node);
}

export function showExplanation({ workload, replicas }: Explanation): string {
  return replicas
    .map(({ replica, chosen, fixed, options }) => {
      const head = `${workload}/${replica}: ${chosen === null ? (options.length === 0 ? 'has no place: there are no boxes' : 'has no place') : `on ${chosen.node}, ${chosen.class}${fixed ? ', fixed' : ''}`}`;
      return [head, ...options.map((option) => `  ${option.chosen ? '*' : ' '} ${option.text} ${heat(option)}`)].join('\n');
    })
    .concat(replicas.some(({ options }) => options.length > 0) ? [legend] : [])
    .join('\n');
}

const legend = 'In brackets: how full the box is without it, 0 to 2; how warm the work is, 0 to 2; and how strongly the box draws it.';

/** What the diffusion law goes by. */
function heat({ nodeTemperature, availability, workTemperature, force }: Option): string {
  return `[box ${nodeTemperature.toFixed(2)}, ${availability}; work ${workTemperature}; force ${force.toFixed(2)}]`;
}

function notPlanned(reason: string): CliError {
  return new CliError(exitCode.notFound, 'NOT_PLANNED', reason);
}

function answersOf(explanation: Explanation, workload: string, node: string): readonly Answer[] {
  const answers = why(explanation, node);
  if (answers.length > 0) return answers;
  const boxes = [...new Set(explanation.replicas.flatMap(({ options }) => options.map((option) => option.node)))].slice(0, 8);
  const reason =
    explanation.replicas.length === 0
      ? `no workload ${workload} is planned`
      : `no box ${node} is planned for: ${boxes.length === 0 ? 'there are no boxes' : `name one of ${boxes.join(', ')}`}`;
  throw notPlanned(reason);
}

function show({ text, details, prices: worth = [] }: Told): string {
  const lines = worth.map(({ resource, amount, saved, placed }) => {
    const gain =
      placed > 0
        ? `${placed} more replicas would get a place`
        : saved === 0
          ? 'the plan would stay as it is'
          : `the plan would save ${saved ?? 0} s/h`;
    return `with ${Math.round(amount * 1e6) / 1e6} more ${resource} there, ${gain}`;
  });
  return [text, ...[...details, ...lines].map((line) => `  ${line}`)].join('\n');
}
