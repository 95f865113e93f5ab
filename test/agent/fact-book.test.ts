import assert from 'node:assert/strict';
import { FactBook } from '../../agent/fact-book.ts';
import type { GossipPort, PeerView, Topic } from '../../agent/ports.ts';
import type { HealthDocument } from '../../schemas/generated/types.ts';
import { ManualClock, sample } from './health/fixtures.ts';
import { box } from './site-double.ts';

/** A box's gossip: what others publish comes in by `hear`. */
class Ear implements GossipPort {
  readonly #handlers = new Map<Topic, (from: string, document: Uint8Array) => boolean>();
  publish(): Promise<void> {
    return Promise.resolve();
  }
  subscribe(topic: Topic, handler: (from: string, document: Uint8Array) => boolean): void {
    this.#handlers.set(topic, handler);
  }
  hear(topic: Topic, from: string, document: object): boolean {
    return this.#handlers.get(topic)?.(from, new TextEncoder().encode(JSON.stringify(document))) ?? false;
  }
}

class Stage {
  readonly clock = new ManualClock();
  readonly ear = new Ear();
  readonly links = new Map<string, PeerView>();
  readonly book: FactBook;
  #seq = 0;

  constructor(self = 'a', members = ['a', 'b', 'c']) {
    for (const name of members) if (name !== self) this.link(name, false);
    this.book = new FactBook(
      { clock: this.clock, gossip: this.ear, peers: () => [...this.links.values()] },
      { self, members: () => members, lostAfterMs: 3000 },
    );
  }

  link(name: string, connected: boolean, relation: PeerView['relation'] = 'member'): void {
    this.links.set(name, { name, site: 'mill', relation, connected, since: this.clock.nowMs() });
  }

