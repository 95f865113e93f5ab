import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadOrCreateIdentity } from '../../../agent/network/identity.ts';

describe('identity', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'holdfast-identity-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('is made once, readable by its owner alone, and is the same ever after', async () => {
    const first = await loadOrCreateIdentity(dir);
    const second = await loadOrCreateIdentity(dir);
    assert.equal(second.peerId, first.peerId);
    assert.match(first.peerId, /^12D3KooW/);
    assert.deepEqual(await readdir(dir), ['identity.key']);
    assert.equal((await stat(join(dir, 'identity.key'))).mode & 0o777, 0o600);
  });

  it('is refused when others may read the key, and the remedy is named', async () => {
    await loadOrCreateIdentity(dir);
    await chmod(join(dir, 'identity.key'), 0o640);
    await assert.rejects(loadOrCreateIdentity(dir), { code: 'IDENTITY_PERMISSIONS', message: /mode 0640.*chmod 600/ });
  });

  it('is refused when the file holds something else, and is never replaced in silence', async () => {
    for (const content of ['', 'no key', 'x'.repeat(5000)]) {
      await writeFile(join(dir, 'identity.key'), content, { mode: 0o600 });
      await assert.rejects(loadOrCreateIdentity(dir), { code: 'IDENTITY_DAMAGED' });
      assert.equal((await stat(join(dir, 'identity.key'))).size, content.length);
    }
  });

  it('goes on after a crash that left a half-written draft', async () => {
    await writeFile(join(dir, 'identity.key.new'), 'half');
    const { peerId } = await loadOrCreateIdentity(dir);
    assert.equal((await loadOrCreateIdentity(dir)).peerId, peerId);
  });

  it('says which directory cannot be written', async () => {
    await assert.rejects(loadOrCreateIdentity(join(dir, 'missing')), { code: 'IDENTITY_IO', message: /missing/ });
  });
});
