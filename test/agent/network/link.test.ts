import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Message } from '../../../consensus/core/messages.ts';
import { term } from '../../../consensus/core/types.ts';
import { Child } from './child.ts';
import { ping } from './ping.ts';
import { Site, until } from './site-fixture.ts';

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

/** Bytes in buffers that somebody still holds. */
function heldBytes(): number {
  assert.ok(typeof collect === 'function');
  collect();
  return process.memoryUsage().arrayBuffers;
}

describe('links between members', () => {
  let site: Site;
  let child: Child | undefined;
  afterEach(async () => {
    await child?.end();
    child = undefined;
    await site.close();
  });

  it('a killed process is reported lost, not silent, whoever dialled whom', async function () {
    this.timeout(40_000);
    for (const [here, there] of [
      ['a1', 'b1'],
      ['b1', 'a1'],
    ] as const) {
      site = await Site.make([here, there]);
      const links: string[] = [];
      const network = site.build(here);
      network.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
      await network.start();
      child = new Child(site, there);
      await until(() => links.includes(`${there} up`), 'the link', 15_000);
      child.signal('SIGKILL');
      await until(() => links.length > 1, 'the loss');
      // Noticed by silence it would be `closed`.
      assert.deepEqual(links, [`${there} up`, `${there} lost`]);
      await child.end();
      await site.close();
    }
  });

  it('a box that restarts on its port is linked again in both directions', async () => {
    site = await Site.make(['n1', 'n2', 'n3']);
    const [n1] = await site.start('n1', 'n2', 'n3');
    await site.connected();
    const links: string[] = [];
    n1?.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
    await until(() => links.length === 2, 'both links');
    for (let round = 0; round < 3; round++) {
      links.length = 0;
      await site.stop('n2');
      await until(() => links.includes('n2 lost'), 'the loss');
      const again = site.build('n2');
      const got: Message[] = [];
      again.consensus.onMessage((message) => got.push(message));
      await again.start();
      await until(() => links.includes('n2 up'), 'the link to come back');
      n1?.consensus.send([ping('n1', 'n2', round)]);
      await until(() => got.length === 1, 'a message');
    }
    assert.ok(!links.some((line) => line.startsWith('n3')), `${links}`);
  });

  it('a frozen process is noticed although TCP goes on hoping, and linked again when it thaws', async function () {
    this.timeout(40_000);
    site = await Site.make(['n1', 'n2']);
    const links: string[] = [];
    const network = site.build('n1');
    network.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
    await network.start();
    child = new Child(site, 'n2');
    await until(() => links.includes('n2 up'), 'the link', 15_000);
    child.signal('SIGSTOP');
    links.length = 0;
    network.consensus.send([ping('n1', 'n2', 1)]);
    await until(() => links.includes('n2 closed'), 'the silence to be noticed', 15_000);
    assert.ok(site.log('n1').some(({ event, facts }) => event === 'network.peer.silent' && facts['peer'] === 'n2'));
    assert.ok(!links.includes('n2 lost'), 'silence is no proof of death');
    child.signal('SIGCONT');
    await until(() => links.includes('n2 up'), 'the link to come back', 15_000);
  });

  it('a peer that is only quiet keeps its connection: it answers when asked', async function () {
    this.timeout(20_000);
    site = await Site.make(['n1', 'n2']);
    const [n1] = await site.start('n1', 'n2');
    const links: string[] = [];
    n1?.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
    await until(() => links.includes('n2 up'), 'the link');
    const firstSent = performance.now();
    n1?.consensus.send([ping('n1', 'n2', 1)]);
    await until(() => performance.now() - firstSent > 6500, 'more than the patience for silence', 10_000);
    assert.deepEqual(links, ['n2 up']);
  });

  it('boxes whose wall clocks are half a century apart connect, greet and gossip', async function () {
    this.timeout(40_000);
    site = await Site.make(['n1', 'n2']);
    const links: string[] = [];
    const network = site.build('n1');
    network.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
    await network.start();
    child = new Child(site, 'n2', -Date.now() + 1000);
    const inThePast = child;
    await until(() => links.includes('n2 up'), 'the link', 15_000);
    network.consensus.send([ping('n1', 'n2', 1)]);
    await until(() => inThePast.says('PING 1970'), 'the message');
    let said = 0;
    await until(() => {
      if (said++ % 20 === 0) void network.gossip.publish('health', new Uint8Array(10));
      return inThePast.says('HEALTH n1 10');
    }, 'the gossip');
  });

  it('what waits for a peer that does not read is bounded, and the rest is dropped', async function () {
    this.timeout(40_000);
    site = await Site.make(['n1', 'n2']);
    const links: string[] = [];
    const network = site.build('n1');
    network.consensus.onLink((peer, state) => links.push(`${peer} ${state}`));
    await network.start();
    child = new Child(site, 'n2');
    await until(() => links.includes('n2 up'), 'the link', 15_000);
    child.signal('SIGSTOP');
    const large: Message = {
      type: 'REQUEST',
      from: 'n1',
      to: 'n2',
      term: term(1),
      requestId: 1,
      kind: 'command',
      data: new Uint8Array(256 * 1024),
    };
    const before = heldBytes();
    for (let i = 0; i < 100; i++) {
      network.consensus.send([large, large, large, large]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Collected buffers are given back by another thread, a moment later; nothing else frees them while the link stands.
    await until(() => heldBytes() - before < 16 * 1024 * 1024, 'less than 16 MiB held', 2000);
    assert.deepEqual(links, ['n2 up'], 'the link stands');
    assert.ok(site.log('n1').some(({ event, facts }) => event === 'consensus.peer.slow' && facts['peer'] === 'n2'));
  });
});
