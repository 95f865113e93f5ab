/** Starts one workload under a keeper. */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkloadSpec } from '../../schemas/generated/types.ts';
import type { InstanceDir } from './instance-dir.ts';

export interface LaunchFacts {
  readonly spec: WorkloadSpec;
  readonly replica: number;
  readonly dir: InstanceDir;
  readonly keeperFile: string;
  readonly nodeBinary: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Milliseconds since boot; 0: no lease. */
  readonly leaseUntil: number;
  /** Lines on standard input start runs. */
  readonly stdin: boolean;
  readonly ports: Readonly<Record<string, number>>;
}

export interface Started {
  readonly pid: number;
  readonly group: number;
  readonly keeper: number;
}

const startDeadlineMs = 5000;

/** Copies, not links: a workload may write to its own files, never to the store. */
export function fillWorkDir(spec: WorkloadSpec, dir: InstanceDir, pathOf: (sha256: string) => string): void {
  rmSync(dir.work, { recursive: true, force: true });
  mkdirSync(dir.work, { recursive: true, mode: 0o700 });
  for (const { name, sha256, executable } of spec.artefacts ?? []) {
    copyFileSync(pathOf(sha256), join(dir.work, name));
    if (executable === true) chmodSync(join(dir.work, name), 0o700);
  }
}

/** Resolves once the process exists. Rejects when the keeper did not start it in time. `onEnd` is called when the keeper ends. */
export async function launch(facts: LaunchFacts, onEnd: () => void): Promise<Started> {
  const { spec, replica, dir, keeperFile, nodeBinary, environment, leaseUntil, stdin, ports } = facts;
  await dir.prepare(stdin);
  const [program = '', ...args] = spec.command;
  const portVariables = Object.fromEntries((spec.ports ?? []).map(({ name, env }) => [env, String(ports[name])]));
  const inherited = Object.fromEntries(
    ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const command = ['nice', '-n', '5', program === 'node' ? nodeBinary : program, ...args];
  const keeper = spawn('/bin/bash', [keeperFile, dir.path, String(Math.floor(leaseUntil)), stdin ? 'fifo' : 'null', '--', ...command], {
    cwd: dir.work,
    // A session of its own: nothing sent to the agent's group reaches it.
    detached: true,
    stdio: 'ignore',
    env: { ...inherited, ...environment, ...portVariables, HOLDFAST_WORKLOAD: spec.name, HOLDFAST_REPLICA: String(replica), ...spec.env },
  });
  keeper.unref();
  keeper.on('exit', onEnd);
  let failed: Error | undefined;
  keeper.on('error', (error) => {
    failed = error;
  });
  const end = performance.now() + startDeadlineMs;
  for (;;) {
    const started = dir.started();
    if (started !== undefined) return started;
    if (failed !== undefined) throw failed;
    const ended = dir.ended();
    if (ended !== undefined) throw new Error(`the keeper ended (${ended.reason}) before the workload started`);
    if (performance.now() > end) {
      keeper.kill('SIGKILL');
      throw new Error(`the keeper did not start it within ${startDeadlineMs / 1000} s`);
    }
    await sleep(5);
  }
}

/** Free TCP ports on loopback, one per name. */
export async function choosePorts(spec: WorkloadSpec): Promise<Readonly<Record<string, number>>> {
  const ports: Record<string, number> = {};
  for (const { name } of spec.ports ?? []) {
    ports[name] = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
  }
  return ports;
}
