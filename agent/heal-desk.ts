/** Where a box that cannot trust its memory asks its site to let it begin anew. Every member answers; the leader decides. */
import { isMember, isWitness } from '../consensus/core/membership.ts';
import type { NodeId } from '../consensus/core/types.ts';
import type { Agreement } from './agreement.ts';
import { canSpare } from './control/member-duty.ts';
import type { CallPort, Log } from './ports.ts';

const healProtocol = '/holdfast/heal/1';
const requestBytesMax = 4096;
const answerBytesMax = 4096;

/** What a box says of itself: the incarnation it wants to be known by, and why. */
export interface HealRequest {
  readonly incarnation: number;
  readonly code: string;
  readonly message: string;
}

/**
 * `welcome`: the box is known by this incarnation, and may speak in the agreement. `taken`: what it was has to leave first.
 * `elsewhere`: ask the leader, if one is known. `refused`: not now, and why.
 */
export type HealAnswer =
  | { readonly state: 'welcome' | 'taken' }
  | { readonly state: 'elsewhere'; readonly leader: NodeId | null }
  | { readonly state: 'refused'; readonly code: 'NOT_MEMBER' | 'TOO_FEW' | 'STILL_ALIVE' | 'STATE'; readonly message: string };

export interface HealDeskComponents {
  readonly agreement: Agreement;
  readonly calls: CallPort;
  /** Whether a member answers this box, which leads. */
  readonly answers: (name: NodeId) => boolean;
  readonly log: Log;
}

export class HealDesk {
  readonly #parts: HealDeskComponents;

  constructor(components: HealDeskComponents) {
    this.#parts = components;
  }

  start(): void {
    this.#parts.calls.serve(healProtocol, { requestBytesMax }, async (from, request) => {
      const asked = readRequest(request);
      if (asked === undefined) throw new Error('BAD_REQUEST: incarnation, code and message are needed');
      return new TextEncoder().encode(JSON.stringify(await this.#decide(from.name, asked)));
    });
  }

  async #decide(name: NodeId, { incarnation, code, message }: HealRequest): Promise<HealAnswer> {
    const { agreement, answers, log } = this.#parts;
    const { state } = agreement;
    if (!agreement.leads()) return { state: 'elsewhere', leader: agreement.status().leader ?? null };
    const row = state.members().get(name);
    const { membership } = agreement.status();
    const isKnown = isMember(membership, name) || (row !== undefined && row.role !== 'none');
    if (!isKnown || row?.role === 'none')
      return { state: 'refused', code: 'NOT_MEMBER', message: `${name} does not belong to the site any more: add it again` };
    if (state.incarnations().get(name) === incarnation) return { state: 'welcome' };
    if (row?.healing === incarnation) return { state: 'taken' };
    if (answers(name))
      return { state: 'refused', code: 'STILL_ALIVE', message: `${name} answers here with the memory it has: is this a copy of it?` };
    if (!canSpare(membership, name, answers))
      return { state: 'refused', code: 'TOO_FEW', message: 'Too few other voters answer to decide without it: bring them back first' };
    const voter = membership.voters.includes(name);
    const role = isWitness(membership, name) ? 'witness' : voter ? 'voter' : 'learner';
    log.warn('member.heals', { name, code, reason: message, incarnation });
    const outcome = await agreement.propose({ type: 'memberHeal', name, incarnation, role });
    return outcome.ok ? { state: 'taken' } : { state: 'refused', code: 'STATE', message: outcome.message };
  }
}

/** Asks one member. Rejects with NetworkError. */
export async function askToHeal(calls: CallPort, member: NodeId, request: HealRequest): Promise<HealAnswer> {
  const short = { ...request, message: request.message.slice(0, 1000) };
  const bytes = await calls.call(member, healProtocol, new TextEncoder().encode(JSON.stringify(short)), {
    timeoutMs: 5000,
    responseBytesMax: answerBytesMax,
  });
  return JSON.parse(new TextDecoder().decode(bytes)) as HealAnswer;
}

function readRequest(bytes: Uint8Array): HealRequest | undefined {
  try {
    const { incarnation, code, message } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<HealRequest>;
    const whole = Number.isSafeInteger(incarnation) && typeof code === 'string' && typeof message === 'string';
    return whole ? { incarnation: Number(incarnation), code: code.slice(0, 64), message } : undefined;
  } catch {
    return undefined;
  }
}
