import assert from 'node:assert/strict';
import type { Storage } from '../../../consensus/driver/ports.ts';
import { Cluster, type Member, until } from './cluster.ts';
import { put } from './kv-machine.ts';

const rowsPerSlice = 512;

describe('a snapshot installed while another one is made', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  /** The state is read for as long as this stands. */
  let isHeld = false;
  let reads = 0;

  beforeEach(async () => {
    cluster = await Cluster.start(3, { compactEntries: 40 });
  });
  afterEach(async () => {
    isHeld = false;
    cluster.assertHealthy();
    await cluster.stop();
  });

  function* heldRows(rows: Iterable<readonly [string, Uint8Array]>): Generator<readonly [string, Uint8Array]> {
    reads += 1;
    for (let i = 1; isHeld; i++) {
      yield ['held', new Uint8Array(0)];
      // Longer than it may keep the loop from other work.
      const end = performance.now() + (i % rowsPerSlice === 0 ? 5 : 0);
      while (performance.now() < end);
    }
    yield* rows;
  }

  /** Until its log was cut. */
  async function fill({ node, events }: Member): Promise<void> {
    const cuts = () => events.filter(({ type }) => type === 'log-compacted').length;
    const before = cuts();
    while (cuts() === before) await Promise.all(Array.from({ length: 20 }, (_, i) => node.propose(put(`k${i}`, 'x'))));
  }

  it('K15: what waited to be applied then is in it, and is not applied on top of it', async () => {
    const former = await cluster.leader();
    const [next, behind] = cluster.all.filter((member) => member !== former);
    assert.ok(next !== undefined && behind !== undefined);
    const rows = former.machine.rows.bind(former.machine);
    former.machine.rows = () => heldRows(rows());
    // One falls behind the log, so that the leader reads its state for it.
    cluster.network.cut(former.id, behind.id);
    cluster.network.cut(next.id, behind.id);
    await fill(former);
    isHeld = true;
    cluster.network.heal();
    await until(() => reads > 0, 'the leader to read its state');
    // Committed, and waiting to be applied at the leader, which is cut off then.
    const unanswered = former.node.propose(put('colour', 'old')).catch(() => undefined);
    await until(() => next.machine.get('colour') === 'old', 'the change to be committed');
    const { commitIndex } = next.node.status();
    await until(() => former.node.status().commitIndex >= commitIndex, 'the leader to know it');
    cluster.network.cut(former.id, behind.id);
    cluster.network.cut(former.id, next.id);
    await cluster.leader([next.id, behind.id]);
    await next.node.propose(put('colour', 'new'));
    await fill(next);
    cluster.network.heal();
    await until(() => former.events.some(({ type }) => type === 'snapshot-received'), 'the former leader to install a snapshot');
    isHeld = false;
    await unanswered;
    await former.node.read({ timeoutMs: 3000 });
    assert.equal(former.machine.get('colour'), 'new');
  });

  it('K15: the log it will need when it has a snapshot is kept, however much is written meanwhile', async () => {
    let installs: Promise<void> | undefined;
    const late = await Cluster.start(3, { compactEntries: 60 });
    try {
      const leader = await late.leader();
      const id = late.ids.find((other) => other !== leader.id) ?? '';
      const write = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) await leader.node.propose(put(`k${i % 20}`, `${i}`));
      };
      await late.stopMember(id);
      await write(150);
      let release = (): void => undefined;
      const waits = new Promise<void>((resolve) => {
        release = resolve;
      });
      const held = (log: Storage): Storage => ({
        save: (hardState, entries) => log.save(hardState, entries),
        compact: (index, term) => log.compact(index, term),
        reset: (index, term) => {
          installs ??= waits;
          return installs.then(() => log.reset(index, term));
        },
        settle: () => log.settle(),
        close: () => log.close(),
      });
      const { events, node } = await late.startMember(id, { wrap: held });
      await until(() => installs !== undefined, 'a snapshot to be installed');
      await write(120);
      release();
      await node.read();
      assert.equal(events.filter(({ type }) => type === 'snapshot-received').length, 1);
      late.assertHealthy();
    } finally {
      await late.stop();
    }
  });
});
