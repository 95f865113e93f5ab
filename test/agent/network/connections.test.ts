import assert from 'node:assert/strict';
import { multiaddr } from '@multiformats/multiaddr';
import { Connections } from '../../../agent/network/connections.ts';
import { consensusProtocol } from '../../../agent/network/consensus-link.ts';
import { ConsensusTransport } from '../../../agent/network/consensus-transport.ts';
import { Counters } from '../../../agent/network/counters.ts';
import { type HoldfastLibp2p, makeNode } from '../../../agent/network/libp2p-node.ts';
import { PeerBook } from '../../../agent/network/peer-book.ts';
import { BootClock } from '../../../consensus/driver/boot-clock.ts';
import { type LogLine, memoryLog, Site, until } from './site-fixture.ts';

interface HandDialled {
  readonly node: HoldfastLibp2p;
  readonly links: string[];
  readonly log: LogLine[];
  dial(address: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** A box without its dialer: the test dials. */
async function handDialled(site: Site, name: string): Promise<HandDialled> {
  const { identity, known } = site.box(name);
  const lines: LogLine[] = [];
  const log = memoryLog(lines);
  const clock = new BootClock();
  const book = new PeerBook({ name, peerId: identity.peerId }, site.peers());
  const node = await makeNode({
    identity,
    listen: known.address ?? '',
    topics: [],
    admit: (peerId) => book.withKey(peerId) !== undefined,
    inspectGossip: () => undefined,
  });
  const connections = new Connections({ self: name, book, clock, log });
  const self = { name, site: 'plant', clusterId: 'cluster-1', clusterEpoch: 0, incarnation: 1, run: 1, start: 1 };
  const transport = new ConsensusTransport({ self, book, connections, counters: new Counters(), clock, log });
  const links: string[] = [];
  transport.onLink((peer, state) => links.push(`${peer} ${state}`));
  connections.watch(node);
  await node.handle(consensusProtocol, (stream, connection) => transport.accept(stream, connection));
  return {
    node,
    links,
    log: lines,
    // Without the peer's key in the address libp2p does not notice that it is connected already.
    dial: (address) => node.dial(multiaddr(address)).catch(() => undefined),
    stop: async () => {
      connections.closing();
      transport.stop();
      await node.stop();
      clock.close();
    },
  };
}

describe('two connections between two boxes', () => {
  it('are made one, the same on both sides, and no link counts as lost', async function () {
    this.timeout(40_000);
    let duplicates = 0;
    for (let round = 0; round < 5; round++) {
      const site = await Site.make(['n1', 'n2']);
      const [n1, n2] = await Promise.all([handDialled(site, 'n1'), handDialled(site, 'n2')]);
      const [address1, address2] = [site.box('n1').known.address ?? '', site.box('n2').known.address ?? ''];
      await Promise.all([n1.dial(address2), n2.dial(address1)]);
      await until(() => n1.node.getConnections().length === 1 && n2.node.getConnections().length === 1, 'one connection');
      await until(() => n1.links.at(-1) === 'n2 up' && n2.links.at(-1) === 'n1 up', 'the links');
      const closed = [...n1.log, ...n2.log].filter(({ event }) => event === 'network.duplicate.closed').length;
      // The box whose name sorts first dials first, so its connection stays.
      if (closed > 0) assert.equal(n1.node.getConnections()[0]?.direction, 'outbound');
      assert.notEqual(n1.node.getConnections()[0]?.direction, n2.node.getConnections()[0]?.direction);
      assert.ok(![...n1.links, ...n2.links].some((line) => line.endsWith('lost')), `${n1.links} ${n2.links}`);
      duplicates += closed;
      await Promise.all([n1.stop(), n2.stop()]);
      await site.close();
    }
    assert.ok(duplicates > 0, 'no round had two connections');
  });

  it('from one side are replaced by the newer, as that side knows of no older', async () => {
    const site = await Site.make(['n1', 'n2']);
    const [n1, n2] = await Promise.all([handDialled(site, 'n1'), handDialled(site, 'n2')]);
    const address2 = site.box('n2').known.address ?? '';
    for (let i = 0; i < 3; i++) {
      await n1.dial(address2);
      await until(() => n2.node.getConnections().length === 1 && n1.node.getConnections().length === 1, 'one connection');
      await until(() => n1.links.at(-1) === 'n2 up' && n2.links.at(-1) === 'n1 up', 'the links');
    }
    assert.ok(![...n1.links, ...n2.links].some((line) => line.endsWith('lost')), `${n1.links} ${n2.links}`);
    await Promise.all([n1.stop(), n2.stop()]);
    await site.close();
  });
});
