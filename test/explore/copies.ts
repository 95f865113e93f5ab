/** Deep copies and one text for equal states, of whatever a member keeps. */

/** Never changed once made: shared between copies. */
const shared: ReadonlySet<string> = new Set(['timing', 'random', 'membership', 'options', 'snapshot']);

/**
 * What makes no difference here: counts and times that only leases, touches and pauses between repetitions are made from. Time enters
 * the exploration as actions of their own. A field that is not named counts.
 */
const irrelevant: ReadonlySet<string> = new Set([
  ...['id', 'timing', 'random', 'membership', 'configurations', 'out', 'touches', 'recent', 'linksLost', 'storageFailed'],
  ...['now', 'leaderHeardAt', 'electionDeadline', 'leaseFrom', 'sentAcks', 'startedWith', 'polls', 'lostLink', 'incoming', 'installing'],
  ...[
    'since',
    'nextPingAt',
    'uncommittedBytes',
    'transfer',
    'movedAt',
    'matchedAt',
    'resends',
    'ackSeqSeen',
    'lastAckAt',
    'rttTicks',
    'rttVarTicks',
    'busyAt',
    'rousedAt',
    'linkUp',
    'stream',
  ],
  ...['private_pending', 'private_leaseFrom', 'private_majoritySeen', 'private_inflightBytes', 'private_lastToken', 'selfVoteToken'],
  ...['sentAt', 'ackSeq', 'ackSeqSeen', 'ackSeqMajority', 'poll', 'requestId', 'token', 'origin', 'canWait'],
]);

export function copyOf<Value>(value: Value): Value {
  return copied(value, '') as Value;
}

function copied(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || shared.has(key) || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map((item) => copied(item, ''));
  if (value instanceof Map) return new Map([...value].map(([name, item]) => [name, copied(item, '')]));
  if (value instanceof Set) return new Set(value);
  // Entries and messages are plain and never changed.
  if ('kind' in value || 'type' in value) return value;
  const copy = Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>;
  for (const [name, item] of Object.entries(value)) copy[name] = copied(item, name);
  return copy;
}

/** Equal for states that go on alike. */
export function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof Uint8Array) return `x${value.join('.')}`;
  if (Array.isArray(value)) return `[${value.map(textOf).join()}]`;
  if (value instanceof Map) return `{${[...value].map(([name, item]) => `${name}=${textOf(item)}`).join()}}`;
  if (value instanceof Set) return `{${[...value].map(textOf).join()}}`;
  let text = '(';
  for (const name in value) if (!irrelevant.has(name)) text += `${textOf((value as Record<string, unknown>)[name])};`;
  return `${text})`;
}
