/**
 * The first thing that runs after a clone, so it is plain JavaScript for any Node from 20 on, without packages.
 * It brings node_modules and dist up to date and hands over to the Node 24 that npm installed there.
 *   node packaging/bootstrap.mjs start|test|check|build|bench|sim|sim:boxes|sim:mutants|explore|fuzz|chaos [arguments]
 * Nothing here writes to standard output: `npm start -- --verify --json` prints JSON and nothing else.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const node = join(root, 'node_modules/.bin/node');
const stampFile = join(root, 'dist/.sources');

/** What goes into dist: a change of any of these makes it stale. */
const sources = ['agent', 'consensus', 'schemas', 'packaging/build.ts', 'package-lock.json'];
/** Written by the build itself. */
const made = ['schemas/generated'];

/** Who started us. */
const parent = process.ppid;

const tests = 'test/**/*.test.ts';

/** Steps of each verb: the program's arguments after `node`. All but `build` come after the build. */
const verbs = {
  start: (rest) => [['dist/holdfast.mjs', 'demo', ...rest]],
  test: (rest) => [mocha(rest)],
  check: (rest) => [['node_modules/@biomejs/biome/bin/biome', 'ci', '.'], ['node_modules/typescript/bin/tsc', '-p', '.'], mocha(rest)],
  build: () => [],
  bench: (rest) => [['test/bench/main.ts', ...rest]],
  sim: (rest) => [['test/sim/main.ts', ...rest]],
  'sim:boxes': (rest) => [['test/sim/whole/main.ts', ...rest]],
  'sim:mutants': (rest) => [['test/sim/mutants/main.ts', ...rest]],
  explore: (rest) => [['test/explore/main.ts', ...rest]],
  fuzz: (rest) => [['test/fuzz/main.ts', ...rest]],
  chaos: (rest) => [['test/chaos/main.ts', ...rest]],
};

/** Files named by the caller replace the default list; options alone (`--grep K6`) do not. */
function mocha(rest) {
  const named = rest.some((argument) => /\.(ts|mjs|js)$/.test(argument));
  return ['node_modules/mocha/bin/mocha.js', ...(named ? [] : [tests]), ...rest];
}

async function main([verb, ...rest]) {
  const steps = Object.hasOwn(verbs, verb ?? '') ? verbs[verb] : undefined;
  if (steps === undefined) return fail(`usage: npm run ${Object.keys(verbs).join('|')} -- [arguments]`, 2);
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20)
    return fail(
      `Node ${process.versions.node} is too old to set Holdfast up: install any Node from 20 on. Holdfast then brings its own.`,
      1,
    );
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) {
    return fail(`Holdfast runs on Linux on x64 or arm64; this is ${process.platform} on ${process.arch}.`, 1);
  }

  const installed = await install();
  if (installed !== 0) return installed;
  const built = await build(verb === 'build');
  if (built !== 0) return built;
  for (const step of steps(rest)) {
    const code = await run(node, step, 'inherit');
    if (code !== 0) return code;
  }
  return 0;
}

async function install() {
  const reason = staleInstall(root);
  if (reason === undefined) return 0;
  say(`installing packages (${reason})`);
  // Not `npm ci`: it refuses a lock file without the packages that other operating systems would get, and ours lists Linux alone.
  // `--no-save` keeps package-lock.json as it is; versions and integrity come from it all the same.
  const code = await run('npm', ['install', '--no-save', '--no-audit', '--no-fund'], 2);
  if (code !== 0)
    return fail('the packages could not be installed: npm says above why. The package registry must be reachable once.', code);
  const left = staleInstall(root);
  return left === undefined
    ? 0
    : fail(`after the installation still: ${left}. Were optional packages left out (--omit=optional)? Node 24 is one.`, 1);
}

