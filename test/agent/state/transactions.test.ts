import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Command, stateLimits } from '../../../agent/state/commands.ts';
import type { KvGuard, KvOperation } from '../../../schemas/generated/types.ts';
import { codeOf, Replica } from './replica.ts';

const txn = (guards: readonly KvGuard[], operations: readonly KvOperation[]): Command => ({ type: 'kvTxn', guards, operations });
const put = (key: string, value = 'x'): KvOperation => ({ type: 'put', key, value });

describe('transactions', () => {
  it('all operations happen at one revision when all guards hold', () => {
    const site = new Replica();
    site.do(putAlone('a', '1'));
    const claim = site.open();
    const outcome = site.do(
      txn(
        [{ key: 'a', revision: 1 }, { key: 'a', value: '1' }, { key: 'b', revision: 0 }, { session: claim }],
        [
          put('b', '2'),
          { type: 'delete', key: 'a' },
          { type: 'delete', key: 'never was' },
          { type: 'put', key: 'mine', value: '', session: claim },
          { type: 'put', key: 'queue/', value: '', sequential: true },
        ],
      ),
    );
    assert.deepEqual(outcome, {
      ok: true,
      revision: 3,
      results: [{}, { deleted: 1 }, { deleted: 0 }, {}, { key: 'queue/0000000000000003' }],
    });
    assert.deepEqual(site.values(), { b: '2 @3', mine: ' @3', 'queue/0000000000000003': ' @3' });
    site.do({ type: 'sessionClose', session: claim.session });
    assert.deepEqual(site.keys(), ['b', 'queue/0000000000000003']);
  });

  it('nothing happens when a guard fails or an operation cannot be, and the answer says which', () => {
    const site = new Replica();
    site.do(putAlone('a', '1'));
    const claim = site.open();
    const { revision } = site.do({ type: 'sessionMove', session: claim.session, owner: 'b' });
    const before = [...site.state.rows()];
    const cases: readonly [Command, string, RegExp][] = [
      [
        txn(
          [
            { key: 'a', revision: 1 },
            { key: 'a', value: '2' },
          ],
          [put('b')],
        ),
        'GUARD_FAILED',
        /^\/guards\/1: key a is at revision 1, and/,
      ],
      [txn([{ key: 'b', revision: 4 }], [put('b')]), 'GUARD_FAILED', /^\/guards\/0: key b does not exist, not at 4/],
      [txn([{ key: 'b', value: '' }], [put('b')]), 'GUARD_FAILED', /does not exist/],
      [txn([{ session: claim }], [put('b')]), 'SESSION_MOVED', /left behind/],
      [txn([{ session: { session: 99, ownerEpoch: 99 } }], [put('b')]), 'SESSION_EXPIRED', /session 99/],
      [txn([], [put('b'), { type: 'put', key: 'c', value: '', session: claim }]), 'SESSION_MOVED', /left behind/],
      [txn([], [put('b'), put('k'.repeat(513))]), 'KEY_INVALID', /512/],
      [txn([], [put('b'), put('c', 'v'.repeat(65_537))]), 'VALUE_TOO_LARGE', /65536/],
      [txn([], [put('b'), { type: 'delete', key: 'a' }, put('a')]), 'TXN_INVALID', /^\/operations\/2: key a is named twice/],
      [txn([], []), 'TXN_INVALID', /1 to 64 operations/],
      [
        txn(
          [],
          Array.from({ length: 65 }, (_, i) => put(`k${i}`)),
        ),
        'TXN_INVALID',
        /64/,
      ],
      [
        txn(
          Array.from({ length: 65 }, () => ({ key: 'a', revision: 1 })),
          [put('b')],
        ),
        'TXN_INVALID',
        /64 guards/,
      ],
    ];
    for (const [command, code, message] of cases) {
      const outcome = site.do(command);
      assert.equal(codeOf(outcome), code);
      assert.match(outcome.ok ? '' : outcome.message, message);
    }
    assert.deepEqual([...site.state.rows()], before);
    assert.equal(codeOf(site.do(txn([{ session: { ...claim, ownerEpoch: revision } }], [put('b')]))), 'ok');
  });

  it('a deletion by prefix takes all below it, with their sessions, within a bound', () => {
    const site = new Replica();
    const claim = site.open();
    for (const key of ['x', 'x/1', 'x/2', 'y']) site.do({ type: 'kvPut', key, value: '', session: claim });
    assert.deepEqual(site.do(txn([], [{ type: 'deletePrefix', prefix: 'x/' }, put('x/3')])), {
      ok: true,
      revision: 6,
      results: [{ deleted: 2 }, {}],
    });
    assert.deepEqual(site.keys(), ['x', 'x/3', 'y']);
    assert.equal(site.state.sessions()[0]?.keys, 2);
    const { prefixDeletesMax } = stateLimits;
    for (let i = 0; i <= prefixDeletesMax; i += 1) site.do(putAlone(`many/${i}`, ''));
    assert.equal(codeOf(site.do(txn([], [{ type: 'deletePrefix', prefix: 'many/' }]))), 'TXN_INVALID');
    assert.equal(site.keys('many/').length, prefixDeletesMax + 1);
  });

  it('whatever is asked, it comes to what a plain map comes to, or to a code and nothing', () => {
    const key = fc.constantFrom('a', 'a/1', 'a/2', 'b');
    const value = fc.constantFrom('x', 'y');
    const guard = fc.oneof(fc.record({ key, revision: fc.nat(6) }), fc.record({ key, value }));
    const operation: fc.Arbitrary<KvOperation> = fc.oneof(
      fc.record({ type: fc.constant('put' as const), key, value }),
      fc.record({ type: fc.constant('delete' as const), key }),
      fc.record({ type: fc.constant('deletePrefix' as const), prefix: key }),
    );
    const transaction = fc.record({
      guards: fc.array(guard, { maxLength: 2 }),
      operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 12 }), (transactions) => {
        const site = new Replica();
        let model = new Map<string, { value: string; revision: number }>();
        for (const { guards, operations } of transactions) {
          const revision = site.index + 1;
          const next = new Map(model);
          const named = new Set<string>();
          let holds = guards.every((one) =>
            'value' in one ? model.get(one.key)?.value === one.value : (model.get(one.key)?.revision ?? 0) === one.revision,
          );
          for (const one of operations) {
            if (one.type === 'deletePrefix') for (const known of [...next.keys()]) known.startsWith(one.prefix) && next.delete(known);
            else {
              if (named.has(one.key)) holds = false;
              named.add(one.key);
              if (one.type === 'put') next.set(one.key, { value: one.value, revision });
              else next.delete(one.key);
            }
          }
          if (holds) model = next;
          assert.equal(site.do(txn(guards, operations)).ok, holds);
          assert.deepEqual(site.values(), Object.fromEntries([...model].map(([k, row]) => [k, `${row.value} @${row.revision}`])));
        }
      }),
    );
  });
});

const putAlone = (key: string, value: string): Command => ({ type: 'kvPut', key, value });
