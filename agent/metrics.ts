/** Figures for Prometheus, read at the moment they are asked for. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { StatusDocument } from '../schemas/generated/types.ts';

export class AgentMetrics {
  readonly #registry = new Registry();

  constructor(status: () => StatusDocument) {
    const registers = [this.#registry];
    const gauge = (name: string, help: string, read: (document: StatusDocument) => number): void => {
      new Gauge({
        name: `holdfast_${name}`,
        help,
        registers,
        collect() {
          this.set(read(status()));
        },
      });
    };
    gauge('term', 'Raft term', ({ consensus }) => consensus.term);
    gauge('is_leader', '1 on the leader', ({ consensus }) => (consensus.role === 'leader' ? 1 : 0));
    gauge('commit_index', 'Log index known to be committed', ({ consensus }) => consensus.commitIndex);
    gauge('applied_index', 'Log index applied', ({ consensus }) => consensus.appliedIndex);
    gauge('durable_index', 'Last log index on disk', ({ consensus }) => consensus.durableIndex);
    gauge(
      'members_reachable',
      'Members connected to this box, itself included',
      ({ members }) => members.filter(({ reachable }) => reachable).length,
    );
    gauge('workloads_desired', 'Replicas given to this box', ({ workloads }) => workloads.desired);
    gauge('workloads_ready', 'Replicas that serve, or jobs between runs', ({ workloads }) => workloads.ready);
    gauge('workloads_unplaced', 'Replicas of the site without a box', ({ workloads }) => workloads.unplaced);
    gauge('strangers_refused', 'Connections of unknown peers refused', ({ refused }) => refused.strangers);
    gauge('storage_ok', '0 while the disk refuses writes', ({ storage }) => (storage.state === 'failed' ? 0 : 1));
    gauge('storage_slow', '1 while writes to the log take longer than they may', ({ storage }) => (storage.state === 'slow' ? 1 : 0));
    new Gauge({
      name: 'holdfast_authority',
      help: '1 for the mode in force',
      labelNames: ['mode'],
      registers,
      collect() {
        this.reset();
        this.set({ mode: status().authority.mode }, 1);
      },
    });
  }

  text(): Promise<string> {
    if (this.#registry.getSingleMetric('process_cpu_seconds_total') === undefined)
      collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
    return this.#registry.metrics();
  }
}
