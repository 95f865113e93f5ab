/** Reads a placement problem and what changes it: checked whole before anything is planned. */
import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import type { PlacementLink, PlacementProblem, ResourceVector } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { describeYamlError } from '../lib/yaml-error.ts';
import { resources } from '../placement/model.ts';
import { PlacementError } from '../placement/placement-error.ts';
import { type Change, changed } from '../placement/what-if.ts';
import { CliError, exitCode } from './http-client.ts';
import { describeUnknown, type UnknownName, unknownNames } from './unknown-names.ts';

const fileBytesMax = 256 * 1024 * 1024;

const wrong = (code: string, message: string): CliError => new CliError(exitCode.usage, code, message);

/** YAML or JSON. Throws CliError with exit code 2. */
function readData(path: string): unknown {
  let text: string;
  try {
    if (statSync(path).size > fileBytesMax) throw wrong('PROBLEM_INVALID', `${path}: is larger than ${fileBytesMax} bytes`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw wrong('PROBLEM_INVALID', `${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  try {
    // JSON first: a large problem takes the YAML parser many times longer.
    return /^\s*[{[]/.test(text) ? parseJson(text) : parse(text, { maxAliasCount: 1024 });
  } catch (error) {
    throw wrong('PROBLEM_INVALID', `${path}: is neither YAML nor JSON: ${describeYamlError(error)}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Flow style YAML begins like JSON.
    return parse(text, { maxAliasCount: 1024 });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Takes a line for the person who wrote the file; whatever is printed as the answer stays as it is. */
export type Warn = (line: string) => void;

const warnOnStderr: Warn = (line) => void process.stderr.write(`${line}\n`);

/** Slips are told one by one up to so many. */
const warningsMax = 16;

/** Names that nothing bears are told of. */
function warnOfUnknown(path: string, unknown: Iterable<UnknownName>, warn: Warn): void {
  let count = 0;
  for (const one of unknown) {
    count += 1;
    if (count <= warningsMax) warn(`warning: ${path}: ${describeUnknown(one)}`);
  }
  if (count > warningsMax) warn(`warning: ${path}: and ${count - warningsMax} more names that nothing bears`);
}

/** The problem of a file, or undefined when the file is something else: a workload file has neither nodes nor limits. */
export function readProblemFile(path: string, warn: Warn = warnOnStderr): PlacementProblem | undefined {
  const value = readData(path);
  if (isRecord(value) && !('nodes' in value) && !('limits' in value)) return undefined;
  const checked = checkDocument('PlacementProblem', value);
  if (checked.ok) {
    warnOfUnknown(path, unknownNames(checked.value), warn);
    return checked.value;
  }
  const more = checked.problems.length > 8 ? `; and ${checked.problems.length - 8} more` : '';
  throw wrong(
    'PROBLEM_INVALID',
    `${path}: ${describeProblems(checked.problems.slice(0, 8))}${more}. The keys are in schemas/placement-problem.schema.json`,
  );
}

/**
 * A change as it is written on the command line, made to a problem.
 * @param text `add:FILE`, `remove:BOX`, `resize:BOX:memoryMiB=8192,cpuCores=8`, `link:A/B:latencyMs=1,mbps=1000`, `link:A/B:down`,
 * or `scale:WORKLOAD=REPLICAS`. Throws CliError with exit code 2.
 */
export function applyWhatIf(problem: PlacementProblem, text: string, warn: Warn = warnOnStderr): PlacementProblem {
  try {
    const change = readChange(problem, text);
    const checked = checkDocument('PlacementProblem', changed(problem, change));
    if (checked.ok) {
      if (change.kind === 'add') warnOfUnknown(`--what-if ${text}`, unknownAmong(problem, checked.value), warn);
      return checked.value;
    }
    throw wrong('WHAT_IF_INVALID', `--what-if ${text}: ${describeProblems(checked.problems.slice(0, 8))}`);
  } catch (error) {
    if (error instanceof PlacementError)
      throw wrong('WHAT_IF_INVALID', `--what-if ${text}: ${error.pointer} ${error.message.split(`${error.pointer} `)[1] ?? ''}`);
    throw error;
  }
}

/** What is added stands behind what is there, so a pointer known before is not of it. */
function* unknownAmong(before: PlacementProblem, after: PlacementProblem): Generator<UnknownName> {
  const old = new Set([...unknownNames(before)].map(({ pointer }) => pointer));
  for (const one of unknownNames(after)) if (!old.has(one.pointer)) yield one;
}

function readChange(problem: PlacementProblem, text: string): Change {
  const [kind = '', subject = '', ...rest] = text.split(':');
  const detail = rest.join(':');
  const use = (form: string): CliError => wrong('WHAT_IF_INVALID', `--what-if ${text}: write ${form}`);
  switch (kind) {
    case 'add':
      return readAddition(text.slice('add:'.length));
    case 'remove':
      if (subject === '' || detail !== '') throw use('remove:BOX');
      return { kind: 'remove', node: subject };
    case 'resize': {
      const form = 'resize:BOX:memoryMiB=8192,cpuCores=8';
      const amounts = readAmounts(detail, resources, () => use(`${form}; resources are ${resources.join(', ')}`));
      if (Object.keys(amounts).length === 0) throw use(form);
      return { kind: 'resize', node: subject, capacity: amounts as Partial<ResourceVector> };
    }
    case 'link': {
      const form = 'link:BOX/BOX:latencyMs=1,mbps=1000 or link:BOX/BOX:down';
      const [a = '', b = '', extra] = subject.split('/');
      if (a === '' || b === '' || a === b || extra !== undefined) throw use(form);
      if (detail === 'down') return { kind: 'link', a, b, to: null };
      const given = readAmounts(detail, ['latencyMs', 'mbps'], () => use(form));
      const isKnown = problem.links.some((link: PlacementLink) => (link.a === a && link.b === b) || (link.a === b && link.b === a));
      if (detail === '' || (!isKnown && Object.keys(given).length < 2)) throw use(form);
      return { kind: 'link', a, b, to: given };
    }
    case 'scale': {
      const parts = /^([^=]+)=([0-9]+)$/.exec(subject);
      if (parts === null) throw use('scale:WORKLOAD=REPLICAS');
      return { kind: 'scale', workload: parts[1] ?? '', replicas: Number(parts[2]) };
    }
    default:
      throw use('add:FILE, remove:BOX, resize:BOX:…, link:BOX/BOX:… or scale:WORKLOAD=REPLICAS');
  }
}

/** One box, or `nodes`, `links`, `sources`, `workloads` as in a problem. What they hold is checked in the changed problem. */
function readAddition(path: string): Change {
  const value = readData(path);
  if (!isRecord(value)) throw wrong('WHAT_IF_INVALID', `${path}: holds no box: give one, or nodes, links, sources, workloads`);
  const lists = ['nodes', 'links', 'sources', 'workloads'];
  const addition = 'id' in value ? { nodes: [value] } : value;
  const unknown = Object.keys(addition).find((key) => !lists.includes(key));
  if (unknown !== undefined) throw wrong('WHAT_IF_INVALID', `${path}: /${unknown} is not known: give ${lists.join(', ')}`);
  for (const [key, list] of Object.entries(addition))
    if (!Array.isArray(list) || !list.every(isRecord)) throw wrong('WHAT_IF_INVALID', `${path}: /${key} is not a list of objects`);
  return { kind: 'add', ...addition } as Change;
}

/** `name=number` pairs after commas; numbers from 0 to `most`. */
export function readAmounts(
  text: string,
  names: readonly string[],
  refuse: (what: string) => CliError,
  most = Number.MAX_VALUE,
): Record<string, number> {
  const amounts: Record<string, number> = {};
  for (const pair of text === '' ? [] : text.split(',')) {
    const [name = '', amount = '', extra] = pair.split('=');
    const value = Number(amount);
    if (!names.includes(name) || extra !== undefined || amount.trim() === '' || !(value >= 0 && value <= most)) throw refuse(pair);
    amounts[name] = value;
  }
  return amounts;
}
