/** Values under keys, alone or several together. A refused change leaves everything as it was. Pure and total. */
import type { RowChange } from '../../consensus/driver/ports.ts';
import type { KvGuard, KvOperation } from '../../schemas/generated/types.ts';
import type { Command, OperationResult, Outcome, RefusalCode } from './commands.ts';
import { stateLimits } from './commands.ts';
import { byCodeUnit, Table } from './rows.ts';
import { checkClaim, type SessionParts, sequentialKey } from './session-table.ts';

export interface KvRow {
  readonly value: string;
  /** Log index of its last change. */
  readonly revision: number;
  /** Number of the session it lives with; absent for a key that stays. */
  readonly session?: number;
}

type Put = Extract<KvOperation, { type: 'put' }>;

export class KvTable {
  readonly rows: Table<KvRow>;
  /** What the tables of sessions need of this one. */
  readonly sessions: SessionParts;

  constructor(changes: RowChange[]) {
    this.rows = new Table('kv/', changes);
    this.sessions = {
      sessions: new Table('session/', changes),
      requests: new Table('request/', changes),
      ephemerals: new Map(),
      deleteKey: (key) => this.rows.delete(key),
    };
  }

  get(key: string): KvRow | undefined {
    return this.rows.get(key);
  }

  /** Sorted by key. */
  list(prefix: string): readonly (readonly [string, KvRow])[] {
    return this.#under(prefix).sort((a, b) => byCodeUnit(a[0], b[0]));
  }

  /** How many keys live with this session. */
  keysOf(session: number): number {
    return this.sessions.ephemerals.get(session)?.size ?? 0;
  }

  /** The rows were replaced: what is derived from them is made anew. */
  loaded(): void {
    this.sessions.ephemerals.clear();
    for (const [key, { session }] of this.rows.entries()) this.#bind(key, session);
  }

  put({ expectRevision, ...command }: Extract<Command, { type: 'kvPut' }>, revision: number): Outcome {
    const operation: Put = { ...command, type: 'put' };
    const refusal = this.#checkPut(operation, revision);
    if (refusal !== undefined) return refusal;
    const key = keyOf(operation, revision);
    const present = this.rows.get(key);
    if (expectRevision !== undefined && (present?.revision ?? 0) !== expectRevision)
      return conflict(revision, key, present?.revision ?? 0, expectRevision);
    if (present === undefined && this.rows.size >= stateLimits.keysMax) return full(revision);
    return { ok: true, revision, ...this.#perform(operation, revision) };
  }

  delete({ key, expectRevision }: Extract<Command, { type: 'kvDelete' }>, revision: number): Outcome {
    const present = this.rows.get(key);
    if (present === undefined) return refuse(revision, 'NOT_FOUND', `There is no key ${key}`);
    if (expectRevision !== undefined && present.revision !== expectRevision)
      return conflict(revision, key, present.revision, expectRevision);
    this.#delete(key);
    return { ok: true, revision };
  }

  /** All operations, in order, when all guards hold; else nothing. Room for new keys is counted before anything is deleted. */
  transact(guards: readonly KvGuard[], operations: readonly KvOperation[], revision: number): Outcome {
    const refusal =
      checkSize(guards, operations, revision) ?? this.#checkGuards(guards, revision) ?? this.#checkOperations(operations, revision);
    if (refusal !== undefined) return refusal;
    return { ok: true, revision, results: operations.map((operation) => this.#perform(operation, revision)) };
  }

  #checkGuards(guards: readonly KvGuard[], revision: number): Outcome | undefined {
    for (const [i, guard] of guards.entries()) {
      if ('session' in guard) {
        const refusal = checkClaim(this.sessions, guard.session, revision);
        if (refusal !== undefined) return refusal;
        continue;
      }
      const present = this.rows.get(guard.key);
      if ('value' in guard ? present?.value === guard.value : (present?.revision ?? 0) === guard.revision) continue;
      const found = present === undefined ? 'does not exist' : `is at revision ${present.revision}`;
      const wanted = 'value' in guard ? 'and has not the value it is to have' : `not at ${guard.revision}`;
      return refuse(revision, 'GUARD_FAILED', `/guards/${i}: key ${guard.key} ${found}, ${wanted}: read it again`);
    }
    return undefined;
  }

  #checkOperations(operations: readonly KvOperation[], revision: number): Outcome | undefined {
    const named = new Set<string>();
    let added = 0;
    let swept = 0;
    for (const [i, operation] of operations.entries()) {
      if (operation.type === 'deletePrefix') {
        swept += this.#under(operation.prefix).length;
        if (swept > stateLimits.prefixDeletesMax)
          return refuse(
            revision,
            'TXN_INVALID',
            `/operations/${i}: ${swept} keys would be deleted, ${stateLimits.prefixDeletesMax} are allowed at once: take a longer prefix`,
          );
        continue;
      }
      const key = keyOf(operation, revision);
      if (named.has(key)) return refuse(revision, 'TXN_INVALID', `/operations/${i}: key ${key} is named twice: what is it to become?`);
      named.add(key);
      if (operation.type === 'delete') continue;
      const refusal = this.#checkPut(operation, revision);
      if (refusal !== undefined) return refusal;
      if (this.rows.get(key) === undefined) added += 1;
    }
    return this.rows.size + added > stateLimits.keysMax ? full(revision) : undefined;
  }

  #checkPut(operation: Put, revision: number): Outcome | undefined {
    const key = keyOf(operation, revision);
    if (key.length === 0 || key.length > stateLimits.keyBytesMax)
      return refuse(revision, 'KEY_INVALID', `A key has 1 to ${stateLimits.keyBytesMax} characters`);
    if (operation.value.length > stateLimits.valueBytesMax)
      return refuse(revision, 'VALUE_TOO_LARGE', `A value has at most ${stateLimits.valueBytesMax} characters`);
    return operation.session === undefined ? undefined : checkClaim(this.sessions, operation.session, revision);
  }

