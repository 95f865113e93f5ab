/**
 * Makes dist/: generated validators, then one bundled file per entry. With `--types`, as `npm run build` calls it, the types kept
 * in the repository are written as well; without, stale ones stay and a test finds them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { generateTypes, generateValidators } from '../schemas/tools/generate.ts';

const root = new URL('../', import.meta.url);

if (process.argv.includes('--types')) writeFileSync(new URL('schemas/generated/types.ts', root), await generateTypes());
writeFileSync(new URL('schemas/generated/validators.js', root), generateValidators());
mkdirSync(new URL('dist/', root), { recursive: true });

// esbuild prints what is wrong by itself; a stack trace of ours would only bury it.
await build({
  absWorkingDir: root.pathname,
  entryPoints: {
    holdfast: 'agent/main.ts',
    'placement-worker': 'agent/placement/worker.ts',
    'plan-worker': 'agent/cli/plan-worker.ts',
    inventory: 'agent/health/inventory-main.ts',
  },
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
}).catch(() => {
  process.exitCode = 1;
});
