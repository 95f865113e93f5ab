import type { LocalEvent, Message } from '../../consensus/core/messages.ts';
import { Raft } from '../../consensus/core/raft.ts';
import type { Save } from '../../consensus/core/ready.ts';
import type { RaftState } from '../../consensus/core/state.ts';
import {
  defaultTiming,
  type Entry,
  type EntryId,
  type HardState,
  logIndex,
  type NodeId,
  type Role,
  term,
  tick,
} from '../../consensus/core/types.ts';
import { copyOf, textOf } from './copies.ts';

export const members: readonly NodeId[] = ['n1', 'n2', 'n3'];

/** A member as the exploration sees it: the real core, and its disk. Never changed once made. */
export interface Cell {
  readonly raft: Raft;
  readonly hardState: HardState;
  /** Durable. */
  readonly entries: readonly Entry[];
  /** Handed out and not synced yet. */
  readonly pending: readonly Save[];
  /** What its disk lost although it had been synced. */
  readonly uncertain: EntryId | undefined;
  readonly role: Role;
  readonly term: number;
  /** Number of a leader's newest PING round. */
  readonly round: number;
  /** Its log in memory, for `Logs`. */
  readonly log: number;
  readonly disk: number;
  readonly node: number;
}

/** What a member does upon one input. */
export interface Step {
  readonly cell: number;
  /** Numbers of messages, as `messages` has them. */
  readonly sent: readonly number[];
  /** Entries handed out as committed, from the first index on that was not. */
  readonly committed: readonly { readonly index: number; readonly entry: number }[];
  /** Term it began to lead in; 0 when it did not. */
  readonly elected: number;
  /** Indexes that reads taken in here may be served at. */
  readonly reads: readonly number[];
  /** Broken promises found by the core itself or by a look at the member alone. */
  readonly failure: string | undefined;
  /** Whether something had to be saved: then a quick disk and a slow one differ. */
  readonly saved: boolean;
}

/** Inputs beside messages. Messages have the numbers from `firstMessage` on. */
export const inputs = { timeout: 0, lapse: 1, sync: 2, ping: 3, crash: 4, damage: 12, read: 13, propose: 16 } as const;
const firstMessage = 32;
export const inputOf = (message: number): number => firstMessage + message;

/** Numbers for texts. */
export class Numbers {
  readonly #known = new Map<string, number>();

  of(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    this.#known.set(text, this.#known.size);
    return this.#known.size - 1;
  }
}

/**
 * All states of members met so far, and what each input makes of them. A member's step depends on nothing but its own state and the
 * input, so each is computed once, by the real core, however many states of the whole site contain it.
 */
export class Cells {
  readonly cells: Cell[] = [];
  readonly messages: Message[] = [];
  /** Terms and contents of each log, by its number. */
  readonly logs: (readonly number[])[] = [];
  readonly entryTexts: string[] = [];
  readonly #cellNumbers = new Numbers();
  readonly #messageNumbers = new Numbers();
  readonly #logNumbers = new Numbers();
  readonly #entryNumbers = new Numbers();
  readonly #steps = new Map<number, Step>();
  readonly #isMerging: boolean;

  /** `isMerging`: states of a member that read alike become one. Without it each stays itself, for `audit.ts`. */
  constructor(isMerging = true) {
    this.#isMerging = isMerging;
  }

  get steps(): number {
    return this.#steps.size;
  }

  cell(number: number): Cell {
    const cell = this.cells[number];
    if (cell === undefined) throw new Error(`No cell ${number}`);
    return cell;
  }

  message(number: number): Message {
    const message = this.messages[number];
    if (message === undefined) throw new Error(`No message ${number}`);
    return message;
  }

  /** A member that was never started. */
  fresh(node: number): number {
    return this.#start(node, { term: term(0), votedFor: undefined }, [], undefined);
  }

  /** `quick`: the disk syncs at once, unless earlier saves wait. */
  step(number: number, input: number, quick: boolean): Step {
    const key = (number * 2 ** 20 + input) * 2 + (quick ? 1 : 0);
    let step = this.#steps.get(key);
    if (step === undefined) {
      step = this.#compute(this.cell(number), input, quick);
      this.#steps.set(key, step);
    }
    return step;
  }

