/** What goes wrong, and is mended a while later. Several may overlap. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Box } from '../../agent/demo/box.ts';
import { ask, getStatus } from '../../agent/demo/client.ts';
import { done, notYet, until } from '../../agent/demo/until.ts';
import type { Chance } from './chance.ts';
import { canFailWrites, failWrites, type Mend } from './disks.ts';
import type { ChaosSite } from './site.ts';

export const faultKinds = [
  ...(['kill', 'pause', 'isolate', 'split', 'one-way', 'restart', 'transfer', 'clock'] as const),
  // Of disks: nothing comes back, no room, EIO or EROFS at every write and sync.
  ...(['stall', 'full', 'eio'] as const),
  // Of members: the log is gone, and the box is let in anew; a voter becomes a learner and votes again.
  ...(['wipe', 'demote'] as const),
];
export type FaultKind = (typeof faultKinds)[number];

/** Cuts and deaths go on meanwhile. */
const memberDeadlineMs = 90_000;
const clocks = ['+0s', '+3600s', '-3600s', '+365d', '-20000d', '+30s', '-5s'] as const;

export class Faults {
  readonly counts = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  /** Boxes that could not be broken, or were not well again in time. */
  readonly failures: string[] = [];
  readonly #site: ChaosSite;
  readonly #chance: Chance;
  readonly #canFailWrites = canFailWrites();
  readonly #say: (line: string) => void;
  /** Boxes that are down, paused, without a disk or without a vote: two of five may be at one time, for the others to have work. */
  readonly #out = new Set<Box>();
  readonly #open = new Set<Promise<void>>();
  #isCut = false;
  /** Its membership is on the way: one at a time. */
  #changing: Box | undefined;

  constructor(site: ChaosSite, chance: Chance, say: (line: string) => void) {
    this.#site = site;
    this.#chance = chance;
    this.#say = say;
  }

