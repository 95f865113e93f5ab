import type { Command } from 'commander';
import type { WorkloadsDocument } from '../../schemas/generated/types.ts';
import { wholeNumber } from './context.ts';
import { addHistory } from './history.ts';
import type { Act } from './main-cli.ts';
import { showWorkloads } from './show.ts';
import { addSiteProblem } from './site-problem.ts';
import { addWhy } from './why.ts';
import { readWorkloadFile, uploadArtefacts } from './workload-file.ts';

export function addWorkloads(program: Command, act: Act): void {
  program
    .command('apply')
    .description('give the site workloads, or change them')
    .requiredOption('-f, --file <file>', 'workload file, YAML or JSON')
    .addHelpText('after', '\nExample: holdfast apply -f packaging/examples/site.workloads.yaml')
    .action(
      act(async ({ client, print, json }, { file: path }: { file: string }) => {
        const file = readWorkloadFile(path);
        await uploadArtefacts(client, path, file, (line) => {
          if (!json) process.stderr.write(`${line}\n`);
        });
        const result = (await client.send('POST', '/v1/workloads', file)) as { revision: number; changed: string[]; unchanged: string[] };
        print(
          result,
          () => `${result.changed.length} workloads changed, ${result.unchanged.length} unchanged, at revision ${result.revision}`,
        );
      }),
    );
  const placement = program.command('placement').description('where workloads run, and why');
  addWhy(placement, act);
  addHistory(placement, act);
  addSiteProblem(placement, act);
  const workload = program.command('workload').description('workloads and their replicas');
  workload
    .command('list')
    .description('what should run, where, and what became of it')
    .addHelpText('after', '\nExample: holdfast workload list --json')
    .action(
      act(async ({ client, print }) => {
        const document = (await client.get('/v1/workloads')) as WorkloadsDocument;
        print(document, () => showWorkloads(document));
      }),
    );
  workload
    .command('delete <name>')
    .description('stop a workload and forget it')
    .addHelpText('after', '\nExample: holdfast workload delete reporter')
    .action(
      act(async ({ client, print }, name: string) => {
        const written = (await client.send('DELETE', `/v1/workloads/${encodeURIComponent(name)}`)) as { revision: number };
        print(written, () => `${name} deleted at revision ${written.revision}`);
      }),
    );
  program
    .command('logs <workload>')
    .description('newest output of a workload, from wherever it runs')
    .option('-r, --replica <number>', 'one replica only', wholeNumber(15))
    .option('-n, --lines <count>', 'how many lines', wholeNumber(10_000), 50)
    .addHelpText('after', '\nExample: holdfast logs telemetry-analyser -n 20')
    .action(
      act(async ({ client, print }, name: string, { replica, lines }: { replica?: number; lines: number }) => {
        const query = `lines=${lines}${replica === undefined ? '' : `&replica=${replica}`}`;
        const { logs } = (await client.get(`/v1/workloads/${encodeURIComponent(name)}/logs?${query}`)) as {
          logs: { node: string; replica: number | null; lines: string[] }[];
        };
        const said = logs.flatMap(({ node, replica: number, lines: each }) => each.map((line) => `${node} ${name}/${number} | ${line}`));
        const nothing =
          logs.length === 0 ? `${name} runs nowhere: see \`holdfast placement explain ${name}\`` : `${name} said nothing yet.`;
        print({ logs }, () => (said.length === 0 ? nothing : said.join('\n')));
      }),
    );
}
