/** Exactly once: results remembered by (client, sequence), until the client says it no longer awaits them. */
import type { Envelope, Outcome } from './commands.ts';
import { stateLimits } from './commands.ts';
import type { Table } from './rows.ts';

export interface ClientRow {
  /** Log index of its last command: the client unheard longest is forgotten first. */
  readonly lastIndex: number;
  readonly lowestAwaited: number;
  readonly results: readonly (readonly [sequence: number, outcome: Outcome])[];
}

/** The remembered outcome of a repeated command, a refusal, or undefined when it is new and may be applied. */
export function recall(clients: Table<ClientRow>, client: NonNullable<Envelope['client']>, revision: number): Outcome | undefined {
  const row = clients.get(client.id);
  if (row === undefined) return undefined;
  const remembered = row.results.find(([sequence]) => sequence === client.sequence);
  if (remembered !== undefined) return remembered[1];
  if (client.sequence < row.lowestAwaited) {
    return {
      ok: false,
      revision,
      code: 'SEQUENCE_FORGOTTEN',
      message: `Sequence ${client.sequence} of client ${client.id} was already acknowledged: its result is no longer kept`,
    };
  }
  const kept = row.results.filter(([sequence]) => sequence >= client.lowestAwaited).length;
  if (kept < stateLimits.resultsPerClientMax) return undefined;
  return {
    ok: false,
    revision,
    code: 'WINDOW_FULL',
    message: `Client ${client.id} awaits ${kept} results: raise its lowest awaited sequence first`,
  };
}

/** Remembers an outcome, drops those below "lowest still awaited", and keeps the number of clients bounded. */
export function remember(clients: Table<ClientRow>, client: NonNullable<Envelope['client']>, outcome: Outcome): void {
  const row = clients.get(client.id);
  const lowestAwaited = Math.max(row?.lowestAwaited ?? 0, client.lowestAwaited);
  const results = (row?.results ?? []).filter(([sequence]) => sequence >= lowestAwaited);
  clients.set(client.id, { lastIndex: outcome.revision, lowestAwaited, results: [...results, [client.sequence, outcome]] });
  if (clients.size <= stateLimits.clientsMax) return;
  let oldest: [string, ClientRow] | undefined;
  for (const entry of clients.entries()) if (oldest === undefined || entry[1].lastIndex < oldest[1].lastIndex) oldest = entry;
  if (oldest !== undefined) clients.delete(oldest[0]);
}
