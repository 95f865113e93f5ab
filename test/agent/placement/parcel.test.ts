import assert from 'node:assert/strict';
import fc from 'fast-check';
import { atOnce, pack, unpack } from '../../../agent/placement/parcel.ts';
import { multiClassProblem } from '../../bench/placement/multi-class.ts';

describe('documents between threads', () => {
  it('come out as they went in, whatever they are made of', () => {
    const leaf = fc.oneof(fc.jsonValue(), fc.constant(undefined));
    const list = fc.oneof(fc.array(fc.jsonValue(), { maxLength: 100 }), fc.array(fc.string(), { minLength: 33, maxLength: 70 }));
    const document = fc.dictionary(fc.string(), fc.oneof(leaf, list, fc.dictionary(fc.string(), list), fc.array(fc.record({ list }))));
    fc.assert(
      fc.property(document, fc.array(fc.string()), (given, names) => {
        // JSON has no -0: it would come out as 0.
        const plain = JSON.parse(JSON.stringify(given)) as object;
        const whole = { ...plain, absent: undefined, names: new Set(names), byName: new Map(names.map((name) => [name, name])) };
        assert.deepEqual(atOnce(unpack(structuredClone(atOnce(pack(whole))))), whole);
      }),
    );
  });

  it('P8: the loop of the agent is held for a piece at most: of 2000 workloads on 200 boxes none is long', () => {
    const { problem } = multiClassProblem({ workloads: 2000, nodes: 200, seed: 1 });
    const steps = pack({ problem });
    let pauses = 0;
    while (steps.next().done !== true) pauses += 1;
    const parcel = atOnce(pack({ problem }));
    const longest = Math.max(...parcel.pieces.map(({ text }) => text.length));
    assert.ok(longest < 20_000, `${longest} characters in one piece`);
    assert.ok(JSON.stringify(parcel.rest).length < 2000, 'what travels in one go is little');
    assert.ok(pauses >= parcel.pieces.length, 'packing pauses after each');
    const taken = unpack(parcel);
    for (let read = 0; read < parcel.pieces.length; read += 1) assert.equal(taken.next().done, false, 'and so does unpacking');
    const { done, value } = taken.next();
    assert.ok(done);
    assert.deepEqual(value, { problem });
  });

  it('what changes while it is packed was packed as it was', () => {
    const items = Array.from({ length: 4000 }, (_, index) => `item ${index}`);
    const steps = pack({ items });
    steps.next();
    const before = items.slice();
    items.length = 5;
    assert.deepEqual(atOnce(unpack(atOnce(steps))), { items: before });
  });
});
