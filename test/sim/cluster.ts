import type { Message } from '../../consensus/core/messages.ts';
import type { NodeId } from '../../consensus/core/types.ts';
import { Agenda } from './agenda.ts';
import type { Network } from './network.ts';
import type { Observer } from './observer.ts';
import { type SimHost, SimNode, type SimNodeOptions } from './sim-node.ts';

export interface ClusterOptions {
  readonly network: Network;
  readonly nodes: readonly SimNodeOptions[];
  readonly observers: readonly Observer[];
  readonly diskDelay: (node: SimNode) => number;
  /** What the receiver makes of a message. @default the same */
  readonly pass?: (message: Message) => Message;
  /** Sees every message handed to the network. */
  readonly onSend?: (message: Message) => void;
}

/** A site on virtual time. */
export class Cluster {
  readonly agenda = new Agenda();
  readonly network: Network;
  readonly nodes: ReadonlyMap<NodeId, SimNode>;
  #requests = 0;

  constructor(options: ClusterOptions) {
    this.network = options.network;
    const host: SimHost = {
      now: () => this.agenda.now,
      after: (delay, run) => this.agenda.after(delay, run),
      send: (message) => {
        options.onSend?.(message);
        for (const observer of options.observers) observer.sent?.(message);
        this.#send(options.pass?.(message) ?? message);
      },
      diskDelay: options.diskDelay,
      nextRequest: () => this.nextRequest(),
      observers: options.observers,
    };
    this.nodes = new Map(options.nodes.map((node) => [node.id, new SimNode(host, node)]));
  }

  /** Different for all requests of a run that are numbered here. */
  nextRequest(): number {
    this.#requests += 1;
    return this.#requests;
  }

  node(id: NodeId): SimNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`No node ${id} in this cluster`);
    return node;
  }

  get up(): readonly SimNode[] {
    return [...this.nodes.values()].filter((node) => node.raft !== undefined);
  }

  get leaders(): readonly SimNode[] {
    return this.up.filter((node) => node.raft?.view().role === 'leader');
  }

  /** One tick: what is due arrives, then every clock moves on. */
  tick(): void {
    this.agenda.runTo(this.agenda.now + 1);
    for (const node of this.nodes.values()) node.tick();
    this.agenda.runTo(this.agenda.now);
  }

  #send(message: Message): void {
    const target = this.nodes.get(message.to);
    if (target === undefined) return;
    const { incarnation } = target;
    for (const delay of this.network.deliveries(message)) {
      this.agenda.after(delay, () => {
        // A connection does not outlive the process at its end.
        if (target.incarnation === incarnation && this.network.connected(message.from, message.to)) target.step(message);
      });
    }
  }
}
