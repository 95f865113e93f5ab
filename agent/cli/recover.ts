import type { Command } from 'commander';
import { CliError, exitCode } from './http-client.ts';

/** What a forced recovery does, or did. */
export interface RecoveryFacts {
  readonly node: string;
  readonly site: string;
  readonly leaving: readonly string[];
  readonly lastIndex: number;
  readonly committedIndex: number;
  readonly epoch: number;
  readonly done: boolean;
}

interface RecoverOptions {
  readonly config: string;
  readonly yesIAcceptLoss?: boolean;
  readonly json?: boolean;
}

export function addRecover(program: Command, recover: (config: string, confirmed: boolean) => Promise<RecoveryFacts>): void {
  program
    .command('recover')
    .description('unsafe: make this box a site of its own, when the majority of its site is gone for good; its agent must be stopped')
    .requiredOption('-c, --config <file>', 'configuration of the agent of this box')
    .option('--yes-i-accept-loss', 'do it; without, it only says what would be lost')
    .addHelpText(
      'after',
      '\nExample: holdfast recover --config /etc/holdfast/agent.yaml --yes-i-accept-loss\nUse the box with the most entries. Never while a majority of the others still runs somewhere: there would be two sites.',
    )
    .action(async ({ config, yesIAcceptLoss, json }: RecoverOptions) => {
      const facts = await recover(config, yesIAcceptLoss === true);
      if (!facts.done && json !== true) process.stdout.write(`${showRecovery(facts)}\n`);
      if (!facts.done)
        throw new CliError(
          exitCode.refused,
          'LOSS_NOT_ACCEPTED',
          `Nothing was changed. To do it: --yes-i-accept-loss. Entries after ${facts.lastIndex} are lost then, and ${facts.leaving.join(', ')} must not come back with what they have`,
        );
      process.stdout.write(`${json === true ? JSON.stringify(facts) : showRecovery(facts)}\n`);
    });
}

function showRecovery({ node, site, leaving, lastIndex, committedIndex, epoch, done }: RecoveryFacts): string {
  const others = leaving.join(', ');
  const kept = lastIndex - committedIndex;
  return [
    `${node} ${done ? 'is' : 'would be'} the whole site ${site} from now on, in epoch ${epoch}.`,
    `lost     whatever ${others} decided after entry ${lastIndex}: this box was not told of it`,
    ...(kept > 0 ? [`kept     entries ${committedIndex + 1} to ${lastIndex}, though perhaps nobody was told that they happened`] : []),
    `fenced   ${others}: refused with what they have. Empty their data directories, keep identity.key, set /site/join, and add them again`,
    ...(done ? ['next     start the agent of this box'] : []),
  ].join('\n');
}
