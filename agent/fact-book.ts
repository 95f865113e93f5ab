/** What this box knows of all boxes: facts by gossip, its own, and the verdicts drawn from them. */

import type { NodeId } from '../consensus/core/types.ts';
import type { Clock } from '../consensus/driver/ports.ts';
import type { HealthDocument, ReportedNode } from '../schemas/generated/types.ts';
import { LinkWatch } from './control/link-watch.ts';
import { viewNodes } from './control/node-views.ts';
import { judge, type MemberVerdict, type VerdictInput, type VerdictWord } from './control/verdict.ts';
import { FactRegistry } from './health/registry.ts';
import type { Fact, GossipPort, PeerView } from './ports.ts';

export interface FactBookComponents {
  readonly clock: Clock;
  readonly gossip: GossipPort;
  readonly peers: () => readonly PeerView[];
}

export interface FactBookOptions {
  readonly self: NodeId;
  readonly members: () => readonly NodeId[];
  /** Those of them that may be given work. @default all */
  readonly hosts?: () => readonly NodeId[];
  readonly lostAfterMs: number;
}

export class FactBook {
  readonly health: FactRegistry<'HealthDocument'>;
  readonly topology: FactRegistry<'TopologyDocument'>;
  readonly instances: FactRegistry<'InstancesDocument'>;
  readonly #clock: Clock;
  readonly #peers: () => readonly PeerView[];
  readonly #options: FactBookOptions;
  readonly #said = new Map<NodeId, VerdictWord>();
  readonly #linkWatch: LinkWatch;

  constructor({ clock, gossip, peers }: FactBookComponents, options: FactBookOptions) {
    this.#clock = clock;
    this.#peers = peers;
    this.#options = options;
    this.#linkWatch = new LinkWatch(options.lostAfterMs * linkPatience);
    this.health = new FactRegistry('HealthDocument', { clock });
    this.topology = new FactRegistry('TopologyDocument', { clock });
    this.instances = new FactRegistry('InstancesDocument', { clock });
    gossip.subscribe('health', this.health.receive);
    gossip.subscribe('topology', this.topology.receive);
    gossip.subscribe('instances', this.instances.receive);
  }

  onChange(listener: () => void): void {
    this.health.onChange(listener);
    this.topology.onChange(listener);
    this.instances.onChange(listener);
  }

  /** Which members this box reaches: what it tells the others. */
  observes(): { node: NodeId; reachable: boolean }[] {
    return this.#peers()
      .filter(({ relation }) => relation === 'member')
      .map(({ name, connected }) => ({ node: name, reachable: connected }));
  }

  verdict(member: NodeId): MemberVerdict {
    return this.#judge(member, this.#evidence());
  }

  /** What all verdicts of this moment are drawn from. */
  #evidence(): Omit<VerdictInput, 'before'> {
    const { self, lostAfterMs } = this.#options;
    const links = new Map(this.#peers().map(({ name, connected, since }) => [name, { up: connected, since }]));
    const observations = new Map(
      this.instances.all().map(({ from, document }) => [from, new Map(document.observes.map(({ node, reachable }) => [node, reachable]))]),
    );
    return { self, members: this.#options.members(), now: this.#clock.nowMs(), links, observations, lostAfterMs };
  }

  #judge(member: NodeId, evidence: Omit<VerdictInput, 'before'>): MemberVerdict {
    const before = this.#said.get(member);
    const judged = judge(member, { ...evidence, ...(before && { before }) });
    this.#said.set(member, judged.verdict);
    return judged;
  }

  /**
   * Members of which too little is known to be seen by planners: `absent` ones are lost, and whatever ran there is to run elsewhere;
   * of the `unheard` ones something will be heard soon, so nothing may be concluded from the silence of a freshly started agent.
   */
  unseen(): { readonly absent: readonly NodeId[]; readonly unheard: readonly NodeId[] } {
    const unseen = this.#options
      .members()
      .filter((member) => this.topology.get(member) === undefined || this.instances.get(member) === undefined);
    const gone = new Set(unseen.filter((member) => ['lost', 'cut-off'].includes(this.verdict(member).verdict)));
    return { absent: [...gone], unheard: unseen.filter((member) => !gone.has(member)) };
  }

  /** This site's boxes, as planners and the upper site see them. */
  nodes(): readonly ReportedNode[] {
    const byNode = <Document>(facts: readonly Fact<Document>[]): ReadonlyMap<NodeId, Fact<Document>> =>
      new Map(facts.map((fact) => [fact.from, fact]));
    const evidence = this.#evidence();
    const { members, now } = evidence;
    const verdicts = new Map(members.map((member) => [member, this.#judge(member, evidence)]));
    const verdict = (member: NodeId): MemberVerdict => verdicts.get(member) ?? this.#judge(member, evidence);
    const alive = new Set(members.filter((member) => verdict(member).verdict === 'alive'));
    const observed = this.instances.all().map(({ from, document }) => ({
      from,
      unreached: document.observes.flatMap(({ node, reachable }) => (reachable ? [] : [node])),
    }));
    this.#linkWatch.look(observed, alive, now);
    return viewNodes({
      members: this.#options.hosts?.() ?? members,
      now,
      unreached: (member) => this.#linkWatch.unreached(member),
      topology: byNode(this.topology.all()),
      health: byNode(this.health.all()),
      instances: byNode(this.instances.all()),
      verdict,
      risk: riskOf,
    });
  }
}

/** A link counts as lost this many times later than a box, so that a box that died is not first taken for a matter of its links. */
const linkPatience = 1.5;

/** Part of a disk or of memory in use from which on a box counts as at risk, in percent. */
const nearlyFull = 95;

/** 0 (sound) to 1 (about to fail): nearly full disks, read-only disks, no memory left. */
function riskOf(health: HealthDocument | undefined): number {
  if (health === undefined) return 0;
  const { memory, disks } = health;
  if (disks.some(({ readOnly }) => readOnly === true)) return 1;
  const used = (total: number | null, free: number | null): number =>
    total === null || free === null || total === 0 ? 0 : 100 * (1 - free / total);
  const fullest = Math.max(
    used(memory.totalBytes, memory.availableBytes),
    ...disks.map(({ totalBytes, freeBytes }) => used(totalBytes, freeBytes)),
  );
  return fullest >= nearlyFull ? 0.6 : 0;
}