  /** The member says which others it reaches, and what it is. */
  says(name: string, reaches: Readonly<Record<string, boolean>>): void {
    this.#seq += 1;
    const observes = Object.entries(reaches).map(([node, reachable]) => ({ node, reachable }));
    const common = { version: 1, node: name, run: 1, seq: this.#seq };
    assert.ok(this.ear.hear('instances', name, { ...common, observes, instances: [], staged: [] }));
    assert.ok(this.ear.hear('topology', name, { ...box(name).topology, seq: this.#seq }));
  }

  sick(name: string, health: Partial<Pick<HealthDocument, 'disks' | 'memory'>>): void {
    this.#seq += 1;
    assert.ok(this.ear.hear('health', name, { version: 1, node: name, site: 'mill', run: 1, seq: this.#seq, ...sample, ...health }));
  }

  verdict(name: string): string {
    return this.book.verdict(name).verdict;
  }
  unusable(): readonly string[] {
    return this.book.nodes().flatMap(({ usable, topology }) => (usable ? [] : [topology.node]));
  }
}

describe('what a box knows of the others', () => {
  it('C11: a lost verdict stands while those who agreed are away, until the box is reached again', async () => {
    const stage = new Stage();
    stage.link('b', true);
    stage.says('b', { c: false });
    await stage.clock.advance(3000);
    assert.equal(stage.verdict('c'), 'lost');
    stage.link('b', false);
    assert.equal(stage.verdict('c'), 'lost');
    stage.link('c', true);
    assert.equal(stage.verdict('c'), 'alive');
    stage.link('c', false);
    await stage.clock.advance(10_000);
    assert.equal(stage.verdict('c'), 'unknown', 'the former verdict is not remembered beyond that');
  });

  it('C11: a new agent gives no verdict on a member before the time has passed', async () => {
    const stage = new Stage();
    stage.link('b', true);
    stage.says('b', { c: false });
    await stage.clock.advance(2999);
    assert.equal(stage.verdict('c'), 'unknown');
    await stage.clock.advance(1);
    assert.equal(stage.verdict('c'), 'lost');
  });

  it('P19: members not heard of are unheard until they are lost; then they are absent', async () => {
    const stage = new Stage();
    stage.says('a', {});
    assert.deepEqual(stage.book.unseen(), { absent: [], unheard: ['b', 'c'] });
    stage.link('b', true);
    stage.says('b', { c: false });
    assert.deepEqual(stage.book.unseen(), { absent: [], unheard: ['c'] });
    await stage.clock.advance(3000);
    assert.deepEqual(stage.book.unseen(), { absent: ['c'], unheard: [] });
    assert.deepEqual(
      stage.book.nodes().map(({ topology }) => topology.node),
      ['a', 'b'],
    );
    stage.link('c', true);
    assert.deepEqual(stage.book.unseen(), { absent: [], unheard: ['c'] });
    stage.says('c', {});
    assert.deepEqual(stage.book.unseen(), { absent: [], unheard: [] });
  });

  it('P19: half of what a member says of itself is not enough to be seen', () => {
    const stage = new Stage();
    stage.ear.hear('topology', 'b', box('b').topology);
    stage.ear.hear('instances', 'c', { version: 1, node: 'c', run: 1, seq: 1, observes: [], instances: [], staged: [] });
    assert.deepEqual(stage.book.unseen().unheard, ['a', 'b', 'c']);
    assert.deepEqual(stage.book.nodes(), []);
  });

  it('P18: a lost member that was seen is not usable, and says who does not reach it', async () => {
    const stage = new Stage();
    stage.link('b', true);
    for (const name of ['a', 'b', 'c']) stage.says(name, { c: false });
    assert.deepEqual(stage.unusable(), []);
    await stage.clock.advance(3000);
    assert.deepEqual(stage.unusable(), ['c']);
    const lost = stage.book.nodes().find(({ topology }) => topology.node === 'c');
    assert.equal(lost?.reason, 'lost: 2 of 2 observers do not reach it');
    stage.says('b', { c: true });
    assert.match(stage.book.nodes().find(({ topology }) => topology.node === 'c')?.reason ?? '', /^cut-off: 1 of 2/);
  });

  it('D2: a read-only or nearly full disk, or memory used up, is a risk; unknown sensors are none', () => {
    const stage = new Stage();
    stage.says('b', {});
    const risk = (): number => stage.book.nodes()[0]?.risk as number;
    const disk = { mount: '/', type: 'ext4', totalBytes: 100, freeBytes: 50, readOnly: false, lifeUsedPercent: null };
    const memory = { totalBytes: 100, availableBytes: 50, swapTotalBytes: 0, swapFreeBytes: 0 };
    for (const [health, expected] of [
      [{}, 0],
      [{ disks: [{ ...disk, readOnly: true }] }, 1],
      [{ disks: [{ ...disk, freeBytes: 5 }] }, 0.6],
      [{ disks: [{ ...disk, freeBytes: 6 }] }, 0],
      [{ memory: { ...memory, availableBytes: 4 } }, 0.6],
      [{ memory: { ...memory, availableBytes: null }, disks: [{ ...disk, totalBytes: null, freeBytes: null, readOnly: null }] }, 0],
    ] as const) {
      stage.sick('b', health as Parameters<Stage['sick']>[1]);
      assert.equal(risk(), expected, JSON.stringify(health));
    }
  });

  it('D3: tells the others of members only, and whoever asked of every change', () => {
    const stage = new Stage();
    stage.link('b', true);
    stage.link('cloud-1', true, 'upper');
    assert.deepEqual(stage.book.observes(), [
      { node: 'b', reachable: true },
      { node: 'c', reachable: false },
    ]);
    let changes = 0;
    stage.book.onChange(() => {
      changes += 1;
    });
    stage.says('b', {});
    stage.sick('b', {});
    assert.equal(changes, 3);
    assert.equal(stage.ear.hear('topology', 'b', { ...box('c').topology, seq: 99 }), false, 'and nobody speaks for another');
    assert.equal(changes, 3);
  });

  it('P18: a link between two boxes that both live is lost once that has lasted, and there again at once', async () => {
    const stage = new Stage('a', ['a', 'b', 'c', 'd']);
    const unreached = (): Record<string, readonly string[]> =>
      Object.fromEntries(
        stage.book.nodes().flatMap((node) => (node.unreached === undefined ? [] : [[node.topology.node, node.unreached]])),
      );
    for (const name of ['b', 'c', 'd']) stage.link(name, true);
    stage.says('b', { a: true, c: false, d: false });
    stage.says('c', { a: true, b: false, d: true });
    stage.says('d', { a: true, b: true, c: true });
    assert.deepEqual(unreached(), {});
    await stage.clock.advance(4400);
    assert.deepEqual(unreached(), {}, 'a box that died would be seen first');
    await stage.clock.advance(100);
    assert.deepEqual(unreached(), { b: ['c', 'd'], c: ['b'] });
    stage.link('d', false);
    await stage.clock.advance(3000);
    assert.deepEqual(unreached(), { b: ['c'], c: ['b'] }, 'that d is not reached is no matter of a link when d may be gone');
    stage.says('b', { a: true, c: true, d: false });
    assert.deepEqual(unreached(), { c: ['b'] });
    stage.says('c', { a: true, b: true, d: true });
    assert.deepEqual(unreached(), {});
  });
});
