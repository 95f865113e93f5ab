/** Who belongs to the site, put together: the leader's duty, boxes that begin anew, and whom this box is connected to. */
import type { Clock, RowChange } from '../consensus/driver/ports.ts';
import type { KnownStart } from '../consensus/driver/standing.ts';
import type { Agreement } from './agreement.ts';
import { MemberDuty } from './control/member-duty.ts';
import type { Damage, DataDir } from './data-dir.ts';
import { HealDesk } from './heal-desk.ts';
import { Healing, type HealingView } from './healing.ts';
import { KnownMembers } from './known-members.ts';
import type { Network } from './network/host.ts';
import { probe } from './network/probe.ts';
import type { Log } from './ports.ts';
import { Whereabouts } from './whereabouts.ts';

/** A member that did not answer the leader for this long is not counted on, in milliseconds. */
const silentAfterMs = 2000;

export interface SiteMembershipComponents {
  readonly agreement: Agreement;
  readonly network: Network;
  readonly dataDir: DataDir;
  readonly clock: Clock;
  readonly log: Log;
  /** The site does not listen to this memory: the agent has to start without it. */
  readonly onUnfit: (damage: Damage) => void;
}

export class SiteMembership {
  readonly #parts: SiteMembershipComponents;
  readonly #duty: MemberDuty;
  readonly #desk: HealDesk;
  readonly #healing: Healing;
  readonly #known: KnownMembers;
  readonly #whereabouts: Whereabouts;

  constructor(components: SiteMembershipComponents) {
    this.#parts = components;
    const { agreement, network, dataDir, clock, log, onUnfit } = components;
    const { calls } = network;
    const answers = (name: string): boolean => this.#answers(name);
    this.#whereabouts = new Whereabouts({
      site: agreement,
      network,
      calls,
      isWrittenDown: () => (agreement.state.members().get(agreement.self)?.address ?? '') !== '',
      incarnationOf: (name) => this.#incarnationOf(name),
      probe,
      clock,
      log,
    });
    this.#duty = new MemberDuty({
      leadsIn: () => agreement.leadsIn(),
      membership: () => agreement.membership,
      wanted: () => agreement.state.members(),
      change: (changes, inTerm) => agreement.node.changeMembership(changes, { inTerm }),
      isSettled: () => agreement.isMembershipSettled(),
      heard: () => new Map([...network.consensus.heardStarts(), [agreement.self, startOf(dataDir)]]),
      recorded: () => agreement.state.starts(),
      answers,
      moved: () => this.#whereabouts.next(),
      propose: (command, inTerm) => agreement.propose(command, { inTerm }),
      log,
    });
    this.#desk = new HealDesk({ agreement, calls, answers, greetings: network.consensus, epoch: dataDir.epoch, log });
    this.#healing = new Healing({ dataDir, agreement, calls, peers: () => network.peers(), door: network.consensus, onUnfit, clock, log });
    this.#known = new KnownMembers(dataDir.path);
    network.consensus.standing.setFollows(() => {
      const { leader } = agreement;
      return leader !== undefined && leader !== agreement.self;
    });
    agreement.onMembership(() => this.meet());
  }

  /** Before the network starts. */
  start(): void {
    this.#desk.start();
    this.#whereabouts.start();
    this.meet();
  }

  /** To be called a few times a second. */
  readonly check = (): void => {
    this.#remember();
    this.#duty.check();
    this.#healing.check();
    this.#whereabouts.check();
  };

  /** What changed in the state. */
  changed(changes: readonly RowChange[]): void {
    if (!changes.some(({ key }) => key.startsWith('member/') || key.startsWith('incarnation/'))) return;
    this.#parts.agreement.refreshMembers();
    this.meet();
  }

  /** Why this box is not yet what it was, if it is not. */
  healing(): HealingView | undefined {
    return this.#healing.view();
  }

  /** Connects to those who belong here now. */
  meet(): void {
    const { agreement, network } = this.#parts;
    const peers = agreement.memberPeers();
    network.setMembers(peers);
    network.consensus.setStarts(agreement.state.starts());
    if (agreement.isMembershipSettled() && agreement.membership.voters.length > 0) this.#known.remember(peers);
  }

  /** What the others acknowledged to this box, and is committed: they must not have less when they greet again. */
  #remember(): void {
    const { agreement, network } = this.#parts;
    const { peers, commitIndex } = agreement.status();
    for (const { id, match } of peers) network.consensus.standing.promised(id, Math.min(match, commitIndex));
  }

  /** The one that is connected, when the site listens to it. */
  #incarnationOf(name: string): number | undefined {
    const { agreement, network, dataDir } = this.#parts;
    const heard = name === agreement.self ? dataDir.incarnation : network.consensus.heardStarts().get(name)?.incarnation;
    return heard !== undefined && agreement.state.starts().get(name)?.incarnation === heard ? heard : undefined;
  }

  #answers(name: string): boolean {
    const { agreement, clock } = this.#parts;
    if (name === agreement.self) return true;
    const at = agreement.lastAckAt(name);
    const linked = agreement.status().peers.some(({ id, linkUp }) => id === name && linkUp);
    return linked && at !== undefined && clock.nowMs() - at < silentAfterMs;
  }
}

const startOf = ({ incarnation, run, start }: DataDir): KnownStart => ({ incarnation, run, start });
