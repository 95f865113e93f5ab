/** Makes dist/: generated types and validators, then one bundled file per entry. Run by `npm run build`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { generateTypes, generateValidators } from '../schemas/tools/generate.ts';

const root = new URL('../', import.meta.url);

writeFileSync(new URL('schemas/generated/types.ts', root), await generateTypes());
writeFileSync(new URL('schemas/generated/validators.js', root), generateValidators());
mkdirSync(new URL('dist/', root), { recursive: true });

await build({
  absWorkingDir: root.pathname,
  entryPoints: { holdfast: 'agent/main.ts', 'placement-worker': 'agent/placement/worker.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  // Names stay readable in a stack trace an operator sends us.
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: false,
  sourcemap: false,
  legalComments: 'none',
  // Native code cannot be bundled; it is found in node_modules beside dist.
  external: ['classic-level'],
  logLevel: 'warning',
  banner: {
    // Some bundled CommonJS packages call require for Node's own modules.
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
});
