import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig, type Settings } from '../../agent/config.ts';
import { replanOptions } from '../../agent/control/planning-duty.ts';

const peerId = (letter: string): string => `12D3KooW${letter.repeat(44)}`;
const member = (name: string, letter: string): object => ({ name, peerId: peerId(letter), address: '/ip4/10.0.0.11/tcp/7411' });
const least = {
  version: 1,
  node: { name: 'box-a' },
  site: { name: 'press-shop', clusterId: 'press-shop-2026', members: [member('box-a', 'A')] },
  dataDir: 'data',
};

describe('configuration', () => {
  const dir = join(tmpdir(), `hf-${randomUUID().slice(0, 8)}`);
  const file = join(dir, 'agent.yaml');
  before(() => mkdirSync(dir));
  after(() => rmSync(dir, { recursive: true, force: true }));

  function load(document: unknown): Settings {
    writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
    return loadConfig(file);
  }

  /** It is refused in one line that names the file and says this. */
  function refused(document: unknown, ...words: readonly (string | RegExp)[]): void {
    assert.throws(
      () => load(document),
      (error) => {
        assert.ok(error instanceof ConfigError, String(error));
        assert.equal(error.code, 'CONFIG_INVALID');
        assert.ok(error.message.includes(file), error.message);
        assert.doesNotMatch(error.message, /\n|:$/);
        for (const word of words)
          assert.ok(typeof word === 'string' ? error.message.includes(word) : word.test(error.message), `${word}: ${error.message}`);
        return true;
      },
    );
  }

  it('C1: the least there can be is enough; the rest has defaults', () => {
    const settings = load(least);
    assert.deepEqual(
      [settings.dataDir, settings.runtimeDir, settings.status.socket],
      [join(dir, 'data'), join(dir, 'data/run'), join(dir, 'data/run/holdfast.sock')],
      'relative to the file, wherever the agent is started',
    );
    assert.equal(settings.listen, '/ip4/0.0.0.0/tcp/7411', 'the port others are told');
    assert.deepEqual([settings.status.host, settings.status.token, settings.upper, settings.level], ['127.0.0.1', undefined, undefined, 0]);
    assert.equal(settings.domain, 'box-a', 'each box fails alone, unless it is said otherwise');
    assert.ok(settings.capacity.memoryMiB > 0 && settings.capacity.cpuCores > 0);
  });

  it('C1: what is written stands, and only what is missing is filled in', () => {
    const settings = load({
      ...least,
      capacity: { memoryMiB: 100 },
      timing: { pingMs: 50 },
      upper: { site: 'plant', members: [{ ...member('plant-1', 'P') }] },
    });
    assert.equal(settings.capacity.memoryMiB, 100);
    assert.ok(settings.capacity.cpuCores > 0);
    assert.deepEqual([settings.timing.pingMs, settings.timing.electionMs], [50, 400]);
    assert.deepEqual([settings.upper?.site, settings.upper?.holdTimeMs], ['plant', 5000]);
  });

  it('P18: when placements are planned again is said there, and has defaults', () => {
    const { replan } = load({ ...least, replan: { restSeconds: 5, ignore: ['load'] } });
    assert.deepEqual([replan.restSeconds, replan.ignore, replan.frequencyBandPercent, replan.historyMax], [5, ['load'], 30, 200]);
    const { ignore, restMs, secondsPerMoney } = replanOptions(replan, { prices: [{ from: '00:00', perKwh: 1 }], secondsPerMoney: 7 });
    assert.deepEqual([[...ignore], restMs, secondsPerMoney], [['load'], 5000, 7]);
  });

  it('P15: what plans weigh is said there; what is left out counts as it does everywhere', () => {
    assert.deepEqual(load({ ...least, weights: { robustness: 4, hardware: 0.5 } }).weights, { robustness: 4, hardware: 0.5 });
    assert.deepEqual(load(least).weights, {});
  });

  it('C1: YAML and JSON say the same', () => {
    const yaml = `# a comment
version: 1
node: { name: box-a }
site:
  name: press-shop
  clusterId: press-shop-2026
  members:
    - { name: box-a, peerId: ${peerId('A')}, address: /ip4/10.0.0.11/tcp/7411 }
dataDir: data
`;
    assert.deepEqual(load(yaml), load(least));
  });

  it('C1: the example that is packaged can be used', () => {
    const example = new URL('../../schemas/examples/valid/AgentConfig.box-of-three.json', import.meta.url);
    assert.equal(load(readFileSync(example, 'utf8')).name, 'box-a');
  });

  describe('is refused with its place and a remedy', () => {
    const [only] = least.site.members;
    const { dataDir: _, ...withoutData } = least;
    const cases: readonly [string, unknown, ...(string | RegExp)[]][] = [
      ['an unknown key', { ...least, colour: 'red' }, '/colour is not a known key', 'check the spelling'],
      ['a misspelt key inside', { ...least, timing: { pingMS: 100 } }, '/timing/pingMS is not a known key'],
      ['a key that is missing', withoutData, '/dataDir is missing'],
      ['another type', { ...least, timing: { pingMs: 'fast' } }, '/timing/pingMs must be integer'],
      ['no number at all', `${JSON.stringify(least).slice(0, -1)}, "timing": {"pingMs": .nan}}`, '/timing/pingMs'],
      ['without end', `${JSON.stringify(least).slice(0, -1)}, "capacity": {"cpuCores": .inf}}`, '/capacity/cpuCores'],
      ['another version', { ...least, version: 2 }, '/version must be 1'],
      [
        'a key that means something to the language',
        `${JSON.stringify(least).slice(0, -1)}, "__proto__": {"level": 1}}`,
        '/__proto__ is not a known key',
      ],
      ['an empty file', '', 'must be object'],
      ['a list', '- a', 'must be object'],
      ['YAML that is none', 'version: 1\nnode: {', /neither YAML nor JSON: .* at line \d+, column \d+$/],
      ['a key that is there twice', 'version: 1\nversion: 1', 'Map keys must be unique at line 2'],
      ['several documents', 'version: 1\n---\nversion: 1', 'multiple documents, one is allowed'],
      ['aliases without end', `a: &a [1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]`, 'alias'],
      ['nesting without end', '['.repeat(5000), 'neither YAML nor JSON'],
      ['a box that is not a member', { ...least, node: { name: 'box-b' } }, '/site/members does not name this box (box-b): add it'],
      [
        'two boxes of one name',
        { ...least, site: { ...least.site, members: [only, member('box-a', 'B')] } },
        'two boxes have the name box-a: every box has its own',
      ],
      [
        'two boxes of one key, over all tiers',
        { ...least, upper: { site: 'plant', members: [member('plant-1', 'A')] } },
        `two boxes have the peerId ${peerId('A')}`,
      ],
      [
        'a box that could never cool down',
        { ...least, availability: { warmBelowPercent: 25, hotBelowPercent: 20 } },
        '/availability: hotBelowPercent and marginPercent together',
      ],
      [
        'an hour that is none',
        { ...least, energy: { prices: [{ from: '24:00', perKwh: 1 }], secondsPerMoney: 1 } },
        '/energy/prices/0/from',
      ],
      ['a kind of news that cannot be ignored', { ...least, replan: { ignore: ['node-lost'] } }, '/replan/ignore/0'],
      [
        'an election that one lost heartbeat starts',
        { ...least, timing: { pingMs: 200, electionMs: 500 } },
        '/timing/electionMs (500)',
        'three times',
      ],
      [
        'a lease that one lost heartbeat ends',
        { ...least, timing: { pingMs: 400, electionMs: 2000, leaseMs: 1000 } },
        '/timing/leaseMs (1000)',
        'three times',
      ],
      ['an election timeout above its bound', { ...least, timing: { electionMaxMs: 300 } }, '/timing/electionMaxMs (300)'],
      ['an election timeout as long as a lease', { ...least, timing: { electionMaxMs: 3000 } }, '/timing/electionMaxMs (3000)'],
      ['leases that end at rest', { ...least, timing: { restPingMs: 1000, lostAfterMs: 4000 } }, '/timing/leaseMs (3000)', 'four times'],
      ['boxes lost at rest', { ...least, timing: { restPingMs: 1000, leaseMs: 4000 } }, '/timing/lostAfterMs (3000)', 'four times'],
      [
        'a rest as soon as it was woken',
        { ...least, timing: { restPingMs: 750, restAfterMs: 2000, electionMaxMs: 1200 } },
        '/timing/restAfterMs (2000)',
      ],
      ['health too old before it is new', { ...least, timing: { healthSampleMs: 9000, healthMaxAgeMs: 5000 } }, '/timing/healthMaxAgeMs'],
      ['a port that is none', { ...least, listen: '/ip4/0.0.0.0/tcp/70000' }, '/listen', '65535'],
      ['a socket path that is too long', { ...least, runtimeDir: 'r'.repeat(120) }, 'longer than 100 bytes', '/runtimeDir'],
    ];
    for (const [what, document, ...words] of cases) it(`C1: ${what}`, () => refused(document, ...words));

    it('C1: a file that is too large, before it is read', () => {
      writeFileSync(file, '');
      truncateSync(file, 5 * 2 ** 30);
      assert.throws(() => loadConfig(file), /agent\.yaml is larger than 1048576 bytes/);
    });

    it('C1: a file that is not there, or no file', () => {
      assert.throws(() => loadConfig(join(dir, 'none.yaml')), /none\.yaml: ENOENT\. Give its path with --config/);
      assert.throws(() => loadConfig(dir), /EISDIR\. Give its path with --config/);
    });
  });
});
