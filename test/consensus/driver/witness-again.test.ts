import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { RoleChange } from '../../../consensus/core/types.ts';
import { LevelStateStore } from '../../../consensus/driver/level-store.ts';
import { Cluster, type Member, type MemberOptions, until } from './cluster.ts';
import { put } from './kv-machine.ts';

const outside = { voters: [], learners: [] };

describe('K17: what a box keeps, by its configuration and by the membership', function () {
  this.timeout(60_000);
  let cluster: Cluster;
  let leader: Member;

  const begin = async (membership: NonNullable<MemberOptions['membership']>): Promise<void> => {
    cluster = await Cluster.start(0);
    for (const id of ['n1', 'n2']) await cluster.startMember(id, { membership });
    leader = await cluster.leader(['n1', 'n2']);
  };
  const write = async (): Promise<void> => {
    for (let i = 0; i < 10; i += 1) await leader.node.propose(put(`k${i}`, 'v'));
  };
  const settled = (): Promise<void> =>
    until(() => {
      const { membership, membershipIndex, commitIndex } = leader.node.status();
      return membershipIndex <= commitIndex && (membership.votersBefore ?? []).length === 0;
    }, 'the change to be done');
  const change = async (changes: readonly RoleChange[]): Promise<void> => {
    await leader.node.changeMembership(changes);
    await settled();
  };
  const fatalOf = ({ events }: Member): string | undefined => {
    const fatal = events.find((event) => event.type === 'fatal');
    return fatal?.type === 'fatal' ? fatal.error.message : undefined;
  };
  afterEach(() => cluster.stop());

  const witnessOptions = (id: string): MemberOptions => ({
    membership: outside,
    witness: true,
    stateStore: new LevelStateStore({ directory: join(cluster.directory, id, 'state'), membership: outside, witness: true }),
  });

  it('a witness that left does not come back as a box with the data on the memory it has', async () => {
    await begin({ voters: ['n1', 'n2'], learners: [] });
    await cluster.startMember('n3', witnessOptions('n3'));
    await change([{ id: 'n3', role: 'witness-learner' }]);
    await write();
    await until(() => cluster.member('n3').node.status().appliedIndex >= leader.node.status().commitIndex, 'the witness');
    await change([{ id: 'n3', role: 'none' }]);
    await cluster.stopMember('n3');
    await assert.rejects(cluster.startMember('n3', { membership: outside }), { code: 'WITNESS_MEMORY' });
  });

  it('a box configured as a witness takes no part where it is added as one with the data', async () => {
    await begin({ voters: ['n1', 'n2'], learners: [] });
    await write();
    const n3 = await cluster.startMember('n3', witnessOptions('n3'));
    await leader.node.changeMembership([{ id: 'n3', role: 'learner' }]);
    await until(() => n3.node.status().stopped, 'it to stop');
    assert.match(fatalOf(n3) ?? '', /configured as a witness/);
  });

  it('a box with the data takes no part where it is added as a witness', async () => {
    await begin({ voters: ['n1', 'n2'], learners: [] });
    await write();
    const n3 = await cluster.startMember('n3', { membership: outside });
    await leader.node.changeMembership([{ id: 'n3', role: 'witness-learner' }]);
    await until(() => n3.node.status().stopped, 'it to stop');
    assert.match(fatalOf(n3) ?? '', /as a witness, and its configuration does not say so/);
  });
});
