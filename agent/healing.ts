/** This box's way back into its site after it could not trust its memory: it asks, learns, and is what it was again. */
import { isMember } from '../consensus/core/membership.ts';
import type { NodeId } from '../consensus/core/types.ts';
import type { Clock } from '../consensus/driver/ports.ts';
import type { ReentryPoint } from '../consensus/driver/reentry.ts';
import type { Agreement } from './agreement.ts';
import type { Damage, DataDir } from './data-dir.ts';
import { askStanding, askToHeal } from './heal-desk.ts';
import type { CallPort, Log, PeerView } from './ports.ts';

const askEveryMs = 500;
/** Without a leader for this long, a box asks whether it is listened to at all. */
const leaderlessMs = 2000;
/** What its site must have said for a box to give up the memory it has, or itself. */
const unfitCodes: ReadonlySet<string> = new Set(['ROLLED_BACK', 'INCARNATION_STALE', 'CLONED']);

/** `asking`: its site has not let it begin anew yet. `learning`: it is given the log, and has no vote. */
export interface HealingView extends Damage {
  readonly stage: 'asking' | 'learning';
  /** What the last member asked said against it. */
  readonly refusal: string | null;
}

/** What lets it into the agreement. */
interface Door {
  /** It is heard again, but in no election before `reentered`. */
  release(point: ReentryPoint): void;
  reentered(): void;
}

export interface HealingComponents {
  readonly dataDir: DataDir;
  readonly agreement: Agreement;
  readonly calls: CallPort;
  readonly peers: () => readonly PeerView[];
  readonly door: Door;
  /** The site does not listen to the memory this box has, or runs another box of this identity. */
  readonly onUnfit: (damage: Damage) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export class Healing {
  readonly #parts: HealingComponents;
  #welcome = false;
  #busy = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #turn = 0;
  #leader: NodeId | undefined;
  #refusal: string | null = null;
  #ledAt: number;
  #isUnfit = false;
  #point: ReentryPoint | undefined;

  constructor(components: HealingComponents) {
    this.#parts = components;
    this.#ledAt = components.clock.nowMs();
  }

  view(): HealingView | undefined {
    const { healing } = this.#parts.dataDir;
    return healing && { ...healing, stage: this.#welcome ? 'learning' : 'asking', refusal: this.#refusal };
  }

  /** To be called a few times a second. */
  check(): void {
    const { dataDir, clock, log } = this.#parts;
    const { healing } = dataDir;
    if (healing === undefined ? this.#isLed() : this.#welcome && !this.#isCaughtUp()) return;
    if (this.#busy || clock.nowMs() - this.#askedAt < askEveryMs) return;
    const member = this.#next();
    if (member === undefined) return;
    this.#busy = true;
    this.#askedAt = clock.nowMs();
    (healing === undefined ? this.#askStanding(member) : this.#ask(member, healing))
      .catch((error: Error) => {
        this.#leader = undefined;
        log.debug('healing.unanswered', { member, message: error.message });
      })
      .finally(() => {
        this.#busy = false;
      });
  }

  async #ask(member: NodeId, { code, message }: Damage): Promise<void> {
    const { calls, dataDir, door, log } = this.#parts;
    const answer = await askToHeal(calls, member, { incarnation: dataDir.incarnation, code, message });
    this.#leader = answer.state === 'elsewhere' ? (answer.leader ?? undefined) : member;
    const refusal = answer.state === 'refused' ? `${member}: ${answer.message} (${answer.code})` : null;
    if (refusal !== null && refusal !== this.#refusal) log.warn('healing.refused', { member, reason: refusal });
    this.#refusal = refusal;
    if (answer.state !== 'welcome') return;
    if (!this.#welcome) {
      this.#welcome = true;
      this.#point = { term: answer.term, index: answer.index };
      log.info('healing.welcome', { by: member, incarnation: dataDir.incarnation });
      door.release(this.#point);
    } else if (answer.isWell && this.#isCaughtUp()) {
      log.info('healing.done', { code, message, incarnation: dataDir.incarnation });
      dataDir.healed();
    }
  }

  async #askStanding(member: NodeId): Promise<void> {
    const { agreement, calls, dataDir, onUnfit, log } = this.#parts;
    const answer = await askStanding(calls, member, dataDir.start);
    this.#leader = answer.state === 'elsewhere' ? (answer.leader ?? undefined) : member;
    log.debug('healing.standing', { member, ...answer });
    if (answer.state !== 'refused' || this.#isUnfit) return;
    const { code, message, epoch } = answer;
    // Who has nothing yet takes the epoch of the site it is to join; who has something is not to give it up for that.
    const isEmpty = agreement.status().lastIndex === 0;
    const isNext = code === 'CLUSTER_EPOCH' && isEmpty && epoch > dataDir.epoch;
    if (!unfitCodes.has(code) && !isNext) return;
    this.#isUnfit = true;
    log.error('memory.unfit', { code, message, by: member });
    if (code === 'CLONED') dataDir.markCopied(message);
    onUnfit(isNext ? { code, message, epoch } : { code, message });
  }

  #isLed(): boolean {
    const { agreement, clock } = this.#parts;
    if (agreement.leader !== undefined) this.#ledAt = clock.nowMs();
    return clock.nowMs() - this.#ledAt < leaderlessMs;
  }

  /** The leader, when it is known and connected; otherwise one connected member after the other. */
  #next(): NodeId | undefined {
    const connected = this.#parts
      .peers()
      .filter((peer) => peer.relation === 'member' && peer.connected)
      .map((peer) => peer.name);
    if (this.#leader !== undefined && connected.includes(this.#leader)) return this.#leader;
    return connected[this.#turn++ % Math.max(1, connected.length)];
  }

  /** Its own log says that it belongs to the site. Whether it is what it is to be, a witness could not know by itself. */
  #isCaughtUp(): boolean {
    const { agreement, door } = this.#parts;
    const { membership, ready, leader, commitIndex } = agreement.status();
    if (this.#point !== undefined && commitIndex >= this.#point.index) {
      this.#point = undefined;
      door.reentered();
    }
    return this.#point === undefined && ready && leader !== undefined && isMember(membership, agreement.self);
  }
}
