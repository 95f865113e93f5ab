import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { NodesDocument, StatusDocument } from '../../schemas/generated/types.ts';
import { wholeNumber } from './context.ts';
import type { Act } from './main-cli.ts';
import { showNodes, showStatus } from './show.ts';

export function addSite(program: Command, act: Act): void {
  program
    .command('status')
    .description('how this agent and its site are')
    .option('-w, --watch', 'again every second, until Ctrl-C')
    .addHelpText('after', '\nExample: holdfast status --watch')
    .action(
      act(async ({ client, print, json }, { watch }: { watch?: boolean }) => {
        for (;;) {
          const status = (await client.get('/status')) as StatusDocument;
          if (watch === true && !json && process.stdout.isTTY) process.stdout.write('\x1b[H\x1b[2J');
          print(status, () => showStatus(status));
          if (watch !== true) return;
          await sleep(1000);
        }
      }),
    );
  program
    .command('nodes')
    .description('all known boxes with their health')
    .addHelpText('after', '\nExample: holdfast nodes')
    .action(
      act(async ({ client, print }) => {
        const nodes = (await client.get('/v1/nodes')) as NodesDocument;
        print(nodes, () => showNodes(nodes));
      }),
    );
  program
    .command('transfer')
    .description("hand the site's leadership to another box, before work on this one; ask the box that leads")
    .option('--to <box>', 'by default the one furthest along')
    .addHelpText('after', '\nExample: holdfast transfer --to box-b')
    .action(
      act(async ({ client, print }, { to }: { to?: string }) => {
        const done = (await client.send('POST', '/v1/leadership/transfer', to === undefined ? {} : { to })) as { from: string; to: string };
        print(done, () => `${done.to} leads now, in place of ${done.from}`);
      }),
    );
  program
    .command('events')
    .description('events of this agent as they happen, one JSON object a line, until Ctrl-C')
    .option('--after <id>', 'begin after this event; 0 for all that are kept', wholeNumber())
    .addHelpText('after', '\nExample: holdfast events --after 0')
    .action(
      act(async ({ client }, { after }: { after?: number }) => {
        for await (const data of client.events(`/v1/events${after === undefined ? '' : `?after=${after}`}`))
          process.stdout.write(`${data}\n`);
      }),
    );
}
