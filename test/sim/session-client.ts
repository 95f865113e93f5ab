import { Heard } from '../../agent/client/heard.ts';
import { type Command, type Envelope, encodeEnvelope, type Outcome } from '../../agent/state/commands.ts';
import type { SessionClaim } from '../../agent/state/session-table.ts';
import { tickMs } from '../../consensus/core/types.ts';
import type { LockExclusivity } from './checkers/lock-exclusivity.ts';
import type { SessionBounds } from './checkers/session-bounds.ts';
import type { WatchOrder } from './checkers/watch-order.ts';
import type { Cluster } from './cluster.ts';
import type { SeededRandom } from './random.ts';
import type { SimNode } from './sim-node.ts';
import { SimWatch } from './sim-watch.ts';

export interface SessionCheckers {
  readonly bounds: SessionBounds;
  readonly locks: LockExclusivity;
  readonly watches: WatchOrder;
}

interface Session {
  readonly number: number;
  readonly ttlTicks: number;
  readonly heard: Heard;
  ownerEpoch: number;
  nextTouchAt: number;
  sequence: number;
}

/** What is under way; one thing at a time. */
interface Pending {
  readonly kind: 'open' | 'change' | 'move' | 'look';
  /** Of a change: sent again until its outcome is known. */
  readonly command: (() => Command) | undefined;
  readonly sequence: number;
  readonly then: (outcome: Outcome | undefined, node: SimNode) => void;
  readonly began: number;
  request: number;
  deadline: number;
}

/** Its place in the queue of the lock. */
interface Place {
  readonly key: string;
  readonly token: number;
  isFirst: boolean;
}

const claimOf = ({ number, ownerEpoch }: Session): SessionClaim => ({ session: number, ownerEpoch });

const patience = 150;
const lockPrefix = 'lock/';

export class SessionClient {
  readonly name: string;
  readonly #random: SeededRandom;
  readonly #ask: (client: SessionClient, node: SimNode) => number;
  readonly #checkers: SessionCheckers;
  #now = 0;
  #member: SimNode | undefined;
  #session: Session | undefined;
  #pending: Pending | undefined;
  /** A change whose outcome is not known yet, while the session is being moved. Nothing else is done before it is. */
  #stalled: Pending | undefined;
  #place: Place | undefined;
  #watch: SimWatch | undefined;

  /** A session it had to take for lost, which it asks for once more then. */
  #doubted: { readonly session: Session; readonly at: number } | undefined;

  /** Times to live are multiplied by this. */
  readonly #ttlFactor: number;

  constructor(
    name: string,
    random: SeededRandom,
    ask: (client: SessionClient, node: SimNode) => number,
    checkers: SessionCheckers,
    ttlFactor: number,
  ) {
    this.name = name;
    this.#random = random;
    this.#ask = ask;
    this.#checkers = checkers;
    this.#ttlFactor = ttlFactor;
  }

  /** The fencing token of the lock, while this client takes itself for its holder. */
  get token(): number | undefined {
    return this.#place?.isFirst === true && this.#isAlive() ? this.#place.token : undefined;
  }

