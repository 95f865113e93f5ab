/** The site's real replicated state as a node of the simulation holds it. */
import { decodeEnvelope, type Envelope, encodeEnvelope, type Outcome } from '../../agent/state/commands.ts';
import { SiteState } from '../../agent/state/site-state.ts';
import { WatchLog } from '../../agent/status/watch-log.ts';
import type { Entry } from '../../consensus/core/types.ts';
import type { RowChange } from '../../consensus/driver/ports.ts';

export interface Write {
  /** Unique in a run. */
  readonly operation: number;
  readonly key: string;
  readonly value: string;
}

export interface Cell {
  readonly value: string;
  /** Index of the entry that wrote it. */
  readonly version: number;
}

/** What an entry did. */
export interface Done {
  readonly envelope: Envelope | undefined;
  readonly outcome: Outcome | undefined;
  readonly changes: readonly RowChange[];
}

export const encodeWrite = ({ key, value }: Write): Uint8Array => encodeEnvelope({ command: { type: 'kvPut', key, value } });

/** Only where the register is at this version. */
export const encodeSwap = ({ key, value }: Write, version: number): Uint8Array =>
  encodeEnvelope({ command: { type: 'kvTxn', guards: [{ key, revision: version }], operations: [{ type: 'put', key, value }] } });

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Replica {
  readonly state = new SiteState(false);
  /** Few are kept, so that watchers come too late now and then. */
  watches = new WatchLog(0, { changesMax: 40 });

  apply(entry: Entry): Done {
    const { result, changes } = this.state.apply(entry);
    this.watches.add(entry.index, changes);
    const envelope = entry.kind === 'command' ? decodeEnvelope(entry.data) : undefined;
    return { envelope, outcome: result as Outcome | undefined, changes };
  }

  get(key: string): Cell {
    const row = this.state.kv(key);
    return row === undefined ? { value: '', version: 0 } : { value: row.value, version: row.revision };
  }

  /** @param bytes filled up to this, for snapshots of several chunks. */
  save(bytes = 0): Uint8Array {
    return encoder.encode(JSON.stringify([...this.state.rows()].map(([key, value]) => [key, decoder.decode(value)])).padEnd(bytes));
  }

  /** @param revision up to which the state is. */
  load(data: Uint8Array, revision: number): void {
    const rows = data.length === 0 ? [] : (JSON.parse(decoder.decode(data)) as [string, string][]);
    this.state.load(rows.map(([key, value]) => [key, encoder.encode(value)]));
    this.watches.reset(revision);
  }
}
