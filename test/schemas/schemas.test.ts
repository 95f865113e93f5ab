import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { generateTypes, loadSchemas, makeAjv } from '../../schemas/tools/generate.ts';

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every subschema with its path, depth first. */
function* subschemas(value: unknown, path: string): Generator<{ readonly path: string; readonly schema: Node }> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* subschemas(item, `${path}/${index}`);
  } else if (isNode(value)) {
    yield { path, schema: value };
    for (const [key, child] of Object.entries(value)) yield* subschemas(child, `${path}/${key}`);
  }
}

/** Names that say what is counted, and in which unit. */
const namesItsUnit =
  /(Ms|Seconds|Bytes|KiB|MiB|GHz|Percent|Cores|[mM]bps|MBps|MB|MBPer\w+|Port|Hops|PerHour)$|^(mbps|port|pid|replicas?|run|seq|epoch|term|index|revision|version|weight|cost|value|count|code|level|limit|hops|bytes|restarts|runs|maxWorkloads)$|(Revision|Epoch|Index|Count|Number|Max|Min|Cost|Weight|Size)$/;

describe('schemas', () => {
  const schemas = [...loadSchemas()];

  it('each compile in strict mode', () => {
    const ajv = makeAjv();
    for (const [title, schema] of schemas) assert.equal(typeof ajv.getSchema(schema.$id as string), 'function', title);
  });

  for (const [title, schema] of schemas) {
    it(`${title} is draft 2020-12 with an address, a title and a description`, () => {
      assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
      assert.match(schema.$id ?? '', /^https:\/\/holdfast\.dev\/schemas\/[a-z-]+\.schema\.json$/);
      assert.ok((schema.description ?? '').length > 10, 'a description in words');
    });

    it(`${title} refuses unknown keys, and bounds every text, list and map`, () => {
      for (const { path, schema: part } of subschemas(schema, '#')) {
        const types = [part['type']].flat();
        if (isNode(part['properties']) && types.includes('object')) {
          assert.ok('additionalProperties' in part, `${path}: says nothing about unknown keys`);
        }
        if (types.includes('array')) assert.ok('maxItems' in part, `${path}: a list without maxItems`);
        if (types.includes('string'))
          assert.ok('maxLength' in part || 'pattern' in part || 'enum' in part, `${path}: a text without a bound`);
      }
    });

    it(`${title} tells the unit or the meaning of every number`, () => {
      const dumb: string[] = [];
      for (const { path, schema: part } of subschemas(schema, '#')) {
        if (!isNode(part['properties'])) continue;
        for (const [name, property] of Object.entries(part['properties'])) {
          if (!isNode(property) || !['number', 'integer'].some((type) => [property['type']].flat().includes(type))) continue;
          if (typeof property['description'] !== 'string' && !namesItsUnit.test(name)) dumb.push(`${path}/properties/${name}`);
        }
      }
      assert.deepEqual(dumb, []);
    });
  }

  it('have the generated types that are kept in the repository (if not: npm run build)', async () => {
    const kept = readFileSync(new URL('../../schemas/generated/types.ts', import.meta.url), 'utf8');
    assert.equal(await generateTypes(), kept);
  });
});
