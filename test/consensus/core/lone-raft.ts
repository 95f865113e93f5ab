import type { Message } from '../../../consensus/core/messages.ts';
import { Raft } from '../../../consensus/core/raft.ts';
import type { Ready } from '../../../consensus/core/ready.ts';
import { defaultTiming, type Entry, type EntryId, logIndex, type NodeId, term, tick } from '../../../consensus/core/types.ts';
import { entriesOf } from './entries.ts';

export interface LoneOptions {
  readonly voters?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  readonly witnesses?: readonly NodeId[];
  readonly terms?: readonly number[];
  /** What its disk says. @default the last of `terms`, no vote */
  readonly term?: number;
  readonly votedFor?: NodeId;
  /** Applied, hence committed, up to here. @default 0 */
  readonly applied?: number;
  readonly uncertain?: EntryId;
  /** What its random source gives at its start; 0 after it. @default 0 */
  readonly chance?: number;
}

/** Member n1 alone with the test, which plays all the others and the disk. */
export class LoneRaft {
  readonly raft: Raft;
  /** What `saved` wrote, after what it started with. */
  disk: readonly Entry[];
  #now = 0;

  constructor(options: LoneOptions = {}) {
    const { voters = ['n1', 'n2', 'n3'], learners = [], witnesses = [], terms = [] } = options;
    this.disk = entriesOf(terms);
    let isStarted = false;
    this.raft = new Raft({
      id: 'n1',
      membership: { voters, learners, witnesses },
      timing: defaultTiming,
      random: { nextInt: (below) => (isStarted ? 0 : (options.chance ?? 0) % below) },
      now: tick(0),
      hardState: { term: term(options.term ?? terms.at(-1) ?? 0), votedFor: options.votedFor },
      entries: this.disk,
      base: { term: term(0), index: logIndex(0) },
      appliedIndex: logIndex(options.applied ?? 0),
      uncertain: options.uncertain,
    });
    isStarted = true;
  }

  get term() {
    return this.raft.view().term;
  }

  pass(ticks: number): void {
    this.#now += ticks;
    this.raft.tick(tick(this.#now));
  }

  /** Takes one Ready; saves nothing, applies nothing. */
  ready(): Ready {
    return this.raft.takeReady();
  }

  /** Takes one Ready and has it saved. */
  saved(): Ready {
    const ready = this.ready();
    if (ready.save === undefined) return ready;
    const first = ready.save.entries[0];
    if (first !== undefined) this.disk = [...this.disk.filter(({ index }) => index < first.index), ...ready.save.entries];
    this.raft.step({ type: 'SAVED', token: ready.save.token });
    return ready;
  }

  /** Terms of the entries on the disk, from index 1 on. */
  get terms(): readonly number[] {
    return this.disk.map((entry) => entry.term);
  }

  /** Makes it leader with the vote of n2. Its no-op is not saved yet. */
  elect(): void {
    this.pass(40);
    const poll = this.ready().messages.find((message) => message.type === 'PREVOTE');
    if (poll === undefined) throw new Error('It does not poll');
    this.raft.step({ type: 'PREVOTE_REPLY', from: 'n2', to: 'n1', term: poll.term, poll: poll.poll, granted: true, conditional: false });
    this.saved();
    this.raft.step({ type: 'VOTE_REPLY', from: 'n2', to: 'n1', term: this.term, granted: true });
  }

  /** An ACK of the present term. @param sentAt when the PING left that it answers; now if not said */
  ack(from: NodeId, durableIndex: number, seq = 0, sentAt = this.#now): void {
    this.raft.step({
      type: 'ACK',
      from,
      to: 'n1',
      term: this.term,
      seq,
      sentAt: tick(sentAt),
      ackSeq: 1,
      durableIndex: logIndex(durableIndex),
      reject: undefined,
      touches: [],
      restTicks: 0,
    });
  }
}

export const typesOf = (messages: readonly Message[]): readonly string[] => messages.map(({ type }) => type);
