/** Boxes that have another address than their site knows: each asks a member where it is seen, and the leader has that written down. */
import { isMember } from '../consensus/core/membership.ts';
import type { Membership, NodeId } from '../consensus/core/types.ts';
import type { Clock } from '../consensus/driver/ports.ts';
import type { MemberEntry } from './directory.ts';
import { isLoopback, isName, isSameHost, plainAddress, whereFound } from './network/address.ts';
import type { ProbeResult } from './network/probe.ts';
import type { CallPort, KnownPeer, Log, PeerView } from './ports.ts';
import type { MemberSet } from './state/member-table.ts';

const protocol = '/holdfast/whereabouts/1';
const requestBytesMax = 1024;
const answerBytesMax = 4096;
const callTimeoutMs = 5000;
const probeTimeoutMs = 1000;
/** A box looks at its own addresses this often. */
const lookEveryMs = 2000;
/** It asks again after a pause that doubles up to this: behind a translation of addresses it may never be found where it is known. */
const askMinMs = 2000;
const askMaxMs = 600_000;
/** What was seen counts for this long: two boxes that changed places are seen one after the other. */
const sightingMs = 15_000;
/** Between two changes of one address; doubles while it goes on changing, so that a box that flaps does not fill the log. */
const moveMinMs = 60_000;
const moveMaxMs = 3_600_000;

interface Site {
  readonly self: NodeId;
  readonly leader: NodeId | undefined;
  readonly membership: Membership;
  leads(): boolean;
  memberEntries(): readonly MemberEntry[];
}

interface Door {
  readonly listenAddress: string;
  seenAt(name: NodeId): { readonly remote: string; readonly dialled: boolean } | undefined;
  /** Whether this box has and listens on that address. */
  isFoundAt(address: string): boolean;
  peers(): readonly PeerView[];
}

export interface WhereaboutsComponents {
  readonly site: Site;
  readonly network: Door;
  readonly calls: CallPort;
  /** Whether the state says where this box is known to be. A configuration does so for one box only, and a witness keeps no state. */
  readonly isWrittenDown: () => boolean;
  /** The incarnation of a member that the site listens to, when that is the one that is connected; of this box too. */
  readonly incarnationOf: (name: NodeId) => number | undefined;
  /** Does anybody listen there? */
  readonly probe: (address: string, timeoutMs: number) => Promise<ProbeResult>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Sight {
  readonly address: string;
  readonly at: number;
}

/** `known`: where the site knows the asking box to be. `found`: where it can be dialled, if that was asked for and can be said. */
interface Answer {
  readonly known: string | null;
  readonly found: string | null;
}

export class Whereabouts {
  readonly #parts: WhereaboutsComponents;
  /** Members seen elsewhere than they are known to be, while this box leads. */
  readonly #seen = new Map<NodeId, Sight>();
  readonly #moved = new Map<NodeId, { readonly at: number; readonly pauseMs: number }>();
  #lookAt = Number.NEGATIVE_INFINITY;
  #askAt = Number.NEGATIVE_INFINITY;
  #pauseMs = askMinMs;
  /** What was last asked about, and what needs no question any more: leader, address, and whether this box has that. */
  #askedFor: string | undefined;
  #settledFor: string | undefined;
  #busy = false;
  #turn = 0;

  constructor(components: WhereaboutsComponents) {
    this.#parts = components;
  }

