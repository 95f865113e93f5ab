/** A membership as the payload of a `configuration` entry: the core reads it, so the form is the core's. */
import { allVoters, isMember } from './membership.ts';
import { limits, type Membership, type NodeId, nodeIdPattern, type RoleChange } from './types.ts';

const roles: readonly string[] = ['learner', 'witness-learner', 'voter', 'none'] satisfies readonly RoleChange['role'][];

const textOf = ({ voters, votersBefore = [], learners, witnesses = [] }: Membership): string =>
  JSON.stringify({ voters, votersBefore, learners, witnesses });

/** The same membership gives the same bytes. */
export function encodeMembership(membership: Membership): Uint8Array {
  return new TextEncoder().encode(textOf(membership));
}

/** Undefined for what is no membership: who reads bytes from outside refuses them. */
export function decodeMembership(data: Uint8Array): Membership | undefined {
  const text = textIn(data);
  const read = parse(text);
  if (!isRecord(read)) return undefined;
  const { voters, votersBefore, learners, witnesses } = read;
  if (!isIds(voters) || !isIds(votersBefore) || !isIds(learners) || !isIds(witnesses)) return undefined;
  const membership = { voters, votersBefore, learners, witnesses };
  const isSound =
    voters.length <= limits.votersMax &&
    votersBefore.length <= limits.votersMax &&
    allVoters(membership).length + learners.length <= limits.membersMax &&
    learners.every((id) => !voters.includes(id)) &&
    witnesses.every((id) => isMember(membership, id));
  // One way to write each membership.
  return isSound && text === textOf(membership) ? membership : undefined;
}

export function encodeChanges(changes: readonly RoleChange[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(changes.map(({ id, role }) => ({ id, role }))));
}

/** Undefined for what are no changes. */
export function decodeChanges(data: Uint8Array): readonly RoleChange[] | undefined {
  const read = parse(textIn(data));
  if (!Array.isArray(read) || read.length === 0 || read.length > limits.membersMax) return undefined;
  const changes = read.map((item: unknown) =>
    isRecord(item) && isId(item['id']) && typeof item['role'] === 'string' && roles.includes(item['role'])
      ? { id: item['id'], role: item['role'] as RoleChange['role'] }
      : undefined,
  );
  const whole = changes.filter((change) => change !== undefined);
  return whole.length === changes.length ? whole : undefined;
}

const textIn = (data: Uint8Array): string => new TextDecoder().decode(data);

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): value is NodeId => typeof value === 'string' && nodeIdPattern.test(value);
const isIds = (value: unknown): value is readonly NodeId[] =>
  Array.isArray(value) && value.length <= limits.membersMax && value.every(isId) && new Set(value).size === value.length;
