/** A box: the driver as it ships, its log on a disk that fails, its links on a network that does. */
import type { Entry, Membership, NodeId, Timing } from '../../../consensus/core/types.ts';
import type { NodeEvent } from '../../../consensus/driver/driver-event.ts';
import { StorageError } from '../../../consensus/driver/errors.ts';
import { DurableLog } from '../../../consensus/driver/log/durable-log.ts';
import { ConsensusNode } from '../../../consensus/driver/node.ts';
import type { ReentryPoint } from '../../../consensus/driver/reentry.ts';
import type { SeededRandom } from '../random.ts';
import type { Times } from '../times.ts';
import { MemoryState } from './memory-state.ts';
import { Registers } from './registers.ts';
import { VirtualDisk } from './virtual-disk.ts';
import type { End, VirtualNetwork } from './virtual-network.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface BoxHost {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: VirtualNetwork;
  readonly membership: Membership;
  readonly compactEntries: number;
  readonly times: Times;
  /** Which incarnation of a box this machine has written down, as far as it knows of one. */
  readonly recordedIn: (machine: Registers, peer: NodeId) => number | undefined;
  readonly onEvent: (box: Box, event: NodeEvent) => void;
  readonly onApplied: (box: Box, entry: Entry) => void;
}

/** What a start came to. `damaged`: its memory proves that it is not whole. `refused`: the disk does not let it begin now. */
export type Start = 'running' | 'damaged' | 'refused' | 'dead';

const nobody: Membership = { voters: [], learners: [] };
const damagedCodes: ReadonlySet<string> = new Set(['LOG_CORRUPT', 'VOTE_DAMAGED', 'LOG_VERSION', 'STATE_DAMAGED']);

export class Box {
  readonly id: NodeId;
  readonly disk: VirtualDisk;
  readonly #host: BoxHost;
  #state: MemoryState;
  #life = 0;
  #hadLog = false;
  #nonces = 0;
  #sleptMs = 0;
  #end: End | undefined;
  node: ConsensusNode | undefined;
  /** Why the newest start came to nothing. */
  complaint = '';
  machine = new Registers();
  /** Another one for each memory. */
  incarnation = 1;
  readonly #timing: Timing;

  constructor(id: NodeId, host: BoxHost) {
    this.id = id;
    this.#host = host;
    this.#timing = host.times.timing();
    this.disk = new VirtualDisk(host.time, host.random);
    this.#state = new MemoryState(host.membership);
  }

  /** The box dies; with its process the peers' connections close, with its power nobody is told, and what was not synced is lost. */
  die(how: 'process' | 'power'): void {
    this.#life += 1;
    this.node = undefined;
    this.#host.network.disconnect(this.id, how === 'process');
    // A process that dies takes nothing from the disk. The next one has to mount it all the same.
    if (how === 'power') {
      this.disk.cutPower();
      this.#state.cutPower(this.#host.random);
    } else {
      this.disk.remount();
      this.#state.remount();
    }
  }

  /** It sleeps, and is awake again: to its clock time has passed, and no timer has fired yet. */
  sleep(ms: number): void {
    this.#sleptMs += ms;
  }

  /** Sets its memory aside: it begins anew, as nobody's member. */
  forget(): void {
    this.#life += 1;
    this.incarnation += 1;
    this.machine = new Registers();
    this.disk.wipe();
    this.#state = new MemoryState(nobody);
    this.#hadLog = false;
  }

  async start(reentry?: ReentryPoint): Promise<Start> {
    this.#life += 1;
    const life = this.#life;
    // A start that is still under way is over.
    this.disk.remount();
    this.#state.remount();
    const { time, random, network, membership, compactEntries, onEvent, onApplied } = this.#host;
    const isAlive = (): boolean => life === this.#life;
    try {
      const { log, recovered } = await DurableLog.open({
        directory: `/${this.id}`,
        fileSystem: this.disk.mount(),
        segmentBytes: 16 * 1024,
        reserveBytes: 8 * 1024,
        nonce: () => this.#nonce(),
      });
      if (!isAlive()) return 'dead';
      if (recovered.fresh && this.#hadLog) {
        this.complaint = 'there is no log any more';
        return 'damaged';
      }
      this.#hadLog = true;
      const machine = new Registers();
      // Who has nothing yet knows of no incarnation; founders greeted each other once.
      const recorded = (peer: NodeId): number | undefined =>
        this.#host.recordedIn(machine, peer) ?? (this.incarnation === 1 ? 1 : undefined);
      const end = network.connect(this.id, this.incarnation, recorded);
      end.reentry = reentry;
      const offsetMs = this.#nonces * 1000;
      const node = await ConsensusNode.open({
        id: this.id,
        membership: reentry === undefined ? membership : nobody,
        timing: this.#timing,
        storage: log,
        recovered,
        stateStore: this.#state.mount(() => this.#host.time.sleep(this.#host.random.between(1, 10))),
        transport: end,
        clock: time.clock(() => offsetMs + this.#sleptMs, isAlive),
        random,
        machine,
        compactEntries,
        onEvent: (event) => {
          if (isAlive()) onEvent(this, event);
        },
      });
      if (!isAlive()) return 'dead';
      this.machine = machine;
      this.node = node;
      this.#end = end;
      node.onApplied((entry) => {
        if (isAlive()) onApplied(this, entry);
      });
      node.start();
      return 'running';
    } catch (error) {
      if (!isAlive()) return 'dead';
      if (!(error instanceof StorageError)) throw error;
      this.complaint = `${error.code} ${error.message}`;
      return damagedCodes.has(error.code) ? 'damaged' : 'refused';
    }
  }

  /** It has what was committed when it was let in again: it takes part in elections. */
  reentered(): void {
    if (this.#end !== undefined) this.#end.reentry = undefined;
  }

  #nonce(): Uint8Array {
    this.#nonces += 1;
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, this.#nonces);
    return bytes;
  }
}