  /** One fault after the other until the signal; then everything is mended. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#chance.between(300, 2000), undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await this.#one();
    }
    await Promise.all(this.#open);
    await this.#site.network.heal();
    for (const box of this.#site.boxes) this.#site.setClock(box, '+0s');
  }

  async #one(): Promise<void> {
    const { boxes, network } = this.#site;
    const kind = this.#chance.pick(faultKinds);
    // Half of all faults meet the leader: there they hurt.
    const box = (this.#chance.below(2) === 0 ? await this.#site.leader() : undefined) ?? this.#chance.pick(boxes);
    const at = boxes.indexOf(box);
    const others = boxes.map((_, i) => i).filter((i) => i !== at);
    switch (kind) {
      case 'kill':
      case 'restart':
        if (this.#out.size >= 2 || this.#out.has(box)) return;
        this.#note(kind, box.name);
        this.#during(box, this.#chance.between(200, 4000), async () => {
          if (kind === 'kill') await box.killAgent();
          else await box.stopAgent();
          return async () => box.start();
        });
        return;
      case 'pause': {
        const { pid } = box;
        if (this.#out.size >= 2 || this.#out.has(box) || pid === undefined) return;
        this.#note(kind, box.name);
        this.#during(box, this.#chance.between(300, 5000), async () => {
          process.kill(pid, 'SIGSTOP');
          return async () => void process.kill(pid, 'SIGCONT');
        });
        return;
      }
      case 'isolate':
        await this.#cut(kind, box.name, async () => {
          for (const other of others) await Promise.all([network.cut(at, other), network.cut(other, at)]);
        });
        return;
      case 'one-way': {
        const deaf = this.#chance.below(2) === 0;
        await this.#cut(kind, `${box.name} ${deaf ? 'hears' : 'reaches'} nobody`, async () => {
          for (const other of others) await (deaf ? network.cut(other, at) : network.cut(at, other));
        });
        return;
      }
      case 'split': {
        const one = boxes.map((_, i) => i).filter(() => this.#chance.below(2) === 0);
        const two = boxes.map((_, i) => i).filter((i) => !one.includes(i));
        await this.#cut(kind, `${one.join('')} from ${two.join('')}`, async () => {
          for (const a of one) for (const b of two) await Promise.all([network.cut(a, b), network.cut(b, a)]);
        });
        return;
      }
      case 'transfer':
        if (this.#out.has(box)) return;
        this.#note(kind, box.name);
        this.#later(ask(box, 'POST', '/v1/leadership/transfer', '{}').then(() => undefined));
        return;
      case 'stall':
      case 'full': {
        const disk = this.#site.disks.get(box);
        if (disk === undefined || this.#out.size >= 2 || this.#out.has(box)) return;
        this.#note(kind, box.name);
        this.#during(box, this.#chance.between(200, 5000), () => (kind === 'full' ? disk.fill() : disk.stall()));
        return;
      }
      case 'eio': {
        const { pid } = box;
        if (!this.#canFailWrites || pid === undefined || this.#out.size >= 2 || this.#out.has(box)) return;
        this.#note(kind, box.name);
        this.#during(box, this.#chance.between(200, 3000), async () => {
          const mend = await failWrites(pid, this.#chance.pick(['EIO', 'EROFS']));
          return async () => {
            await mend();
            // An agent that begins anew on a disk that fails ends with a reason, and the service manager starts it again.
            if (box.pid === undefined && !hasCrashed(box)) box.start();
          };
        });
        return;
      }
      case 'wipe':
      case 'demote':
        if (this.#changing !== undefined || this.#out.size >= 2 || this.#out.has(box)) return;
        this.#note(kind, box.name);
        this.#changing = box;
        this.#during(box, this.#chance.between(100, 3000), () => (kind === 'wipe' ? this.#wipe(box) : this.#demote(box)));
        return;
      default:
        if (!this.#site.hasClocks) return;
        this.#note(kind, box.name);
        this.#site.setClock(box, this.#chance.pick(clocks));
    }
  }

  async #wipe(box: Box): Promise<Mend> {
    await box.killAgent();
    rmSync(join(box.dataDir, 'log'), { recursive: true, force: true });
    return async () => {
      box.start();
      await this.#votes(box);
    };
  }

  async #demote(box: Box): Promise<Mend> {
    await this.#set(box, 'learner');
    return async () => {
      await this.#set(box, 'voter');
      await this.#votes(box);
    };
  }

  /** At any box that takes it, until one does. */
  async #set(box: Box, role: 'learner' | 'voter'): Promise<void> {
    await until(`${box.name} is to be a ${role}`, memberDeadlineMs, async () => {
      const asked = await ask(this.#chance.pick(this.#site.boxes), 'POST', '/v1/members', JSON.stringify({ name: box.name, role }));
      return asked.status === 200 ? done(true) : notYet(asked.body);
    });
  }

  async #votes(box: Box): Promise<void> {
    await until(`${box.name} votes again`, memberDeadlineMs, async () => {
      const { consensus } = await getStatus(box);
      return consensus.ready && consensus.voters.includes(box.name) ? done(true) : notYet(consensus.role);
    });
    this.#changing = undefined;
  }

  #during(box: Box, ms: number, begin: () => Promise<Mend>): void {
    this.#out.add(box);
    this.#later(
      begin()
        .then(async (mend) => {
          await sleep(ms);
          await mend();
        })
        .catch((error: unknown) => void this.failures.push(`${box.name} was not mended: ${String(error)}`))
        .finally(() => this.#out.delete(box)),
    );
  }

  /** One cut at a time: what is healed is the whole network. */
  async #cut(kind: FaultKind, what: string, cut: () => Promise<void>): Promise<void> {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#note(kind, what);
    await cut();
    this.#later(
      sleep(this.#chance.between(500, 6000)).then(async () => {
        await this.#site.network.heal();
        this.#isCut = false;
      }),
    );
  }

  #later(work: Promise<void>): void {
    const open = work.catch((error: unknown) => this.#say(`a fault failed: ${String(error)}`)).finally(() => this.#open.delete(open));
    this.#open.add(open);
  }

  #note(kind: FaultKind, what: string): void {
    this.counts[kind] += 1;
    this.#say(`${kind} ${what}`);
  }
}

/** Whether it ended by an error that nobody expected. */
function hasCrashed({ logFile }: Box): boolean {
  return readFileSync(logFile, 'utf8').includes('"event":"agent.crashed"');
}
