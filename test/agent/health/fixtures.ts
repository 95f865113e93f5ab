/** Parts for the tests of the health room: a clock turned by hand, a mesh that keeps what it is given, a box of sample files. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Sample } from '../../../agent/health/sampler.ts';
import type { GossipPort, Log, Topic } from '../../../agent/ports.ts';
import type { Clock } from '../../../consensus/driver/ports.ts';

export class ManualClock implements Clock {
  #now = 1_000_000;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Moves on, and lets what became due run to its end. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      // Everything the callback began is made of resolved promises: one turn of the loop finishes it.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#now = end;
  }
}

export class KeepingMesh implements GossipPort {
  readonly published: { readonly topic: Topic; readonly document: { readonly seq: number; readonly node: string } }[] = [];
  fails = false;

  publish(topic: Topic, document: Uint8Array): Promise<void> {
    if (this.fails) return Promise.reject(new Error('no mesh'));
    this.published.push({ topic, document: JSON.parse(Buffer.from(document).toString()) });
    return Promise.resolve();
  }

  subscribe(): void {
    throw new Error('a publisher does not listen');
  }
}

/** Keeps the events of a log. */
export function keepingLog(): Log & { readonly events: string[] } {
  const events: string[] = [];
  const keep = (event: string): void => {
    events.push(event);
  };
  return { events, debug: keep, info: keep, warn: keep, error: keep };
}

export const sample: Sample = {
  uptimeSeconds: 100,
  bootId: '00971e61-a474-42ca-9375-da49771c6a33',
  clock: { unixMs: 1_700_000_000_000, synchronised: null },
  cpu: { cores: 4, usagePercent: 10, load1: 0.1, load5: 0.1, load15: 0.1 },
  memory: { totalBytes: 4e9, availableBytes: 2e9, swapTotalBytes: 0, swapFreeBytes: 0 },
  pressure: null,
  disks: [{ mount: '/', type: 'ext4', totalBytes: 3e10, freeBytes: 2e10, readOnly: false, lifeUsedPercent: null }],
  network: [{ name: 'eth0', up: true, speedMbps: 1000, receivedBytes: 1, sentBytes: 1, receiveErrors: 0, sendErrors: 0 }],
  temperatures: [{ sensor: 'cpu', celsius: 50 }],
  power: null,
  agent: { version: '0.1.0', uptimeSeconds: 10, rssBytes: 8e7, cpuPercent: 0.5 },
  inventory: null,
};

/** A directory with the given files below it, to be read as if it were `/`. */
export function boxOf(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'holdfast-box-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
