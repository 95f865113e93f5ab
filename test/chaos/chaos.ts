/** One run: a real site under faults and load, then peace; what its clients saw is checked, and that all members came to the same. */
import { ask, getStatus } from '../../agent/demo/client.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import { checkHistory, type HistoryReport, type Operation } from '../linearizability/history.ts';
import { Chance } from './chance.ts';
import { Clients } from './clients.ts';
import { Faults } from './faults.ts';
import { ChaosSite } from './site.ts';
import { Tickets } from './tickets.ts';

export interface ChaosOptions {
  readonly program: readonly string[];
  readonly seed: number;
  readonly minutes: number;
  /** @default 10 */
  readonly clients?: number;
  /** @default namespaces where that is allowed, else relays */
  readonly network?: ChaosReport['network'];
  readonly say?: (line: string) => void;
  /** Ends the run before its time; it is checked all the same. */
  readonly signal?: AbortSignal;
}

export interface ChaosReport {
  readonly ok: boolean;
  readonly failures: readonly string[];
  readonly seed: number;
  readonly seconds: number;
  readonly network: 'namespaces' | 'relays';
  readonly clocksSet: boolean;
  /** Whether each box had a disk of its own that could stand still and run full. */
  readonly ownDisks: boolean;
  /** What the agents said happened to them. */
  readonly met: { readonly diskFailures: number; readonly healed: number; readonly snapshots: number };
  /** Term of the last leader: how often somebody stood for election. */
  readonly term: number;
  readonly operations: {
    readonly total: number;
    readonly reads: number;
    readonly writes: number;
    readonly cas: number;
    readonly answered: number;
    readonly refused: number;
    readonly unknown: number;
  };
  /** Changes made exactly once, in sessions. */
  readonly tickets: { readonly taken: number; readonly indefinite: number; readonly sessionsLost: number };
  readonly faults: Readonly<Record<string, number>>;
  readonly keys: number;
  readonly violations: HistoryReport['violations'];
  readonly undecided: readonly string[];
  /** Where data and logs of the agents are kept; only of a run that failed. */
  readonly kept?: string;
}

const ticketClients = 3;
const quietDeadlineMs = 60_000;

export async function chaos(options: ChaosOptions): Promise<{ readonly report: ChaosReport; readonly history: readonly Operation[] }> {
  const { program, seed, minutes, clients: count = 10, say = () => undefined } = options;
  const chance = new Chance(seed);
  const site = await ChaosSite.prepare(program, options.network);
  const failures: string[] = [];
  const clients = new Clients(site.boxes, count, new Chance(seed + 1));
  const tickets = new Tickets(site.boxes);
  const faults = new Faults(site, chance, say);
  const began = performance.now();
  let term = 0;
  try {
    await site.start();
    const time = AbortSignal.timeout(minutes * 60_000);
    const load = Promise.all([clients.run(), tickets.run(ticketClients)]);
    await faults.run(options.signal === undefined ? time : AbortSignal.any([time, options.signal]));
    clients.end();
    tickets.end();
    await load;
    term = await quiet(site);
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  } finally {
    clients.end();
    tickets.end();
    await site.stop();
  }
  failures.push(...faults.failures, ...tickets.failures);
  const { history } = clients;
  const { keys, violations, undecided } = checkHistory(history);
  if (violations.length > 0)
    failures.push(`${violations.length} keys are not linearizable: ${violations.map(({ key }) => key).join(', ')}`);
  if (undecided.length > 0) failures.push(`the search gave up on ${undecided.join(', ')}`);
  const answered = history.filter(({ ok }) => ok === true).length;
  if (answered === 0) failures.push('no operation was answered');
  const ok = failures.length === 0;
  const met = {
    diskFailures: site.said('consensus.storage-failed'),
    healed: site.said('healing.done'),
    snapshots: site.said('consensus.snapshot-received'),
  };
  if (ok) site.remove();
  const kinds = (kind: Operation['op']): number => history.filter(({ op }) => op === kind).length;
  const unknown = history.filter((one) => one.ok === 'unknown').length;
  const report: ChaosReport = {
    ok,
    failures,
    seed,
    seconds: Math.round((performance.now() - began) / 1000),
    network: site.network.kind,
    clocksSet: site.hasClocks,
    met,
    ownDisks: site.disks.size === site.boxes.length,
    term,
    operations: {
      total: history.length,
      reads: kinds('read'),
      writes: kinds('write'),
      cas: kinds('cas'),
      answered,
      refused: history.length - answered - unknown,
      unknown,
    },
    tickets: { taken: tickets.taken, indefinite: tickets.indefinite, sessionsLost: tickets.lost },
    faults: faults.counts,
    keys,
    violations,
    undecided,
    ...(ok ? {} : { kept: site.dir }),
  };
  return { report, history };
}

/** With all faults mended, everybody is back, and has the same values at the same revision. Resolves with the term. */
async function quiet(site: ChaosSite): Promise<number> {
  await site.whole(quietDeadlineMs);
  await until('all members hold the same values', quietDeadlineMs, async () => {
    const lists = await Promise.all(site.boxes.map(async (box) => (await ask(box, 'GET', '/v1/kv')).body));
    return new Set(lists).size === 1 ? done(true) : notYet(lists.map((list) => `${list.length} bytes`).join(', '));
  });
  return (await getStatus(site.boxes[0] as ChaosSite['boxes'][number])).consensus.term;
}
