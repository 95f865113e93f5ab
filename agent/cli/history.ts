/** `holdfast placement history`: why plans were made, what was considered, and what became of it. */
import type { Command } from 'commander';
import type { Decision, DecisionsDocument } from '../../schemas/generated/types.ts';
import { wholeNumber } from './context.ts';
import type { Act } from './main-cli.ts';

export function addHistory(placement: Command, act: Act): void {
  placement
    .command('history')
    .description('why plans were made, what was considered, and what became of it')
    .option('-n, --last <count>', 'how many, newest last', wholeNumber(1000), 20)
    .addHelpText('after', '\nExample: holdfast placement history --last 5')
    .action(
      act(async ({ client, print }, { last }: { last: number }) => {
        const document = (await client.get('/v1/decisions')) as DecisionsDocument;
        const newest = last === 0 ? [] : document.decisions.slice(-last);
        const forgotten = document.forgotten + document.decisions.length - newest.length;
        print({ ...document, forgotten, decisions: newest }, () => showHistory(newest));
      }),
    );
}

/** Decisions as a person reads them, newest last. */
export function showHistory(decisions: readonly Decision[]): string {
  if (decisions.length === 0) return 'No decision is known here yet: a box keeps those it made, and those applied since its agent started.';
  return decisions.map(showDecision).join('\n');
}

const count = (amount: number, one: string): string => `${amount} ${one}${amount === 1 ? '' : 's'}`;

function showDecision(decision: Decision): string {
  const { at, by, outcome, planRevision, reason, scope, freed, candidates, moves, movesLeftOut, unplaced, ms, triggers } = decision;
  const done = outcome === 'applied' ? `applied${planRevision === null ? '' : ` at revision ${planRevision}`}` : 'kept as it was';
  return [
    `${at} by ${by}: ${done}`,
    ...triggers.map(({ kind, subject, detail }) => `  because  ${kind}: ${subject} ${detail}`),
    `  why      ${reason}`,
    `  looked   at ${scope === 'whole' ? 'everything' : 'a part'}: ${count(freed, 'replica')} free to move, ${ms} ms`,
    ...candidates.map(
      (one) =>
        `  ${one.chosen ? 'chosen  ' : 'rejected'} ${one.madeBy}: ${one.total} s/h, ${count(one.moves, 'move')}${one.unplaced > 0 ? `, ${one.unplaced} without a place` : ''}`,
    ),
    ...moves.map((move) => `  changed  ${move}`),
    ...(movesLeftOut > 0 ? [`  changed  ${movesLeftOut} more`] : []),
    ...(unplaced > 0 ? [`  without  a place: ${count(unplaced, 'replica')}, see \`holdfast placement explain\``] : []),
  ].join('\n');
}