  tick(cluster: Cluster): void {
    this.#now = cluster.agenda.now;
    if (this.#session !== undefined && !this.#isAlive()) this.#doubt(this.#session);
    const able = cluster.up.filter(({ options }) => options.witness !== true);
    if (this.#member?.raft === undefined || this.#random.chance(0.3))
      this.#member = able.length === 0 ? undefined : this.#random.pick(able);
    const member = this.#member;
    if (member === undefined) return;
    this.#watch?.read(member);
    this.#touch(member);
    if (this.#pending !== undefined) {
      if (this.#now >= this.#pending.deadline) this.#again(member);
    } else if (this.#stalled !== undefined) this.#goOn(member, this.#stalled);
    else if (this.#doubted !== undefined) this.#askAgain(member, this.#doubted);
    else if (this.#random.chance(15)) this.#begin(member);
  }

  refused(request: number): void {
    // A definite no: asked again soon.
    if (this.#pending?.request === request) this.#pending.deadline = Math.min(this.#pending.deadline, this.#now + 3);
  }

  answered(request: number, node: SimNode, outcome: Outcome | undefined): void {
    const pending = this.#pending;
    if (pending?.request !== request) return;
    this.#pending = undefined;
    if (outcome?.ok === false && outcome.code === 'SESSION_EXPIRED') this.#lose();
    else if (outcome?.ok === false && outcome.code === 'SESSION_MOVED') {
      if (pending.kind === 'change') this.#stalled = pending;
      this.#move(node);
    } else pending.then(outcome, node);
  }

  #isAlive(): boolean {
    return this.#session !== undefined && this.#now < this.#session.heard.until;
  }

  /** Whatever was under way in it is given up; the site ends it in its time. */
  #lose(): void {
    this.#session = undefined;
    this.#place = undefined;
    this.#stalled = undefined;
    if (this.#pending?.kind !== 'open') this.#pending = undefined;
  }

  #doubt(session: Session): void {
    this.#lose();
    if (this.#random.chance(50)) this.#doubted = { session, at: this.#now + this.#random.nextInt(session.ttlTicks) };
  }

  /** Whether the session lives, only the site knows: it is asked for here, and lives on if it can be had. */
  #askAgain(member: SimNode, { session, at }: { readonly session: Session; readonly at: number }): void {
    if (this.#now < at) return;
    this.#doubted = undefined;
    const began = this.#now;
    const then = (outcome: Outcome | undefined, node: SimNode): void => {
      if (outcome?.ok !== true) return;
      session.nextTouchAt = began;
      this.#session = session;
      this.#adopt(session, node, began);
    };
    this.#sendMove(member, session, then);
  }

  #touch(member: SimNode): void {
    const session = this.#session;
    if (session === undefined || this.#now < session.nextTouchAt) return;
    const began = this.#now;
    session.nextTouchAt = began + 10;
    member.do((raft) => {
      member.tellTime();
      // As an agent does: only the owner takes touches.
      if (member.replica.state.session(session.number)?.owner !== member.id) {
        if (this.#pending === undefined && this.#session === session) this.#move(member);
        return;
      }
      if (!raft.touch({ session: session.number, ttlTicks: session.ttlTicks })) return;
      session.heard.taken(began, this.#now);
      session.nextTouchAt = began + Math.floor(session.ttlTicks / 8);
      this.#checkers.bounds.taken(session.number, began, this.#now);
    });
  }

  #begin(member: SimNode): void {
    const session = this.#session;
    if (session === undefined) {
      this.#open(member);
      return;
    }
    const choice = this.#random.nextInt(100);
    if (choice < 4) this.#move(member);
    else if (choice < 6) this.#close(member, session);
    // Its client dies, and nobody touches it any more.
    else if (choice < 8) this.#lose();
    else if (choice < 55) this.#lock(member);
    else if (choice < 60) this.#watch = new SimWatch(`${this.name} at ${this.#now}`, this.#checkers.watches, member);
    else this.#change(member, this.#someChange(session), () => undefined);
  }

  /** Whoever closes its session holds nothing from then on. */
  #close(member: SimNode, { number }: Session): void {
    this.#place = undefined;
    this.#change(
      member,
      () => ({ type: 'sessionClose', session: number }),
      () => this.#lose(),
    );
  }

  /** Made anew for each attempt, with the claim of that moment. */
  #someChange(session: Session): () => Command {
    const key = `${this.#random.pick(['p', 'q'])}/${this.name}`;
    const value = String(this.#random.nextInt(1000));
    const kind = this.#random.nextInt(6);
    return () => this.#changeOf(kind, session, key, value);
  }

  #changeOf(kind: number, session: Session, key: string, value: string): Command {
    const claim = claimOf(session);
    const commands: readonly Command[] = [
      { type: 'kvPut', key, value },
      { type: 'kvPut', key: `e/${this.name}`, value, session: claim },
      { type: 'kvPut', key: `s/${this.name}-`, value, session: claim, sequential: true },
      { type: 'kvDelete', key },
      {
        type: 'kvTxn',
        guards: [{ session: claim }],
        operations: [
          { type: 'put', key, value },
          { type: 'put', key: `e/${this.name}`, value, session: claim },
        ],
      },
      {
        type: 'kvTxn',
        guards: [],
        operations: [
          { type: 'deletePrefix', prefix: `s/${this.name}-` },
          { type: 'put', key, value },
        ],
      },
    ];
    return commands[kind] as Command;
  }

  #open(member: SimNode): void {
    const ttlTicks = this.#ttlFactor * this.#random.pick([100, 200, 320, 320, 400]);
    const began = this.#now;
    const then = (outcome: Outcome | undefined): void => {
      if (outcome?.ok !== true) return;
      const number = outcome.revision;
      const heard = new Heard(ttlTicks, began);
      this.#session = { number, ttlTicks, heard, ownerEpoch: number, nextTouchAt: began + Math.floor(ttlTicks / 8), sequence: 0 };
      this.#checkers.bounds.decided(number, began, ttlTicks);
    };
    this.#send(member, {
      kind: 'open',
      command: () => ({ type: 'sessionOpen', ttlMs: ttlTicks * tickMs, owner: member.id }),
      sequence: 0,
      then,
    });
  }

  /** To the member it speaks with now. */
  #move(member: SimNode): void {
    const session = this.#session;
    if (session === undefined) return;
    const began = this.#now;
    const then = (outcome: Outcome | undefined, node: SimNode): void => {
      if (outcome?.ok === true && this.#session === session) this.#adopt(session, node, began);
    };
    this.#sendMove(member, session, then);
  }

  #adopt(session: Session, node: SimNode, began: number): void {
    session.ownerEpoch = node.replica.state.session(session.number)?.ownerEpoch ?? session.ownerEpoch;
    session.heard.decided(began);
    this.#checkers.bounds.decided(session.number, began, session.ttlTicks);
  }

