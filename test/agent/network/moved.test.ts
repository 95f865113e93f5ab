import assert from 'node:assert/strict';
import { freePort, Site, until } from './site-fixture.ts';

describe('boxes that have other addresses than they are known by', function () {
  this.timeout(40_000);
  let site: Site;
  afterEach(() => site.close());

  it('K11: two that changed places find each other by the addresses they know', async () => {
    site = await Site.make(['box-a', 'box-b']);
    const [a, b] = [site.box('box-a').known.address ?? '', site.box('box-b').known.address ?? ''];
    const networks = [site.build('box-a', { listen: b }), site.build('box-b', { listen: a })];
    await Promise.all(networks.map((network) => network.start()));
    await site.connected();
  });

  it('K11: a box is dialled where it was before when it is not where it should be', async () => {
    site = await Site.make(['box-a', 'box-b']);
    const there = site.box('box-b').known;
    const misled = { ...there, address: `/ip4/127.0.0.1/tcp/${await freePort()}`, formerAddresses: [there.address ?? ''] };
    const a = site.build('box-a', { peers: [site.box('box-a').known, misled] });
    // It knows nothing of where box-a is, so it does not dial.
    const b = site.build('box-b', { peers: [{ ...site.box('box-a').known, address: undefined }, there] });
    await Promise.all([a.start(), b.start()]);
    await site.connected();
  });

  it('K11: another address of a connected box ends no connection, and is dialled when that one ended', async () => {
    site = await Site.make(['box-a', 'box-b']);
    const known = site.box('box-b').known;
    const a = site.build('box-a');
    const deaf = { peers: [{ ...site.box('box-a').known, address: undefined }, known] };
    const b = site.build('box-b', deaf);
    const changes: string[] = [];
    a.onPeer((name, state) => changes.push(`${name} ${state}`));
    await Promise.all([a.start(), b.start()]);
    await site.connected();
    const next = `/ip4/127.0.0.1/tcp/${await freePort()}`;
    a.setMembers([site.box('box-a').known, { ...known, address: next }]);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(changes, ['box-b up'], 'the connection stands');
    await site.stop('box-b');
    await until(() => changes.includes('box-b down'), 'box-b to be gone');
    await site.build('box-b', { ...deaf, listen: next }).start();
    await site.connected();
  });
});
