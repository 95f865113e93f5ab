import assert from 'node:assert/strict';
import { connect, createServer, type Server, Socket } from 'node:net';
import { Writable } from 'node:stream';
import { joinWrites } from '../../../agent/network/frugal.ts';
import type { Network } from '../../../agent/network/host.ts';
import type { Message } from '../../../consensus/core/messages.ts';
import { logIndex, term, tick } from '../../../consensus/core/types.ts';
import { freePort, Site, until } from './site-fixture.ts';

const ping: Message = {
  type: 'PING',
  from: 'n1',
  to: 'n2',
  term: term(1),
  commitIndex: logIndex(0),
  seq: 1,
  sentAt: tick(1),
  ackSeqSeen: 0,
  ackSeqMajority: 0,
  electionTicks: 0,
  restTicks: 0,
  lastIndex: logIndex(0),
};

describe('few, full segments', () => {
  let site: Site | undefined;
  let relay: Server | undefined;
  const sockets = new Set<Socket>();
  /** Pieces that arrived at the relay, each of at least one segment. */
  const pieces = { there: 0, back: 0 };

  afterEach(async () => {
    await site?.close();
    for (const socket of sockets) socket.destroy();
    relay?.close();
  });

  it('what is written in one turn leaves in one write', async () => {
    const writes: string[] = [];
    const socket = new Writable({
      writev: (chunks, done) => {
        writes.push(chunks.map(({ chunk }) => String(chunk)).join('|'));
        done();
      },
    });
    const connection = { socket, sendData: () => ({ sentBytes: 0, canSendMore: true }) };
    joinWrites(connection as never);
    const send = (text: string) => (connection.sendData as (data: Buffer) => object)(Buffer.from(text));
    assert.deepEqual(send('head'), { sentBytes: 4, canSendMore: true });
    send('body');
    await new Promise((resolve) => setImmediate(resolve));
    send('next');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(writes, ['head|body', 'next']);
  });

  it('a heartbeat leaves in one, and is not answered by the multiplexer', async () => {
    const plant = await Site.make(['n1', 'n2']);
    site = plant;
    const target = Number(/\d+$/.exec(plant.box('n2').known.address ?? '')?.[0]);
    const port = await freePort();
    relay = createServer((near) => {
      const far = connect(target, '127.0.0.1');
      for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
      near.on('data', (bytes) => void far.write(bytes, () => pieces.there++));
      far.on('data', (bytes) => void near.write(bytes, () => pieces.back++));
    });
    await new Promise<void>((resolve) => relay?.listen(port, '127.0.0.1', resolve));
    const throughRelay = plant.peers().map((peer) => (peer.name === 'n2' ? { ...peer, address: `/ip4/127.0.0.1/tcp/${port}` } : peer));
    // Only n1 dials, so that all goes through the relay.
    const onlyListens = plant.peers().map((peer) => (peer.name === 'n1' ? { ...peer, address: undefined } : peer));
    const [n1, n2] = [plant.build('n1', { peers: throughRelay }), plant.build('n2', { peers: onlyListens })] as [Network, Network];
    const links: string[] = [];
    n1.consensus.onLink((_peer, state) => links.push(state));
    let received = 0;
    n2.consensus.onMessage(() => received++);
    await Promise.all([n1.start(), n2.start()]);
    await until(() => links.includes('up'), 'the link');
    // What is said once after a connection (identify, gossip's subscriptions) is over when nothing came for a while.
    let before = -1;
    let stillSince = performance.now();
    await until(() => {
      const now = pieces.there + pieces.back;
      if (now !== before) stillSince = performance.now();
      before = now;
      return performance.now() - stillSince > 400;
    }, 'silence');
    const [there, back] = [pieces.there, pieces.back];
    const cork = Socket.prototype.cork;
    let joined = 0;
    Socket.prototype.cork = function (this: Socket) {
      joined += 1;
      cork.call(this);
    };
    for (let count = 1; count <= 20; count += 1) {
      n1.consensus.send([ping]);
      await until(() => received === count, 'the heartbeat');
    }
    Socket.prototype.cork = cork;
    assert.ok(joined >= 20, `${joined} of 20 heartbeats were joined`);
    assert.ok(pieces.there - there <= 24, `${pieces.there - there} pieces for 20 heartbeats`);
    assert.ok(pieces.back - back <= 4, `${pieces.back - back} pieces came back`);
  });
});