  #sendMove(member: SimNode, { number }: Session, then: Pending['then']): void {
    this.#send(member, { kind: 'move', command: () => ({ type: 'sessionMove', session: number, owner: member.id }), sequence: 0, then });
  }

  #change(member: SimNode, command: () => Command, then: Pending['then']): void {
    const session = this.#session;
    if (session === undefined) return;
    session.sequence += 1;
    this.#send(member, { kind: 'change', command, sequence: session.sequence, then });
  }

  /** One step of the recipe: a place, a look who is first, changes under its fence, and off again. */
  #lock(member: SimNode): void {
    const [session, place] = [this.#session, this.#place];
    if (session === undefined || session.ttlTicks < 320 * this.#ttlFactor) return;
    if (place === undefined) {
      const put = (): Command => ({ type: 'kvPut', key: lockPrefix, value: this.name, session: claimOf(session), sequential: true });
      this.#change(member, put, (outcome) => {
        if (outcome?.ok === true && outcome.key !== undefined && this.#session === session)
          this.#place = { key: outcome.key, token: outcome.revision, isFirst: false };
      });
    } else if (!place.isFirst) {
      const then = (_: unknown, node: SimNode): void => {
        const first = node.replica.state.kvList(lockPrefix)[0]?.[0];
        if (first === place.key) place.isFirst = true;
        else if (node.replica.state.kv(place.key) === undefined) this.#place = undefined;
      };
      this.#send(member, { kind: 'look', command: undefined, sequence: 0, then });
    } else if (this.#random.chance(70)) {
      const guards = [{ key: place.key, revision: place.token }];
      const operations = [{ type: 'put', key: 'guarded', value: String(place.token) } as const];
      this.#change(
        member,
        () => ({ type: 'kvTxn', guards, operations }),
        (outcome) => {
          if (outcome?.ok === false) this.#place = undefined;
        },
      );
    } else {
      // It must not act any more once it has asked to leave.
      place.isFirst = false;
      this.#change(
        member,
        () => ({ type: 'kvDelete', key: place.key }),
        () => {
          this.#place = undefined;
        },
      );
    }
  }

  #goOn(member: SimNode, stalled: Pending): void {
    this.#stalled = undefined;
    this.#send(member, stalled);
  }

  #again(member: SimNode): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    // What became of the opening is not known: that session ends by itself.
    if (pending.kind === 'change' && this.#session !== undefined) this.#send(member, pending);
  }

  #send(member: SimNode, what: Pick<Pending, 'kind' | 'command' | 'sequence' | 'then'>): void {
    const { kind, command, sequence } = what;
    const request = this.#ask(this, member);
    this.#pending = { ...what, request, began: this.#now, deadline: this.#now + patience };
    if (command === undefined) {
      member.do((raft) => raft.read(request));
      return;
    }
    const session = this.#session;
    const envelope: Envelope =
      kind === 'change' && session !== undefined
        ? { command: command(), request: { ...claimOf(session), sequence, lowestAwaited: sequence } }
        : { command: command() };
    member.do((raft) => raft.propose(request, encodeEnvelope(envelope)));
  }
}
