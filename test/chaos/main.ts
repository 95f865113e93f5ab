/** `npm run chaos`: real agents under real faults, checked from outside. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { program } from '../e2e/agent-process.ts';
import { type ChaosReport, chaos } from './chaos.ts';

const usage = `Usage: npm run chaos -- [--minutes M] [--seed N] [--clients N] [--history FILE] [--network KIND] [--json]

  --minutes M     how long things go wrong (default 10; fractions are taken)
  --seed N        which faults in which order (default: by chance, and printed)
  --clients N     how many read and write at one time (default 10)
  --history FILE  what they saw, one JSON object a line: {client, op: "read"|"write"|"cas", key, value | from, to, output,
                  call_ns, return_ns, ok: true|false|"unknown"}
  --network KIND  namespaces or relays (default: namespaces where this user may make them)
  --json          one JSON object at the end and nothing else

Five agents as processes of their own; SIGKILL, SIGSTOP, restarts, partitions, hand-overs of leadership, clocks set, disks that stand still,
run full and fail, logs that are gone, voters that become learners and vote again. As root they are in network namespaces and have disks of
their own, else relays lie between them and disks are left alone; clocks need libfaketime, failing writes strace.
Exit codes: 0 linearizable and whole again, 1 not, 2 wrong usage.
`;

interface Wanted {
  readonly minutes: number;
  readonly seed: number;
  readonly clients: number;
  readonly history: string | undefined;
  readonly json: boolean;
  readonly network?: ChaosReport['network'];
}

function wanted(argv: readonly string[]): Wanted | undefined {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { minutes: text, seed: text, clients: text, history: text, network: text, json: { type: 'boolean' } },
    });
    const number = (value: string | undefined, otherwise: number): number => (value === undefined ? otherwise : Number(value));
    const minutes = number(values.minutes, 10);
    const seed = number(values.seed, Math.floor(Math.random() * 2 ** 31));
    const clients = number(values.clients, 10);
    if (
      !(minutes > 0 && minutes <= 24 * 60) ||
      !Number.isSafeInteger(seed) ||
      !(Number.isInteger(clients) && clients > 0 && clients <= 200)
    )
      return undefined;
    const { network } = values;
    if (network !== undefined && network !== 'namespaces' && network !== 'relays') return undefined;
    return { ...(network === undefined ? {} : { network }), minutes, seed, clients, history: values.history, json: values.json === true };
  } catch {
    return undefined;
  }
}

function summary({ ok, met, failures, operations, faults, term, network, seed, seconds, keys, kept, tickets }: ChaosReport): string {
  const { total, reads, writes, cas, answered, refused, unknown } = operations;
  return [
    `${ok ? 'PASSED' : 'FAILED'} seed ${seed}, ${seconds} s, boxes in ${network}, last term ${term}`,
    `${total} operations on ${keys} keys: ${reads} reads, ${writes} writes, ${cas} cas; ${answered} answered, ${refused} refused, ${unknown} unknown`,
    `${tickets.taken} tickets taken, ${tickets.indefinite} not known, ${tickets.sessionsLost} sessions lost`,
    `faults: ${Object.entries(faults)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ')}`,
    `the agents met ${met.diskFailures} failures of disks, healed ${met.healed} times, took ${met.snapshots} snapshots`,
    ...failures,
    ...(kept === undefined ? [] : [`data and logs are in ${kept}`]),
  ].join('\n');
}

async function main(argv: readonly string[]): Promise<number> {
  const options = wanted(argv);
  if (options === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const end = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => end.abort());
  const began = performance.now();
  const say = (line: string): void => {
    if (!options.json) process.stdout.write(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}\n`);
  };
  say(`seed ${options.seed}`);
  const { report, history } = await chaos({ program, ...options, say, signal: end.signal });
  if (options.history !== undefined) writeFileSync(options.history, history.map((line) => `${JSON.stringify(line)}\n`).join(''));
  process.stdout.write(`${options.json ? JSON.stringify(report) : summary(report)}\n`);
  return report.ok ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
