/** The smallest useful state machine: text keys and values. */
import type { VerdictItem } from '../../../consensus/core/messages.ts';
import type { Entry } from '../../../consensus/core/types.ts';
import type { Applied, StateMachine } from '../../../consensus/driver/ports.ts';

export const put = (key: string, value: string): Uint8Array => new TextEncoder().encode(`${key}=${value}`);

export class KvMachine implements StateMachine {
  readonly values = new Map<string, Uint8Array>();
  /** How often each key was written: more than once where every writer uses its own key means applied twice. */
  readonly writes = new Map<string, number>();

  apply(entry: Entry): Applied {
    const [key = '', value = ''] = new TextDecoder().decode(entry.data).split('=');
    const bytes = new TextEncoder().encode(value);
    this.values.set(key, bytes);
    this.writes.set(key, (this.writes.get(key) ?? 0) + 1);
    return { result: { key, index: entry.index }, changes: [{ key, value: bytes }] };
  }

  rows(): Iterable<readonly [string, Uint8Array]> {
    return this.values.entries();
  }

  load(rows: Iterable<readonly [string, Uint8Array]>): void {
    this.values.clear();
    for (const [key, value] of rows) this.values.set(key, value);
  }

  revalidate(_from: string, items: Parameters<StateMachine['revalidate']>[1]): readonly VerdictItem[] {
    return items.map((item) => ({ ...item, verdict: this.get(item.workload) === undefined ? 'invalid' : 'valid' }));
  }

  get(key: string): string | undefined {
    const value = this.values.get(key);
    return value && new TextDecoder().decode(value);
  }
}
