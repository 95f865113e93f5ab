import assert from 'node:assert/strict';
import type { ProbeResult } from '../../agent/network/probe.ts';
import type { CallPort, KnownPeer } from '../../agent/ports.ts';
import { Whereabouts } from '../../agent/whereabouts.ts';
import type { Membership } from '../../consensus/core/types.ts';

const at = (host: string, port = 7400): string => `/ip4/${host}/tcp/${port}`;
const minute = 60_000;

/** One box of a site of three and a witness, as it sees the others; time and far sides are played. */
class Played {
  now = 0;
  leader = 'a';
  membership: Membership = { voters: ['a', 'b', 'c'], learners: [] };
  readonly known = new Map([
    ['a', at('10.0.0.1')],
    ['b', at('10.0.0.2')],
    ['c', at('10.0.0.3')],
  ]);
  readonly seen = new Map([
    ['b', { remote: at('10.0.0.2', 50_002), dialled: false }],
    ['c', { remote: at('10.0.0.3', 50_003), dialled: false }],
  ]);
  readonly incarnations = new Map([...'abc'].map((name, index) => [name, index + 1]));
  readonly asked: { to: string; request: unknown }[] = [];
  answer: unknown = { known: null, found: null };
  probed: ProbeResult = 'open';
  /** Where nobody is any more, or somebody else is that answers. */
  readonly others = new Map<string, ProbeResult>();
  writtenDown = true;
  own: string[] = [at('10.0.0.1')];
  listenAddress = at('0.0.0.0');
  /** Who asks: where it was nobody answers any more. */
  asking = '';
  readonly whereabouts: Whereabouts;
  #serve: ((from: KnownPeer, request: Uint8Array) => Promise<Uint8Array>) | undefined;

  constructor(self = 'a') {
    const calls: CallPort = {
      serve: (_protocol, _limits, handler) => {
        this.#serve = handler;
      },
      call: async (to, _protocol, request) => {
        this.asked.push({ to, request: JSON.parse(new TextDecoder().decode(request)) });
        return new TextEncoder().encode(JSON.stringify(this.answer));
      },
    };
    const played = this;
    this.whereabouts = new Whereabouts({
      site: {
        self,
        get leader() {
          return played.leader;
        },
        get membership() {
          return played.membership;
        },
        leads: () => this.leader === self,
        memberEntries: () =>
          [...this.known].map(([name, address]) => ({
            name,
            address,
            peerId: `key-${name}`,
            role: 'voter',
            wanted: 'voter',
            witness: false,
          })),
      },
      network: {
        get listenAddress() {
          return played.listenAddress;
        },
        seenAt: (name) => this.seen.get(name),
        isFoundAt: (address) => this.own.includes(address),
        peers: () => [...this.seen.keys()].map((name) => ({ name, site: 'mill', relation: 'member' as const, connected: true, since: 0 })),
      },
      calls,
      isWrittenDown: () => this.writtenDown,
      incarnationOf: (name) => this.incarnations.get(name),
      probe: (address) => Promise.resolve(this.others.get(address) ?? (address === this.known.get(this.asking) ? 'unknown' : this.probed)),
      clock: { nowMs: () => this.now, recentMs: () => this.now, after: () => () => undefined },
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    });
    this.whereabouts.start();
  }

  /** What this box answers another one that asks where it is seen. */
  async ask(from: string, request: unknown, relation: KnownPeer['relation'] = 'member'): Promise<unknown> {
    this.asking = from;
    const bytes = typeof request === 'string' ? request : JSON.stringify(request);
    const peer = { name: from, site: 'mill', peerId: `key-${from}`, address: undefined, relation };
    const answer = await this.#serve?.(peer, new TextEncoder().encode(bytes));
    return JSON.parse(new TextDecoder().decode(answer));
  }

  /** The box is connected from there now, and says so. */
  async moves(name: string, host: string): Promise<unknown> {
    this.seen.set(name, { remote: at(host, 50_000), dialled: false });
    return await this.ask(name, { listen: at('0.0.0.0'), moved: true });
  }

