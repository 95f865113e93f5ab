import type { Message } from '../../consensus/core/messages.ts';
import type { Save } from '../../consensus/core/ready.ts';
import type { NodeId } from '../../consensus/core/types.ts';
import type { Cluster } from './cluster.ts';
import { MemberChanges } from './member-changes.ts';
import type { Observer } from './observer.ts';
import type { SeededRandom } from './random.ts';
import type { SimNode } from './sim-node.ts';
import type { Temper } from './tempers.ts';

/** Messages that are void if what they promise is not durable. */
const promises: ReadonlySet<string> = new Set(['VOTE', 'VOTE_REPLY']);
const stormTicks = 300;
const stormEvery = 450;

/**
 * `members` come and go; `weather` is loss, duplicates and delay of messages; `promise` is the power failing just after a vote left;
 * `quarrel` is several members at a time that want to lead; `comeback` is a
 * leader that is deposed and led back; `last-act` is a leader that is cut off with a change of the voters on its disk, and fails.
 */
export const faultKinds = [
  'cut',
  'crash',
  'pause',
  'link',
  'disk',
  'transfer',
  'weather',
  'members',
  'promise',
  'quarrel',
  'comeback',
  'last-act',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface FaultOptions {
  /** Voters of which less than half may lose acknowledged data in a run. */
  readonly flippable: readonly NodeId[];
  /** Whether members come and go. */
  readonly changing: boolean;
  readonly temper: Temper;
  /** Left out, to find what a failure needs. */
  readonly without?: ReadonlySet<FaultKind>;
}

/** Breaks things at random, and mends them. */
export class Faults implements Observer {
  readonly #random: SeededRandom;
  readonly #cluster: Cluster;
  readonly #trace: (line: string) => void;
  readonly #slowDisks = new Set<NodeId>();
  readonly #crashed = new Map<NodeId, number>();
  readonly #pausedUntil = new Map<NodeId, number>();
  #healAt = 0;
  #over = false;
  /** Boxes whose disk may lose acknowledged data in this run: fewer than half. */
  readonly #flippable: readonly NodeId[];
  readonly #members: MemberChanges | undefined;
  readonly #without: ReadonlySet<FaultKind>;
  readonly #temper: Temper;
  /** How often each kind was tried. */
  readonly counts = new Map<FaultKind, number>();

  constructor(
    random: SeededRandom,
    cluster: Cluster,
    { flippable, changing, temper, without = new Set() }: FaultOptions,
    trace: (line: string) => void,
  ) {
    this.#random = random;
    this.#without = without;
    this.#cluster = cluster;
    this.#trace = trace;
    this.#flippable = random.chance(temper.flipPercent) ? flippable.slice(0, Math.floor((flippable.length - 1) / 2)) : [];
    this.#temper = temper;
    this.#members = changing ? new MemberChanges(random, cluster, trace) : undefined;
  }

  diskDelay(node: SimNode): number {
    if (this.#slowDisks.has(node.id)) return this.#random.between(5, 80);
    return this.#random.chance(2) ? this.#random.between(3, 30) : this.#random.between(this.#temper.diskMin, this.#temper.diskMax);
  }

  tick(): void {
    const now = this.#cluster.agenda.now;
    for (const [id, until] of this.#crashed) if (now >= until) this.#restart(id);
    for (const [id, until] of this.#pausedUntil) if (now >= until) this.#resume(id);
    if (this.#healAt > 0 && now >= this.#healAt) this.#heal();
    if (this.#members !== undefined && this.#random.chance(this.#temper.changePercent) && this.#counted('members')) this.#members.change();
    // Storms and calms take turns: in a storm little is committed, and what is never committed cannot be lost.
    if (now % stormEvery === stormTicks) this.#calm();
    if (now % stormEvery >= stormTicks) return;
    if (this.#random.chance(this.#healAt === 0 ? 2 : 0.3) && this.#counted('cut')) this.#cutSomething(now);
    if (this.#random.chance(this.#temper.crashPercent) && this.#counted('crash')) this.#crash(this.#anyNode(), now);
    if (this.#random.chance(0.4) && this.#counted('pause')) this.#pause(this.#anyNode(), now);
    if (this.#random.chance(0.6) && this.#counted('link')) this.#dropLink();
    if (this.#random.chance(0.3) && this.#counted('disk')) this.#changeDisk(this.#anyNode());
    if (this.#random.chance(this.#temper.quarrelPercent) && this.#counted('quarrel')) this.#quarrel();
    if (this.#random.chance(this.#temper.comebackPercent) && this.#counted('comeback')) this.#comeback();
    if (this.#random.chance(this.#temper.transferPercent) && this.#counted('transfer')) this.#transfer();
    if (this.#random.chance(0.5) && this.#counted('weather')) this.#changeWeather();
  }

  /** Mends everything for the quiet phase. */
  mendAll(): void {
    this.#over = true;
    for (const id of [...this.#pausedUntil.keys()]) this.#resume(id);
    for (const id of [...this.#crashed.keys()]) this.#restart(id);
    this.#calm();
    this.#trace('quiet');
  }

  /** Network and disks work; who is down or paused comes back in its own time. */
  #calm(): void {
    this.#heal();
    this.#slowDisks.clear();
    this.#cluster.network.hasten();
    for (const node of this.#cluster.nodes.values()) {
      node.releaseDisk();
      node.step({ type: 'STORAGE_OK' });
    }
    Object.assign(this.#cluster.network.faults, { lossPercent: 0, duplicatePercent: 0, delayMin: 0, delayMax: 1, stragglerPercent: 0 });
  }

  /** The worst moment for the power to fail: just after a promise left the box. */
  sent(message: Message): void {
    if (!this.#isStorm || !promises.has(message.type) || !this.#random.chance(this.#temper.promisePercent)) return;
    if (!this.#counted('promise')) return;
    const node = this.#cluster.node(message.from);
    this.#cluster.agenda.after(this.#random.nextInt(2), () => {
      if (!this.#over) this.#crash(node, this.#cluster.agenda.now, this.#temper.downMax);
    });
  }

  /** The worst moment for a leader to fail: a change of the voters is in its log, and nobody else knows. */
  saving(node: SimNode, { entries }: Save): void {
    const isChange = entries.some(({ kind }) => kind === 'configuration') && node.raft?.view().role === 'leader';
    if (!isChange || !this.#isStorm || !this.#random.chance(this.#temper.lastActPercent) || !this.#counted('last-act')) return;
    const { agenda, network, nodes } = this.#cluster;
    this.#trace(`${node.id} last act`);
    network.partition([[node.id], [...nodes.keys()].filter((id) => id !== node.id)]);
    this.#healAt = agenda.now + this.#random.between(10, 60);
    agenda.after(this.#random.between(1, 15), () => {
      if (!this.#over) this.#crash(node, agenda.now);
    });
  }

  get #isStorm(): boolean {
    return !this.#over && this.#cluster.agenda.now % stormEvery < stormTicks;
  }

  #counted(kind: FaultKind): boolean {
    if (this.#without.has(kind)) return false;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return true;
  }

  #anyNode(): SimNode {
    return this.#random.pick([...this.#cluster.nodes.values()]);
  }

  #cutSomething(now: number): void {
    const ids = [...this.#cluster.nodes.keys()];
    const { network } = this.#cluster;
    const one = this.#random.pick(ids);
    const leader = this.#cluster.leaders.at(-1);
    const kind = leader !== undefined && this.#random.chance(this.#temper.deafPercent) ? 4 : this.#random.nextInt(4);
    if (kind === 4) network.cut(one, leader?.id ?? one);
    else if (kind === 0) {
      const half = ids.filter(() => this.#random.chance(50));
      network.partition([half, ids.filter((id) => !half.includes(id))]);
    } else if (kind === 1) {
      network.partition([[one], ids.filter((id) => id !== one)]);
    } else if (kind === 2) {
      // One way only: it hears but is not heard, or the other way round.
      const outward = this.#random.chance(50);
      for (const id of ids) if (id !== one) network.cut(outward ? one : id, outward ? id : one);
    } else {
      network.cut(one, this.#random.pick(ids));
    }
    // What a deaf leader does not hear matters once it is more than a session has time.
    const least = kind === 4 ? this.#temper.cutMax / 2 : 10;
    this.#healAt = now + this.#random.between(least, this.#temper.cutMax);
    this.#trace(`cut kind ${kind} ${one}`);
  }

  #heal(): void {
    this.#healAt = 0;
    this.#cluster.network.heal();
    this.#trace('heal');
  }

  #crash(node: SimNode, now: number, downMax = 150): void {
    if (node.raft === undefined) return;
    const synced = this.#random.nextInt(node.disk.pending.length + 1);
    node.crash(synced, this.#random.chance(50));
    let flipped = false;
    if (this.#flippable.includes(node.id) && this.#random.chance(50)) flipped = node.disk.flipLastBatch(this.#random.chance(40));
    this.#pausedUntil.delete(node.id);
    this.#crashed.set(node.id, now + this.#random.between(1, downMax));
    this.#trace(`${node.id} crash synced=${synced}${flipped ? ' flipped' : ''}`);
    if (this.#random.chance(70)) this.#tellPeers(node.id, 'LINK_LOST');
  }

  #restart(id: NodeId): void {
    this.#crashed.delete(id);
    this.#trace(`${id} start`);
    this.#cluster.node(id).start();
    this.#tellPeers(id, 'LINK_UP');
  }

  #pause(node: SimNode, now: number): void {
    if (node.raft === undefined || node.paused) return;
    node.paused = true;
    this.#pausedUntil.set(node.id, now + this.#random.between(5, 200));
    this.#trace(`${node.id} pause`);
  }

  #resume(id: NodeId): void {
    this.#pausedUntil.delete(id);
    this.#trace(`${id} resume`);
    this.#cluster.node(id).resume(this.#random.chance(50));
  }

  /** A connection breaks though both ends live, and stands again soon. */
  #dropLink(): void {
    const node = this.#anyNode();
    const peer = this.#anyNode();
    if (node === peer) return;
    this.#trace(`${node.id} ${peer.id} link lost`);
    node.step({ type: 'LINK_LOST', peer: peer.id });
    if (this.#random.chance(50)) peer.step({ type: 'LINK_LOST', peer: node.id });
    this.#cluster.agenda.after(this.#random.between(1, 30), () => {
      node.step({ type: 'LINK_UP', peer: peer.id });
      peer.step({ type: 'LINK_UP', peer: node.id });
    });
  }

  #tellPeers(id: NodeId, type: 'LINK_LOST' | 'LINK_UP'): void {
    for (const peer of this.#cluster.nodes.values()) {
      if (peer.id === id || !this.#cluster.network.connected(id, peer.id)) continue;
      this.#cluster.agenda.after(this.#random.between(0, 3), () => peer.step({ type, peer: id }));
    }
  }

  #changeDisk(node: SimNode): void {
    const kind = this.#random.nextInt(3);
    this.#trace(`${node.id} disk kind ${kind}`);
    if (kind === 0) this.#slowDisks.add(node.id);
    else if (kind === 1) this.#slowDisks.delete(node.id);
    else if (node.diskHeld) {
      node.releaseDisk();
      node.step({ type: 'STORAGE_OK' });
    } else if (node.raft !== undefined) {
      node.diskHeld = true;
      if (this.#random.chance(50)) node.step({ type: 'STORAGE_FAILED' });
    }
  }

  /**
   * Either all lose their link to the leader, which may be cut off and not know that others find a leader sooner than it finds out; or
   * two are told to campaign as if it handed over to both, and do not hear each other: the third decides, and better remembers.
   */
  #quarrel(): void {
    const leader = this.#cluster.leaders.at(-1);
    const view = leader?.raft?.view();
    if (leader === undefined || view === undefined) return;
    this.#trace(`${leader.id} quarrel`);
    const { agenda, network, nodes } = this.#cluster;
    const peers = [...nodes.values()].filter((node) => node !== leader);
    this.#healAt = agenda.now + this.#random.between(15, 70);
    if (this.#random.chance(50)) {
      // With a minority beside it, it hears answers all the same.
      const company = this.#random.nextInt(Math.floor(peers.length / 2) + 1);
      const first = this.#random.nextInt(peers.length);
      const beside = peers.filter((_, at) => (at + first) % peers.length < company);
      const others = peers.filter((peer) => !beside.includes(peer));
      if (this.#random.chance(70)) network.partition([[leader, ...beside].map(({ id }) => id), others.map(({ id }) => id)]);
      for (const peer of others) if (this.#random.chance(80)) peer.step({ type: 'LINK_LOST', peer: leader.id });
      return;
    }
    const rivals = this.#random.chance(70) && peers.length > 1 ? [this.#random.pick(peers), this.#random.pick(peers)] : peers;
    network.partition(rivals.map(({ id }) => [id]));
    for (const peer of rivals) {
      const message = { type: 'TIMEOUT_NOW', from: leader.id, to: peer.id, term: view.term } as const;
      agenda.after(this.#random.between(0, 3), () => peer.step(message));
    }
  }

  /** Deposed with one of the others beside it, whose words reach it only once it leads again. */
  #comeback(): void {
    const { agenda, network, nodes, leaders } = this.#cluster;
    const leader = leaders.at(-1);
    if (leader === undefined || nodes.size < 4) return;
    const others = [...nodes.keys()].filter((id) => id !== leader.id);
    const beside = this.#random.pick(others);
    this.#trace(`${leader.id} comeback beside ${beside}`);
    network.slow(beside, leader.id, this.#random.between(40, 150));
    network.partition([[leader.id, beside], others.filter((id) => id !== beside)]);
    const cut = this.#random.between(20, 60);
    this.#healAt = agenda.now + cut;
    for (let later = cut + 5; later < cut + 100; later += 10)
      agenda.after(later, () => {
        const other = this.#cluster.leaders.at(-1);
        if (!this.#over && other !== undefined && other !== leader) other.do((raft) => void raft.transferLeadership(leader.id));
      });
  }

  #transfer(): void {
    const leader = this.#cluster.leaders[0];
    if (leader === undefined) return;
    const to = this.#anyNode();
    this.#trace(`${leader.id} transfer ${to.id}`);
    leader.do((raft) => void raft.transferLeadership(to.id));
  }

  #changeWeather(): void {
    const bad = this.#random.chance(50);
    Object.assign(this.#cluster.network.faults, {
      lossPercent: bad ? this.#random.between(0, this.#temper.lossMax) : 0,
      duplicatePercent: bad ? this.#random.between(0, 20) : 0,
      delayMin: 0,
      delayMax: this.#random.pick([0, 1, 2, 5, 20]),
      stragglerPercent: this.#temper.stragglerPercent + (bad ? this.#random.pick([0, 1, 4]) : 0),
    });
  }
}
