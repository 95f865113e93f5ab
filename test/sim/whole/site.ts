/** Boxes, those who write and read at them, and who lets a box in again that lost its memory. */
import type { NodeId, Term } from '../../../consensus/core/types.ts';
import { ConsensusError } from '../../../consensus/driver/errors.ts';
import { Violation } from '../checkers/violation.ts';
import type { SeededRandom } from '../random.ts';
import { Box, type BoxHost } from './box.ts';
import { encodeWrite, type Registers } from './registers.ts';
import { Rules } from './rules.ts';
import type { VirtualTime } from './virtual-time.ts';

const keys = ['a', 'b', 'c'] as const;
const ballasts = [0, 0, 0, 200, 900, 3000];
const retryMs = 250;
const patienceMs = 4000;
/** Longer than any election timeout. */
export const aeonMs = 60_000;

export class Site {
  readonly boxes: readonly Box[];
  readonly rules = new Rules();
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #trace: (line: string) => void;
  readonly #fail: (error: unknown) => void;
  /** Boxes that are being let in again. */
  readonly healing = new Set<NodeId>();
  /** Writes that say that a box is another incarnation now: its register is its letter. */
  readonly #renewals = new Map<number, number>();
  #operations = 0;
  acknowledged = 0;
  refused = 0;
  unknown = 0;
  healed = 0;
  /** Ended without a leader that the rules allow. */
  stuck = 0;
  snapshots = 0;
  storageFailures = 0;
  #isOver = false;

  constructor(
    ids: readonly NodeId[],
    host: Omit<BoxHost, 'onEvent' | 'onApplied' | 'recordedIn'>,
    hooks: { readonly trace: (line: string) => void; readonly fail: (error: unknown) => void },
  ) {
    this.#time = host.time;
    this.#random = host.random;
    this.#trace = hooks.trace;
    this.#fail = hooks.fail;
    const full: BoxHost = {
      ...host,
      recordedIn: (machine, peer) => this.#recordedIn(machine, peer),
      onEvent: (box, event) => {
        if (event.type === 'snapshot-received') this.#received(box);
        if (event.type === 'storage-failed') this.storageFailures += 1;
        this.#trace(`${box.id} ${event.type} ${event.type === 'role' ? `${event.to} term ${event.term} ${event.reason}` : ''}`);
        this.#checked(() => this.rules.event(box, event));
      },
      onApplied: (box, entry) => this.#checked(() => this.rules.applied(box, entry)),
    };
    this.boxes = ids.map((id) => new Box(id, full));
  }

  /** Calls back when a box begins to replace its memory with a snapshot. */
  onSnapshot: (box: Box) => void = () => undefined;

