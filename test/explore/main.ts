/** Command line of the exploration: `npm run explore -- [--states N] [--scope NAME] [--bug NAME] [--audit N] [--json]`. */
import { parseArgs } from 'node:util';
import { SeededRandom } from '../sim/random.ts';
import { bugs } from './bugs.ts';
import type { Exploration } from './explorer.ts';
import { openCore } from './open-core.ts';
import { scopes } from './scopes.ts';

const usage = `Usage: npm run explore -- [--states N] [--scope NAME] [--bug NAME] [--audit N] [--json]

  --states N    distinct states to explore in all (1000000, or as 1e7)
  --scope NAME  one of ${scopes.map(({ name }) => name).join(', ')}; all of them unless told
  --bug NAME    with a deliberate bug, in its scope: ${Object.keys(bugs).join(', ')}
  --audit N     no exploration: whether states taken for one go on alike, on N random paths in each scope
  --json        one JSON object per scope instead of text

Exit codes: 0 nothing broken, 1 a violation was found, 2 wrong usage.
`;

function text(result: Exploration): string {
  const { scope, states, depth, complete, memberStates, memberSteps, committedMax, seconds, violation } = result;
  const rate = Math.round(states / Math.max(seconds, 0.001));
  const figures = `${states} states, depth ${depth}${complete ? ', complete' : ''}, ${rate} states/s, ${memberStates} states and ${memberSteps} steps of members, up to ${committedMax} entries committed`;
  if (violation === undefined) return `${scope}: ${figures}\n`;
  return `${scope}: ${figures}\nVIOLATION ${violation.rule}\n${violation.path.map((step, at) => `  ${at + 1}. ${step}\n`).join('')}`;
}

async function main(): Promise<number> {
  const options = {
    states: { type: 'string', default: '1000000' },
    scope: { type: 'string' },
    bug: { type: 'string' },
    audit: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    values = parseArgs({ options }).values;
  } catch {
    process.stderr.write(usage);
    return 2;
  }
  const states = Number(values.states);
  const walks = Number(values.audit);
  const bug = values.bug === undefined ? undefined : bugs[values.bug];
  const wanted = values.scope ?? bug?.scope;
  const chosen = scopes.filter(({ name }) => wanted === undefined || name === wanted).map((scope) => ({ ...scope, ...bug?.bounds }));
  if (
    !Number.isInteger(states) ||
    states < 1 ||
    !Number.isInteger(walks) ||
    walks < 0 ||
    chosen.length === 0 ||
    (values.bug !== undefined && bug === undefined)
  ) {
    process.stderr.write(usage);
    return 2;
  }
  // Loaded only now: the core is to be read as `openCore` says.
  openCore(bug === undefined ? [] : [bug]);
  if (walks > 0) {
    const { audit } = await import('./audit.ts');
    const random = new SeededRandom(1);
    for (const scope of chosen)
      process.stdout.write(`${scope.name}: ${audit(scope, walks, (below) => random.nextInt(below))} steps go on alike\n`);
    return 0;
  }
  const { Explorer } = await import('./explorer.ts');
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  let total = 0;
  for (const scope of chosen) {
    const result = new Explorer(scope).explore(Math.ceil((states * scope.share) / shares));
    total += result.states;
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : text(result));
    if (result.violation !== undefined) return 1;
  }
  if (!values.json) process.stdout.write(`${total} distinct states, nothing broken\n`);
  return 0;
}

process.exitCode = await main();
