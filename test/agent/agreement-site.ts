/** Boxes of one site with their real agreement: consensus, log and state on disk; links in memory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agreement } from '../../agent/agreement.ts';
import { resolveSettings, type Settings } from '../../agent/config.ts';
import type { DesiredInstance, ExecutorPort } from '../../agent/ports.ts';
import { BootClock } from '../../consensus/driver/boot-clock.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import { until } from '../consensus/driver/cluster.ts';
import { MemoryNetwork } from '../consensus/driver/memory-network.ts';

const peerId = (name: string): string => `12D3KooW${name.padEnd(44, 'A')}`;

export class AgreementSite {
  readonly clock = new BootClock();
  readonly network = new MemoryNetwork();
  readonly boxes = new Map<string, Agreement>();
  readonly #names: readonly string[];
  readonly #directory: string;

  private constructor(names: readonly string[], directory: string) {
    this.#names = names;
    this.#directory = directory;
  }

  static async open(...names: string[]): Promise<AgreementSite> {
    return new AgreementSite(names, await mkdtemp(join(tmpdir(), 'holdfast-agreement-')));
  }

  settings(name: string): Settings {
    const members = this.#names.map((one, index) => ({ name: one, peerId: peerId(one), address: `/ip4/127.0.0.1/tcp/${7400 + index}` }));
    return resolveSettings(
      {
        version: 1,
        node: { name },
        site: { name: 'mill', clusterId: 'test', members },
        dataDir: join(this.#directory, name),
        timing: { pingMs: 20, electionMs: 100, leaseMs: 300 },
        limits: { logSegmentKiB: 256 },
      },
      join(this.#directory, 'holdfast.yaml'),
    );
  }

  async start(name: string, clock: Clock = this.clock): Promise<Agreement> {
    const box = await Agreement.open({
      settings: this.settings(name),
      transport: this.network.connect(name),
      clock,
      onEvent: () => {},
    });
    this.boxes.set(name, box);
    box.node.start();
    return box;
  }

  async leader(): Promise<Agreement> {
    const leads = (): Agreement | undefined => [...this.boxes.values()].find((box) => box.leads());
    await until(() => leads() !== undefined, 'a leader');
    return leads() as Agreement;
  }

  async stop(): Promise<void> {
    for (const [name, box] of this.boxes) {
      this.network.disconnect(name);
      await box.node.stop();
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Writes down what it is told. */
export class NotingExecutor implements ExecutorPort {
  readonly desired: (readonly DesiredInstance[])[] = [];
  readonly stagings: (readonly { readonly sha256: string; readonly bytes: number }[])[] = [];
  readonly leases: number[] = [];
  running: ReturnType<ExecutorPort['instances']> = [];
  output: readonly string[] | undefined;

  setDesired(desired: readonly DesiredInstance[]): void {
    this.desired.push(desired);
  }
  setStaging(artefacts: readonly { readonly sha256: string; readonly bytes: number }[]): void {
    this.stagings.push(artefacts);
  }
  instances(): ReturnType<ExecutorPort['instances']> {
    return this.running;
  }
  staged(): readonly string[] {
    return [];
  }
  onChange(): void {}
  extendLease(untilMs: number): void {
    this.leases.push(untilMs);
  }
  logs(_workload: string, _replica: number | undefined, lines: number): readonly string[] | undefined {
    return this.output?.slice(-lines);
  }

  /** `web/0` or `web/0: why it waits`. */
  now(): readonly string[] {
    return (this.desired.at(-1) ?? []).map(
      ({ spec, replica, blockedBy }) => `${spec.name}/${replica}${blockedBy === undefined ? '' : `: ${blockedBy}`}`,
    );
  }
}
