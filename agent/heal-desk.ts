/** Where a box that cannot trust its memory asks its site to let it begin anew. Every member answers; the leader decides. */
import { isMember, isWitness } from '../consensus/core/membership.ts';
import type { NodeId } from '../consensus/core/types.ts';
import type { HelloRefusal } from '../consensus/driver/hello.ts';
import type { ReentryPoint } from '../consensus/driver/reentry.ts';
import type { Standing } from '../consensus/driver/standing.ts';
import type { Agreement } from './agreement.ts';
import { canSpare } from './control/member-duty.ts';
import type { CallPort, Log } from './ports.ts';

const healProtocol = '/holdfast/heal/1';
const standingProtocol = '/holdfast/standing/1';
/** A copy is called one only when the other box was heard this long after it greeted, in milliseconds. */
const otherHeardMs = 1000;
const barrierMs = 3000;
const requestBytesMax = 4096;
const answerBytesMax = 4096;

/** What a box says of itself: the incarnation it wants to be known by, and why. */
export interface HealRequest {
  readonly incarnation: number;
  readonly code: string;
  readonly message: string;
}

interface Welcome extends ReentryPoint {
  readonly state: 'welcome';
  /** It is again what it is to be. */
  readonly isWell: boolean;
}

/**
 * `welcome`: the box is known by this incarnation, and may speak in the agreement. `taken`: what it was has to leave first.
 * `elsewhere`: ask the leader, if one is known. `refused`: not now, and why.
 */
export type HealAnswer =
  | { readonly state: 'taken' }
  | Welcome
  | { readonly state: 'elsewhere'; readonly leader: NodeId | null }
  | {
      readonly state: 'refused';
      readonly code: HealRefusal;
      readonly message: string;
      /** How many forced recoveries the site has seen. */
      readonly epoch: number;
    };

type HealRefusal = 'NOT_MEMBER' | 'TOO_FEW' | 'STILL_ALIVE' | 'STATE' | HelloRefusal;

/** Who greeted here, and how it was received. */
interface Greetings {
  readonly standing: Standing;
  refusalOf(name: NodeId, start: number): { readonly code: HelloRefusal; readonly message: string; readonly at: number } | undefined;
}

export interface HealDeskComponents {
  readonly agreement: Agreement;
  readonly calls: CallPort;
  /** Whether a member answers this box, which leads. */
  readonly answers: (name: NodeId) => boolean;
  readonly greetings: Greetings;
  /** How many forced recoveries this site has seen. */
  readonly epoch: number;
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
    this.#parts.calls.serve(standingProtocol, { requestBytesMax }, async (from, request) => {
      const { start } = JSON.parse(new TextDecoder().decode(request)) as { start?: unknown };
      return new TextEncoder().encode(JSON.stringify(await this.#judge(from.name, Number(start))));
    });
  }

  /**
   * Whether a start of a box is listened to. `taken`: nothing can be said yet. What it holds is called unfit only by a leader that
   * a majority follows at this moment, without it.
   */
  async #judge(name: NodeId, start: number): Promise<HealAnswer> {
    const { agreement, greetings, epoch } = this.#parts;
    const refusal = greetings.refusalOf(name, start);
    const isOtherHeard = (greetings.standing.otherHeardAt(name, start) ?? 0) >= (refusal?.at ?? 0) + otherHeardMs;
    const { leader } = agreement;
    // The copy of a leader has nobody else to ask.
    if (refusal?.code === 'CLONED' && leader === name && isOtherHeard)
      return { state: 'refused', epoch, code: refusal.code, message: refusal.message };
    const inTerm = agreement.leadsIn();
    if (inTerm === undefined) return { state: 'elsewhere', leader: leader ?? null };
    if (refusal === undefined) return { state: 'welcome', isWell: true, ...this.#here() };
    const { code, message } = refusal;
    if (code === 'CLONED' && !isOtherHeard) return { state: 'taken' };
    await agreement.barrier(AbortSignal.timeout(barrierMs));
    // The next leader may have answered that, and it may be this very box.
    if (agreement.leadsIn() !== inTerm) return { state: 'elsewhere', leader: agreement.leader ?? null };
    return { state: 'refused', epoch, code, message };
  }

  #here(): ReentryPoint {
    const { term, commitIndex } = this.#parts.agreement.status();
    return { term, index: commitIndex };
  }

  async #decide(name: NodeId, { incarnation, code, message }: HealRequest): Promise<HealAnswer> {
    const { agreement, answers, epoch, log } = this.#parts;
    const { state } = agreement;
    const inTerm = agreement.leadsIn();
    if (inTerm === undefined) return { state: 'elsewhere', leader: agreement.leader ?? null };
    const row = state.members().get(name);
    const { membership } = agreement;
    const isKnown = isMember(membership, name) || (row !== undefined && row.role !== 'none');
    if (!isKnown || row?.role === 'none')
      return { state: 'refused', epoch, code: 'NOT_MEMBER', message: `${name} does not belong to the site any more: add it again` };
    if (state.starts().get(name)?.incarnation === incarnation)
      return { state: 'welcome', isWell: row?.healing === undefined, ...this.#here() };
    if (row?.healing === incarnation) return { state: 'taken' };
    if (answers(name))
      return {
        state: 'refused',
        epoch,
        code: 'STILL_ALIVE',
        message: `${name} answers here with the memory it has: is this a copy of it?`,
      };
    if (!canSpare(membership, name, answers))
      return {
        state: 'refused',
        epoch,
        code: 'TOO_FEW',
        message: 'Too few other voters answer to decide without it: bring them back first',
      };
    const voter = membership.voters.includes(name);
    const role = isWitness(membership, name) ? 'witness' : voter ? 'voter' : 'learner';
    log.warn('member.heals', { name, code, reason: message, incarnation });
    const outcome = await agreement.propose({ type: 'memberHeal', name, incarnation, role }, { inTerm });
    return outcome.ok ? { state: 'taken' } : { state: 'refused', epoch, code: 'STATE', message: outcome.message };
  }
}

/** Asks one member to begin anew. Rejects with NetworkError. */
export function askToHeal(calls: CallPort, member: NodeId, request: HealRequest): Promise<HealAnswer> {
  return ask(calls, member, healProtocol, { ...request, message: request.message.slice(0, 1000) });
}

/** Asks one member whether this start is listened to. Rejects with NetworkError. */
export function askStanding(calls: CallPort, member: NodeId, start: number): Promise<HealAnswer> {
  return ask(calls, member, standingProtocol, { start });
}

async function ask(calls: CallPort, member: NodeId, protocol: string, request: object): Promise<HealAnswer> {
  const bytes = await calls.call(member, protocol, new TextEncoder().encode(JSON.stringify(request)), {
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
