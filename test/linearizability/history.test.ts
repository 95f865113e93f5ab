import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkHistory, type Operation, type Value } from './history.ts';

/** `r1 10-20 =x`, `w1 10-20 x`, `c1 10-20 x>y +`: client, time called and answered (`?` for none), what. `~` is a key that is not there. */
function line(text: string): Operation {
  const [who = '', when = '', what = '', sign] = text.split(' ');
  const [called, answered] = when.split('-');
  const value = (name: string): Value => (name === '~' ? null : name);
  const isUnknown = answered === '?';
  const common = {
    client: Number(who.slice(1)),
    key: 'k',
    call_ns: Number(called),
    return_ns: isUnknown ? null : Number(answered),
    ok: isUnknown ? ('unknown' as const) : true,
  };
  if (who.startsWith('r')) return { ...common, op: 'read', value: null, output: value(what.slice(1)) };
  if (who.startsWith('w')) return { ...common, op: 'write', value: what, output: null };
  const [from = '', to = ''] = what.split('>');
  return { ...common, op: 'cas', from: value(from), to, output: isUnknown ? null : sign === '+' };
}

const holds = (...lines: readonly string[]): boolean => {
  const { violations, undecided } = checkHistory(lines.map(line));
  assert.deepEqual(undecided, []);
  return violations.length === 0;
};

