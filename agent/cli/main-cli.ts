/** The command line: the list of commands, and what all of them share. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type Context, type GlobalOptions, makeContext } from './context.ts';
import { addGuarded } from './guarded.ts';
import { CliError, defaultEndpoint, exitCode } from './http-client.ts';
import { addKv } from './kv.ts';
import { addMaintenance } from './maintenance.ts';
import { addMembers } from './members.ts';
import { addPlan } from './plan.ts';
import { addRecover, type RecoveryFacts } from './recover.ts';
import { addSessions } from './sessions.ts';
import { addSite } from './site.ts';
import { addWorkloads } from './workloads.ts';

/** What the program itself does; everything else is asked of a running agent. */
export interface ProgramCommands {
  readonly version: string;
  runAgent(options: { readonly config: string; readonly stopWorkloads: boolean }): Promise<number>;
  runDemo(options: {
    readonly verify: boolean;
    readonly json: boolean;
    readonly keep: boolean;
    readonly victim: 'leader' | 'follower';
  }): Promise<number>;
  /** Makes this box a site of one; without `confirmed` it only says what that would cost. Rejects with an error that has a code. */
  recover(config: string, confirmed: boolean): Promise<RecoveryFacts>;
  /** The peer id of a data directory; made when it has none. */
  showId(dataDir: string): Promise<string>;
}

/** Wraps an action: gives it the context, and drops commander's own last argument. */
export type Act = <Args extends unknown[]>(
  action: (context: Context, ...args: Args) => Promise<void>,
) => (...args: [...Args, ...unknown[]]) => Promise<void>;

const exitHelp = `
Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 refused, 5 unavailable, 6 indefinite
(the change may still happen).
The agent is found by --endpoint, else HOLDFAST_ENDPOINT, else
${defaultEndpoint}.`;

/** Runs one command line. Resolves with the exit code; never throws, never exits. */
export async function runCli(argv: readonly string[], commands: ProgramCommands): Promise<number> {
  const program = new Command('holdfast');
  let code: number = exitCode.ok;
  const act: Act =
    <Args extends unknown[]>(action: (context: Context, ...args: Args) => Promise<void>) =>
    async (...args: unknown[]) => {
      const command = args.at(-1) as Command;
      await action(makeContext(command.optsWithGlobals<GlobalOptions>()), ...(args.slice(0, -1) as Args));
    };
  program
    .description('One agent per edge box: the boxes of a site agree, watch each other, and go on deciding when the upper tier is gone.')
    .version(commands.version, '-V, --version')
    .showHelpAfterError('Add --help to see what is taken.')
    .addHelpText('after', exitHelp);
  addSite(program, act);
  addWorkloads(program, act);
  addPlan(program, act, (ended) => {
    code = ended;
  });
  addKv(program, act);
  addMembers(program, act);
  addMaintenance(program, act);
  addSessions(program, act);
  addGuarded(program, act, (ended) => {
    code = ended;
  });
  program
    .command('agent')
    .description('run the agent of this box until SIGTERM; workloads outlive it and are adopted by the next')
    .requiredOption('-c, --config <file>', 'configuration, YAML or JSON')
    .option('--stop-workloads', 'end the workloads of this box when the agent ends')
    .addHelpText(
      'after',
      '\nExample: holdfast agent --config /etc/holdfast/agent.yaml\nExit codes: 2 configuration, 4 data directory refused, 5 port in use, 1 anything else.',
    )
    .action(async ({ config, stopWorkloads }: { config: string; stopWorkloads?: boolean }) => {
      code = await commands.runAgent({ config, stopWorkloads: stopWorkloads === true });
    });
  program
    .command('demo')
    .description('run a site of three agents and an upper site on this machine')
    .option('--verify', 'play the whole story unattended and check it')
    .option('--keep', 'keep data and logs')
    .option('--victim <which>', 'with --verify: which box dies, leader or follower', oneOf('leader', 'follower'), 'leader' as const)
    .addHelpText('after', '\nExample: holdfast demo --verify --json')
    .action(async ({ verify, keep, victim }: { verify?: boolean; keep?: boolean; victim: 'leader' | 'follower' }, command: Command) => {
      code = await commands.runDemo({
        verify: verify === true,
        json: command.opts<{ json?: boolean }>().json === true,
        keep: keep === true,
        victim,
      });
    });
  addRecover(program, (config, confirmed) => commands.recover(config, confirmed));
  program
    .command('id')
    .description('print the peer id of a data directory, for the members list of the other boxes')
    .requiredOption('-d, --data-dir <directory>', 'made when it is missing')
    .addHelpText('after', '\nExample: holdfast id --data-dir /var/lib/holdfast')
    .action(async ({ dataDir, json }: { dataDir: string; json?: boolean }) => {
      const peerId = await commands.showId(dataDir);
      process.stdout.write(`${json === true ? JSON.stringify({ peerId }) : peerId}\n`);
    });
  program
    .command('version')
    .description('print the version')
    .action(({ json }: { json?: boolean }) => {
      process.stdout.write(
        `${json === true ? JSON.stringify({ version: commands.version, node: process.versions.node }) : `holdfast ${commands.version} (Node ${process.versions.node})`}\n`,
      );
    });
  for (const command of leaves(program)) {
    command.option('--json', 'print JSON');
    if (!['agent', 'demo', 'id', 'recover', 'version'].includes(command.name()))
      command.option('-e, --endpoint <where>', 'unix:/path or http://127.0.0.1:port', process.env['HOLDFAST_ENDPOINT'] ?? defaultEndpoint);
  }
  for (const command of all(program)) command.exitOverride();
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    const known = error instanceof CliError ? error : undefined;
    const errorCode = known?.code ?? String((error as { code?: unknown }).code ?? 'FAILED');
    const message = error instanceof Error ? error.message : String(error);
    if (argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: { code: errorCode, message } })}\n`);
    process.stderr.write(`holdfast: ${errorCode}: ${message}\n`);
    return known?.exitCode ?? exitCode.failed;
  }
}

function all(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(all)];
}

function leaves(command: Command): readonly Command[] {
  return all(command).filter(({ commands }) => commands.length === 0);
}

function oneOf<const Choice extends string>(...choices: readonly Choice[]): (text: string) => Choice {
  return (text) => {
    const choice = choices.find((one) => one === text);
    if (choice === undefined) throw new InvalidArgumentError(`Choose ${choices.join(' or ')}.`);
    return choice;
  };
}
