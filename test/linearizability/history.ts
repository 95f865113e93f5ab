/** Histories of registers as clients saw them, one JSON object a line, and their check. Made for other checkers, too. */
import { type Model, searchOrder, type Timed } from './search.ts';

interface Common {
  readonly client: number;
  readonly key: string;
  readonly call_ns: number;
  /** Null with `ok: "unknown"`. */
  readonly return_ns: number | null;
  /** False: it certainly did not happen. "unknown": it may have, or may still. */
  readonly ok: boolean | 'unknown';
}

/** Null is the value of a key that does not exist. */
export type Value = string | null;

export type Operation =
  | (Common & { readonly op: 'read'; readonly value: null; readonly output: Value })
  | (Common & { readonly op: 'write'; readonly value: string; readonly output: null })
  /** `output`: whether `from` was found, and so `to` written; null when that is not known. */
  | (Common & { readonly op: 'cas'; readonly from: Value; readonly to: string; readonly output: boolean | null });

/** Stands for all values that nobody saw and nobody asked for: which of them it is makes no difference. */
const hidden = '\u0000hidden';

/**
 * One key. A value that nobody saw and nobody asked for can be known only by what it hid: a swap that did not find what it asked for. So what
 * has no answer and would have written such a value is as good as any other of its kind, and may wait until there is such a swap to explain.
 */
const register = (seen: ReadonlySet<Value>): Model<Value, Operation> => ({
  initial: null,
  step: (state, operation) => {
    switch (operation.op) {
      case 'read':
        return operation.output === state ? state : undefined;
      case 'write':
        return seen.has(operation.value) ? operation.value : hidden;
      default: {
        const found = state === operation.from;
        if (operation.output !== null && operation.output !== found) return undefined;
        if (!found) return state;
        return seen.has(operation.to) ? operation.to : hidden;
      }
    }
  },
  fingerprint: (state) => JSON.stringify(state),
  kindOf: (operation) => {
    if (operation.op === 'read' || seen.has(operation.op === 'write' ? operation.value : operation.to)) return undefined;
    return operation.op === 'write' ? 'write' : `from ${JSON.stringify(operation.from)}`;
  },
  canWait: (state, _, next) => !next.some((other) => other.op === 'cas' && other.output === false && other.from === state),
});

const seenIn = (history: readonly Timed<Operation>[]): ReadonlySet<Value> =>
  new Set(
    history.flatMap(({ operation }) => (operation.op === 'read' ? [operation.output] : operation.op === 'cas' ? [operation.from] : [])),
  );

export interface HistoryReport {
  readonly operations: number;
  readonly keys: number;
  /** Operations without an answer. */
  readonly unknown: number;
  /** Keys whose operations no order explains. */
  readonly violations: readonly { readonly key: string; readonly ordered: number; readonly stuck: readonly Operation[] }[];
  /** Keys the search gave up on. */
  readonly undecided: readonly string[];
}

/** Checks each key by itself. What certainly did not happen, and reads without an answer, tell nothing. */
export function checkHistory(history: readonly Operation[], stepsMax?: number): HistoryReport {
  const byKey = new Map<string, Timed<Operation>[]>();
  for (const operation of history) {
    const { key, ok, op, call_ns: calledAt, return_ns } = operation;
    if (ok === false || (ok === 'unknown' && op === 'read')) continue;
    const list = byKey.get(key) ?? [];
    byKey.set(key, list);
    list.push({ operation, calledAt, returnedAt: ok === 'unknown' || return_ns === null ? Number.POSITIVE_INFINITY : return_ns });
  }
  const violations: { key: string; ordered: number; stuck: readonly Operation[] }[] = [];
  const undecided: string[] = [];
  for (const [key, operations] of byKey) {
    const found = searchOrder(register(seenIn(operations)), operations, stepsMax);
    if (found.verdict === 'undecided') undecided.push(key);
    if (found.verdict === 'violated')
      violations.push({ key, ordered: found.ordered, stuck: found.stuck.map(({ operation }) => operation) });
  }
  const unknown = history.filter(({ ok }) => ok === 'unknown').length;
  return { operations: history.length, keys: byKey.size, unknown, violations, undecided };
}
