import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { root, sourcesUnder } from './sources.ts';

const linesMax = 400;
const generated = new Set(['schemas/generated/types.ts']);

/** Files the repository keeps; those not committed yet are left to their authors. */
function keptFiles(): readonly string[] {
  return execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file !== '' && existsSync(new URL(file, root)));
}

describe('repository', () => {
  it('every source file is shorter than 400 lines', () => {
    const long = sourcesUnder('agent', 'consensus', 'schemas', 'packaging', 'test').filter(
      ({ path, text }) => !generated.has(path) && text.split('\n').length >= linesMax,
    );
    assert.deepEqual(
      long.map(({ path }) => path),
      [],
    );
  });

  it('no file silences a check', () => {
    // Written in two halves, so that this file does not find itself.
    const words = ['@ts-' + 'ignore', '@ts-' + 'expect-error', '@ts-' + 'nocheck', 'biome-' + 'ignore', 'TO' + 'DO', 'FIX' + 'ME'];
    const found = sourcesUnder('agent', 'consensus', 'schemas', 'packaging', 'test').flatMap(({ path, text }) =>
      words.filter((word) => text.includes(word)).map((word) => `${path}: ${word}`),
    );
    assert.deepEqual(found, []);
  });

  it('no file names a directory of the machine it was written on', () => {
    const place = fileURLToPath(root).replace(/\/$/, '');
    const found = keptFiles()
      .filter((file) => file !== 'package-lock.json' && !/\.(png|gz)$/.test(file))
      .flatMap((file) => {
        const text = readFileSync(new URL(file, root), 'utf8');
        // A short path such as /app is an ordinary word in a document.
        return /\/(home|Users)\/[a-z]+\//.test(text) || (place.split('/').length > 2 && text.includes(`${place}/`)) ? [file] : [];
      });
    assert.deepEqual(found, []);
  });

  it('every mechanism of placement that ARCHITECTURE.md lists is where it says, and has the tests it names', () => {
    const text = readFileSync(new URL('ARCHITECTURE.md', root), 'utf8');
    const from = text.indexOf('## Placement, mechanism by mechanism');
    const rows = text.slice(from, text.indexOf('## Decisions', from)).match(/^\| [^-|].*$/gm) ?? [];
    const files = keptFiles();
    const sources = sourcesUnder('agent', 'test');
    const missing = rows.slice(1).flatMap((row) => {
      const [, mechanism = '', where = '', shown = ''] = row.split('|');
      const names = [...where.replaceAll(/\(.*?\)/g, '').matchAll(/`([a-z/-]+)(?:\.md)?`/g)].map(([, name = '']) => name);
      const tests = [...shown.matchAll(/`([a-z0-9/-]+)\.test`/g)].map(([, name = '']) => `${name}.test.ts`);
      const ids = shown.match(/\b[A-Z][0-9]+\b/g) ?? [];
      return [
        ...names.filter((name) => !files.some((file) => file.startsWith('agent/') && new RegExp(`/${name}(?:\\.ts|\\.md|/)`).test(file))),
        ...tests.filter((test) => !files.some((file) => file.endsWith(`/${test}`))),
        ...ids.filter(
          (id) => !sources.some(({ path, text: code }) => path.endsWith('.test.ts') && new RegExp(`it\\('[^']*\\b${id}\\b`).test(code)),
        ),
        ...(names.length === 0 || tests.length === 0 ? ['a place or a test'] : []),
      ].map((what) => `${mechanism.trim()}: ${what}`);
    });
    assert.ok(rows.length > 20);
    assert.deepEqual(missing, []);
  });

  it('every error code that ARCHITECTURE.md or README.md lists in a table is in the code', () => {
    const text = sourcesUnder('agent', 'consensus', 'schemas')
      .map((source) => source.text)
      .join('\n');
    const listed = ['README.md', 'ARCHITECTURE.md', 'consensus/README.md']
      .filter((file) => existsSync(new URL(file, root)))
      .flatMap((file) =>
        [...readFileSync(new URL(file, root), 'utf8').matchAll(/^\| `([A-Z]+(?:_[A-Z]+)+)` \|/gm)].map(([, code]) => code ?? ''),
      );
    assert.deepEqual(
      listed.filter((code) => !text.includes(code)),
      [],
    );
  });

  it('the systemd unit gives the agent the environment that it is measured with', () => {
    const unit = readFileSync(new URL('packaging/holdfast.service', root), 'utf8');
    for (const [name, value] of Object.entries(packageJson.config.nodeEnvironment))
      assert.match(unit, new RegExp(`^Environment=.*\\b${name}=${value}\\b`, 'm'));
    assert.match(unit, /^Environment=NODE_OPTIONS=--max-semi-space-size=4$/m);
    assert.ok(packageJson.config.nodeFlags.includes('--max-semi-space-size=4'));
  });

  it('the systemd unit passes systemd-analyze verify without a word', function () {
    if (spawnSync('systemd-analyze', ['--version']).status !== 0) this.skip();
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-unit-'));
    try {
      // The program is not installed where the tests run, and verify insists on it: any program stands in.
      const unit = readFileSync(new URL('packaging/holdfast.service', root), 'utf8');
      assert.match(unit, /^ExecStart=\/usr\/bin\/holdfast agent --config \/etc\/holdfast\/agent\.yaml$/m);
      writeFileSync(join(directory, 'holdfast.service'), unit.replace('ExecStart=/usr/bin/holdfast', 'ExecStart=/bin/true'));
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(directory, 'holdfast.service')], { encoding: 'utf8' });
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
