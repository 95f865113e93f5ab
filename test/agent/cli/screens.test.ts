import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { table } from '../../../agent/cli/context.ts';
import { showHistory } from '../../../agent/cli/history.ts';
import { showNodes, showPlan, showStatus, showWorkloads } from '../../../agent/cli/show.ts';
import type { AllDocuments, Decision } from '../../../schemas/generated/types.ts';
import { type DocumentKind, parseDocument } from '../../../schemas/validate.ts';

function example<Kind extends DocumentKind>(kind: Kind, name: string): AllDocuments[Kind] {
  const read = parseDocument(kind, readFileSync(new URL(`../../../schemas/examples/valid/${kind}.${name}.json`, import.meta.url)), 1e6);
  assert.ok(read.ok);
  return read.value;
}

/** No line breaks a rule of the screen: no blanks at its end, nothing the program meant for itself. */
function tidy(screen: string): readonly string[] {
  const lines = screen.split('\n');
  for (const line of lines) {
    assert.equal(line, line.trimEnd());
    assert.doesNotMatch(line, /undefined|null|NaN|\[object/);
  }
  return lines;
}

describe('screens', () => {
  it('D7: the status is a few facts, then a line for each member', () => {
    const status = example('StatusDocument', 'leader-of-three');
    const lines = tidy(showStatus(status));
    const blank = lines.indexOf('');
    for (const line of lines.slice(1, blank)) assert.match(line, /^[a-z ]{10} \S/, 'the word, and then what it is');
    assert.deepEqual(
      lines.slice(blank + 2).map((line) => line.split(' ')[0]),
      status.members.map(({ name }) => name),
    );
    const alone = showStatus({ ...status, uplink: { configured: false, site: null, connected: false, lastContactSeconds: null } });
    assert.match(alone, /^uplink {5}none configured$/m);
    assert.doesNotMatch(alone, /intent/, 'of an upper site there is none');
    assert.doesNotMatch(alone, /uncertain/);
    const torn = showStatus({ ...status, consensus: { ...status.consensus, leader: null, uncertain: true } });
    assert.match(torn, /^uncertain {2}the last batch .*waits to hear every voter$/m);
  });

  it('D7: nodes of which nothing was heard have dashes, not nulls', () => {
    const document = example('NodesDocument', 'one-heard-one-not');
    const lines = tidy(showNodes(document));
    assert.equal(lines.length, 1 + document.nodes.length);
    for (const { name, health } of document.nodes) {
      const line = lines.find((one) => one.startsWith(`${name} `)) ?? '';
      assert.equal(/ - /.test(line), health === null || health.cpu.usagePercent === null || health.memory.availableBytes === null, line);
    }
  });

  it('P5: the availability class is shown for each node, and a dash where it is not known', () => {
    const document = example('NodesDocument', 'one-heard-one-not');
    const [heard, unheard] = document.nodes;
    assert.ok(heard?.health?.availability !== undefined && unheard !== undefined);
    const { health } = heard;
    const nodes = (['hot', 'warm', 'cold'] as const).map((of) => ({
      ...heard,
      name: `box-${of}`,
      health: { ...health, availability: { ...health.availability, class: of, cpu: of, memory: of } },
    }));
    const { availability: _, ...silent } = health;
    const lines = tidy(
      showNodes({ ...document, nodes: [...nodes, { ...heard, name: 'silent', health: silent }, unheard] as typeof document.nodes }),
    );
    const at = (lines[0] ?? '').indexOf('LOAD');
    assert.ok(at > 0);
    assert.deepEqual(
      lines.slice(1).map((line) => line.slice(at).split(' ')[0]),
      ['hot', 'warm', 'cold', '-', '-'],
    );
  });

  it('D7: every replica that is wanted is on the list, with a place or without', () => {
    const document = example('WorkloadsDocument', 'mill');
    const [first] = document.workloads;
    assert.ok(first !== undefined);
    const wanting = { ...first, wanted: first.replicas.length + 2 };
    const lines = tidy(showWorkloads({ ...document, workloads: [wanting] }));
    assert.equal(lines.length, 1 + first.replicas.length + 1);
    assert.match(lines.at(-1) ?? '', new RegExp(`^${first.name} .*not placed .*2 of ${wanting.wanted} wanted$`));
    assert.match(showWorkloads({ ...document, workloads: [] }), /No workloads.*holdfast apply/);
  });

  it('P18: the history says of each decision what called for it, what was considered, and what became of it', () => {
    const { decisions } = example('DecisionsDocument', 'a-box-died');
    const lines = tidy(showHistory(decisions));
    for (const line of lines) assert.match(line, /^20|^ {2}[a-z]{3,8} +\S/);
    assert.equal(lines.filter((line) => /^ {2}chosen /.test(line)).length, decisions.length);
    assert.equal(lines.filter((line) => /^ {2}because /.test(line)).length, decisions.flatMap(({ triggers }) => triggers).length);
    assert.match(
      showHistory([{ ...(decisions[0] as Decision), unplaced: 2, movesLeftOut: 5 }]),
      /changed {2}5 more\n {2}without {2}a place: 2 replicas/,
    );
    assert.match(showHistory([]), /No decision/);
  });

  it('P16: a plan shows each term that counts, their sum, and each replica without a place once', () => {
    const plan = example('Plan', 'mill');
    const summary = 'big/0 fits none of 3 boxes';
    const screen = showPlan({
      ...plan,
      unplaced: [{ workload: 'big', replica: 0, summary } as (typeof plan.unplaced)[number]],
      explanation: { ...plan.explanation, cons: [...plan.explanation.cons, summary] },
    });
    const lines = tidy(screen);
    assert.deepEqual(
      lines.filter((line) => line.includes(summary)),
      [`no place: ${summary}`],
    );
    const shown = lines.flatMap((line) => /^ {2}(\w+) +(-?[0-9.]+) s\/h$/.exec(line)?.slice(1) ?? []);
    const counting = plan.objective.terms.filter(({ cost }) => cost !== 0);
    assert.deepEqual(
      shown,
      counting.flatMap(({ name, cost }) => [name, cost.toFixed(3)]),
    );
    const total = Number(/figure of merit ([0-9.]+) s\/h/.exec(screen)?.[1]);
    assert.ok(Math.abs(counting.reduce((sum, { cost }) => sum + cost, 0) - total) < 0.001);
  });

  it('D7: a value cannot break its line or speak to the terminal', () => {
    assert.equal(
      table(
        ['KEY', 'VALUE'],
        [
          ['a', 'x\ny\u001b[31m\u0007\u009b\u007f'],
          ['longer', 'größe ✓'],
        ],
      ),
      'KEY     VALUE\na       x\\ny\\u001b[31m\\u0007\ufffd\ufffd\nlonger  größe ✓',
    );
  });
});
