/** `holdfast placement problem`: the site as a placement problem, to try on it what `holdfast plan` can do. */
import type { Command } from 'commander';
import type { PlacementProblem } from '../../schemas/generated/types.ts';
import type { Act } from './main-cli.ts';

export function addSiteProblem(placement: Command, act: Act): void {
  placement
    .command('problem')
    .description('the site as a placement problem: what-if, choices and pictures of it with `holdfast plan`')
    .addHelpText(
      'after',
      '\nExample: holdfast placement problem > site.json && holdfast plan -f site.json --budget 2s --what-if remove:box-2 --pareto',
    )
    .action(
      act(async ({ client, print }) => {
        const problem = (await client.get('/v1/plan/problem')) as PlacementProblem;
        print(problem, () => JSON.stringify(problem, undefined, 2));
      }),
    );
}
