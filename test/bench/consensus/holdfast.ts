/** Three agents as `npm start` makes them; one connection of the pipelined protocol to the leader's Unix socket. */
import { PipeSiteClient } from '../../../agent/client/pipe-site-client.ts';
import type { Box } from '../../../agent/demo/box.ts';
import { getStatus } from '../../../agent/demo/client.ts';
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

  async start(directory: string): Promise<void> {
    this.#site = await DemoSite.prepare({ program, dir: directory, trueClocks: true });
    for (const box of this.#site.boxes) box.start();
    await this.#leader();
    await this.#settled();
  }

  async connect(survivor = false): Promise<Connection> {
    const box = survivor ? (this.#running().find((one) => one !== this.#killed) as Box) : await this.#leader();
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

  async restore(): Promise<void> {
    this.#killed?.start();
    this.#killed = undefined;
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
