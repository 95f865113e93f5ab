import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { loadSchemas } from '../../schemas/tools/generate.ts';
import { type DocumentKind, parseDocument } from '../../schemas/validate.ts';

const examples = new URL('../../schemas/examples/', import.meta.url);

/** Where the fault of an invalid example is to be found. Examples not listed must be refused somewhere. */
const pointers: Readonly<Record<string, string>> = {
  'AgentConfig.data-directory-missing': '/dataDir',
  'AgentConfig.misspelt-key': '/timing/pingMS',
  'AgentConfig.peer-id-of-another-kind': '/upper/members/0/peerId',
  'AgentConfig.status-on-all-addresses': '/status/host',
  'AgentConfig.ten-members': '/site/members',
  'HealthDocument.memory-missing': '/memory',
  'HealthDocument.node-name-with-blank': '/node',
  'HealthDocument.other-version': '/version',
  'HealthDocument.text-for-memory': '/memory/availableBytes',
  'HealthDocument.unknown-key': '/colour',
  'HealthDocument.usage-above-100': '/cpu/usagePercent',
  'Placement.negative-epoch': '/epoch',
  'Placement.unknown-class': '/class',
  'TopologyDocument.device-without-sources': '/devices/0/delivers',
  'TopologyDocument.link-without-bandwidth': '/links/0/mbps',
  'TopologyDocument.negative-memory': '/capacity/memoryMiB',
};

interface Example {
  readonly name: string;
  readonly kind: DocumentKind;
  readonly bytes: Buffer;
}

function load(folder: 'valid' | 'invalid'): readonly Example[] {
  const kinds = new Set(loadSchemas().keys());
  return readdirSync(new URL(folder, examples))
    .sort()
    .map((file) => {
      const [, name, kind] = /^((\w+)\.[a-z0-9-]+)\.json$/.exec(file) ?? [];
      assert.ok(
        name !== undefined && kind !== undefined && kinds.has(kind),
        `${file} is to be called <title of a schema>.<what-it-shows>.json`,
      );
      return { name, kind: kind as DocumentKind, bytes: readFileSync(new URL(`${folder}/${file}`, examples)) };
    });
}

describe('examples', () => {
  const valid = load('valid');
  const invalid = load('invalid');

  for (const { name, kind, bytes } of valid) {
    it(`D1: ${name} is accepted`, () => {
      assert.deepEqual(parseDocument(kind, bytes, 1024 * 1024), { ok: true, value: JSON.parse(bytes.toString()) });
    });
  }

  for (const { name, kind, bytes } of invalid) {
    it(`D1: ${name} is refused${pointers[name] === undefined ? '' : `, and ${pointers[name]} named`}`, () => {
      const parsed = parseDocument(kind, bytes, 1024 * 1024);
      assert.ok(!parsed.ok);
      assert.ok(parsed.problems.length > 0);
      if (pointers[name] !== undefined) assert.equal(parsed.problems[0]?.pointer, pointers[name]);
    });
  }

  it('are all there that this test speaks of', () => {
    const names = new Set(invalid.map(({ name }) => name));
    assert.deepEqual(
      Object.keys(pointers).filter((name) => !names.has(name)),
      [],
    );
  });

  it('D1: a document that is too long is refused before it is parsed', () => {
    const parsed = parseDocument('HealthDocument', Buffer.from('{'.repeat(101)), 100);
    assert.deepEqual(parsed, { ok: false, problems: [{ pointer: '', message: 'is 101 bytes long, 100 are allowed' }] });
  });

  it('D1: bytes that are not UTF-8 are refused', () => {
    assert.ok(!parseDocument('HealthDocument', Uint8Array.of(0x22, 0xff, 0x22), 100).ok);
  });
});
