/**
 * What a site of three sends while nothing happens, by its times: real agents in a network namespace of their own, so that the
 * loopback's counters count them alone. There is no upper site.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Box } from '../../agent/demo/box.ts';
import { getStatus, putValue } from '../../agent/demo/client.ts';
import { DemoSite } from '../../agent/demo/site.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import packageJson from '../../package.json' with { type: 'json' };
import type { AgentConfig } from '../../schemas/generated/types.ts';
import { loopbackBytes } from './facts.ts';
import { median, printFigure } from './figure.ts';

const program = [process.execPath, ...packageJson.config.nodeFlags, new URL('../../dist/holdfast.mjs', import.meta.url).pathname];
const settleSeconds = 15;
const windows = 2;
/** At least; a site that rests says something once in a while, and is watched for several of those. */
const windowMinSeconds = 60;
const restsWatched = 5;

type Times = NonNullable<AgentConfig['timing']>;

/** `default` changes nothing; the others are what a metered link can be given with the times of the configuration alone. */
const timesOf: Readonly<Record<string, Times>> = {
  default: {},
  'ping 1 s': {
    pingMs: 1000,
    electionMs: 5000,
    leaseMs: 15_000,
    lostAfterMs: 15_000,
    healthSampleMs: 60_000,
    healthMaxAgeMs: 3_600_000,
  },
  'ping 15 s': {
    pingMs: 15_000,
    electionMs: 60_000,
    leaseMs: 180_000,
    lostAfterMs: 180_000,
    healthSampleMs: 60_000,
    healthMaxAgeMs: 3_600_000,
  },
  rest: {
    pingMs: 1000,
    electionMs: 5000,
    restPingMs: 60_000,
    restAfterMs: 30_000,
    leaseMs: 240_000,
    lostAfterMs: 240_000,
    healthSampleMs: 300_000,
    healthMaxAgeMs: 3_600_000,
  },
};

/** `--inside NAME` measures one of them here; without it, each is measured in a namespace of its own. */
export async function benchIdle(json: boolean, options: readonly string[]): Promise<void> {
  const name = options[options.indexOf('--inside') + 1] ?? '';
  if (!options.includes('--inside')) for (const each of Object.keys(timesOf)) inNamespace(each, json);
  else await measure(name, timesOf[name] ?? {}, json);
}

/** This program again, where nobody else uses the loopback. */
function inNamespace(name: string, json: boolean): void {
  const main = fileURLToPath(new URL('./main.ts', import.meta.url));
  const again = [process.execPath, ...process.execArgv, main, 'idle', ...(json ? ['--json'] : []), '--inside', name];
  const entered = spawnSync('unshare', ['--net', '--', 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
  if (entered.error !== undefined || entered.status !== 0) {
    const note = 'skipped: no network namespace (needs root, unshare and ip)';
    printFigure({ figure: 'site.idle_bytes', subject: 'holdfast', value: null, unit: 'B/s', params: { times: name }, note }, json);
    return;
  }
  const run = spawnSync('unshare', ['--net', '--', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...again], { stdio: 'inherit' });
  if (run.status !== 0) throw new Error(`measuring "${name}" failed`);
}

async function measure(name: string, times: Times, json: boolean): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'hf-idle-'));
  const site = await DemoSite.prepare({ program, dir, trueClocks: true });
  try {
    for (const box of site.boxes) {
      const { upper: _none, ...config } = box.config;
      box.writeConfig({ ...config, timing: times });
      box.start();
    }
    const electionMs = times.electionMs ?? 400;
    await until('every box follows one leader', 60_000 + 3 * electionMs, () => agreed(site.boxes));
    await putValue(site.boxes[0] as Box, 'idle', 'x');
    await new Promise((resolve) =>
      setTimeout(resolve, settleSeconds * 1000 + (times.restPingMs === undefined ? 0 : (times.restAfterMs ?? 0))),
    );
    const windowSeconds = Math.max(windowMinSeconds, (restsWatched * (times.restPingMs ?? 0)) / 1000);
    const samples: number[] = [];
    for (let i = 0; i < windows; i += 1) {
      const before = loopbackBytes();
      await new Promise((resolve) => setTimeout(resolve, windowSeconds * 1000));
      // Each byte leaves one box and reaches another: a box's interface counts it either way.
      samples.push((2 * (loopbackBytes() - before)) / windowSeconds / site.boxes.length);
    }
    printFigure(
      {
        figure: 'site.idle_bytes',
        subject: 'holdfast',
        value: median(samples),
        unit: 'B/s',
        params: { times: name, agents: site.boxes.length, seconds: windowSeconds },
        samples,
        note: 'per box, sent and received, link layer included; no upper site',
      },
      json,
    );
    await failover(site.boxes, name, json);
  } finally {
    await site.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The leading agent dies: its connections end, so nobody waits for a silence. */
async function failover(boxes: readonly Box[], name: string, json: boolean): Promise<void> {
  const leader = await until('a leader', 60_000, async () => {
    const name = (await getStatus(boxes[0] as Box)).consensus.leader;
    const box = boxes.find((box) => box.name === name);
    return box === undefined ? notYet('none') : done(box);
  });
  const rest = boxes.filter((box) => box !== leader);
  const began = performance.now();
  await leader.killAgent();
  await Promise.any(rest.map((box) => putValue(box, 'failover', 'x')));
  const note = 'SIGKILL of the leading agent to the first acknowledged write, once';
  const value = performance.now() - began;
  printFigure({ figure: 'site.idle_failover', subject: 'holdfast', value, unit: 'ms', params: { times: name }, note }, json);
}

async function agreed(boxes: readonly Box[]) {
  const leaders = await Promise.all(boxes.map(async (box) => (await getStatus(box)).consensus.leader));
  const [leader] = leaders;
  return leader != null && leaders.every((other) => other === leader) ? done(leader) : notYet(leaders.join(' '));
}
