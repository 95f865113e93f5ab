/** Looks at the demonstration's boxes through their own interfaces, and waits until they say what is hoped for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkloadsDocument } from '../../schemas/generated/types.ts';
import type { Box } from './box.ts';
import { getStatus, getWorkloads } from './client.ts';
import { isAlive, processesOf } from './processes.ts';
import type { DemoSite } from './site.ts';
import { done, notYet, type Seen, until } from './until.ts';

/** A running replica as the site reports it. */
export interface Running {
  readonly key: string;
  readonly node: string;
  readonly pid: number;
  readonly epoch: number;
  readonly provisional: boolean;
  readonly onSplit: string;
}

export const second = 1000;

export class Observer {
  readonly #site: DemoSite;
  readonly #signal: AbortSignal;

  constructor(site: DemoSite, signal: AbortSignal) {
    this.#site = site;
    this.#signal = signal;
  }

  until<T>(what: string, deadlineMs: number, probe: () => Promise<Seen<T>>, everyMs = 100): Promise<T> {
    return until(what, deadlineMs, probe, { everyMs, signal: this.#signal });
  }

  /** The box of the site that leads and has begun its term; all live members agree on it. */
  leader(deadlineMs: number): Promise<Box> {
    return this.until('the site has a leader', deadlineMs, async () => {
      const answers = await Promise.all(this.live().map(async (box) => [box, await getStatus(box)] as const));
      const names = new Set(answers.map(([, status]) => status.consensus.leader));
      const leader = answers.find(([box, status]) => status.consensus.role === 'leader' && names.has(box.name))?.[0];
      return leader !== undefined && names.size === 1 ? done(leader) : notYet(`leaders named: ${[...names].join(', ')}`);
    });
  }

  live(): readonly Box[] {
    return this.#site.boxes.filter(({ pid }) => pid !== undefined);
  }

  async allSay(mode: string): Promise<Seen<true>> {
    const modes = await Promise.all(this.live().map(async (box) => `${box.name} ${(await getStatus(box)).authority.mode}`));
    return modes.every((said) => said.endsWith(` ${mode}`)) ? done(true) : notYet(modes.join(', '));
  }

  /** Workloads as a box knows them; what runs upstairs only the leader hears of, so the upper box itself is asked for that. */
  async #workloads(box: Box): Promise<WorkloadsDocument> {
    const { upper } = this.#site;
    const document = await getWorkloads(box);
    const above = upper.pid === undefined || box === upper ? undefined : await getWorkloads(upper).catch(() => undefined);
    const workloads = document.workloads.map((workload) => ({
      ...workload,
      replicas: workload.replicas.map((replica) => {
        const said =
          replica.node === upper.name
            ? above?.workloads.find(({ name }) => name === workload.name)?.replicas.find((one) => one.replica === replica.replica)
            : undefined;
        return said === undefined ? replica : { ...replica, state: said.state, pid: said.pid };
      }),
    }));
    return { ...document, workloads };
  }

  /** Replicas with a process, as one member of the site sees them (the upper site's own included while it is there). */
  async running(box: Box = this.live()[0] as Box): Promise<readonly Running[]> {
    const { workloads } = await this.#workloads(box);
    return workloads.flatMap(({ name, onSplit, replicas }) =>
      replicas.flatMap(({ replica, node, pid, epoch, provisional }) =>
        pid === null || node === null ? [] : [{ key: `${name}/${replica}`, node, pid, epoch, provisional, onSplit }],
      ),
    );
  }

  /** Waits until every wanted replica runs (jobs: waits for its next run) and says so, and two looks agree. */
  async settled(deadlineMs: number, box?: Box): Promise<readonly Running[]> {
    let before = '';
    return this.until('all workloads are in place', deadlineMs, async () => {
      const from = box ?? (this.live()[0] as Box);
      const { workloads } = await this.#workloads(from);
      const reachable = new Set(
        [...this.live(), ...(this.#site.upper.pid === undefined ? [] : [this.#site.upper])].map(({ name }) => name),
      );
      // What nobody can run while the upper site is away (work that needs its extras) is known to be without a box.
      const missing = workloads.reduce((sum, { replicas, wanted }) => sum + wanted - replicas.length, 0);
      const planned = (await getStatus(await this.leader(20 * second))).workloads.unplaced;
      if (missing > (this.#site.upper.pid === undefined ? planned : 0)) return notYet(`${missing} replicas not placed`);
      const open = workloads.flatMap(({ name, replicas }) => [
        ...replicas
          .filter(
            ({ node, state }) => node !== null && reachable.has(node) && state !== 'ready' && state !== 'waiting' && state !== 'running',
          )
          .map(({ replica, node, state }) => `${name}/${replica} on ${node} ${state ?? 'unknown'}`),
      ]);
      if (workloads.length === 0) return notYet('no workloads are known');
      if (open.length > 0) return notYet(open.join('; '));
      const running = await this.running(from);
      const services = running.filter(({ key }) => workloads.some(({ name, kind }) => kind === 'service' && key.startsWith(`${name}/`)));
      const look = JSON.stringify(services.map(({ key, node, pid }) => [key, node, pid]));
      const same = look === before;
      before = look;
      if (!same) {
        await sleep(400, undefined, { signal: this.#signal });
        return notYet('still moving');
      }
      return done(services);
    });
  }

  expectAlive(running: readonly Running[]): void {
    const ended = running.filter(({ pid }) => !isAlive(pid));
    if (ended.length > 0) throw new Error(`ended without need: ${ended.map(({ key, pid }) => `${key} (${pid})`).join(', ')}`);
  }

  /** No replica of `onSplit: stop` work may have processes on two boxes. */
  async neverTwice(): Promise<void> {
    const holders = new Map<string, string[]>();
    for (const box of this.live()) {
      const mine = new Set(processesOf(box.runtimeDir));
      for (const { key, node, pid, onSplit } of await this.running(box)) {
        if (onSplit === 'stop' && node === box.name && mine.has(pid)) holders.set(key, [...(holders.get(key) ?? []), box.name]);
      }
    }
    for (const [key, boxes] of holders) if (boxes.length > 1) throw new Error(`${key} runs on ${boxes.join(' and ')} at once`);
  }
}