  #compute(cell: Cell, input: number, quick: boolean): Step {
    if (input === inputs.damage) return this.#damage(cell);
    if (input >= inputs.crash && input < inputs.damage) return this.#crash(cell, input - inputs.crash);
    const run = new Run(cell);
    try {
      run.take(input < firstMessage ? input : this.message(input - firstMessage), quick);
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      return { ...nothing, cell: -1, failure };
    }
    return {
      cell: this.#number({ ...run, node: cell.node, uncertain: run.raft.view().uncertain ? cell.uncertain : undefined }),
      sent: run.sent.map((message) => this.#messageNumber(message)),
      committed: run.committed.map((entry) => ({ index: entry.index, entry: this.#entryNumber(entry) })),
      elected: run.elected,
      reads: run.reads,
      failure: undefined,
      saved: run.saved,
    };
  }

  /** The power fails: the first `synced` saves that waited made it, unreported. It starts again at once: a box that stays off is one that does nothing. */
  #crash(cell: Cell, synced: number): Step {
    let { hardState, entries } = cell;
    for (const save of cell.pending.slice(0, synced)) {
      hardState = save.hardState ?? hardState;
      entries = written(entries, save);
    }
    return { ...nothing, cell: this.#start(cell.node, hardState, entries, cell.uncertain) };
  }

  /** The power fails, and a bit of the last durable entry flips: it is dropped. */
  #damage({ node, hardState, entries }: Cell): Step {
    const last = entries.at(-1);
    if (last === undefined) throw new Error('Nothing to damage');
    return { ...nothing, cell: this.#start(node, hardState, entries.slice(0, -1), { term: last.term, index: last.index }) };
  }

  #start(node: number, hardState: HardState, entries: readonly Entry[], uncertain: EntryId | undefined): number {
    const raft = new Raft({
      id: members[node] ?? '',
      membership: { voters: members, learners: [] },
      timing: defaultTiming,
      // The longest timeout: time passes by actions only.
      random: { nextInt: (below) => below - 1 },
      now: tick(0),
      hardState,
      entries,
      base: { term: term(0), index: logIndex(0) },
      appliedIndex: logIndex(0),
      uncertain,
    });
    return this.#number({ node, raft, hardState, entries, pending: [], uncertain });
  }

  #number({ node, raft, hardState, entries, pending, uncertain }: Core): number {
    const state = stateOf(raft);
    const text = cellText({ node, raft, hardState, entries, pending });
    const number = this.#cellNumbers.of(this.#isMerging ? text : `${this.cells.length}`);
    if (number === this.cells.length) {
      const log = this.#logNumber(state.log.slice(logIndex(1), 1e9, 1e9));
      const disk = this.#logNumber(entries);
      this.cells.push({
        raft,
        hardState,
        entries,
        pending,
        uncertain,
        role: state.role,
        term: state.term,
        round: state.leadership?.rounds.seq ?? 0,
        log,
        disk,
        node,
      });
    }
    return number;
  }

  #logNumber(entries: readonly Entry[]): number {
    const numbers = entries.map((entry) => this.#entryNumber(entry));
    const number = this.#logNumbers.of(numbers.join());
    if (number === this.logs.length) this.logs.push(numbers);
    return number;
  }

  /** Equal for entries of one term and content; the index is where it stands. */
  #entryNumber(entry: Entry): number {
    const text = `${entry.term}${entry.kind === 'noop' ? '' : `:${String.fromCharCode(...entry.data)}`}`;
    const number = this.#entryNumbers.of(text);
    if (number === this.entryTexts.length) this.entryTexts.push(text);
    return number;
  }

  #messageNumber(message: Message): number {
    const number = this.#messageNumbers.of(this.#isMerging ? textOf(message) : `${this.messages.length}`);
    if (number === this.messages.length) this.messages.push(message);
    return number;
  }
}

type Core = Pick<Cell, 'node' | 'raft' | 'hardState' | 'entries' | 'pending' | 'uncertain'>;

const nothing = { sent: [], committed: [], elected: 0, reads: [], failure: undefined, saved: false } as const;

