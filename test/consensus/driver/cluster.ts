/** A site of real nodes in one process: real core, real disk, links in memory. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultTiming, type NodeId } from '../../../consensus/core/types.ts';
import { BootClock } from '../../../consensus/driver/boot-clock.ts';
import type { NodeEvent } from '../../../consensus/driver/driver-event.ts';
import { LevelStateStore } from '../../../consensus/driver/level-store.ts';
import { DurableLog, type DurableLogOptions } from '../../../consensus/driver/log/durable-log.ts';
import { ConsensusNode, type ConsensusNodeOptions } from '../../../consensus/driver/node.ts';
import type { Storage } from '../../../consensus/driver/ports.ts';
import { KvMachine } from './kv-machine.ts';
import { MemoryNetwork } from './memory-network.ts';

export interface Member {
  readonly id: NodeId;
  readonly node: ConsensusNode;
  readonly machine: KvMachine;
  readonly log: DurableLog;
  readonly events: NodeEvent[];
}

export type MemberOptions = Partial<ConsensusNodeOptions> & {
  readonly log?: Partial<DurableLogOptions>;
  readonly wrap?: (storage: Storage) => Storage;
};

export async function until(condition: () => boolean, what: string, patienceMs = 15_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > deadline) assert.fail(`waited ${patienceMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

export class Cluster {
  readonly network = new MemoryNetwork();
  readonly members = new Map<NodeId, Member>();
  readonly ids: readonly NodeId[];
  readonly directory: string;
  readonly #options: MemberOptions;
  readonly #clock = new BootClock();

  private constructor(ids: readonly NodeId[], directory: string, options: MemberOptions) {
    this.ids = ids;
    this.directory = directory;
    this.#options = options;
  }

  static async start(size: number, options: MemberOptions = {}, directory?: string): Promise<Cluster> {
    const ids = Array.from({ length: size }, (_, i) => `n${i + 1}`);
    const cluster = new Cluster(ids, directory ?? (await mkdtemp(join(tmpdir(), 'holdfast-site-'))), options);
    for (const id of ids) await cluster.startMember(id);
    return cluster;
  }

  async startMember(id: NodeId, more: MemberOptions = {}): Promise<Member> {
    const { log: logOptions, wrap = (storage: Storage) => storage, ...options } = { ...this.#options, ...more };
    const membership = { voters: this.ids, learners: [] };
    const home = join(this.directory, id);
    const { log, recovered } = await DurableLog.open({
      directory: join(home, 'log'),
      segmentBytes: 256 * 1024,
      reserveBytes: 64 * 1024,
      ...logOptions,
    });
    const machine = new KvMachine();
    const events: NodeEvent[] = [];
    const node = await ConsensusNode.open({
      id,
      membership,
      timing: defaultTiming,
      storage: wrap(log),
      recovered,
      stateStore: new LevelStateStore({ directory: join(home, 'state'), membership }),
      transport: this.network.connect(id),
      clock: this.#clock,
      random: { nextInt: (below) => randomInt(below) },
      machine,
      onEvent: (event) => events.push(event),
      ...options,
    }).catch(async (error: unknown) => {
      await log.close();
      throw error;
    });
    const member = { id, node, machine, log, events };
    this.members.set(id, member);
    node.start();
    return member;
  }

  /** Ends a member; its peers see its links close. */
  async stopMember(id: NodeId): Promise<void> {
    this.network.disconnect(id);
    await this.member(id).node.stop();
    this.members.delete(id);
  }

  member(id: NodeId): Member {
    const member = this.members.get(id);
    assert.ok(member, `${id} runs`);
    return member;
  }

  get all(): readonly Member[] {
    return [...this.members.values()];
  }

  /** The one that leads and may answer, once there is one. */
  async leader(among: readonly NodeId[] = this.ids): Promise<Member> {
    const find = () => this.all.find(({ id, node }) => among.includes(id) && node.status().role === 'leader' && node.status().ready);
    await until(() => find() !== undefined, 'a leader');
    return find() as Member;
  }

  async followers(): Promise<readonly Member[]> {
    const leader = await this.leader();
    return this.all.filter((member) => member !== leader);
  }

  /** Nobody stopped by itself. */
  assertHealthy(): void {
    for (const { id, events } of this.all) {
      const fatal = events.find((event) => event.type === 'fatal');
      assert.equal(fatal, undefined, `${id}: ${fatal?.type === 'fatal' ? fatal.error.stack : ''}`);
    }
  }

  async stop({ keep = false } = {}): Promise<void> {
    const ids = [...this.members.keys()];
    for (const id of ids) this.network.disconnect(id);
    await Promise.all(ids.map((id) => this.member(id).node.stop()));
    this.#clock.close();
    if (!keep) await rm(this.directory, { recursive: true, force: true });
  }
}
