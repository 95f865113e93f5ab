import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { MembersDocument } from '../../schemas/generated/types.ts';
import { type Context, table, wholeNumber } from './context.ts';
import { CliError, exitCode } from './http-client.ts';
import type { Act } from './main-cli.ts';

interface AddOptions {
  readonly peerId?: string;
  readonly address?: string;
  readonly learner?: boolean;
  readonly witness?: boolean;
  readonly replaces?: string;
  readonly wait: number;
}

export function addMembers(program: Command, act: Act): void {
  const member = program.command('member').description('who belongs to the site, votes in it, and is to join or leave it');
  member
    .command('list')
    .description('all members, what they are and what they are to be')
    .addHelpText('after', '\nExample: holdfast member list')
    .action(
      act(async ({ client, print }) => {
        const members = (await client.get('/v1/members')) as MembersDocument;
        print(members, () => showMembers(members));
      }),
    );
  member
    .command('add <box>')
    .description('let a box join, or change what it is to be; it votes once it has the log')
    .option('--peer-id <id>', 'its key, as `holdfast id` prints it there; needed for a box that is new')
    .option('--address <multiaddr>', 'where it is reached; needed for a box that is new')
    .option('--learner', 'it only has the log, and does not vote')
    .option('--witness', 'it votes and keeps no data: for a site of two others')
    .option('--replaces <box>', 'this box leaves in the step in which the new one gets its vote')
    .option('--wait <seconds>', 'until it is done; 0 returns at once', wholeNumber(86_400), 60)
    .addHelpText('after', '\nExample: holdfast member add box-d --peer-id 12D3Koo... --address /ip4/10.0.0.14/tcp/7400 --replaces box-b')
    .action(
      act(async (context, box: string, options: AddOptions) => {
        const { peerId, address, learner = false, witness = false, replaces, wait } = options;
        if (learner && witness) throw new CliError(exitCode.usage, 'ROLE_INVALID', 'Give --learner or --witness, not both');
        const role = learner ? 'learner' : 'voter';
        await context.client.send('POST', '/v1/members', {
          name: box,
          role: witness ? 'witness' : role,
          ...(peerId === undefined ? {} : { peerId }),
          ...(address === undefined ? {} : { address }),
          ...(replaces === undefined ? {} : { replaces }),
        });
        await settled(context, wait, ({ members, changing }) => {
          if (members.find(({ name }) => name === box)?.role !== role) return `${box} is not yet a ${role}`;
          if (replaces !== undefined && members.some(({ name }) => name === replaces)) return `${replaces} has not left yet`;
          return changing ? 'the change is between its two steps' : undefined;
        });
      }),
    );
  member
    .command('remove <box>')
    .description('let a box leave; what it runs is placed elsewhere when it is gone')
    .option('--force', 'though too few of those that stay can be reached')
    .option('--wait <seconds>', 'until it is done; 0 returns at once', wholeNumber(86_400), 60)
    .addHelpText('after', '\nExample: holdfast member remove box-b')
    .action(
      act(async (context, box: string, { force, wait }: { force?: boolean; wait: number }) => {
        await context.client.send('DELETE', `/v1/members/${encodeURIComponent(box)}${force === true ? '?force=true' : ''}`);
        await settled(context, wait, ({ members, changing }) =>
          members.some(({ name }) => name === box)
            ? `${box} has not left yet`
            : changing
              ? 'the change is between its two steps'
              : undefined,
        );
      }),
    );
}

/** Waits until `missing` has nothing to say, then prints the members. */
async function settled(context: Context, seconds: number, missing: (members: MembersDocument) => string | undefined): Promise<void> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const members = (await context.client.get('/v1/members')) as MembersDocument;
    const open = missing(members);
    if (open === undefined || seconds === 0) {
      context.print(members, () => showMembers(members));
      return;
    }
    if (performance.now() > end)
      throw new CliError(
        exitCode.unavailable,
        'NOT_DONE_YET',
        `After ${seconds} s ${open}: the wish stands, and the leader goes on; see holdfast member list. Does the box run, with /site/join set, and reach the others?`,
      );
    await sleep(100);
  }
}

function showMembers({ leader, changing, members }: MembersDocument): string {
  const rows = members.map(({ name, role, wanted, witness, reachable, behind, address }) => [
    name,
    `${role}${witness ? ' (witness)' : ''}${name === leader ? ', leads' : ''}`,
    wanted === role || (wanted === 'witness' && role === 'voter') ? '' : wanted === 'none' ? 'leaving' : `to be a ${wanted}`,
    reachable ? 'yes' : 'no',
    behind === null ? '-' : String(behind),
    address ?? '-',
  ]);
  const text = table(['BOX', 'IS', 'WANTED', 'REACHED', 'BEHIND', 'ADDRESS'], rows);
  return changing ? `${text}\nA change of voters is between its two steps.` : text;
}