  start(): void {
    this.#parts.calls.serve(protocol, { requestBytesMax }, async (from, request) =>
      new TextEncoder().encode(JSON.stringify(await this.#answer(from, readRequest(request)))),
    );
  }

  /** To be called a few times a second. */
  check(): void {
    const { site, network, isWrittenDown, clock, log } = this.#parts;
    const now = clock.nowMs();
    if (this.#busy || now < this.#lookAt || site.leader === undefined) return;
    this.#lookAt = now + lookEveryMs;
    const known = knownAddress(site, site.self);
    const isHome = known !== undefined && network.isFoundAt(known);
    const isSure = isWrittenDown();
    const about = `${site.leader} ${known} ${network.listenAddress} ${isHome}`;
    if (!isMember(site.membership, site.self) || (isHome && isSure) || this.#settledFor === about) {
      this.#askedFor = undefined;
      return;
    }
    const isNews = this.#askedFor !== about;
    const member = isNews || now >= this.#askAt ? this.#whomToAsk() : undefined;
    if (member === undefined) return;
    this.#pauseMs = isNews ? askMinMs : Math.min(askMaxMs, 2 * this.#pauseMs);
    this.#askedFor = about;
    this.#askAt = now + this.#pauseMs;
    this.#busy = true;
    this.#ask(member, isSure)
      .then((isSettled) => {
        if (isSettled) this.#settledFor = about;
      })
      .catch((error: Error) => log.debug('whereabouts.unanswered', { member, message: error.message }))
      .finally(() => {
        this.#busy = false;
      });
  }

  /** The next change of an address that is to be written down, if any; it counts as made. */
  next(): MemberSet | undefined {
    const { site, incarnationOf, clock, log } = this.#parts;
    const now = clock.nowMs();
    for (const [name, { address, at }] of this.#seen) {
      const entry = site.memberEntries().find((one) => one.name === name);
      const movedAs = incarnationOf(name);
      const isOld = now - at > sightingMs || !site.leads() || plainAddress(entry?.address ?? '') === address;
      if (isOld || entry === undefined || movedAs === undefined || !isMember(site.membership, name) || entry.wanted === 'none')
        this.#seen.delete(name);
      else if (!this.#isHeld(name, address) && this.#mayMove(name, now)) {
        this.#seen.delete(name);
        log.info('member.moved', { name, from: entry.address, to: address });
        const { wanted: role, peerId } = entry;
        return { type: 'memberSet', name, role, peerId, address, movedAs };
      }
    }
    return undefined;
  }

  /** Resolves to whether that member knows it where it is. */
  async #ask(member: NodeId, isSure: boolean): Promise<boolean> {
    const { site, network } = this.#parts;
    const listen = network.listenAddress;
    if (!isSure) {
      const { known } = await this.#call(member, { listen, moved: false });
      if (known !== null && network.isFoundAt(known)) return true;
    }
    const { found } = await this.#call(member, { listen, moved: true });
    // A leader has nobody who writes it down for it, and believes only what it has itself.
    if (found !== null && site.leads() && this.#isBelieved(found)) this.#saw(site.self, found);
    return false;
  }

  /** Of a name this box can tell only that the port is its own, and the loopback address every box has. */
  #isBelieved(found: string): boolean {
    const { site, network } = this.#parts;
    if (isName(found) && !isSameHost(found, knownAddress(site, site.self) ?? '')) return false;
    return network.isFoundAt(found) && (!isLoopback(found) || this.#isOnLoopback(site.self));
  }

  /** Every other box is on the loopback interface: this one may be too. */
  #isOnLoopback(name: NodeId): boolean {
    return this.#parts.site.memberEntries().every((other) => other.name === name || isLoopback(other.address));
  }

  async #call(member: NodeId, request: Request): Promise<Answer> {
    const bytes = await this.#parts.calls.call(member, protocol, new TextEncoder().encode(JSON.stringify(request)), {
      timeoutMs: callTimeoutMs,
      responseBytesMax: answerBytesMax,
    });
    const { known, found } = JSON.parse(new TextDecoder().decode(bytes)) as Record<keyof Answer, unknown>;
    const address = (value: unknown): string | null => (typeof value === 'string' ? (plainAddress(value) ?? null) : null);
    return { known: address(known), found: address(found) };
  }

  async #answer(from: KnownPeer, { listen, moved }: Request): Promise<Answer> {
    const { site, network } = this.#parts;
    const known = knownAddress(site, from.name);
    const nothing = { known: known ?? null, found: null };
    const seen = network.seenAt(from.name);
    if (!moved || from.relation !== 'member' || seen === undefined || !isMember(site.membership, from.name)) return nothing;
    const found = whereFound({ listen, ...seen, known, onLoopback: this.#isOnLoopback(from.name) });
    if (found === undefined) return nothing;
    const isProven = seen.dialled && isSameHost(found, seen.remote);
    if (!isProven && !(await this.#hasMoved(from.name, known, found))) return nothing;
    if (site.leads()) this.#saw(from.name, found);
    return { known: known ?? null, found };
  }

  /**
   * Somebody answers there, and nobody any more where it is known to be, or somebody else. A bare connection proves no key: behind a gate
   * that forwards ports to several boxes, the port that this one listens on may be that of another, and the one it is known by is right.
   */
  async #hasMoved(name: NodeId, known: string | undefined, found: string): Promise<boolean> {
    const { site, network, probe } = this.#parts;
    if ((await probe(found, probeTimeoutMs)) !== 'open') return false;
    if (known === undefined || plainAddress(known) === found || (!isName(known) && network.isFoundAt(known))) return true;
    const isTaken = site.memberEntries().some((other) => {
      const remote = network.seenAt(other.name)?.remote;
      return other.name !== name && remote !== undefined && isSameHost(remote, known) && !isSameHost(other.address, known);
    });
    return isTaken || (await probe(known, probeTimeoutMs)) !== 'open';
  }

  #saw(name: NodeId, address: string): void {
    this.#seen.set(name, { address, at: this.#parts.clock.nowMs() });
  }

  /** Another member is known to be there, is well, and was not seen elsewhere itself. */
  #isHeld(name: NodeId, address: string): boolean {
    const { site, network } = this.#parts;
    return site
      .memberEntries()
      .filter((other) => other.name !== name && plainAddress(other.address) === address && other.role !== 'leaving')
      .some((other) => !this.#seen.has(other.name) && (other.name === site.self || network.seenAt(other.name) !== undefined));
  }

  #mayMove(name: NodeId, now: number): boolean {
    const last = this.#moved.get(name);
    if (last !== undefined && now - last.at < last.pauseMs) return false;
    const isCalm = last === undefined || now - last.at > 2 * moveMaxMs;
    this.#moved.set(name, { at: now, pauseMs: isCalm ? moveMinMs : Math.min(moveMaxMs, 2 * last.pauseMs) });
    return true;
  }

  /** The leader; whoever leads asks one connected member after the other. */
  #whomToAsk(): NodeId | undefined {
    const { site, network } = this.#parts;
    const connected = network.peers().flatMap(({ name, relation, connected: is }) => (relation === 'member' && is ? [name] : []));
    if (site.leader !== site.self) return connected.find((name) => name === site.leader);
    return connected[this.#turn++ % Math.max(1, connected.length)];
  }
}

const knownAddress = (site: Site, name: NodeId): string | undefined => {
  const address = site.memberEntries().find((entry) => entry.name === name)?.address ?? '';
  return address === '' ? undefined : address;
};

/** `listen`: where the asking box listens. `moved`: it is not where it is known to be. */
interface Request {
  readonly listen: string;
  readonly moved: boolean;
}

/** What cannot be read says nothing. */
function readRequest(bytes: Uint8Array): Request {
  try {
    const { listen, moved } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Record<keyof Request, unknown>;
    return { listen: typeof listen === 'string' ? (plainAddress(listen) ?? '') : '', moved: moved === true };
  } catch {
    return { listen: '', moved: false };
  }
}
