/** Is anybody listening there? One bare TCP connection, closed at once. */
import { connect } from 'node:net';

/** `refused`: the port is closed, so that process is gone. `unknown`: no answer, or the route is broken. */
export type ProbeResult = 'open' | 'refused' | 'unknown';

const addressPattern = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(?:\/|$)/;

/** Host and port of a TCP multiaddress; undefined for anything else. */
export function hostAndPort(address: string): { readonly host: string; readonly port: number } | undefined {
  const match = addressPattern.exec(address);
  const port = Number(match?.[2]);
  return match?.[1] === undefined || port > 65_535 ? undefined : { host: match[1], port };
}

/** @param timeoutMs after which the answer is `unknown` */
export function probe(address: string, timeoutMs: number): Promise<ProbeResult> {
  const target = hostAndPort(address);
  if (target === undefined) return Promise.resolve('unknown');
  return new Promise((resolve) => {
    const socket = connect({ ...target, noDelay: true });
    const finish = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => finish('unknown'));
    socket.once('connect', () => finish('open'));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      finish(error.code === 'ECONNREFUSED' || error.code === 'ECONNRESET' ? 'refused' : 'unknown'),
    );
  });
}