describe('the check of histories', () => {
  it('takes what one order explains', () => {
    assert.ok(holds('r1 0-1 =~', 'w1 2-3 x', 'r2 4-5 =x'));
    assert.ok(holds('w1 0-10 x', 'r2 1-2 =~', 'r2 3-4 =x'), 'the write happens between the two reads');
    assert.ok(holds('w1 0-10 x', 'w2 0-10 y', 'r3 11-12 =x'));
    assert.ok(holds('w1 0-1 x', 'c1 2-9 x>y +', 'c2 2-9 x>z -', 'r3 10-11 =y'));
    assert.ok(holds('c1 0-1 ~>x +', 'r1 2-3 =x'));
  });

  it('K10: refuses stale reads, lost writes, reads that go back, and two that both took the same value', () => {
    assert.ok(!holds('w1 0-1 x', 'r2 2-3 =~'));
    assert.ok(!holds('w1 0-1 x', 'w1 2-3 y', 'r2 4-5 =x'));
    assert.ok(!holds('w1 0-10 x', 'r2 1-2 =x', 'r3 3-4 =~'));
    assert.ok(!holds('w1 0-1 x', 'c1 2-9 x>y +', 'c2 2-9 x>z +'));
    assert.ok(!holds('w1 0-1 x', 'c1 2-3 x>y -'));
    assert.ok(!holds('r1 0-1 =never'));
  });

  it('an operation without an answer may have happened late, or never, but not before it was asked', () => {
    assert.ok(holds('w1 0-1 x', 'w2 2-? y', 'r3 4-5 =x', 'r3 6-7 =y'));
    assert.ok(holds('w1 0-1 x', 'w2 2-? y', 'r3 4-5 =x'));
    assert.ok(!holds('r3 0-1 =y', 'w2 2-? y'));
    assert.ok(!holds('w1 0-1 x', 'w2 2-? y', 'r3 4-5 =y', 'r3 6-7 =x'));
    assert.ok(holds('w1 0-1 x', 'c2 2-? x>y', 'r3 4-5 =y'));
    assert.ok(!holds('w1 0-1 x', 'c2 2-? z>y', 'r3 4-5 =y'));
  });

  it('what nobody saw may be what hid a value, and many such operations without an answer cost no time', () => {
    assert.ok(holds('w1 0-1 x', 'w2 2-? h', 'c4 4-5 x>z -'));
    assert.ok(holds('w1 0-1 x', 'c2 2-? y>h', 'c3 3-? x>h', 'c4 4-5 x>z -'));
    assert.ok(!holds('w1 0-1 x', 'c2 2-? y>h', 'c4 4-5 x>z -'));
    assert.ok(!holds('w1 0-1 x', 'w2 2-? h', 'c4 4-5 x>z -', 'r5 6-7 =x'));
    const open = Array.from({ length: 40 }, (_, i) => [`w1 ${i}-? h${i}`, `c2 ${i}-? x>g${i}`]).flat();
    assert.ok(holds('w1 0-1 x', ...open, ...Array.from({ length: 40 }, (_, i) => `r3 ${50 + 2 * i}-${51 + 2 * i} =x`)));
    assert.ok(!holds('w1 0-1 x', ...open, 'r3 50-51 =x', 'r3 52-53 =y'));
  });

  it('names the key and what nothing explains', () => {
    const { violations, operations, unknown, keys } = checkHistory([
      line('w1 0-1 x'),
      line('r2 2-3 =~'),
      { ...line('w1 0-? x'), key: 'other' },
      { ...line('r1 0-1 =~'), key: 'other', ok: false },
    ]);
    assert.deepEqual([operations, unknown, keys], [4, 1, 2]);
    assert.deepEqual(violations, [{ key: 'k', ordered: 1, stuck: [line('r2 2-3 =~')] }]);
  });

  /** A register on which operations happen at one point between call and answer, as `points` orders them. */
  const played = fc
    .array(
      fc.record({
        kind: fc.constantFrom('read' as const, 'write' as const, 'cas' as const),
        point: fc.nat(300),
        before: fc.nat(40),
        after: fc.nat(40),
        isUnknown: fc.nat(9).map((n) => n === 0),
        happens: fc.boolean(),
        from: fc.nat(6),
      }),
      { maxLength: 60 },
    )
    .map((plays) => {
      let state: Value = null;
      const sorted = [...plays].sort((a, b) => a.point - b.point);
      return sorted.map(({ kind, point, before, after, isUnknown, happens, from }, i): Operation => {
        const common = {
          client: i,
          key: 'k',
          call_ns: point - before - 0.5,
          return_ns: isUnknown ? null : point + after + 0.5,
          ok: isUnknown ? ('unknown' as const) : true,
        };
        if (kind === 'read') return { ...common, op: 'read', value: null, output: state };
        const takes = !isUnknown || happens;
        if (kind === 'write') {
          if (takes) state = `v${i % 7}`;
          return { ...common, op: 'write', value: `v${i % 7}`, output: null };
        }
        const wanted = from === 0 ? null : `v${from}`;
        const found = state === wanted;
        if (takes && found) state = `c${i}`;
        return { ...common, op: 'cas', from: wanted, to: `c${i}`, output: isUnknown ? null : found };
      });
    });

  it('K10: takes whatever happened at one point each, and refuses it when a read is changed to what never was', () => {
    fc.assert(
      fc.property(played, fc.nat(), (history, pick) => {
        const { violations, undecided } = checkHistory(history);
        assert.deepEqual([violations, undecided], [[], []]);
        const reads = history.filter(({ op, ok }) => op === 'read' && ok === true);
        const chosen = reads[pick % Math.max(1, reads.length)];
        if (chosen === undefined) return;
        const broken = history.map((one) => (one === chosen ? ({ ...one, output: 'never' } as Operation) : one));
        assert.equal(checkHistory(broken).violations.length, 1);
      }),
      { numRuns: 500 },
    );
  });

  it('K10: agrees with trying all orders', () => {
    const small = fc.array(
      fc.record({
        kind: fc.constantFrom('read' as const, 'write' as const, 'cas' as const),
        call: fc.nat(12),
        length: fc.nat(8),
        isUnknown: fc.nat(4).map((n) => n === 0),
        a: fc.constantFrom(null, 'x', 'y'),
        // Nobody sees or asks for the third.
        b: fc.constantFrom('x', 'y', 'h'),
        found: fc.boolean(),
      }),
      { maxLength: 6 },
    );
    let refused = 0;
    fc.assert(
      fc.property(small, (plays) => {
        const history = plays.map(({ kind, call, length, isUnknown, a, b, found }, i): Operation => {
          const common = {
            client: i,
            key: 'k',
            call_ns: call + i / 100,
            return_ns: isUnknown ? null : call + length + 0.5 + i / 100,
            ok: isUnknown ? ('unknown' as const) : true,
          };
          if (kind === 'read') return { ...common, op: 'read', value: null, output: a };
          if (kind === 'write') return { ...common, op: 'write', value: b, output: null };
          return { ...common, op: 'cas', from: a, to: b, output: isUnknown ? null : found };
        });
        const expected = someOrder(
          history.filter(({ op, ok }) => op !== 'read' || ok === true),
          null,
        );
        if (!expected) refused += 1;
        assert.equal(checkHistory(history).violations.length === 0, expected);
      }),
      { numRuns: 3000 },
    );
    assert.ok(refused > 100, 'both kinds were tried');
  });
});

/** By trying everything. */
function someOrder(left: readonly Operation[], state: Value): boolean {
  if (left.every(({ ok }) => ok === 'unknown')) return true;
  return left.some((next) => {
    if (left.some((other) => other !== next && other.return_ns !== null && other.return_ns < next.call_ns)) return false;
    const rest = left.filter((other) => other !== next);
    if (next.op === 'read') return next.output === state && someOrder(rest, state);
    if (next.op === 'write') return someOrder(rest, next.value);
    const found = state === next.from;
    return (next.output === null || next.output === found) && someOrder(rest, found ? next.to : state);
  });
}