  async passes(ms: number): Promise<void> {
    for (const end = this.now + ms; this.now < end; this.now += 200) {
      this.whereabouts.check();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What the leader would write down now, done at once. */
  written(): string | undefined {
    const command = this.whereabouts.next();
    if (command === undefined) return undefined;
    this.known.set(command.name, command.address ?? '');
    return `${command.name} ${command.address} as ${command.movedAs}`;
  }
}

describe('where members are, learned', () => {
  it('K11: the leader writes down where a member is found that is not where it was, once', async () => {
    const site = new Played();
    assert.deepEqual(await site.moves('b', '10.0.0.9'), { known: at('10.0.0.2'), found: at('10.0.0.9') });
    assert.equal(site.written(), `b ${at('10.0.0.9')} as 2`);
    assert.equal(site.written(), undefined);
    await site.moves('b', '10.0.0.9');
    assert.equal(site.written(), undefined, 'it is known by now');
  });

  it('K11: only for a member of this site that the site listens to, and only where somebody answers', async () => {
    const site = new Played();
    site.membership = { voters: ['a', 'c'], learners: [] };
    await site.moves('b', '10.0.0.9');
    assert.equal(site.written(), undefined, 'it is no member');
    site.membership = { voters: ['a', 'b', 'c'], learners: [] };
    site.incarnations.delete('b');
    await site.moves('b', '10.0.0.9');
    assert.equal(site.written(), undefined, 'it is not listened to');
    site.incarnations.set('b', 2);
    site.probed = 'refused';
    assert.deepEqual(await site.moves('b', '10.0.0.9'), { known: at('10.0.0.2'), found: null });
    assert.equal(site.written(), undefined, 'nobody answers there');
    site.probed = 'open';
    assert.deepEqual(await site.ask('b', { listen: at('0.0.0.0'), moved: true }, 'child'), { known: at('10.0.0.2'), found: null });
    for (const request of ['', 'no json', '[]', '{}', '{"listen":7,"moved":true}', '{"listen":"/ip4/127.0.0.1/tcp/7400","moved":true}'])
      await site.ask('b', request);
    assert.equal(site.written(), undefined);
    site.leader = 'c';
    await site.moves('b', '10.0.0.9');
    assert.equal(site.written(), undefined, 'it does not lead');
  });

  it('K11: the address of another member that is well is not given away; two that changed places are told together', async () => {
    const site = new Played();
    await site.moves('b', '10.0.0.3');
    assert.equal(site.written(), undefined, 'c is there');
    await site.moves('c', '10.0.0.2');
    assert.equal(site.written(), `b ${at('10.0.0.3')} as 2`);
    assert.equal(site.written(), `c ${at('10.0.0.2')} as 3`);
    await site.moves('b', '10.0.0.1');
    assert.equal(site.written(), undefined, 'the leader is there itself');
    site.seen.delete('c');
    site.now += 10 * minute;
    await site.moves('b', '10.0.0.2');
    assert.equal(site.written(), `b ${at('10.0.0.2')} as 2`, 'whoever had it is gone');
  });

  it('K11: whoever still answers where it is known to be stays: behind a forwarded port somebody else may listen on its own', async () => {
    const site = new Played();
    site.known.set('b', at('203.0.113.5', 17_400));
    site.others.set(at('203.0.113.5', 17_400), 'open');
    assert.deepEqual(await site.moves('b', '203.0.113.5'), { known: at('203.0.113.5', 17_400), found: null });
    assert.equal(site.written(), undefined);
    site.known.set('c', at('203.0.113.5', 17_401));
    site.seen.set('c', { remote: at('203.0.113.5', 50_000), dialled: false });
    await site.moves('b', '203.0.113.5');
    assert.equal(site.written(), undefined, 'another one behind the same gate is where it belongs');
    site.others.delete(at('203.0.113.5', 17_400));
    await site.moves('b', '203.0.113.5');
    assert.equal(site.written(), `b ${at('203.0.113.5')} as 2`);
  });

  it('K11: whoever answers where it was may be a member that is not where it belongs, or this box', async () => {
    const site = new Played();
    site.others.set(at('10.0.0.2'), 'open');
    await site.moves('c', '10.0.0.2');
    await site.moves('b', '10.0.0.3');
    assert.equal(site.written(), `c ${at('10.0.0.2')} as 3`);
    assert.equal(site.written(), `b ${at('10.0.0.3')} as 2`);
    const other = new Played();
    other.others.set(at('10.0.0.2'), 'open');
    other.own = [at('10.0.0.2')];
    await other.moves('b', '10.0.0.9');
    assert.equal(other.written(), `b ${at('10.0.0.9')} as 2`);
  });

  it('K11: a name with a port that nobody dialled is tried, though the box itself was dialled somewhere', async () => {
    const site = new Played();
    site.known.set('b', '/dns/press.example/tcp/7400');
    site.probed = 'refused';
    site.seen.set('b', { remote: at('10.0.0.8', 7401), dialled: true });
    assert.deepEqual(await site.ask('b', { listen: at('0.0.0.0', 7401), moved: true }), {
      known: '/dns/press.example/tcp/7400',
      found: null,
    });
    assert.equal(site.written(), undefined);
  });

  it('K11: a box that flaps does not fill the log, and one that is calm again is learned at once', async () => {
    const site = new Played();
    let written = 0;
    for (let look = 0; look < 24 * 60 * 6; look += 1) {
      await site.moves('b', look % 2 === 0 ? '10.0.0.8' : '10.0.0.9');
      if (site.written() !== undefined) written += 1;
      site.now += 10_000;
    }
    assert.ok(written > 5 && written < 40, `${written} changes in a day`);
    site.now += 180 * minute;
    await site.moves('b', '10.0.0.7');
    assert.equal(site.written(), `b ${at('10.0.0.7')} as 2`);
  });

  it('K11: what was seen some time ago is not written down', async () => {
    const site = new Played();
    await site.moves('b', '10.0.0.9');
    site.now += minute;
    assert.equal(site.written(), undefined);
  });

  it('K11: a box asks only when it is not where it is known to be, more and more seldom, and at once after news', async () => {
    const site = new Played('b');
    site.own = [at('10.0.0.2')];
    site.seen.set('a', { remote: at('10.0.0.1'), dialled: true });
    await site.passes(minute);
    assert.equal(site.asked.length, 0);
    site.own = [at('10.0.0.9')];
    await site.passes(5000);
    assert.deepEqual(site.asked[0], { to: 'a', request: { listen: at('0.0.0.0'), moved: true } });
    await site.passes(60 * minute);
    assert.ok(site.asked.length < 20, `${site.asked.length} questions in an hour`);
    const before = site.asked.length;
    site.leader = 'c';
    await site.passes(5000);
    assert.equal(site.asked[before]?.to, 'c');
    site.known.set('b', at('10.0.0.9'));
    const after = site.asked.length;
    await site.passes(20 * minute);
    assert.equal(site.asked.length, after);
  });

  it('K11: a leader asks the others, and believes only what it has itself', async () => {
    const site = new Played();
    site.own = [at('10.0.0.9')];
    site.answer = { known: null, found: at('10.66.0.1') };
    await site.passes(5000);
    assert.equal(site.written(), undefined);
    site.answer = 'nonsense';
    await site.passes(20_000);
    site.answer = { known: null, found: at('10.0.0.9') };
    let written: string | undefined;
    for (let look = 0; written === undefined && look < 600; look += 1) {
      await site.passes(200);
      written = site.written();
    }
    assert.equal(written, `a ${at('10.0.0.9')} as 1`);
    assert.deepEqual(new Set(site.asked.map(({ to }) => to)), new Set(['b', 'c']));
  });

  it('K11: a leader takes no name from a follower but the one it is known by, and no loopback address', async () => {
    const site = new Played();
    // Of a name a box can say only that the port is its own.
    site.own = ['/dns/elsewhere.example/tcp/7400', '/dns/press.example/tcp/7400'];
    site.answer = { known: null, found: '/dns/elsewhere.example/tcp/7400' };
    await site.passes(5000);
    assert.ok(site.asked.length > 0);
    assert.equal(site.written(), undefined);
    site.own.push(at('127.0.0.1'));
    site.answer = { known: null, found: at('127.0.0.1') };
    await site.passes(30_000);
    assert.equal(site.written(), undefined);
    site.known.set('a', '/dns4/press.example/tcp/7401');
    site.answer = { known: null, found: '/dns/press.example/tcp/7400' };
    await site.passes(5000);
    assert.equal(site.written(), 'a /dns/press.example/tcp/7400 as 1');
  });

  it('K11: a box of whom the state says nothing asks where it is known to be, until it is told', async () => {
    const site = new Played('c');
    site.writtenDown = false;
    site.seen.set('a', { remote: at('10.0.0.1'), dialled: true });
    site.own = [at('10.0.0.3')];
    site.answer = { known: at('10.0.0.3'), found: null };
    await site.passes(minute);
    assert.equal(JSON.stringify(site.asked), JSON.stringify([{ to: 'a', request: { listen: at('0.0.0.0'), moved: false } }]));
    site.leader = 'b';
    site.answer = { known: at('10.0.0.7'), found: null };
    await site.passes(minute);
    assert.deepEqual(site.asked.at(-1), { to: 'b', request: { listen: at('0.0.0.0'), moved: true } });
  });
});
