import assert from 'node:assert/strict';
import { codeOf, type Import, importsOf, type Source, sourcesUnder } from './sources.ts';

/** Folders that hold no I/O, no clock, no chance, nothing asynchronous: replicas and replays must compute the same. */
const pureFolders = ['consensus/core', 'consensus/session', 'agent/lib', 'agent/state', 'agent/placement'];
/** The planning thread and the door to it are the only parts of agent/placement that touch the world. */
const pureExceptions = new Set(['agent/placement/worker.ts', 'agent/placement/planner.ts']);

const consensusTypes = ['consensus/core/', 'consensus/session/', 'consensus/driver/ports.ts'];
const documents = ['schemas/generated/types.ts', 'schemas/validate.ts'];

/** Which of our own files each room may import, besides its own; by the start of the path. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  'consensus/core/': [],
  'consensus/session/': ['consensus/core/'],
  'consensus/driver/': ['consensus/core/', 'consensus/session/'],
  'agent/lib/': ['consensus/core/types.ts'],
  // It is the driver's state machine, and so knows the shape of that port.
  'agent/state/': ['agent/lib/', 'consensus/core/', 'consensus/session/', 'consensus/driver/ports.ts', 'schemas/generated/types.ts'],
  'agent/placement/': ['agent/lib/', 'schemas/generated/types.ts', 'agent/ports.ts'],
  // The leader's duties: they join state and plan.
  'agent/control/': ['agent/lib/', 'agent/state/', 'agent/placement/', 'agent/ports.ts', ...consensusTypes, ...documents],
  // Carries the consensus frames, so it speaks their codec.
  'agent/network/': ['agent/lib/', 'agent/state/', 'agent/ports.ts', ...consensusTypes, 'consensus/driver/', ...documents],
  'agent/health/': ['agent/lib/', 'agent/state/', 'agent/ports.ts', ...consensusTypes, ...documents],
  'agent/uplink/': ['agent/lib/', 'agent/state/', 'agent/ports.ts', ...consensusTypes, ...documents],
  'agent/workload/': ['agent/lib/', 'agent/state/', 'agent/ports.ts', ...consensusTypes, ...documents],
  'agent/status/': ['agent/lib/', 'agent/state/', 'agent/ports.ts', ...consensusTypes, ...documents],
  // A library for programs beside the agent: it knows the site by its documents and by what the state promises.
  'agent/client/': [
    'agent/lib/',
    'agent/state/',
    'consensus/core/types.ts',
    'consensus/driver/boot-clock.ts',
    'package.json',
    ...documents,
  ],
  'agent/cli/': ['agent/client/', 'agent/lib/', 'agent/placement/', 'agent/state/', 'agent/ports.ts', ...consensusTypes, ...documents],
  // Sets up and watches whole agents from outside, and plays one that went wrong.
  'agent/demo/': [
    'agent/lib/',
    'agent/cli/',
    'agent/network/',
    'agent/ports.ts',
    'consensus/driver/boot-clock.ts',
    'package.json',
    ...documents,
  ],
  'schemas/': [],
};

/** Which rule an import breaks, in words. */
function violation(path: string, { target, isOwn }: Import): string | undefined {
  if (!isOwn) return undefined;
  if (target.startsWith('test/')) return 'nothing imports test/';
  if (target === 'agent/compose.ts')
    return path === 'agent/main.ts' || path.startsWith('agent/cli/') ? undefined : 'only main.ts and its commands import compose.ts';
  const room = Object.keys(rooms).find((start) => path.startsWith(start));
  // Files directly in agent/ put the rooms together.
  if (room === undefined) return undefined;
  const allowed = [room, ...(rooms[room] ?? [])];
  return allowed.some((start) => target.startsWith(start)) ? undefined : `${room} may import only ${allowed.join(', ')}`;
}

/** Uses that make a pure folder impure. */
const impure: readonly (readonly [RegExp, string])[] = [
  [/\bDate\b/, 'the wall clock'],
  [/\bperformance\b/, 'a clock'],
  [/\bMath\.random\b/, 'chance'],
  [/\bMath\.(exp|pow|log|log2|log10|sin|cos|tan|cbrt|hypot)\b/, 'a function whose last digit may differ between machines'],
  [/\bprocess\s*\./, 'the process'],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/, 'timers'],
  [/\b(async|await)\b|\bPromise\b/, 'asynchronous code'],
  [/\bconsole\b/, 'output'],
  [/\bfetch\s*\(/, 'the network'],
  [/\blocaleCompare\b|\bIntl\b|\btoLocale/, 'the locale'],
];

function impurities({ path, text, imports }: Source): readonly string[] {
  const code = codeOf(text);
  return [
    ...impure.filter(([pattern]) => pattern.test(code)).map(([pattern, what]) => `${path} uses ${what}: ${pattern.exec(code)?.[0]}`),
    ...imports.filter(({ isOwn, isTypeOnly }) => !isOwn && !isTypeOnly).map(({ target }) => `${path} imports ${target}`),
  ];
}

describe('import directions and purity', () => {
  const sources = sourcesUnder('agent', 'consensus', 'schemas', 'packaging');

  it('every import goes in a direction that ARCHITECTURE.md allows', () => {
    const broken = sources.flatMap(({ path, imports }) =>
      imports.flatMap((one) => {
        const rule = violation(path, one);
        return rule === undefined ? [] : [`${path} imports ${one.target}: ${rule}`];
      }),
    );
    assert.deepEqual(broken, []);
  });

  it('every folder of agent/ and consensus/ has its import rule', () => {
    const folders = new Set(
      sources
        .map(({ path }) => path.split('/'))
        .filter(([top, , file]) => top !== 'packaging' && top !== 'schemas' && file !== undefined)
        .map(([top, room]) => `${top}/${room}/`),
    );
    assert.deepEqual(
      [...folders].filter((folder) => rooms[folder] === undefined),
      [],
    );
  });

  it('the core, the state and placement have no I/O, clock, chance, locale or asynchronous code', () => {
    const pure = sources.filter(({ path }) => pureFolders.some((folder) => path.startsWith(`${folder}/`)) && !pureExceptions.has(path));
    assert.ok(pure.length > 20, 'there are pure files to read');
    assert.deepEqual(pure.flatMap(impurities), []);
  });

  it('the reader of imports sees imports over several lines, of types, of side effects and dynamic ones', () => {
    const text =
      "import a from 'node:fs';\nimport type {\n  B,\n} from '../b.ts';\nexport { c } from './c.ts';\nimport './d.ts';\nconst e = await import('../../e.ts');\n";
    assert.deepEqual(
      importsOf('agent/x/y.ts', text).map(({ target, isOwn, isTypeOnly }) => `${target} ${isOwn} ${isTypeOnly}`),
      ['node:fs false false', 'agent/b.ts true true', 'agent/x/c.ts true false', 'agent/x/d.ts true false', 'e.ts true false'],
    );
  });

  it('the rules find what they are there for', () => {
    const own = (target: string): Import => ({ target, isOwn: true, isTypeOnly: false });
    assert.match(violation('consensus/core/raft.ts', own('consensus/driver/node.ts')) ?? '', /may import only/);
    assert.match(violation('agent/health/sampler.ts', own('agent/network/host.ts')) ?? '', /may import only/);
    assert.match(violation('agent/lib/x.ts', own('test/x.ts')) ?? '', /nothing imports test/);
    assert.equal(
      impurities({
        path: 'x',
        text: "import fs from 'node:fs';\nconst now = Date.now(); // Math.random()\n",
        imports: importsOf('x', "import fs from 'node:fs';"),
      }).length,
      2,
    );
  });
});