  #received(box: Box): void {
    this.snapshots += 1;
    this.onSnapshot(box);
  }

  get running(): readonly Box[] {
    return this.boxes.filter(({ node }) => node !== undefined);
  }

  end(): void {
    this.#isOver = true;
  }

  begin(box: Box): void {
    this.#start(box).catch(this.#fail);
  }

  /** Starts it, again and again while its disk refuses; lets it in anew when its memory is damaged. */
  async #start(box: Box): Promise<void> {
    const start = await box.start();
    this.#trace(`${box.id} start: ${start}${start === 'running' ? '' : ` ${box.complaint}`}`);
    if (start === 'refused') {
      await this.#time.sleep(retryMs);
      return this.#isOver || box.node !== undefined ? undefined : this.#start(box);
    }
    if (start !== 'damaged') return;
    if (!box.disk.isDamaged) throw new Violation('Crashes are not damage', { box: box.id, complaint: box.complaint });
    await this.#heal(box);
  }

  /** A client: one operation after the other, at any box. */
  async client(pauseMaxMs: number): Promise<void> {
    while (!this.#isOver) {
      await this.#time.sleep(this.#random.between(1, pauseMaxMs));
      const able = this.running;
      if (able.length === 0) continue;
      const box = this.#random.pick(able);
      await (this.#random.chance(55) ? this.write(box) : this.read(box));
    }
  }

  write(box: Box): Promise<boolean> {
    return this.#write(box, this.#random.pick(keys), ++this.#operations);
  }

  async #write(box: Box, key: string, operation: number): Promise<boolean> {
    const begun = this.rules.linearizability.begin(key);
    const data = encodeWrite({ key, operation }, this.#random.pick(ballasts));
    const inTerm = this.#leadsIn(box);
    const isBound = inTerm !== undefined && this.#random.chance(30);
    if (isBound) this.rules.bound(operation, inTerm);
    const options = { timeoutMs: patienceMs / 2, ...(isBound ? { inTerm } : {}) };
    const index = await this.#answer(box, operation, box.node?.propose(data, options));
    if (typeof index !== 'number') return false;
    this.#checked(() => this.rules.linearizability.written(begun, index, box.id));
    return true;
  }

  /** A duty is the first to run after a sleep that nobody can have led through. */
  wakes(box: Box, sleptMs: number): void {
    box.sleep(sleptMs);
    if (sleptMs >= aeonMs && this.#leadsIn(box) !== undefined) this.#fail(new Violation('Leads on after a pause', { box: box.id }));
    void this.write(box).catch(this.#fail);
  }

  #leadsIn({ node }: Box): Term | undefined {
    const glance = node?.glance;
    return glance?.leaderSince === undefined ? undefined : glance.term;
  }

  async read(box: Box): Promise<boolean> {
    const key = this.#random.pick(keys);
    const begun = this.rules.linearizability.begin(key);
    const { machine } = box;
    const index = await this.#answer(box, undefined, box.node?.read({ timeoutMs: patienceMs / 2 }));
    if (index === undefined) return false;
    this.#checked(() => this.rules.linearizability.read(begun, machine.version(key), box.id));
    return true;
  }

  /** Undefined when nothing came of it, or nobody knows. A box that died never answers. */
  async #answer(box: Box, operation: number | undefined, asked: Promise<unknown> | undefined): Promise<unknown> {
    try {
      const answer = await Promise.race([asked, this.#time.sleep(patienceMs)]);
      if (answer === undefined) this.unknown += 1;
      else this.acknowledged += 1;
      return answer;
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error;
      this.#trace(`${box.id} ${operation ?? 'read'} ${error.code}${error.definite ? '' : ' (unknown)'}`);
      this.refused += 1;
      if (error.definite && operation !== undefined) this.#checked(() => this.rules.refused(operation));
      return undefined;
    }
  }

  /** It lost its memory while it was down. */
  forgets(box: Box): void {
    this.#heal(box).catch(this.#fail);
  }

  #letter({ id }: { readonly id: NodeId }): string {
    return String.fromCharCode('p'.charCodeAt(0) + this.boxes.findIndex((box) => box.id === id));
  }

  #recordedIn(machine: Registers, id: NodeId): number | undefined {
    return this.#renewals.get(machine.operation(this.#letter({ id })));
  }

  /** Written down: it is this incarnation from now on. Resolves to a leader that knows. */
  async #renew(box: Box): Promise<Box | undefined> {
    while (!this.#isOver) {
      const leader = await this.#leader();
      if (leader === undefined) return undefined;
      if (this.#recordedIn(leader.machine, box.id) === box.incarnation) return leader;
      const operation = ++this.#operations;
      this.#renewals.set(operation, box.incarnation);
      if (!(await this.#write(leader, this.#letter(box), operation))) await this.#time.sleep(retryMs);
    }
    return undefined;
  }

  /** As the site does it: taken out, written down, begun anew, let in as a learner, and a voter again once it has the log. */
  async #heal(box: Box): Promise<void> {
    this.healing.add(box.id);
    box.forget();
    await this.#change(box.id, 'none');
    const leader = await this.#renew(box);
    if (leader?.node === undefined) return;
    const { term, commitIndex: index } = leader.node.status();
    const start = await box.start({ term, index });
    this.#trace(`${box.id} begins anew after ${index} of term ${term}: ${start}`);
    if (start !== 'running') return void (this.#isOver || (await this.#heal(box)));
    await this.#change(box.id, 'learner');
    while (!this.#isOver && (box.node?.status().commitIndex ?? 0) < index) await this.#time.sleep(retryMs);
    box.reentered();
    await this.#change(box.id, 'voter');
    if (this.#isOver) return;
    this.healing.delete(box.id);
    this.healed += 1;
    this.#trace(`${box.id} is healed`);
  }

  async #change(id: NodeId, role: 'none' | 'learner' | 'voter'): Promise<void> {
    while (!this.#isOver) {
      const leader = await this.#leader();
      const done = leader?.node?.changeMembership([{ id, role }], { timeoutMs: patienceMs }).then(
        () => true,
        (error: ConsensusError) => error.code === 'NO_CHANGE',
      );
      if ((await Promise.race([done, this.#time.sleep(2 * patienceMs)])) === true && this.#is(id, role)) return;
      await this.#time.sleep(retryMs);
    }
  }

  /** Committed, and not by way of a membership that is still two. */
  #is(id: NodeId, role: 'none' | 'learner' | 'voter'): boolean {
    const leader = this.running.find(({ node }) => node?.status().role === 'leader');
    const membership = leader?.node?.status().membership;
    if (membership === undefined || (membership.votersBefore ?? []).length > 0) return false;
    const now = membership.voters.includes(id) ? 'voter' : membership.learners.includes(id) ? 'learner' : 'none';
    return now === role;
  }

  async #leader(): Promise<Box | undefined> {
    while (!this.#isOver) {
      const found = this.running.find(({ node }) => node?.status().role === 'leader' && node.status().ready);
      if (found !== undefined) return found;
      await this.#time.sleep(retryMs);
    }
    return undefined;
  }

  /** Everybody writes, has what everybody has, and nobody is left out. @throws {Violation} when that does not come about. */
  async settle(withinMs: number): Promise<void> {
    const until = this.#time.nowMs + withinMs;
    const late = (what: string) => {
      if (this.#time.nowMs > until) throw new Violation('Progress', { what, boxes: this.running.map(({ id }) => id).join(' ') });
      return this.#time.sleep(retryMs);
    };
    while (this.running.length < this.boxes.length || this.healing.size > 0) {
      if (this.#time.nowMs > until - withinMs / 2 && this.#needsPerson) {
        this.stuck += 1;
        this.end();
        return;
      }
      await late('all run');
    }
    for (const box of this.boxes) while (!(await this.write(box))) await late(`${box.id} writes`);
    this.end();
    const isEqual = () => new Set(this.boxes.map(({ machine }) => machine.print())).size === 1;
    while (!isEqual()) await late('all have the same');
    this.rules.equal(this.boxes);
  }

  /** One box's memory is damaged, so that it does not vote, and what another one's last batch held may have been at that one alone. */
  get #needsPerson(): boolean {
    const states = this.running.map(({ node }) => node?.status());
    return this.healing.size > 0 && states.some((one) => one?.uncertain) && !states.some((one) => one?.role === 'leader');
  }

  #checked(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.#fail(error);
    }
  }
}
