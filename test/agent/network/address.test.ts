import assert from 'node:assert/strict';
import { isLoopback, isSameHost, isStillOwn, plainAddress, whereFound } from '../../../agent/network/address.ts';

describe('where a box says that it listens, and where it is seen', () => {
  const base = { listen: '/ip4/0.0.0.0/tcp/7400', dialled: false, known: '/ip4/10.0.0.5/tcp/7400', onLoopback: false };
  const found = (changes: Partial<Parameters<typeof whereFound>[0]>): string | undefined =>
    whereFound({ ...base, remote: '/ip4/10.0.0.9/tcp/41234', ...changes });

  it('K11: a wildcard takes the host that was seen, and its own port', () => {
    assert.equal(found({}), '/ip4/10.0.0.9/tcp/7400');
    assert.equal(found({ listen: '/ip6/::/tcp/7401', remote: '/ip6/FD00:0::9/tcp/5' }), '/ip6/fd00::9/tcp/7401');
    assert.equal(found({ listen: '/ip6/::/tcp/7401' }), '/ip4/10.0.0.9/tcp/7401');
    assert.equal(found({ listen: '/ip6/::/tcp/7401', remote: '/ip6/::ffff:10.0.0.9/tcp/5' }), '/ip4/10.0.0.9/tcp/7401');
    assert.equal(found({ remote: '/ip6/fd00::9/tcp/5' }), undefined, 'it does not listen on that family');
    assert.equal(found({ known: undefined }), '/ip4/10.0.0.9/tcp/7400');
  });

  it('K11: a host that it names is taken; what was dialled was proven; a known name stays, and only its port follows', () => {
    assert.equal(found({ listen: '/ip4/10.0.0.7/tcp/7402' }), '/ip4/10.0.0.7/tcp/7402');
    assert.equal(found({ remote: '/ip4/10.0.0.9/tcp/17400/p2p/key', dialled: true }), '/ip4/10.0.0.9/tcp/17400');
    assert.equal(found({ known: '/dns4/press.example/tcp/7400', listen: '/ip4/0.0.0.0/tcp/7403' }), '/dns/press.example/tcp/7403');
    const forwarded = { known: '/dns4/gate.example/tcp/17400', remote: '/ip4/203.0.113.5/tcp/17400', dialled: true };
    assert.equal(found(forwarded), '/dns/gate.example/tcp/17400', 'the port that was dialled, whatever it is on the box itself');
  });

  it('K11: nonsense is nowhere: any host, many hosts, a link without its zone, no port, loopback of a site that is not there', () => {
    for (const listen of ['', 'nonsense', '/ip4/0.0.0.0/tcp/0', '/ip4/0.0.0.0/tcp/70000', '/ip4/224.0.0.1/tcp/1', '/ip4/0.1.2.3/tcp/1'])
      assert.equal(found({ listen }), undefined, listen);
    for (const listen of [
      '/ip4/255.255.255.255/tcp/1',
      '/ip6/ff02::1/tcp/1',
      '/ip6/fe80::1/tcp/1',
      '/ip4/127.0.0.1/tcp/1',
      '/ip6/::1/tcp/1',
    ])
      assert.equal(found({ listen }), undefined, listen);
    assert.equal(found({ remote: '/ip4/127.0.0.1/tcp/5' }), undefined);
    assert.equal(found({ remote: '/ip4/127.0.0.1/tcp/5', onLoopback: true }), '/ip4/127.0.0.1/tcp/7400');
    assert.equal(found({ remote: '/unix/there' }), undefined);
    assert.equal(found({ listen: '/dns4/elsewhere/tcp/7400' }), undefined, 'nobody listens on a name');
  });

  it('K11: an address is still that of a box when it has the host and listens on the port', () => {
    const own = ['127.0.0.1', '10.0.0.5', 'fe80::1', 'fd00::5'];
    assert.equal(isStillOwn('/ip4/10.0.0.5/tcp/7400', '/ip4/0.0.0.0/tcp/7400', own), true);
    assert.equal(isStillOwn('/ip6/fd00:0:0::5/tcp/7400', '/ip6/::/tcp/7400', own), true);
    assert.equal(isStillOwn('/ip4/10.0.0.6/tcp/7400', '/ip4/0.0.0.0/tcp/7400', own), false);
    assert.equal(isStillOwn('/ip4/10.0.0.5/tcp/7400', '/ip4/0.0.0.0/tcp/7401', own), false);
    assert.equal(isStillOwn('/ip4/10.0.0.5/tcp/7400', '/ip4/127.0.0.1/tcp/7400', own), false);
    assert.equal(isStillOwn('/dns4/press.example/tcp/7400', '/ip4/0.0.0.0/tcp/7400', own), true, 'a name is looked up at each dial');
    assert.equal(isStillOwn('', '/ip4/0.0.0.0/tcp/7400', own), false);
  });

  it('K11: addresses are compared in one form', () => {
    assert.equal(plainAddress('/ip6/0:0:0::1/tcp/07400/p2p/key'), '/ip6/::1/tcp/7400');
    assert.equal(plainAddress('/ip4/10.0.0.5/udp/7400'), undefined);
    assert.equal(plainAddress(`/dns4/${'x'.repeat(400)}/tcp/1`), undefined);
    assert.equal(plainAddress('/ip6/fe80::1%eth0/tcp/7400'), '/ip6/fe80::1/tcp/7400');
    const longest = '0000:0000:0000:0000:0000:ffff:255.255.255.255%eth0';
    assert.equal(plainAddress(`/ip6/${longest}/tcp/7400`), '/ip4/255.255.255.255/tcp/7400', 'a zone after an address of any length');
    assert.equal(isLoopback('/ip4/127.3.2.1/tcp/1'), true);
    assert.equal(isLoopback('/ip4/10.0.0.1/tcp/1'), false);
    assert.equal(isSameHost('/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/2/p2p/key'), true);
    assert.equal(isSameHost('nonsense', 'nonsense'), false);
  });
});
