import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimDataDir, type DataDir, type DataDirCode, DataDirError, makeDataDir } from '../../agent/data-dir.ts';

const owner = { node: 'box-a', clusterId: 'press-shop-2026', peerId: '12D3KooWA' };

describe('data directory', () => {
  const dir = join(tmpdir(), `hf-${randomUUID().slice(0, 8)}`);
  const path = join(dir, 'data');
  const claimed: DataDir[] = [];
  beforeEach(() => makeDataDir(path));
  afterEach(() => {
    for (const one of claimed.splice(0)) one.release();
    rmSync(path, { recursive: true, force: true });
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  async function claim(where = path, who: Partial<typeof owner> = {}): Promise<DataDir> {
    const one = await claimDataDir(where, { ...owner, ...who });
    claimed.push(one);
    return one;
  }

  const is =
    (code: DataDirCode, ...words: readonly string[]) =>
    (error: unknown): boolean => {
      assert.ok(error instanceof DataDirError, String(error));
      assert.equal(error.code, code);
      for (const word of words) assert.ok(error.message.includes(word), `${word}: ${error.message}`);
      return true;
    };

  it('K9: is made for its owner only, with nothing left over in it', () => {
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(path), []);
  });

  it('K9: counts its runs, and knows the first', async () => {
    for (const [run, fresh] of [
      [1, true],
      [2, false],
      [3, false],
    ] as const) {
      const one = await claim();
      assert.deepEqual([one.run, one.fresh], [run, fresh]);
      one.release();
    }
    assert.equal(statSync(join(path, 'box.json')).mode & 0o777, 0o600);
  });

  it('K13: a box whose log is gone must not start under its name when no other box is known; one that never had a log may', async () => {
    (await claim()).release();
    const one = await claim();
    mkdirSync(join(path, 'log'));
    one.logMade();
    one.release();
    (await claim()).release();
    rmSync(join(path, 'log'), { recursive: true });
    await assert.rejects(claim(), is('DATA_DIR_LOG_LOST', 'no other box is known'));
    await assert.rejects(claim(), is('DATA_DIR_LOG_LOST'), 'it is not forgotten at the next start');
    mkdirSync(join(path, 'log'));
    (await claim()).release();
  });

  it('K13: where others are known it begins anew under another incarnation, and says so until it is well', async () => {
    const one = await claim();
    one.logMade();
    one.release();
    const anew = await claimDataDir(path, owner, true);
    assert.equal(anew.healing?.code, 'DATA_DIR_LOG_LOST');
    assert.notEqual(anew.incarnation, one.incarnation);
    anew.release();
    const again = await claim();
    assert.deepEqual([again.incarnation, again.rejoined, again.healing?.code], [anew.incarnation, true, 'DATA_DIR_LOG_LOST']);
    again.healed();
    again.release();
    const well = await claim();
    assert.deepEqual([well.incarnation, well.rejoined, well.healing], [anew.incarnation, true, undefined]);
  });

  it('K13: a damaged memory is set aside before anything is done under the new incarnation, over any crash; two are kept', async () => {
    const fill = (word: string): void => {
      mkdirSync(join(path, 'log'));
      writeFileSync(join(path, 'log', 'vote'), word);
    };
    const damage = { code: 'LOG_CORRUPT', message: 'the place' };
    let one = await claim();
    for (const word of ['1', '2', '3']) {
      fill(word);
      one.beginHealing(damage);
      assert.equal(existsSync(join(path, 'log')), false);
    }
    assert.deepEqual(
      readdirSync(path).filter((name) => name.startsWith('damaged-')),
      ['damaged-2', 'damaged-3'],
    );
    one.release();
    // The power went between the new incarnation and the move.
    fill('4');
    const file = join(path, 'box.json');
    const record = JSON.parse(readFileSync(file, 'utf8')) as { healing: object };
    writeFileSync(file, JSON.stringify({ ...record, healing: { ...record.healing, aside: 4 } }));
    one = await claim();
    assert.equal(readFileSync(join(path, 'damaged-4', 'log', 'vote'), 'utf8'), '4');
    assert.equal(existsSync(join(path, 'log')), false);
    // Once it is done, what is made anew stays.
    fill('new');
    one.release();
    assert.equal((await claim()).healing?.code, 'LOG_CORRUPT');
    assert.equal(existsSync(join(path, 'log')), true);
  });

  it('K9: belongs to one box of one cluster under one key; a refusal changes nothing and keeps no lock', async () => {
    (await claim()).release();
    const before = readFileSync(join(path, 'box.json'), 'utf8');
    await assert.rejects(
      claim(path, { node: 'box-b' }),
      is('DATA_DIR_OTHER_NODE', path, 'box-a', 'box-b', 'correct /dataDir or /node/name'),
    );
    await assert.rejects(
      claim(path, { clusterId: 'mill' }),
      is('DATA_DIR_OTHER_CLUSTER', 'press-shop-2026', 'mill', 'correct /site/clusterId, or use an empty directory'),
    );
    await assert.rejects(
      claim(path, { peerId: '12D3KooWB' }),
      is('DATA_DIR_OTHER_NODE', '12D3KooWA', '12D3KooWB', 'put the former key back'),
    );
    assert.equal(readFileSync(join(path, 'box.json'), 'utf8'), before);
    await claim();
  });

  it('K13: a damaged record is never taken for a new directory', async () => {
    for (const bytes of [
      '',
      '{',
      'null',
      '[]',
      '{"version":1,"node":"box-a","clusterId":"press-shop-2026","peerId":"12D3KooWA"}',
      '\0'.repeat(80),
    ]) {
      writeFileSync(join(path, 'box.json'), bytes);
      await assert.rejects(claim(), is('DATA_DIR_DAMAGED', 'box.json', 'from a copy', 'join as new'));
      assert.equal(readFileSync(join(path, 'box.json'), 'utf8'), bytes);
    }
    mkdirSync(join(path, 'log'));
    const anew = await claimDataDir(path, owner, true);
    claimed.push(anew);
    assert.deepEqual([anew.healing?.code, anew.rejoined, existsSync(join(path, 'log'))], ['DATA_DIR_DAMAGED', true, false]);
    assert.equal(existsSync(join(path, 'damaged-1', 'log')), true, 'where others are known');
  });

  it('K9: a record that was being written when the power went does not stand in the way', async () => {
    (await claim()).release();
    writeFileSync(join(path, 'box.json.new'), '{"ver');
    assert.equal((await claim()).run, 2);
    assert.equal(existsSync(join(path, 'box.json.new')), false);
  });

  it('K9: is taken by one agent at a time, by whatever name the other calls it', async () => {
    const first = await claim();
    const link = join(dir, 'link');
    symlinkSync(path, link);
    for (const name of [path, `${path}/`, join(path, '..', 'data', '.'), link])
      await assert.rejects(claim(name), is('DATA_DIR_IN_USE', name, 'stop it first'), name);
    assert.equal(JSON.parse(readFileSync(join(path, 'box.json'), 'utf8')).runs, 1, 'who is refused does not count');
    first.release();
    assert.equal((await claim(link)).run, 2);
  });

  it('K9: is free again as soon as an agent is killed', async function () {
    this.timeout(20_000);
    const url = new URL('../../agent/data-dir.ts', import.meta.url).href;
    const script = `
      const { claimDataDir } = await import(${JSON.stringify(url)});
      await claimDataDir(${JSON.stringify(path)}, ${JSON.stringify(owner)});
      process.stdout.write('claimed');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      await assert.rejects(claim(), is('DATA_DIR_IN_USE'));
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    assert.equal((await claim()).run, 2);
  });

  describe('that cannot be written', () => {
    it('K16: is named, with what to do', () => {
      writeFileSync(join(dir, 'file'), '');
      assert.throws(() => makeDataDir(join(dir, 'file')), is('DATA_DIR_NOT_WRITABLE', 'EEXIST', 'its own directory'));
      assert.throws(() => makeDataDir(join(dir, 'file', 'data')), is('DATA_DIR_NOT_WRITABLE', 'ENOTDIR'));
      symlinkSync(join(dir, 'disk-that-is-gone'), join(dir, 'disk'));
      assert.throws(() => makeDataDir(join(dir, 'disk', 'data')), is('DATA_DIR_NOT_WRITABLE', 'ENOENT', 'is a disk not mounted?'));
    });

    it('K16: because it is somebody else’s', async function () {
      this.timeout(20_000);
      const foreign = join(dir, 'foreign');
      mkdirSync(foreign);
      chmodSync(foreign, 0o555);
      chmodSync(dir, 0o755);
      const asRoot = process.getuid?.() === 0;
      // Root may write everywhere: be nobody for this call.
      if (asRoot) process.seteuid?.(65_534);
      try {
        assert.throws(() => makeDataDir(foreign), is('DATA_DIR_NOT_WRITABLE', foreign, 'EACCES', 'change its owner'));
      } finally {
        if (asRoot) process.seteuid?.(0);
      }
    });
  });
});
