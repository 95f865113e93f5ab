import assert from 'node:assert/strict';
import { multiaddr } from '@multiformats/multiaddr';
import type { Network } from '../../../agent/network/host.ts';
import { makeNode } from '../../../agent/network/libp2p-node.ts';
import { Site, until } from './site-fixture.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (document: Uint8Array): string => new TextDecoder().decode(document);

describe('gossip', () => {
  let site: Site;
  afterEach(() => site.close());

  /** Publishes until the mesh has formed and the condition holds. */
  async function publishUntil(network: Network, document: () => Uint8Array, condition: () => boolean): Promise<void> {
    let turn = 0;
    await until(() => {
      if (turn++ % 25 === 0) void network.gossip.publish('health', document());
      return condition();
    }, 'the gossip');
  }

  it('D3: a fact reaches every member of a small site with the verified name of its author', async () => {
    site = await Site.make(['n1', 'n2', 'n3']);
    const networks = await site.start('n1', 'n2', 'n3');
    const heard = new Set<string>();
    for (const [i, network] of networks.entries()) {
      network.gossip.subscribe('health', (from, document) => {
        heard.add(`n${i + 1} heard ${from}: ${text(document)}`);
        return true;
      });
    }
    await site.connected();
    await publishUntil(
      networks[0] as Network,
      () => bytes('well'),
      () => heard.size === 2,
    );
    assert.deepEqual([...heard].sort(), ['n2 heard n1: well', 'n3 heard n1: well']);
  });

  it('what its reader refuses goes no further and is counted; what it accepts is forwarded', async () => {
    site = await Site.make(['n1', 'n2', 'n3']);
    // A chain: n1 and n3 do not know each other's address, though each other's key.
    const chain = (self: string) =>
      site.peers().map((peer) => ({ ...peer, address: self === 'n2' || peer.name === 'n2' ? peer.address : undefined }));
    const [n1, n2, n3] = ['n1', 'n2', 'n3'].map((name) => site.build(name, { peers: chain(name) })) as [Network, Network, Network];
    await Promise.all([n1.start(), n2.start(), n3.start()]);
    n2.gossip.subscribe('health', (_from, document) => !text(document).startsWith('bad'));
    const arrived: string[] = [];
    n3.gossip.subscribe('health', (from, document) => {
      arrived.push(`${from}: ${text(document)}`);
      return true;
    });
    let n = 0;
    await publishUntil(
      n1,
      () => bytes(n++ % 2 === 0 ? 'bad' : 'good'),
      () => arrived.length >= 3 && n2.counters().gossipRefused >= 3,
    );
    assert.equal(n1.peers().find(({ name }) => name === 'n3')?.connected, false);
    assert.deepEqual([...new Set(arrived)], ['n1: good']);
  });

  it('a handler that throws refuses the message and stops nothing', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1, n2] = (await site.start('n1', 'n2')) as [Network, Network];
    let calls = 0;
    n2.gossip.subscribe('health', () => {
      calls += 1;
      throw new Error('broken reader');
    });
    await publishUntil(
      n1,
      () => bytes('x'),
      () => calls >= 2,
    );
    await until(() => n2.counters().gossipRefused >= 2, 'the count');
    assert.ok(site.log('n2').some(({ event }) => event === 'gossip.handler.failed'));
  });

  it('more than 64 KiB is refused where it is published, and again where it arrives', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1, n2] = (await site.start('n1', 'n2')) as [Network, Network];
    const sizes: number[] = [];
    n2.gossip.subscribe('health', (_from, document) => {
      sizes.push(document.length);
      return true;
    });
    await assert.rejects(n1.gossip.publish('health', new Uint8Array(65_537)), { code: 'TOO_LARGE' });
    await publishUntil(
      n1,
      () => new Uint8Array(65_536),
      () => sizes.length > 0,
    );
    // A member gone wrong, that does not check.
    await site.stop('n1');
    const topic = '/holdfast/cluster-1/health';
    const { identity } = site.box('n1');
    const rogue = await makeNode({
      identity,
      listen: '/ip4/127.0.0.1/tcp/0',
      topics: [topic],
      admit: () => true,
      inspectGossip: () => undefined,
    });
    await rogue.dial(multiaddr(site.box('n2').known.address));
    let turn = 0;
    await until(() => {
      if (turn++ % 25 === 0) void rogue.services.pubsub.publish(topic, new Uint8Array(65_537));
      return n2.counters().gossipRefused > 0;
    }, 'the refusal');
    await rogue.stop();
    assert.ok(sizes.every((size) => size <= 65_536));
  });

  it('goes on after a member has restarted', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1] = (await site.start('n1', 'n2')) as [Network];
    for (let round = 0; round < 2; round++) {
      let heard = 0;
      site.running.get('n2')?.gossip.subscribe('health', () => {
        heard += 1;
        return true;
      });
      await publishUntil(
        n1,
        () => bytes('x'),
        () => heard > 0,
      );
      let back = 0;
      n1.gossip.subscribe('topology', () => {
        back += 1;
        return true;
      });
      let turn = 0;
      await until(() => {
        if (turn++ % 25 === 0) void site.running.get('n2')?.gossip.publish('topology', bytes('y'));
        return back > 0;
      }, 'the way back');
      await site.stop('n2');
      await site.start('n2');
    }
  });

  it('is dropped without a word when nobody is connected', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1] = (await site.start('n1')) as [Network];
    await n1.gossip.publish('instances', bytes('x'));
    assert.deepEqual(n1.counters().gossipRefused, 0);
  });
});
