/** Closed loop: each client has one request outstanding, and asks again once it is answered. */
import { median, quantile } from '../figure.ts';

export interface Load {
  readonly count: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Share of one core that this process used, in percent: near 100 the client is what was measured. */
  readonly clientCpu: number;
  /** Time of all servers together for one request, in microseconds. */
  readonly serverCpuUs?: number;
}

/** @param ask one request of a client, by its number and the request's. */
export async function load(clients: number, seconds: number, ask: (client: number, request: number) => Promise<unknown>): Promise<Load> {
  const latencies: number[] = [];
  const began = performance.now();
  const end = began + seconds * 1000;
  const cpuBefore = process.cpuUsage();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let request = 0; performance.now() < end; request += 1) {
        const from = performance.now();
        await ask(client, request);
        latencies.push(performance.now() - from);
      }
    }),
  );
  const took = performance.now() - began;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    count: latencies.length,
    perSecond: (latencies.length / took) * 1000,
    p50: median(latencies),
    p99: quantile(latencies, 0.99),
    clientCpu: Math.round((cpu.user + cpu.system) / 10 / took),
  };
}
