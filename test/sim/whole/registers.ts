/** A state machine of registers. The version of one is the index of the entry that wrote it. */
import type { VerdictItem } from '../../../consensus/core/messages.ts';
import type { Entry } from '../../../consensus/core/types.ts';
import type { Applied, StateMachine } from '../../../consensus/driver/ports.ts';

export interface Write {
  readonly key: string;
  readonly operation: number;
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** @param ballast bytes more: what takes several sectors can be torn. */
export const encodeWrite = ({ key, operation }: Write, ballast = 0): Uint8Array =>
  new TextEncoder().encode(`${key} ${operation} ${ballast} ${'x'.repeat(ballast)}`);

/** Undefined when these are not the bytes of any write: something changed them on their way through memories. */
export function decodeWrite(data: Uint8Array): Write | undefined {
  const [, key = '', operation, ballast, filling = ''] = /^([a-z]) (\d+) (\d+) (x*)$/.exec(text(data)) ?? [];
  return Number(ballast) === filling.length ? { key, operation: Number(operation) } : undefined;
}

export class Registers implements StateMachine {
  readonly #rows = new Map<string, Uint8Array>();

  apply({ data, index }: Entry): Applied {
    const { key, operation } = decodeWrite(data) ?? { key: '?', operation: 0 };
    const value = new TextEncoder().encode(`${index} ${operation}`);
    this.#rows.set(key, value);
    return { result: index, changes: [{ key, value }] };
  }

  /** Index of the entry that wrote it last; 0 for never. */
  version(key: string): number {
    return Number(text(this.#rows.get(key) ?? new Uint8Array()).split(' ')[0]);
  }

  /** Which operation wrote it last; 0 for none. */
  operation(key: string): number {
    return Number(text(this.#rows.get(key) ?? new Uint8Array()).split(' ')[1] ?? 0);
  }

  /** All of it, the same for the same state. */
  print(): string {
    return [...this.#rows]
      .map(([key, value]) => `${key}=${text(value)}`)
      .sort()
      .join(' ');
  }

  rows(): Iterable<readonly [string, Uint8Array]> {
    return this.#rows.entries();
  }

  load(rows: Iterable<readonly [string, Uint8Array]>): void {
    this.#rows.clear();
    for (const [key, value] of rows) this.#rows.set(key, value);
  }

  revalidate(_from: string, items: Parameters<StateMachine['revalidate']>[1]): readonly VerdictItem[] {
    return items.map((item) => ({ ...item, verdict: 'valid' }));
  }
}
