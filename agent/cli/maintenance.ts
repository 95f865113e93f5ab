/** `holdfast node cordon` and `uncordon`: a box keeps what it has and is given nothing new. */
import type { Command } from 'commander';
import type { MaintenanceDocument } from '../../schemas/generated/types.ts';
import { table } from './context.ts';
import type { Act } from './main-cli.ts';

export function addMaintenance(program: Command, act: Act): void {
  const node = program.command('node').description('which boxes may be given work');
  node
    .command('cordon <box>')
    .description('give a box nothing new from now on; what it has stays')
    .option('--reason <text>', 'why, for people', '')
    .addHelpText('after', '\nExample: holdfast node cordon press-2 --reason "its fan is changed"')
    .action(
      act(async ({ client, print }, box: string, { reason }: { reason: string }) => {
        const { revision } = (await client.send('POST', '/v1/maintenance', { node: box, reason })) as { revision: number };
        print({ revision }, () => `${box} is given nothing new since revision ${revision}`);
      }),
    );
  node
    .command('uncordon <box>')
    .description('let a box be given work again')
    .addHelpText('after', '\nExample: holdfast node uncordon press-2')
    .action(
      act(async ({ client, print }, box: string) => {
        const { revision } = (await client.send('DELETE', `/v1/maintenance/${encodeURIComponent(box)}`)) as { revision: number };
        print({ revision }, () => `${box} may be given work again since revision ${revision}`);
      }),
    );
  node
    .command('cordoned')
    .description('boxes that are given nothing new, and what they still have')
    .addHelpText('after', '\nExample: holdfast node cordoned')
    .action(
      act(async ({ client, print }) => {
        const document = (await client.get('/v1/maintenance')) as MaintenanceDocument;
        print(document, () => showMaintenance(document));
      }),
    );
}

function showMaintenance({ maintenance }: MaintenanceDocument): string {
  if (maintenance.length === 0) return 'Every box may be given work.';
  return table(
    ['BOX', 'SINCE', 'REPLICAS', 'REASON'],
    maintenance.map(({ node, revision, replicas, reason }) => [node, String(revision), String(replicas), reason === '' ? '-' : reason]),
  );
}
