import { Numbers } from './cells.ts';

/** What the site as a whole has seen and must never contradict. */
export interface Facts {
  /** Who led, by term; -1 for nobody. */
  readonly leaders: readonly number[];
  /** The one sequence of committed entries, and the term of who handed each out first. */
  readonly committed: readonly number[];
  readonly committedIn: readonly number[];
}

/** Facts by number. */
export class Histories {
  readonly #facts: Facts[] = [];
  readonly #numbers = new Numbers();

  readonly empty = this.#number({ leaders: [], committed: [], committedIn: [] });

  of(number: number): Facts {
    const facts = this.#facts[number];
    if (facts === undefined) throw new Error(`No history ${number}`);
    return facts;
  }

  /** `leader` leads in `term` from now on. */
  withLeader(number: number, term: number, leader: number): number {
    const facts = this.of(number);
    const leaders = Array.from({ length: Math.max(term + 1, facts.leaders.length) }, (_, at) => facts.leaders[at] ?? -1);
    leaders[term] = leader;
    return this.#number({ ...facts, leaders });
  }

  /** The next entry is committed, and was handed out by a member of this term. */
  withCommitted(number: number, entry: number, term: number): number {
    const facts = this.of(number);
    return this.#number({ ...facts, committed: [...facts.committed, entry], committedIn: [...facts.committedIn, term] });
  }

  #number(facts: Facts): number {
    const number = this.#numbers.of(`${facts.leaders.join()} ${facts.committed.join()} ${facts.committedIn.join()}`);
    if (number === this.#facts.length) this.#facts.push(facts);
    return number;
  }
}
