/**
 * Whether operations that overlap can be put in one order that explains every answer (Wing and Gong, "Testing and verifying concurrent
 * objects", 1993), with the configurations already tried remembered (Lowe, "Testing for linearizability", 2016). Split the history by key
 * first: objects are linearizable together when each of them is (Herlihy and Wing, 1990).
 */

/** A sequential object. */
export interface Model<State, Operation> {
  readonly initial: State;
  /** The state after this operation, or undefined when it could not have answered as it did. */
  step(state: State, operation: Operation): State | undefined;
  /** Equal for equal states. */
  fingerprint(state: State): string;
  /**
   * What an operation that has no answer is alike to: of those that are, the one asked first stands for all, as long as it is not taken.
   * @default nothing
   */
  kindOf?(operation: Operation): string | undefined;
  /** Whether an operation of such a kind does nothing in this state that matters before one of `next` comes. @default never */
  canWait?(state: State, operation: Operation, next: readonly Operation[]): boolean;
}

export interface Timed<Operation> {
  readonly operation: Operation;
  /** When it was asked, on one clock for all. */
  readonly calledAt: number;
  /** When the answer came; Infinity when none did: it may have happened at any time since, or never. */
  readonly returnedAt: number;
}

export type Verdict<Operation> =
  | { readonly verdict: 'linearizable' }
  /** `stuck`: what could come next after the longest order found, and none of it can. */
  | { readonly verdict: 'violated'; readonly ordered: number; readonly stuck: readonly Timed<Operation>[] }
  /** The bound on steps was reached. */
  | { readonly verdict: 'undecided'; readonly steps: number };

interface Frame<State> {
  readonly state: State;
  /** Operations that may come next, and how many of them were tried. */
  readonly candidates: readonly number[];
  tried: number;
  /** What led here. */
  readonly taken: number | undefined;
}

class Search<State, Operation> {
  readonly #model: Model<State, Operation>;
  /** Answered ones in the order of their calls, then the unanswered. */
  readonly #operations: readonly Timed<Operation>[];
  readonly #answered: number;
  readonly #taken: boolean[];
  readonly #seen = new Set<string>();
  /** First answered operation that is not taken. */
  #head = 0;
  #left: number;

  constructor(model: Model<State, Operation>, history: readonly Timed<Operation>[]) {
    this.#model = model;
    const answered = history.filter(({ returnedAt }) => returnedAt !== Number.POSITIVE_INFINITY).sort((a, b) => a.calledAt - b.calledAt);
    const open = history.filter(({ returnedAt }) => returnedAt === Number.POSITIVE_INFINITY);
    open.sort((a, b) => a.calledAt - b.calledAt);
    this.#operations = [...answered, ...open];
    this.#answered = answered.length;
    this.#left = answered.length;
    this.#taken = this.#operations.map(() => false);
  }

  run(stepsMax: number): Verdict<Operation> {
    const frames: Frame<State>[] = [this.#frame(this.#model.initial, undefined)];
    let best: { left: number; stuck: readonly number[] } = { left: this.#left + 1, stuck: [] };
    for (let steps = 0; this.#left > 0; steps += 1) {
      if (steps >= stepsMax) return { verdict: 'undecided', steps };
      const frame = frames.at(-1);
      if (frame === undefined)
        return { verdict: 'violated', ordered: this.#answered - best.left, stuck: best.stuck.map((at) => this.#at(at)) };
      if (this.#left < best.left) best = { left: this.#left, stuck: frame.candidates };
      const next = this.#advance(frame);
      if (next !== undefined) frames.push(next);
      else {
        frames.pop();
        if (frame.taken !== undefined) this.#giveBack(frame.taken);
      }
    }
    return { verdict: 'linearizable' };
  }

  /** Takes the next candidate that fits; undefined when none is left. */
  #advance(frame: Frame<State>): Frame<State> | undefined {
    for (; frame.tried < frame.candidates.length; frame.tried += 1) {
      const at = frame.candidates[frame.tried] as number;
      const state = this.#model.step(frame.state, this.#at(at).operation);
      if (state === undefined) continue;
      this.#take(at);
      const configuration = this.#fingerprint(state);
      if (this.#seen.has(configuration)) {
        this.#giveBack(at);
        continue;
      }
      this.#seen.add(configuration);
      frame.tried += 1;
      return this.#frame(state, at);
    }
    return undefined;
  }

  /** What was called before anything that is left returned. Answered ones first, by their answers: most often that is the order. */
  #frame(state: State, taken: number | undefined): Frame<State> {
    const candidates: number[] = [];
    let end = Number.POSITIVE_INFINITY;
    for (let at = this.#head; at < this.#answered && this.#at(at).calledAt < end; at += 1) {
      if (this.#taken[at]) continue;
      candidates.push(at);
      end = Math.min(end, this.#at(at).returnedAt);
    }
    candidates.sort((a, b) => this.#at(a).returnedAt - this.#at(b).returnedAt);
    candidates.push(...this.#openCandidates(state, candidates, end));
    return { state, candidates, tried: 0, taken };
  }

  #openCandidates(state: State, answered: readonly number[], end: number): readonly number[] {
    const next = answered.map((at) => this.#at(at).operation);
    const kinds = new Set<string>();
    const candidates: number[] = [];
    for (let at = this.#answered; at < this.#operations.length && this.#at(at).calledAt < end; at += 1) {
      if (this.#taken[at]) continue;
      const { operation } = this.#at(at);
      const kind = this.#model.kindOf?.(operation);
      if (kind !== undefined) {
        if (kinds.has(kind) || this.#model.canWait?.(state, operation, next) === true) continue;
        kinds.add(kind);
      }
      candidates.push(at);
    }
    return candidates;
  }

  #take(at: number): void {
    this.#taken[at] = true;
    if (at < this.#answered) this.#left -= 1;
    while (this.#head < this.#answered && this.#taken[this.#head]) this.#head += 1;
  }

  #giveBack(at: number): void {
    this.#taken[at] = false;
    if (at >= this.#answered) return;
    this.#left += 1;
    this.#head = Math.min(this.#head, at);
  }

  /** Which operations are taken, told shortly, and the state they left. */
  #fingerprint(state: State): string {
    const ahead: number[] = [];
    let missing = this.#answered - this.#left - this.#head;
    for (let at = this.#head; missing > 0; at += 1) {
      if (!this.#taken[at]) continue;
      ahead.push(at);
      missing -= 1;
    }
    for (let at = this.#answered; at < this.#operations.length; at += 1) if (this.#taken[at]) ahead.push(at);
    return `${this.#head}:${ahead.join(',')}:${this.#model.fingerprint(state)}`;
  }

  #at(at: number): Timed<Operation> {
    return this.#operations[at] as Timed<Operation>;
  }
}

/** @param stepsMax bound of the search. @default 5 000 000 */
export function searchOrder<State, Operation>(
  model: Model<State, Operation>,
  history: readonly Timed<Operation>[],
  stepsMax = 5_000_000,
): Verdict<Operation> {
  return new Search(model, history).run(stepsMax);
}
