/**
 * Builds what the code needs from the schemas:
 *   node schemas/tools/generate.ts types        writes schemas/generated/types.ts (kept in the repository)
 *   node schemas/tools/generate.ts validators   writes schemas/generated/validators.js (made by the build)
 * Validators are compiled here, not at start: compiling them costs an agent 200 ms and 20 MB.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

const root = new URL('../', import.meta.url);

/** All schemas by title, in the order of their file names. */
export function loadSchemas(): ReadonlyMap<string, JSONSchema> {
  const files = readdirSync(root)
    .filter((name) => name.endsWith('.schema.json'))
    .sort();
  return new Map(
    files.map((file) => {
      const schema = JSON.parse(readFileSync(new URL(file, root), 'utf8')) as JSONSchema;
      if (schema.title === undefined) throw new Error(`schemas/${file} has no title: give it one, it becomes the type's name`);
      return [schema.title, schema];
    }),
  );
}

/** A strict ajv with every schema added; formats are not used, so unknown ones are an error. */
export function makeAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    // Properties required only inside `oneOf` branches and unions such as ["integer", "null"] are meant.
    strictRequired: false,
    allowUnionTypes: true,
    // The branch a `type` names tells what is wrong, instead of all branches at once.
    discriminator: true,
    allErrors: false,
    useDefaults: false,
    code: { source: true, esm: true, lines: false },
  });
  for (const schema of loadSchemas().values()) ajv.addSchema(schema as AnySchemaObject);
  return ajv;
}

/** TypeScript for all schemas in one module, so that shared definitions become shared types. */
export async function generateTypes(): Promise<string> {
  const schemas = loadSchemas();
  const rootSchema: JSONSchema = {
    title: 'AllDocuments',
    type: 'object',
    additionalProperties: false,
    required: [...schemas.keys()].filter((title) => title !== 'Common'),
    properties: Object.fromEntries(
      readdirSync(root)
        .filter((name) => name.endsWith('.schema.json') && name !== 'common.schema.json')
        .sort()
        .map((file) => [(JSON.parse(readFileSync(new URL(file, root), 'utf8')) as JSONSchema).title as string, { $ref: file }]),
    ),
  };
  return compile(rootSchema, 'AllDocuments', {
    cwd: root.pathname,
    bannerComment: '// Made from schemas/*.schema.json by schemas/tools/generate.ts: change those, then run `npm run build`.',
    additionalProperties: false,
    // Arrays stay arrays: tuples for every minItems make the types unreadable.
    ignoreMinAndMaxItems: true,
    $refOptions: { resolve: { http: false } },
    style: { singleQuote: true, printWidth: 140 },
  });
}

/** One ES module with a validator per schema title. */
export function generateValidators(): string {
  const ajv = makeAjv();
  const exports: Record<string, string> = {};
  for (const [title, schema] of loadSchemas()) if (title !== 'Common') exports[title] = schema.$id as string;
  // ajv's generator leaves `require` calls even in ES modules: turn them into imports.
  const helpers = new Map<string, string>();
  const code = standaloneCode.default(ajv, exports).replace(/require\("([^"]+)"\)/g, (_, path: string) => {
    const name = helpers.get(path) ?? `helper${helpers.size}`;
    helpers.set(path, name);
    return name;
  });
  const imports = [...helpers].map(([path, name]) => `import ${name} from '${path}.js';`);
  return [...imports, code, ''].join('\n');
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const what = process.argv[2];
  if (what === 'types') writeFileSync(new URL('generated/types.ts', root), await generateTypes());
  else if (what === 'validators') writeFileSync(new URL('generated/validators.js', root), generateValidators());
  else {
    process.stderr.write('usage: generate.ts types|validators\n');
    process.exitCode = 2;
  }
}
