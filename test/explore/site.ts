import { type Cells, inputOf, inputs, members, type Step } from './cells.ts';
import type { Checks } from './checks.ts';
import type { Scope } from './scopes.ts';

/** A state of the whole site as one row: three cells, the history, what was used of the bounds, then the messages under way in order. */
export type Row = readonly number[];

const firstMessageAt = 5;
const crashUnit = 1;
const duplicateUnit = 16;
const valueUnit = 256;
const damageUnit = 4096;
const readUnit = 8192;

export const rowOf = (cells: readonly number[], history: number): Row => [...cells, history, 0];

/** A state on its way to the next one. */
export class Draft {
  readonly #cells: Cells;
  readonly #checks: Checks;
  readonly #scope: Scope;
  readonly sites: number[];
  history: number;
  used: number;
  messages: number[];
  failure: string | undefined;

  constructor(cells: Cells, checks: Checks, scope: Scope, row: Row) {
    this.#cells = cells;
    this.#checks = checks;
    this.#scope = scope;
    this.sites = row.slice(0, members.length);
    this.history = row[members.length] ?? 0;
    this.used = row[members.length + 1] ?? 0;
    this.messages = row.slice(firstMessageAt);
  }

  get crashes(): number {
    return (this.used / crashUnit) & 15;
  }

  get duplicates(): number {
    return (this.used / duplicateUnit) & 15;
  }

  get isDamaged(): boolean {
    return (this.used & damageUnit) !== 0;
  }

  /** How much was committed when the one read of this path began; undefined before it. */
  get readFloor(): number | undefined {
    const stored = this.used >> 13;
    return stored === 0 ? undefined : stored - 1;
  }

  isTaken(value: number): boolean {
    return ((this.used / valueUnit) & (1 << value)) !== 0;
  }

  get unsynced(): number {
    return this.sites.reduce((sum, site) => sum + this.#cells.cell(site).pending.length, 0);
  }

  cellOf(node: number) {
    return this.#cells.cell(this.sites[node] ?? 0);
  }

  /** The member takes the input; what it sends is under way, but for polls, which are answered at once. */
  step(node: number, input: number, quick: boolean): Step | undefined {
    const before = this.sites[node] ?? 0;
    const step = this.#cells.step(before, input, quick);
    if (step.failure === undefined) this.sites[node] = step.cell;
    const history = this.#checks.after(this.history, this.sites, node, before, step);
    if (typeof history === 'string') {
      this.failure ??= history;
      return undefined;
    }
    this.history = history;
    for (const index of step.reads)
      if (index < (this.readFloor ?? 0)) this.failure ??= `Linearizability: a read at ${index} begun after ${this.readFloor} was committed`;
    for (const message of step.sent) if (this.#travels(message) && !this.messages.includes(message)) this.messages.push(message);
    return step;
  }

  #travels(number: number): boolean {
    const message = this.#cells.message(number);
    if (message.type === 'PREVOTE' || message.type === 'PREVOTE_REPLY') return false;
    if (message.type === 'VOTE' || message.type === 'VOTE_REPLY') return !this.#scope.electsAtOnce;
    return message.type !== 'PING' || message.seq <= this.#scope.pingsMax;
  }

  /** Polls and asks `voter` at once, whose patience with its leader is over, too. False when nothing comes of it. */
  campaign(node: number, voter: number, quick: boolean): boolean {
    const { term } = this.cellOf(node);
    if (term >= this.#scope.termsMax) return false;
    const poll = this.#sentTo(this.step(node, inputs.timeout, quick), voter, 'PREVOTE');
    if (poll === undefined) return false;
    this.step(voter, inputs.lapse, true);
    const reply = this.#sentTo(this.step(voter, inputOf(poll), true), node, 'PREVOTE_REPLY');
    if (reply === undefined) return false;
    this.step(node, inputOf(reply), quick);
    return this.cellOf(node).term > term;
  }

  /** A whole election with quick disks, repeated until the terms known are high enough. False when these voters do not make it leader. */
  elect(node: number, voters: readonly number[]): boolean {
    for (let attempt = 0; attempt < this.#scope.termsMax; attempt += 1) {
      const { term } = this.cellOf(node);
      if (term >= this.#scope.termsMax) return false;
      const poll = this.step(node, inputs.timeout, true);
      const polled = voters.map((voter) => this.#ask(node, voter, poll, 'PREVOTE'));
      const votes = polled.find((step) => step?.sent.some((message) => this.#cells.message(message).type === 'VOTE'));
      if (votes !== undefined) {
        for (const voter of voters) this.#ask(node, voter, votes, 'VOTE');
        return this.failure !== undefined || this.cellOf(node).role === 'leader';
      }
      if (this.cellOf(node).term === term) return false;
    }
    return false;
  }

  /** Asks a voter without patience with its leader, and takes the answer. */
  #ask(node: number, voter: number, from: Step | undefined, type: 'PREVOTE' | 'VOTE'): Step | undefined {
    const question = this.#sentTo(from, voter, type);
    if (question === undefined) return undefined;
    this.step(voter, inputs.lapse, true);
    const answer = this.#sentTo(this.step(voter, inputOf(question), true), node, `${type}_REPLY`);
    return answer === undefined ? undefined : this.step(node, inputOf(answer), true);
  }

  #sentTo(step: Step | undefined, node: number, type: string): number | undefined {
    return step?.sent.find((number) => {
      const message = this.#cells.message(number);
      return message.type === type && message.to === members[node];
    });
  }

  /** A message arrives; `kept` is under way once more. Who is asked for a vote has no patience with its leader any more. */
  deliver(number: number, quick: boolean, kept: boolean): Step | undefined {
    const message = this.#cells.message(number);
    const node = members.indexOf(message.to);
    if (kept) this.used += duplicateUnit;
    else this.messages = this.messages.filter((other) => other !== number);
    if (message.type === 'VOTE') this.step(node, inputs.lapse, true);
    return this.step(node, inputOf(number), quick);
  }

  crash(node: number, synced: number): Step | undefined {
    this.used += crashUnit;
    return this.step(node, inputs.crash + synced, true);
  }

  /** A crash after which the last entry on the disk cannot be read. */
  damage(node: number): Step | undefined {
    this.used += damageUnit;
    return this.step(node, inputs.damage, true);
  }

  read(node: number, committed: number): Step | undefined {
    this.used += readUnit * (committed + 1);
    return this.step(node, inputs.read, true);
  }

  propose(node: number, value: number, quick: boolean): Step | undefined {
    this.used += valueUnit << value;
    return this.step(node, inputs.propose + value, quick);
  }

  /** The row, without messages that change nothing where they arrive, and with the oldest lost where there are too many. */
  row(): Row {
    let kept = this.messages.filter((message) => this.#matters(message)).sort((a, b) => a - b);
    if (kept.length > this.#scope.messagesMax) {
      const termOf = (number: number) => this.#cells.message(number).term;
      kept = kept.sort((a, b) => termOf(b) - termOf(a) || b - a).slice(0, this.#scope.messagesMax);
      kept.sort((a, b) => a - b);
    }
    return [...this.sites, this.history, this.used, ...kept];
  }

  #matters(number: number): boolean {
    const message = this.#cells.message(number);
    let site = this.sites[members.indexOf(message.to)] ?? 0;
    if (message.type === 'VOTE') site = this.#cells.step(site, inputs.lapse, true).cell;
    const step = this.#cells.step(site, inputOf(number), true);
    return step.failure !== undefined || step.cell !== site || step.sent.length > 0;
  }
}