  #perform(operation: KvOperation, revision: number): OperationResult {
    switch (operation.type) {
      case 'put': {
        const key = keyOf(operation, revision);
        const present = this.rows.get(key);
        const session = present === undefined ? operation.session?.session : present.session;
        this.rows.set(key, { value: operation.value, revision, ...(session === undefined ? {} : { session }) });
        this.#bind(key, session);
        return operation.sequential === true ? { key } : {};
      }
      case 'delete':
        return { deleted: this.#delete(operation.key) ? 1 : 0 };
      default: {
        const keys = this.#under(operation.prefix);
        for (const [key] of keys) this.#delete(key);
        return { deleted: keys.length };
      }
    }
  }

  #delete(key: string): boolean {
    const session = this.rows.get(key)?.session;
    if (session !== undefined) this.sessions.ephemerals.get(session)?.delete(key);
    return this.rows.delete(key);
  }

  #bind(key: string, session: number | undefined): void {
    if (session === undefined) return;
    const keys = this.sessions.ephemerals.get(session) ?? new Set();
    this.sessions.ephemerals.set(session, keys.add(key));
  }

  #under(prefix: string): [string, KvRow][] {
    return [...this.rows.entries()].filter(([key]) => key.startsWith(prefix));
  }
}

const keyOf = (operation: Exclude<KvOperation, { type: 'deletePrefix' }>, revision: number): string =>
  operation.type === 'put' && operation.sequential === true ? sequentialKey(operation.key, revision) : operation.key;

function checkSize(guards: readonly KvGuard[], operations: readonly KvOperation[], revision: number): Outcome | undefined {
  const { guardsMax, operationsMax } = stateLimits;
  if (guards.length <= guardsMax && operations.length > 0 && operations.length <= operationsMax) return undefined;
  return refuse(revision, 'TXN_INVALID', `A transaction has at most ${guardsMax} guards and 1 to ${operationsMax} operations`);
}

function refuse(revision: number, code: RefusalCode, message: string): Outcome {
  return { ok: false, revision, code, message };
}

function full(revision: number): Outcome {
  return refuse(revision, 'STATE_FULL', `The site holds ${stateLimits.keysMax} keys already: delete some first`);
}

function conflict(revision: number, key: string, present: number, expected: number): Outcome {
  return refuse(revision, 'REVISION_CONFLICT', `Key ${key} is at revision ${present}, not ${expected}: read it again`);
}
