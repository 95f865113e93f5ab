import assert from 'node:assert/strict';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Stream, StreamHandler } from '@libp2p/interface';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2p } from 'libp2p';
import { consensusProtocol } from '../../../agent/network/consensus-link.ts';
import type { Network } from '../../../agent/network/host.ts';
import { limits } from '../../../consensus/core/types.ts';
import { encodeMessage } from '../../../consensus/driver/codec.ts';
import { encodeFrames, FrameSplitter } from '../../../consensus/driver/framing.ts';
import { encodeHello, type Hello, ownHello } from '../../../consensus/driver/hello.ts';
import { ping } from './ping.ts';
import { freePort, Site, until } from './site-fixture.ts';

/** A bare libp2p node: with a box's key it is that box gone wrong, with another it is a stranger. */
async function bareNode(site: Site, name?: string): Promise<Libp2p> {
  const privateKey = name === undefined ? await generateKeyPair('Ed25519') : site.box(name).identity.privateKey;
  return createLibp2p({ privateKey, transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] });
}

/** Of the word every greeting begins with. */
const helloStart = 0x48;

describe('what the network refuses', () => {
  let site: Site;
  const bare: Libp2p[] = [];
  afterEach(async () => {
    for (const node of bare.splice(0)) await node.stop();
    await site.close();
  });

  async function impostor(name: string, hello: Partial<Hello> = {}, onStream: StreamHandler = () => undefined): Promise<Stream> {
    const node = await bareNode(site, name);
    bare.push(node);
    await node.handle(consensusProtocol, onStream);
    const stream = await node.dialProtocol(multiaddr(site.box('n1').known.address), consensusProtocol);
    const facts = ownHello({ clusterId: 'cluster-1', clusterEpoch: 0, nodeId: name, incarnation: 1 });
    stream.send(encodeFrames([encodeHello({ ...facts, ...hello })]));
    return stream;
  }
  const ended = (stream: Stream): boolean => stream.status !== 'open' || stream.remoteWriteStatus === 'closed';

  it('a stranger is refused before any stream, and counted', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1] = await site.start('n1');
    const stranger = await bareNode(site);
    bare.push(stranger);
    await assert.rejects(stranger.dialProtocol(multiaddr(site.box('n1').known.address), consensusProtocol));
    await until(() => n1?.counters().strangersRefused === 1, 'the count');
    assert.deepEqual(
      n1?.peers().map(({ name, connected }) => ({ name, connected })),
      [{ name: 'n2', connected: false }],
    );
    const line = site.log('n1').find(({ event }) => event === 'network.stranger.refused');
    assert.equal(line?.facts['peerId'], stranger.peerId.toString());
  });

  it('a box of another cluster is refused by both, each with the code', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1, n2] = [site.build('n1'), site.build('n2', { clusterId: 'cluster-2' })];
    const links: string[] = [];
    n1.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
    await Promise.all([n1.start(), n2.start()]);
    await until(() => n1.counters().hellosRefused > 0 && n2.counters().hellosRefused > 0, 'both refusals');
    for (const name of ['n1', 'n2']) {
      assert.ok(
        site.log(name).some(({ event, facts }) => event === 'consensus.hello.refused' && facts['code'] === 'CLUSTER_MISMATCH'),
        name,
      );
    }
    assert.deepEqual(links, []);
  });

  for (const [what, hello, code] of [
    ['an older cluster epoch', { clusterEpoch: 7 }, 'CLUSTER_EPOCH'],
    ['the name of another member', { nodeId: 'n3' }, 'NODE_UNEXPECTED'],
    ['a wire version nobody speaks', { wireMin: 90, wireMax: 99 }, 'WIRE_VERSION'],
  ] as const) {
    it(`a HELLO with ${what} is refused with ${code}`, async () => {
      site = await Site.make(['n1', 'n2', 'n3']);
      const [n1] = await site.start('n1');
      const stream = await impostor('n2', hello);
      await until(() => n1?.counters().hellosRefused === 1, 'the refusal');
      await until(() => ended(stream), 'the stream to be closed');
      assert.ok(
        site.log('n1').some(({ event, facts }) => event === 'consensus.hello.refused' && facts['code'] === code && facts['peer'] === 'n2'),
      );
    });
  }

  const frames: readonly (readonly [what: string, bytes: Uint8Array])[] = [
    ['garbage', encodeFrames([new Uint8Array(64).fill(0xee)])],
    ['a length above the limit', new Uint8Array([0x7f, 0xff, 0xff, 0xff, 1, 2, 3])],
    ['a length of nothing', new Uint8Array([0, 0, 0, 0])],
    ['a message in the name of another', encodeFrames([encodeMessage(ping('n3', 'n1', 1))])],
    ['a message to another', encodeFrames([encodeMessage(ping('n2', 'n3', 1))])],
  ];
  for (const [what, bytes] of frames) {
    it(`a frame with ${what} closes the stream, is counted, and names the peer`, async () => {
      site = await Site.make(['n1', 'n2', 'n3']);
      const [n1] = await site.start('n1');
      const got: unknown[] = [];
      n1?.consensus.onMessage((message) => got.push(message));
      const stream = await impostor('n2');
      stream.send(encodeFrames([encodeMessage(ping('n2', 'n1', 1))]));
      await until(() => got.length === 1, 'an honest message');
      stream.send(bytes);
      await until(() => n1?.counters().framesRefused === 1, 'the refusal');
      await until(() => ended(stream), 'the stream to be closed');
      assert.ok(site.log('n1').some(({ event, facts }) => event === 'consensus.frame.refused' && facts['peer'] === 'n2'));
      assert.equal(got.length, 1);
    });
  }

  it('K20: a member of an older release is spoken to in the newest form that it understands', async () => {
    for (const [wireMax, spoken] of [
      [1, 1],
      [2, 2],
      [3, 3],
      [7, 3],
    ] as const) {
      site = await Site.make(['n1', 'n2']);
      const [n1] = await site.start('n1');
      const versions: number[] = [];
      await impostor('n2', { wireMax }, (stream) => {
        const facts = ownHello({ clusterId: 'cluster-1', clusterEpoch: 0, nodeId: 'n2', incarnation: 1 });
        stream.send(encodeFrames([encodeHello({ ...facts, wireMax })]));
        const splitter = new FrameSplitter(limits.frameBytesMax);
        stream.addEventListener('message', ({ data }) => {
          for (const payload of splitter.push(data.subarray())) if (payload[0] !== helloStart) versions.push(payload[0] ?? 0);
        });
      });
      await until(() => n1?.peers().some(({ connected }) => connected) === true, 'the link');
      await until(() => {
        n1?.consensus.send([ping('n1', 'n2', 1)]);
        return versions.length >= 3;
      }, 'messages');
      assert.equal(versions.at(-1), spoken, `of up to ${wireMax}`);
      await site.close();
    }
  });

  it('a message before HELLO is refused', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1] = await site.start('n1');
    const node = await bareNode(site, 'n2');
    bare.push(node);
    const stream = await node.dialProtocol(multiaddr(site.box('n1').known.address), consensusProtocol);
    stream.send(encodeFrames([encodeMessage(ping('n2', 'n1', 1))]));
    await until(() => n1?.counters().hellosRefused === 1, 'the refusal');
    await until(() => ended(stream), 'the stream to be closed');
  });

  it('a port in use has its own code, and the remedy names the port', async () => {
    site = await Site.make(['n1', 'n2']);
    const [n1] = await site.start('n1');
    const listen = (n1 as Network).listenAddress;
    const second = site.build('n2', { listen });
    await assert.rejects(second.start(), { code: 'PORT_IN_USE', message: new RegExp(listen.split('/').at(-1) ?? 'no port') });
    site.running.delete('n2');
  });

  it('an address that is not of this box cannot be listened on, and says so', async () => {
    site = await Site.make(['n1']);
    const network = site.build('n1', { listen: `/ip4/192.0.2.1/tcp/${await freePort()}` });
    await assert.rejects(network.start(), { code: 'LISTEN_FAILED', message: /192\.0\.2\.1/ });
    site.running.clear();
  });

  it('two boxes of one name or one key are refused at once', async () => {
    site = await Site.make(['n1', 'n2', 'n3']);
    const [n2, n3] = [site.box('n2').known, site.box('n3').known];
    assert.throws(() => site.build('n1', { peers: [n2, { ...n3, name: 'n2' }] }), { code: 'PEERS_INVALID', message: /n2/ });
    assert.throws(() => site.build('n1', { peers: [n2, { ...n3, peerId: n2.peerId }] }), { code: 'PEERS_INVALID', message: /n3/ });
  });

  it('port 0 takes a free port and tells which', async () => {
    site = await Site.make(['n1']);
    const network = site.build('n1', { listen: '/ip4/127.0.0.1/tcp/0' });
    await network.start();
    assert.match(network.listenAddress, /^\/ip4\/127\.0\.0\.1\/tcp\/[1-9][0-9]*$/);
  });
});