/** Equal for members that go on alike, whatever happens. */
export function cellText(cell: Omit<Core, 'uncertain'>): string {
  const state = stateOf(cell.raft);
  const { campaign, leader, now, leaderHeardAt, durability, timing } = state;
  const isSticky = leader !== undefined && now - leaderHeardAt < timing.electionTicks;
  // How many saves ago the own vote was handed out, as long as it waits for that.
  const ownVote = campaign?.selfVoteToken === undefined ? 0 : durability.lastToken - campaign.selfVoteToken + 1;
  const waits = campaign !== undefined && !campaign.ballots.has(state.id) ? ownVote : 0;
  const disk = `${textOf(cell.hardState)} ${textOf(cell.entries)} ${textOf(cell.pending)}`;
  return `${cell.node} ${isSticky} ${waits} ${agesOf(state)} ${disk} ${textOf(state)}`;
}

/** How long a leader has waited for each peer: it repeats what may be lost, steps down when it waited too long, and believes a newer answer. */
function agesOf({ leadership, now }: RaftState): string {
  const peers = [...(leadership?.progress.values() ?? [])];
  return peers
    .map((peer) => `${now - peer.movedAt}/${peer.resends}/${now - (peer.lastAckAt ?? peer.since)}/${now > peer.matchedAt}`)
    .join();
}

/** The state within a core whose private fields are open. */
function stateOf(raft: Raft): RaftState {
  return (raft as unknown as { readonly private_state: RaftState }).private_state;
}

function written(entries: readonly Entry[], save: Save): readonly Entry[] {
  const first = save.entries[0];
  return first === undefined ? entries : [...entries.filter(({ index }) => index < first.index), ...save.entries];
}

/** One input to a copy of a cell, worked off as the driver does. */
class Run {
  readonly raft: Raft;
  hardState: HardState;
  entries: readonly Entry[];
  pending: Save[];
  saved = false;
  elected = 0;
  readonly sent: Message[] = [];
  readonly committed: Entry[] = [];
  readonly reads: number[] = [];

  constructor(cell: Cell) {
    this.raft = copyOf(cell.raft);
    this.hardState = cell.hardState;
    this.entries = cell.entries;
    this.pending = [...cell.pending];
  }

  take(input: number | Message, quick: boolean): void {
    const state = stateOf(this.raft);
    const { electionTicks, pingTicks } = state.timing;
    // Round trips take no time: they only stretch the pauses between repetitions.
    if (typeof input !== 'number') this.raft.step(input.type === 'ACK' ? { ...input, sentAt: state.now } : input);
    else if (input === inputs.sync) this.#sync();
    else if (input === inputs.read) this.raft.read(1);
    else if (input === inputs.ping) this.raft.tick(tick(state.now + 3 * pingTicks));
    else if (input === inputs.lapse) {
      // Long enough to forget a leader, too short to campaign.
      if (state.role === 'leader') this.raft.tick(tick(state.now + electionTicks));
      else if (state.leader !== undefined) this.raft.tick(tick(state.leaderHeardAt + electionTicks));
    } else if (input === inputs.timeout) {
      if (state.role === 'leader') this.raft.tick(tick(state.now + electionTicks));
      state.polls = 0;
      this.raft.tick(state.electionDeadline);
    } else this.raft.propose(1, new Uint8Array([97 + input - inputs.propose]));
    this.#pump(quick);
  }

  #sync(): void {
    const save = this.pending.shift();
    if (save === undefined) throw new Error('Nothing to sync');
    this.#durable(save);
  }

  #durable(save: Save): void {
    this.hardState = save.hardState ?? this.hardState;
    this.entries = written(this.entries, save);
    this.sent.push(...save.messagesAfterSave);
    this.raft.step({ type: 'SAVED', token: save.token } satisfies LocalEvent);
  }

  #pump(quick: boolean): void {
    while (this.raft.hasReady()) {
      const { messages, save, committed, reads, events } = this.raft.takeReady();
      this.sent.push(...messages);
      this.reads.push(...reads.map(({ index }) => index));
      for (const event of events) if (event.type === 'role' && event.to === 'leader') this.elected = event.term;
      this.committed.push(...committed);
      const last = committed.at(-1);
      if (last !== undefined) this.raft.advance(last.index);
      if (save === undefined) continue;
      this.saved = true;
      if (quick && this.pending.length === 0) this.#durable(save);
      else this.pending.push(save);
    }
  }
}
