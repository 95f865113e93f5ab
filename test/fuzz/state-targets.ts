/** What reaches the replicated state and the public interfaces. */
import assert from 'node:assert/strict';
import { decodeEnvelope, type Envelope, encodeEnvelope } from '../../agent/state/commands.ts';
import { SiteState } from '../../agent/state/site-state.ts';
import { type Entry, logIndex, term } from '../../consensus/core/types.ts';
import { checkDocument, parseDocument } from '../../schemas/validate.ts';
import type { SeededRandom } from '../sim/random.ts';
import type { Target } from './target.ts';

const keys = ['a', 'b', 'lock/', 'größe'] as const;

function envelope(random: SeededRandom): Envelope {
  const [key, value] = [random.pick(keys), String(random.nextInt(9))];
  const claim = { session: random.between(1, 9), ownerEpoch: random.between(1, 9) };
  const sender = random.pick<Omit<Envelope, 'command'>>([
    {},
    { idempotencyKey: value },
    { request: { ...claim, sequence: random.nextInt(9), lowestAwaited: 0 } },
  ]);
  const put = { type: 'put', key, value, ...(random.chance(30) ? { session: claim, sequential: true } : {}) } as const;
  const command = random.pick<Envelope['command']>([
    { type: 'kvPut', key, value },
    { type: 'kvPut', key, value, expectRevision: random.nextInt(5), session: claim, sequential: random.chance(50) },
    { type: 'kvDelete', key },
    {
      type: 'kvTxn',
      guards: [{ key, revision: random.nextInt(5) }],
      operations: [put, { type: 'delete', key: 'b' }, { type: 'deletePrefix', prefix: key }],
    },
    { type: 'sessionOpen', ttlMs: 5000, owner: 'n1' },
    { type: 'sessionMove', session: claim.session, owner: 'n2' },
    { type: 'sessionClose', session: claim.session },
    { type: 'sessionsExpire', sessions: [claim.session, claim.ownerEpoch] },
    { type: 'workloadDelete', name: key },
  ]);
  return { ...sender, command } as Envelope;
}

/** One state for all inputs, so that they meet one that has something in it; begun anew now and then. */
let state = new SiteState(false);
let index = 0;

const command: Target = {
  name: 'commands',
  cost: 4,
  valid: (random) => encodeEnvelope(envelope(random)),
  check(input) {
    if (index % 20_000 === 0) state = new SiteState(false);
    index += 1;
    const entry: Entry = { index: logIndex(index), term: term(1), kind: 'command', origin: undefined, data: input };
    const before = decodeEnvelope(input);
    const { result, changes } = state.apply(entry);
    const { ok } = result as { readonly ok: boolean };
    if (before !== undefined) return ok ? 'taken' : 'refused';
    assert.ok(!ok, 'what is no command changes nothing');
    assert.deepEqual(changes, []);
    return 'refused';
  },
};

const pipeLine: Target = {
  name: 'pipe lines',
  cost: 2,
  valid(random) {
    const method = random.pick(['GET', 'PUT', 'POST', 'DELETE']);
    const once = random.pick([
      {},
      { once: { idempotencyKey: 'x' } },
      { once: { session: 1, ownerEpoch: 1, sequence: 2, lowestAwaited: 1 } },
    ]);
    const body = random.pick([{}, { body: { value: 'red' } }, { body: { ttlMs: 5000 } }]);
    return new TextEncoder().encode(JSON.stringify({ id: random.nextInt(1e6), method, path: '/v1/kv/colour', ...body, ...once }));
  },
  check(input) {
    const read = parseDocument('PipeRequest', input, 4096);
    if (!read.ok) {
      assert.ok(read.problems.length > 0, 'says why');
      return 'refused';
    }
    assert.ok(checkDocument('PipeRequest', JSON.parse(JSON.stringify(read.value))).ok);
    return 'taken';
  },
};

export const stateTargets: readonly Target[] = [command, pipeLine];
