/** Attacks by those who missed that others came back without their memory, played at every moment of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Violation } from '../checkers/violation.ts';
import { SeededRandom } from '../random.ts';
import { Releases } from '../releases.ts';
import { Times } from '../times.ts';
import type { Box } from './box.ts';
import { Site } from './site.ts';
import { type Guards, VirtualNetwork } from './virtual-network.ts';
import { VirtualTime } from './virtual-time.ts';

/** One played site: its boxes by name, and its hands on links and time. */
class Play {
  readonly time = new VirtualTime();
  readonly network: VirtualNetwork;
  readonly site: Site;
  readonly ids: readonly string[];
  failure: Error | undefined;

  constructor(count: number, seed: number, guards: Guards) {
    const random = new SeededRandom(seed);
    this.ids = Array.from({ length: count }, (_, at) => `n${at + 1}`);
    this.network = new VirtualNetwork(this.time, random, new Releases(seed));
    this.network.guards = guards;
    const host = { time: this.time, random, network: this.network, membership: { voters: this.ids, learners: [] }, compactEntries: 20 };
    this.site = new Site(
      this.ids,
      { ...host, times: new Times(seed) },
      {
        trace: () => undefined,
        fail: (error) => {
          this.failure ??= error as Error;
        },
      },
    );
    for (const box of this.site.boxes) this.site.begin(box);
  }

  box(id: string): Box {
    return this.site.boxes.find((box) => box.id === id) as Box;
  }

  leaders(): readonly Box[] {
    return this.site.running.filter(({ node }) => node?.status().role === 'leader');
  }

  async until(condition: () => boolean, withinMs = 30_000): Promise<void> {
    for (const end = this.time.nowMs + withinMs; !condition() && this.failure === undefined; )
      if (this.time.nowMs > end) throw new Error('it did not come about');
      else await this.time.runTo(this.time.nowMs + 1);
  }

  async ledBy(ids: readonly string[]): Promise<Box> {
    const leader = (): Box | undefined => this.leaders().find(({ id, node }) => ids.includes(id) && node?.status().ready === true);
    await this.until(() => leader() !== undefined);
    return leader() as Box;
  }

  async writes(box: Box): Promise<boolean> {
    let done: boolean | undefined;
    this.site.write(box).then(
      (value) => {
        done = value;
      },
      () => {
        done = false;
      },
    );
    await this.until(() => done !== undefined);
    return done === true;
  }

  /** Only these reach each other from now on, and the rest does. */
  split(some: readonly string[]): void {
    this.network.heal();
    this.network.isolate(some, this.ids, 'both');
  }
}

const all: Guards = { reentry: true, doubt: true };
const doubtAlone: Guards = { reentry: false, doubt: true };
const reentryAlone: Guards = { reentry: true, doubt: false };
const none: Guards = { reentry: false, doubt: false };
const triesMax = 50;

/**
 * Of seven, one is cut off, and the others go one term further without it. Three of those that voted for the new leader lose their memory,
 * one after the other, leave, come back empty, and are left alone with the one that missed it all, the last of them `afterMs` after it is
 * there, the others before they are. That one counts seven, needs four, and campaigns in the very term in which the three had voted.
 */
async function forgottenVotes(seed: number, afterMs: number, guards: Guards): Promise<Play> {
  const play = new Play(7, seed, guards);
  const { site } = play;
  const first = await play.ledBy(play.ids);
  await play.writes(first);
  const late = play.ids.find((id) => id !== first.id) as string;
  const apart = [late];
  play.split(apart);
  const others = play.ids.filter((id) => id !== first.id && id !== late);
  const isLedByAnother = (): boolean => play.leaders().some(({ id, node }) => others.includes(id) && node?.status().ready === true);
  for (let tries = 0; !isLedByAnother() && play.failure === undefined; tries += 1) {
    if (tries === triesMax) throw new Error('nobody took the leadership over');
    first.node?.transferLeadership(others[0]);
    await play.time.runTo(play.time.nowMs + 200);
  }
  const leader = await play.ledBy(others);
  const forgetful = play.ids.filter((id) => id !== leader.id && id !== late).slice(0, 3);
  for (const [turn, id] of forgetful.entries()) {
    const box = play.box(id);
    box.die('power');
    apart.push(id);
    const isLast = turn === forgetful.length - 1;
    if (!isLast || afterMs === 0) play.split(apart);
    site.forgets(box);
    await play.until(() => box.node !== undefined);
    if (isLast) await play.time.runTo(play.time.nowMs + afterMs);
    play.split(apart);
  }
  // Whoever believes that it leads is asked to write: what was acknowledged on the other side has the same places in the log.
  for (let round = 0; round < 12 && play.failure === undefined; round += 1) {
    await play.time.runTo(play.time.nowMs + 500, () => play.failure !== undefined);
    for (const box of play.leaders()) site.write(box).catch(() => undefined);
  }
  return play;
}

/** Everything reaches everything again: all are equal in the end, and write. */
async function settles(play: Play): Promise<void> {
  play.network.heal();
  let isSettled = false;
  play.site.settle(60_000).then(
    () => {
      isSettled = true;
    },
    (error: Error) => {
      play.failure ??= error;
    },
  );
  await play.time.runTo(play.time.nowMs + 120_000, () => isSettled || play.failure !== undefined);
  assert.equal(play.failure, undefined, play.failure?.message);
  assert.ok(isSettled);
}

/**
 * How long the last of them still hears the others after it began anew, in milliseconds: the seeds are their places. At 0 none of the three
 * hears them at all, and the attack succeeds where nothing guards.
 */
const moments = [0, 0, 0, 1, 3, 8, 21, 60, 120, 700];

describe('who missed that others came back empty', () => {
  it('K13: cannot be elected by votes that are forgotten, at whatever moment of it; either guard alone is enough', async function () {
    this.timeout(60_000);
    for (const [place, afterMs] of moments.entries()) {
      for (const guards of [all, doubtAlone, reentryAlone]) {
        const play = await forgottenVotes(place + 1, afterMs, guards);
        assert.equal(play.failure, undefined, `${JSON.stringify(guards)} after ${afterMs} ms: ${play.failure?.message}`);
        if (guards === all) await settles(play);
        play.site.end();
      }
    }
  });

  it('K13: without the guards the same orders make two leaders in a term', async function () {
    this.timeout(20_000);
    for (const place of [0, 1, 2]) {
      const { failure, site } = await forgottenVotes(place + 1, moments[place] ?? 0, none);
      site.end();
      assert.ok(failure instanceof Violation && failure.checker === 'Election safety', `the attack of seed ${place + 1} attacks nothing`);
    }
  });
});
