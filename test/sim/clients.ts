import type { Entry, EntryId, NodeId, SnapshotMeta } from '../../consensus/core/types.ts';
import type { DefiniteRefusals } from './checkers/definite-refusals.ts';
import type { Linearizability, Operation } from './checkers/linearizability.ts';
import type { ReadFloor } from './checkers/read-floor.ts';
import type { Cluster } from './cluster.ts';
import type { Observer } from './observer.ts';
import type { SeededRandom } from './random.ts';
import { type Done, encodeSwap, encodeWrite } from './replica.ts';
import type { SimNode } from './sim-node.ts';

interface Outstanding {
  readonly kind: 'write' | 'read' | 'revalidate';
  readonly node: NodeId;
  readonly incarnation: number;
  readonly operation: Operation;
  readonly deadline: number;
  acceptedAt?: number;
}

/** Who is told what clients asked, and what became of it. */
export interface ClientCheckers {
  readonly linearizability: Linearizability;
  readonly refusals: DefiniteRefusals;
  readonly floor: ReadFloor;
}

/** Ticks after which a client gives up; what became of its operation stays unknown. */
const patience = 200;
const keys = ['a', 'b', 'c'] as const;

/** Clients with one outstanding operation each, at any node. They check what they are told. */
export class Clients implements Observer {
  readonly #random: SeededRandom;
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #checkers: ClientCheckers;
  readonly #count: number;
  #lastOperation = 0;
  /** Node and kind of operations that came to a good end. */
  readonly finished = new Set<string>();
  acknowledged = 0;
  refusedCount = 0;
  verdictCount = 0;

  constructor(random: SeededRandom, count: number, checkers: ClientCheckers) {
    this.#random = random;
    this.#count = count;
    this.#checkers = checkers;
  }

  /** Begins new operations and gives up old ones. */
  tick(cluster: Cluster): void {
    const now = cluster.agenda.now;
    for (const [operation, { deadline }] of this.#outstanding) if (now >= deadline) this.#outstanding.delete(operation);
    const able = cluster.up.filter(({ options }) => options.witness !== true);
    if (this.#outstanding.size >= this.#count || able.length === 0 || !this.#random.chance(30)) return;
    const node = this.#random.pick(able);
    const choice = this.#random.nextInt(100);
    this.begin(node, choice < 55 ? 'write' : choice < 95 ? 'read' : 'revalidate', now);
  }

  /** Begins one operation; its number is its request id. */
  begin(node: SimNode, kind: Outstanding['kind'], now: number): number {
    this.#lastOperation += 1;
    const operation = this.#lastOperation;
    const key = this.#random.pick(keys);
    this.#outstanding.set(operation, {
      kind,
      node: node.id,
      incarnation: node.incarnation,
      operation: this.#checkers.linearizability.begin(key),
      deadline: now + patience,
    });
    if (kind === 'read') this.#checkers.floor.begun(operation);
    const write = { operation, key, value: `v${operation}` };
    const data = this.#random.chance(30) ? encodeSwap(write, node.replica.get(key).version) : encodeWrite(write);
    node.do((raft) => {
      if (kind === 'write') raft.propose(operation, data);
      else if (kind === 'read') raft.read(operation);
      else raft.revalidate(operation, [{ workload: key, replica: 0, epoch: operation }]);
    });
    return operation;
  }

  crashed(node: SimNode): void {
    for (const [operation, { node: id }] of this.#outstanding) if (id === node.id) this.#outstanding.delete(operation);
  }

  applied(node: SimNode, entry: Entry, { outcome }: Done): void {
    if (entry.kind !== 'command' || entry.origin?.node !== node.id) return;
    const waiting = this.#take(entry.origin.requestId, node);
    if (waiting === undefined) return;
    this.#finish(waiting);
    const { operation } = waiting;
    if (outcome?.ok === true) this.#checkers.linearizability.written(operation, entry.index, node.id);
    // A swap that found something else saw what is there.
    else this.#checkers.linearizability.read(operation, node.replica.get(operation.key).version, node.id);
  }

  accepted(node: SimNode, requestId: number, { index }: EntryId): void {
    const waiting = this.#outstanding.get(requestId);
    if (waiting?.node === node.id) waiting.acceptedAt = index;
  }

  /** A snapshot jumped over the place of a write: its outcome stays unknown, which is an end. */
  installed(node: SimNode, { index }: SnapshotMeta): void {
    for (const [operation, { node: id, kind, acceptedAt = index + 1 }] of this.#outstanding) {
      if (id !== node.id || acceptedAt > index) continue;
      this.#outstanding.delete(operation);
      this.finished.add(`${node.id} ${kind}`);
    }
  }

  readable(node: SimNode, requestId: number): void {
    const waiting = this.#take(requestId, node);
    if (waiting === undefined) return;
    this.#finish(waiting);
    this.#checkers.linearizability.read(waiting.operation, node.replica.get(waiting.operation.key).version, node.id);
  }

  verdicts(node: SimNode, requestId: number): void {
    const waiting = this.#take(requestId, node);
    if (waiting === undefined) return;
    this.#finish(waiting);
    this.verdictCount += 1;
  }

  refused(node: SimNode, requestId: number): void {
    const waiting = this.#take(requestId, node);
    this.refusedCount += 1;
    if (waiting?.kind === 'write') this.#checkers.refusals.refusedOperation(requestId);
  }

  #finish({ node, kind }: Outstanding): void {
    this.acknowledged += 1;
    this.finished.add(`${node} ${kind}`);
  }

  #take(operation: number, node: SimNode): Outstanding | undefined {
    const waiting = this.#outstanding.get(operation);
    if (waiting === undefined || waiting.node !== node.id || waiting.incarnation !== node.incarnation) return undefined;
    this.#outstanding.delete(operation);
    return waiting;
  }
}
