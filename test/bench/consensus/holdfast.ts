/** Three agents as `npm start` makes them; one connection of the pipelined protocol to the leader's Unix socket. */
import { PipeSiteClient } from '../../../agent/client/pipe-site-client.ts';
import type { Box } from '../../../agent/demo/box.ts';
import { ask, getStatus } from '../../../agent/demo/client.ts';
import { DemoSite } from '../../../agent/demo/site.ts';
import { done, notYet, until } from '../../../agent/demo/until.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Connection, Subject } from './subject.ts';

const program = [process.execPath, ...packageJson.config.nodeFlags, new URL('../../../dist/holdfast.mjs', import.meta.url).pathname];

export class Holdfast implements Subject {
  readonly name = 'holdfast';
  readonly client = 'one pipe to the leader';
  #site: DemoSite | undefined;
  #killed: Box | undefined;
  #frozen: Box | undefined;

  async start(directory: string): Promise<void> {
    this.#site = await DemoSite.prepare({ program, dir: directory, trueClocks: true });
    for (const box of this.#site.boxes) box.start();
    await this.#leader();
    await this.#settled();
  }

  async connect(survivor = false): Promise<Connection> {
    const box = survivor ? (this.#running().find((one) => one !== this.#killed && one !== this.#frozen) as Box) : await this.#leader();
    const client = new PipeSiteClient({ endpoint: box.endpoint });
    return {
      put: async (key, value) => void (await client.put(key, value)),
      get: async (key) => {
        const item = await client.get(key);
        if (item === undefined) throw new Error(`${key} is not there`);
        return item.value;
      },
      close: () => client.close(),
    };
  }

  pids(): readonly number[] {
    return this.#running().map(({ pid }) => pid as number);
  }

  async killLeader(): Promise<void> {
    this.#killed = await this.#leader();
    await this.#killed.killAgent();
  }

  async freezeLeader(): Promise<void> {
    this.#frozen = await this.#leader();
    process.kill(this.#frozen.pid as number, 'SIGSTOP');
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#running().map((box) => box.killAgent()));
  }

  startAll(): void {
    for (const box of this.#site?.boxes ?? []) box.start();
  }

  async transfer(): Promise<number> {
    const leader = await this.#leader();
    const began = performance.now();
    const { status, body } = await ask(leader, 'POST', '/v1/leadership/transfer', '{}');
    if (status !== 200) throw new Error(`no hand-over: ${body}`);
    return performance.now() - began;
  }

  async restore(): Promise<void> {
    this.#killed?.start();
    this.#killed = undefined;
    if (this.#frozen?.pid !== undefined) process.kill(this.#frozen.pid, 'SIGCONT');
    this.#frozen = undefined;
    await this.#settled();
  }

  async stop(): Promise<void> {
    await this.#site?.stop();
  }

  #running(): readonly Box[] {
    return this.#site?.boxes.filter(({ pid }) => pid !== undefined) ?? [];
  }

  #leader(): Promise<Box> {
    return until(
      'a leader',
      30_000,
      async () => {
        for (const box of this.#running()) {
          const { role, ready } = (await getStatus(box)).consensus;
          if (role === 'leader' && ready) return done(box);
        }
        return notYet('none');
      },
      { everyMs: 20 },
    );
  }

  async #settled(): Promise<void> {
    await until('all have what the leader has', 60_000, async () => {
      const all = await Promise.all(this.#running().map(async (box) => (await getStatus(box)).consensus));
      const commit = Math.max(...all.map(({ commitIndex }) => commitIndex));
      return all.length === 3 && all.every(({ appliedIndex, ready }) => ready && appliedIndex >= commit) ? done(true) : notYet('not yet');
    });
  }
}
