#!/usr/bin/env node
/** The command `holdfast` in a clone of the repository: runs dist/holdfast.mjs with the Node 24 that npm installed. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath, pathToFileURL } from 'node:url';

const nodeMajor = 24;
const program = fileURLToPath(new URL('../dist/holdfast.mjs', import.meta.url));
const node = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));

if (!existsSync(program)) {
  process.stderr.write('holdfast: it is not built yet: run `npm run build` first\n');
  process.exitCode = 1;
} else if (Number(process.versions.node.split('.')[0]) >= nodeMajor) {
  // As if it had been called itself: it looks at its own path to see whether it is the main program.
  process.argv[1] = program;
  await import(pathToFileURL(program).href);
} else if (!existsSync(node)) {
  process.stderr.write(`holdfast: needs Node ${nodeMajor}, this is ${process.versions.node}: run \`npm ci\`, which brings it\n`);
  process.exitCode = 1;
} else {
  const { config } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const child = spawn(node, [...config.nodeFlags, program, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, ...config.nodeEnvironment },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // On a terminal Ctrl-C has reached the child already.
      if (signal !== 'SIGINT' || !inForeground()) child.kill(signal);
    });
  }
  child.once('error', (error) => {
    process.stderr.write(`holdfast: cannot run ${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** Whether our process group is the one the controlling terminal sends Ctrl-C to (fields 5 and 8 of /proc/self/stat). */
function inForeground() {
  const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return group === foreground;
}
