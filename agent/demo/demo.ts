/** `holdfast demo`, what `npm start` runs: a whole site on this machine, shown to a person or played as a checked story. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HealthDocument } from '../../schemas/generated/types.ts';
import type { Box } from './box.ts';
import { getNodes, getStatus, getWorkloads } from './client.ts';
import { DemoSite } from './site.ts';
import { Story } from './story.ts';
import { describeChanges, drawPicture, type Picture } from './view.ts';

export interface DemoOptions {
  readonly verify: boolean;
  readonly json: boolean;
  /** Keep the directory with data and logs. */
  readonly keep: boolean;
  readonly victim: 'leader' | 'follower';
  /** How the agent program is started: a Node binary and its first arguments. */
  readonly program: readonly string[];
  readonly workloadFile: string;
  readonly workloadFileAlone: string;
}

/** Runs until it is told to end, or until the story is told. Resolves with the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const abort = new AbortController();
  const end = (): void => abort.abort(new Error('ended by a signal'));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  const site = await DemoSite.prepare({ program: options.program });
  let keep = options.keep;
  try {
    if (!options.verify) {
      await show(site, options, abort.signal);
      return 0;
    }
    const failed = await verify(site, options, abort.signal);
    keep ||= failed;
    return failed ? 1 : 0;
  } finally {
    await site.stop();
    if (keep) process.stderr.write(`Data and logs are kept in ${site.dir}\n`);
    else site.remove();
  }
}

async function verify(site: DemoSite, options: DemoOptions, signal: AbortSignal): Promise<boolean> {
  const story = new Story({
    site,
    signal,
    victim: options.victim,
    workloadFile: options.workloadFile,
    workloadFileAlone: options.workloadFileAlone,
    cli: (box, args) => runCommand(options.program, box, args),
  });
  const failed: number[] = [];
  const steps = story.steps();
  const began = performance.now();
  for (const { step, title, run } of steps) {
    const start = performance.now();
    let ok = true;
    let observed: string;
    try {
      observed = await run();
    } catch (error) {
      ok = false;
      observed = error instanceof Error ? error.message : String(error);
      failed.push(step);
    }
    const ms = Math.round(performance.now() - start);
    if (options.json) print(JSON.stringify({ step, title, ok, observed, ms }));
    else print(`${ok ? 'ok    ' : 'FAILED'} ${step}. ${title} (${(ms / 1000).toFixed(1)} s)\n       ${observed}`);
    if (!ok) break; // Each step stands on the ones before.
  }
  const verified = failed.length === 0;
  if (options.json) print(JSON.stringify({ verified, steps: steps.length, failed }));
  else
    print(`${verified ? 'All' : 'Not all'} ${steps.length} steps were observed, in ${((performance.now() - began) / 1000).toFixed(0)} s.`);
  return !verified;
}

async function show(site: DemoSite, options: DemoOptions, signal: AbortSignal): Promise<void> {
  const terminal = process.stdout.isTTY === true;
  site.start();
  print(`Starting four agents in ${site.dir} (${site.clocks}).`);
  if (!terminal) for (const box of site.all) print(`${box.name}: HOLDFAST_ENDPOINT=${box.endpoint}`);
  let before: Picture | undefined;
  let applied = false;
  while (!signal.aborted) {
    const picture = await look(site);
    if (terminal) process.stdout.write(`\x1b[H\x1b[2J${drawPicture(picture, process.stdout.columns ?? 100)}\n`);
    else for (const line of describeChanges(before, picture)) print(line);
    before = picture;
    const connected = picture.boxes.every(
      ({ status, site: name }) => status !== undefined && (name !== 'mill' || status.authority.mode === 'connected'),
    );
    if (!applied && connected) {
      const result = await runCommand(options.program, site.upper, ['apply', '-f', options.workloadFile]);
      applied = result.code === 0;
      if (!terminal || !applied) print(applied ? `Applied ${options.workloadFile} at region-1.` : `apply failed: ${result.stderr.trim()}`);
    }
    await sleep(terminal ? 500 : 250, undefined, { signal }).catch(() => undefined);
  }
  print('Ending agents and workloads.');
}

async function look(site: DemoSite): Promise<Picture> {
  const boxes = await Promise.all(
    site.all.map(async (box) => ({
      name: box.name,
      site: box.site,
      endpoint: box.endpoint,
      status: await getStatus(box).catch(() => undefined),
      health: await healthOf(box),
    })),
  );
  // The leader first: it alone hears what runs at the upper site.
  const leading = boxes.find(({ name, status }) => name !== site.upper.name && status?.consensus.role === 'leader')?.name;
  for (const box of [...site.boxes].sort((a, b) => Number(b.name === leading) - Number(a.name === leading))) {
    const answer = await getWorkloads(box).catch(() => undefined);
    if (answer !== undefined) return { boxes, workloads: answer.workloads };
  }
  return { boxes, workloads: [] };
}

async function healthOf(box: Box): Promise<HealthDocument | undefined> {
  const answer = await getNodes(box).catch(() => undefined);
  return answer?.nodes.find(({ name }) => name === box.name)?.health ?? undefined;
}

/** The command line as an operator would use it, against one box. */
function runCommand(
  program: readonly string[],
  box: Box,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const [command = process.execPath, ...first] = program;
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, ...args, '--endpoint', box.endpoint], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString('utf8')));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 1, ...output }));
  });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
