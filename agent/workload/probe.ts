/** Whether a service answers: over HTTP, over TCP, or by a command. */
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { connect } from 'node:net';
import type { WorkloadSpec } from '../../schemas/generated/types.ts';

export interface ProbeTarget {
  readonly ports: Readonly<Record<string, number>>;
  readonly cwd: string;
  readonly nodeBinary: string;
}

/** Never rejects. */
export function probe(spec: NonNullable<WorkloadSpec['probe']>, target: ProbeTarget): Promise<boolean> {
  const timeout = (spec.timeoutSeconds ?? 2) * 1000;
  const port = spec.port === undefined ? Object.values(target.ports)[0] : target.ports[spec.port];
  switch (spec.kind) {
    case 'http':
      return new Promise((resolve) => {
        const call = request({ host: '127.0.0.1', port, path: spec.path ?? '/', timeout, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode !== undefined && response.statusCode < 400);
        });
        call.on('timeout', () => call.destroy());
        call.on('error', () => resolve(false));
        call.on('close', () => resolve(false));
        call.end();
      });
    case 'tcp':
      return new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: port ?? 0, timeout });
        const end = (ok: boolean): void => {
          socket.destroy();
          resolve(ok);
        };
        socket.on('connect', () => end(true));
        socket.on('timeout', () => end(false));
        socket.on('error', () => end(false));
      });
    case 'exec': {
      const [program = 'false', ...args] = spec.command ?? [];
      return new Promise((resolve) => {
        execFile(
          program === 'node' ? target.nodeBinary : program,
          args,
          { cwd: target.cwd, timeout, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 },
          (error) => resolve(error === null),
        );
      });
    }
  }
}
