import assert from 'node:assert/strict';
import { type Card, layout, lineBetween } from '../../../agent/placement/layout.ts';
import { solve } from '../../../agent/placement/solve.ts';
import { drawPlan } from '../../../agent/placement/svg.ts';
import { makeNode, makeProblem, makeWorkload } from './problems.ts';

const card = (id: string, level: number): Card => ({ id, level, lines: 4, chips: 3 });

describe('the picture of a plan', () => {
  it('P16: boxes do not overlap and upper tiers stand above', () => {
    const cards = [...Array.from({ length: 23 }, (_, i) => card(`box-${i}`, 0)), card('plant', 1), card('cloud', 2)];
    const { spots, width, height } = layout(cards, [{ id: 's', nodes: ['box-3'] }], 0);
    const all = [...spots.entries()];
    for (const [a, one] of all) {
      assert.ok(one.x >= 0 && one.x + 292 <= width && one.y + one.height <= height, a);
      for (const [b, two] of all) {
        const apart = a === b || one.x + 292 <= two.x || two.x + 292 <= one.x || one.y + one.height <= two.y || two.y + two.height <= one.y;
        assert.ok(apart, `${a} lies on ${b}`);
      }
    }
    const y = (id: string): number => spots.get(id)?.y ?? Number.NaN;
    assert.ok(y('cloud') < y('plant') && y('plant') < y('box-0'));
  });

  it('P16: lines pass between boxes, never behind one', () => {
    const cards = [...Array.from({ length: 31 }, (_, i) => card(`box-${i}`, 0)), card('gate', 1), card('plant', 2)];
    const { spots, rows } = layout(cards, [], 0);
    assert.ok(rows.length >= 5);
    const all = [...spots.values()];
    for (const from of all)
      for (const to of all.filter(({ row }) => Math.abs(row - from.row) > 1)) {
        const end = ({ x, y, row }: (typeof all)[number]) => ({ x: x + 146, y, row });
        const path = lineBetween(rows, end(from), end(to), to.column);
        // Straight down, or up, past each row on the way.
        const passed = [...path.matchAll(/(-?[0-9.]+) (-?[0-9.]+)L(-?[0-9.]+) (-?[0-9.]+)/g)].map((match) => match.slice(1).map(Number));
        assert.equal(passed.length, Math.abs(to.row - from.row) - 1, path);
        for (const [x = 0, near = 0, x2 = 0, far = 0] of passed) {
          assert.equal(x, x2);
          const [top, bottom] = [Math.min(near, far), Math.max(near, far)];
          const behind = all.filter((box) => box.y < bottom && box.y + box.height > top && box.x <= x && x <= box.x + 292);
          assert.deepEqual(behind, []);
        }
      }
  });

  it('P16: shows every box, replica, link and way of data, and nothing from outside', () => {
    const problem = makeProblem(
      [makeNode('a', { domain: 'x < "y" & z' }), makeNode('b')],
      [
        makeWorkload('reader', { pin: 'b', inputs: [{ source: 's', mbPerCall: 1, hard: false }] }),
        makeWorkload('lost', { pin: 'nowhere' }),
      ],
      { links: [{ a: 'a', b: 'b', latencyMs: 2, mbps: 1000 }], sources: [{ id: 's', nodes: ['a'], rateMBps: 1 }] },
    );
    const picture = drawPlan(problem, solve(problem));
    for (const text of [
      '>a<',
      '>b<',
      '>reader/0<',
      '2 ms · 1 Gb/s',
      's: 0.02 MB/s to b',
      'No place: lost/0',
      'x &lt; &quot;y&quot; &amp; z',
    ])
      assert.ok(picture.includes(text), text);
    assert.doesNotMatch(picture, /NaN|undefined|Infinity/);
    assert.doesNotMatch(picture.replace('xmlns="http://www.w3.org/2000/svg"', ''), /https?:|href|<script|@import|url\((?!#)/);
    assert.equal(drawPlan(problem, solve(problem)), picture, 'the same plan gives the same picture');
  });

  it('P16: a problem without anything has a picture too', () => {
    const problem = makeProblem([], []);
    assert.match(drawPlan(problem, solve(problem)), /0 replicas on 0 boxes/);
  });
});