/** Why node_modules does not fit package-lock.json; undefined when it does. npm writes its own list last, so a broken-off installation shows. */
export function staleInstall(directory) {
  const listFile = join(directory, 'node_modules/.package-lock.json');
  if (!existsSync(listFile)) return 'there are none yet';
  const wanted = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(listFile, 'utf8')).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = present[path];
    // Optional packages of other platforms are left out by npm.
    if (found === undefined && (entry.optional || entry.devOptional || entry.peer)) continue;
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return `${path} is not what package-lock.json names`;
  }
  return existsSync(join(directory, 'node_modules/.bin/node')) ? undefined : 'its Node 24 is missing';
}

async function build(always) {
  const digest = sourcesDigest(root);
  if (!always && isBuilt(digest)) return 0;
  say('building');
  rmSync(stampFile, { force: true });
  // Only an explicit `npm run build` rewrites the types kept in the repository: otherwise stale ones would never show in a test.
  const code = await run(node, ['packaging/build.ts', ...(always ? ['--types'] : [])], 2);
  if (code !== 0) return fail('the build failed: see above', code);
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(stampFile, `${digest}\n`);
  return 0;
}

function isBuilt(digest) {
  const bundles = ['holdfast', 'inventory', 'placement-worker', 'plan-worker'].map((name) => `dist/${name}.mjs`);
  const outputs = [...bundles, 'schemas/generated/validators.js', 'dist/.sources'];
  return outputs.every((output) => existsSync(join(root, output))) && readFileSync(stampFile, 'utf8').trim() === digest;
}

/** SHA-256 over names and contents of everything the build reads. */
export function sourcesDigest(directory) {
  const hash = createHash('sha256');
  for (const source of sources) {
    for (const file of filesUnder(directory, source))
      hash
        .update(`${file}\0`)
        .update(readFileSync(join(directory, file)))
        .update('\0');
  }
  return hash.digest('hex');
}

function filesUnder(directory, path) {
  if (made.includes(path)) return [];
  const full = join(directory, path);
  if (!existsSync(full)) return [];
  let names;
  try {
    names = readdirSync(full).sort();
  } catch (error) {
    if (error.code === 'ENOTDIR') return [path];
    throw error;
  }
  return names.flatMap((name) => filesUnder(directory, `${path}/${name}`));
}

/**
 * Runs a program to its end and gives its exit code. A signal meant for us goes to the program, and we wait until it has ended.
 * @param output where its standard output goes: 'inherit', or 2 for our standard error.
 */
function run(program, programArguments, output) {
  return new Promise((resolve) => {
    const child = spawn(program, programArguments, {
      cwd: root,
      stdio: ['inherit', output, 'inherit'],
      // The scripts of the repository and whatever they start must find the same Node.
      env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}` },
    });
    const sentAt = new Map();
    const forward = (signal) => {
      // Ctrl-C reaches the whole foreground group, the program included; a second copy would look like an impatient user.
      if (signal === 'SIGINT' && inForeground()) return;
      // npm forwards what it gets, so a signal to the group arrives here twice.
      if (Date.now() - (sentAt.get(signal) ?? -Infinity) < 500) return;
      sentAt.set(signal, Date.now());
      child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    let orphaned = false;
    const watch = setInterval(() => {
      // npm passes a signal on to its shell alone, which dies of it without a word to us: being orphaned is the only news.
      if (orphaned || process.env['npm_lifecycle_event'] === undefined || process.ppid === parent) return;
      orphaned = true;
      forward('SIGTERM');
    }, 250);
    const done = (code) => {
      clearInterval(watch);
      for (const signal of signals) process.removeListener(signal, forward);
      resolve(code);
    };
    child.once('error', (error) => done(fail(`cannot run ${program}: ${error.message}`, 1)));
    child.once('exit', (code, signal) => done(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}

/** Whether our process group is the one the controlling terminal sends Ctrl-C to (fields 5 and 8 of /proc/self/stat). */
function inForeground() {
  const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return group === foreground;
}

function say(text) {
  process.stderr.write(`holdfast: ${text} …\n`);
}

function fail(text, code) {
  process.stderr.write(`holdfast: ${text}\n`);
  return code;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2));
