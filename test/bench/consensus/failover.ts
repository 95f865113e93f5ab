/** How long a cluster takes no write because its leader is gone, or is silent. */
import { median, printFigure, quantile } from '../figure.ts';
import type { Subject } from './subject.ts';

/** While there is no leader. */
const attemptEveryMs = 20;

/** What happens to the leader, and how the three are together again. */
interface Fault {
  readonly figure: string;
  readonly what: string;
  strike(subject: Subject): Promise<void>;
}

const death: Fault = { figure: 'failover', what: 'SIGKILL of the leader', strike: (subject) => subject.killLeader() };
const silence: Fault = {
  figure: 'silent_failover',
  what: 'SIGSTOP of the leader (its connections stay open, and nothing comes)',
  strike: (subject) => subject.freezeLeader(),
};

/** From the fault to the first acknowledged write issued after it, through a survivor. */
export async function failover(subject: Subject, kind: 'death' | 'silence', trials: number, json: boolean): Promise<void> {
  const fault = kind === 'death' ? death : silence;
  const samples: number[] = [];
  for (let trial = 0; trial < trials; trial += 1) {
    await fault.strike(subject);
    const began = performance.now();
    await firstPut(subject, String(trial));
    samples.push(performance.now() - began);
    await subject.restore();
    await new Promise((resolve) => setTimeout(resolve, 1000)); // Links and timers at rest again.
  }
  const note = `${fault.what} to the first acknowledged write, a new attempt every ${attemptEveryMs} ms`;
  const figure = { subject: subject.name, unit: 'ms' };
  printFigure({ ...figure, figure: `consensus.${fault.figure}_ms`, value: median(samples), samples, note }, json);
  printFigure({ ...figure, figure: `consensus.${fault.figure}_p99_ms`, value: quantile(samples, 0.99) }, json);
}

/** Resolves with the first of many attempts, each on a connection of its own: what one of them waits for in vain holds nobody up. */
export async function firstPut(subject: Subject, text: string): Promise<void> {
  const end = new AbortController();
  let done: () => void = () => {};
  const isDone = new Promise<void>((resolve) => {
    done = resolve;
  });
  const attempt = async (): Promise<void> => {
    const connection = await subject.connect(true);
    end.signal.addEventListener('abort', () => connection.close());
    await connection.put('failover', text).then(done, () => connection.close());
  };
  const timer = setInterval(() => void attempt().catch(() => undefined), attemptEveryMs);
  void attempt().catch(() => undefined);
  await isDone;
  clearInterval(timer);
  end.abort();
}
