import type { Message } from '../../consensus/core/messages.ts';
import { defaultTiming, type Entry, logIndex, type NodeId, term } from '../../consensus/core/types.ts';
import { Cluster } from '../sim/cluster.ts';
import { Network } from '../sim/network.ts';
import type { Observer } from '../sim/observer.ts';
import { SeededRandom } from '../sim/random.ts';
import { encodeWrite } from '../sim/replica.ts';
import type { SimNode } from '../sim/sim-node.ts';
import { describeEvent } from '../sim/trace.ts';

const empty = new Uint8Array(0);

/** Settings like `term=2`, from the words of a command. */
function settings(words: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    words.filter((word) => word.includes('=')).map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );
}

/**
 * Plays one scenario on the real core: no delays, no chance (the n-th node draws (n - 1) x 13, so n1 campaigns first), and
 * every line that a command causes is printed below it.
 */
export class ScenarioRunner {
  #cluster: Cluster | undefined;
  #lines: string[] = [];
  #shown: ReadonlySet<string> = new Set();
  #requests = 0;
  readonly #keys = new Map<number, string>();

  /** Runs one line and gives back what it printed. @throws {Error} for a command that does not exist */
  run(line: string): readonly string[] {
    this.#lines = [];
    const [name = '', ...words] = line.split(' ').filter((word) => word !== '');
    const command = this.#commands[name];
    if (command === undefined) throw new Error(`No such command in a scenario: ${line}`);
    command(words);
    this.#cluster?.agenda.runTo(this.#cluster.agenda.now);
    return this.#lines;
  }

  get #site(): Cluster {
    if (this.#cluster === undefined) throw new Error('A scenario begins with: cluster n1 n2 n3');
    return this.#cluster;
  }

  #node(id: NodeId | undefined): SimNode {
    return this.#site.node(id ?? '');
  }

  #each(ids: readonly string[]): readonly SimNode[] {
    return ids[0] === 'all' ? [...this.#site.nodes.values()] : ids.map((id) => this.#node(id));
  }

  readonly #commands: Readonly<Record<string, (words: readonly string[]) => void>> = {
    cluster: (words) => this.#build(words),
    log: (words) => this.#prepareLog(words),
    start: (words) => this.#each(words).forEach((node) => void node.start()),
    crash: ([id, how]) => {
      this.#node(id).crash(0, false);
      if (how === 'flipped') this.#node(id).disk.flipLastBatch(false);
    },
    tick: ([count]) => {
      for (let left = Number(count); left > 0; left -= 1) this.#site.tick();
    },
    partition: (words) =>
      this.#site.network.partition(
        words
          .join(' ')
          .split('|')
          .map((group) => group.trim().split(' ')),
      ),
    cut: ([from = '', to = '']) => this.#site.network.cut(from, to),
    heal: () => this.#site.network.heal(),
    pause: ([id]) => {
      this.#node(id).paused = true;
    },
    resume: ([id]) => this.#node(id).resume(true),
    'link-lost': ([id, peer = '']) => this.#node(id).step({ type: 'LINK_LOST', peer }),
    'link-up': ([id, peer = '']) => this.#node(id).step({ type: 'LINK_UP', peer }),
    disk: ([id, what = '']) => this.#disk(this.#node(id), what),
    request: ([id, key = '', value = '']) => {
      const operation = this.#nextRequest(key);
      this.#node(id).do((raft) => raft.propose(operation, encodeWrite({ operation, key, value })));
    },
    read: ([id, key = '']) => {
      const operation = this.#nextRequest(key);
      this.#node(id).do((raft) => raft.read(operation));
    },
    revalidate: ([id, workload = '', epoch]) => {
      const operation = this.#nextRequest(workload);
      this.#node(id).do((raft) => raft.revalidate(operation, [{ workload, replica: 0, epoch: Number(epoch) }]));
    },
    transfer: ([id, to = '']) =>
      this.#node(id).do((raft) => void this.#lines.push(`${id} transfer ${raft.transferLeadership(to) ? 'begun' : 'refused'}`)),
    compact: ([id]) => {
      const node = this.#node(id);
      node.do((raft) => node.compactNow(raft, 0));
    },
    messages: (words) => {
      this.#shown = new Set(words);
    },
    show: (words) => this.#each(words.length === 0 ? ['all'] : words).forEach((node) => void this.#lines.push(this.#describe(node))),
  };

  #nextRequest(key: string): number {
    this.#requests += 1;
    this.#keys.set(this.#requests, key);
    return this.#requests;
  }

  #build(words: readonly string[]): void {
    const split = words.indexOf('learners');
    const voters = split < 0 ? words : words.slice(0, split);
    const learners = split < 0 ? [] : words.slice(split + 1);
    this.#cluster = new Cluster({
      network: new Network(new SeededRandom(1), { lossPercent: 0, duplicatePercent: 0, delayMin: 0, delayMax: 0 }),
      observers: [this.#printer()],
      diskDelay: () => 0,
      onSend: (message) => this.#print(message),
      nodes: [...voters, ...learners].map((id, at) => ({
        id,
        membership: { voters, learners },
        timing: defaultTiming,
        random: { nextInt: (below) => (at * 13) % below },
        clockOffset: 0,
        compactEntries: 0,
      })),
    });
  }

  /** Puts a log on a disk before the start: `log n1 terms=1,1,2 term=2 vote=n1 uncertain=2:4`. */
  #prepareLog([id, ...words]: readonly string[]): void {
    const { disk } = this.#node(id);
    const given = settings(words);
    const terms = (given.get('terms') ?? '').split(',').filter((word) => word !== '');
    disk.entries = terms.map((word, at): Entry => {
      const index = logIndex(at + 1);
      return { term: term(Number(word)), index, kind: 'noop', origin: undefined, data: empty };
    });
    disk.hardState = { term: term(Number(given.get('term') ?? terms.at(-1) ?? 0)), votedFor: given.get('vote') };
    const [uncertainTerm, uncertainIndex] = (given.get('uncertain') ?? '').split(':').map(Number);
    if (uncertainIndex !== undefined) disk.uncertain = { term: term(uncertainTerm ?? 0), index: logIndex(uncertainIndex) };
  }

  #disk(node: SimNode, what: string): void {
    if (what === 'hold') node.diskHeld = true;
    else if (what === 'release') node.releaseDisk();
    else if (what === 'fail') node.step({ type: 'STORAGE_FAILED' });
    else if (what === 'ok') node.step({ type: 'STORAGE_OK' });
    else throw new Error(`A disk can hold, release, fail or be ok, not ${what}`);
  }

  #printer(): Observer {
    const write = (line: string): void => void this.#lines.push(line);
    return {
      event: (node, event) => {
        if (event.type === 'role' || event.type === 'snapshot-received') write(describeEvent(node.id, event));
      },
      applied: (node, entry) => {
        if (entry.origin?.node === node.id)
          write(`${node.id} request ${entry.origin.requestId} done index=${entry.index} term=${entry.term}`);
      },
      refused: (node, requestId, code, leader) => write(`${node.id} request ${requestId} refused ${code} leader=${leader ?? 'unknown'}`),
      readable: (node, requestId) => {
        const key = this.#keys.get(requestId) ?? '';
        write(`${node.id} read ${requestId} ${key}=${node.replica.get(key).value} applied=${node.applied.index}`);
      },
      verdicts: (node, requestId, items) =>
        write(`${node.id} revalidate ${requestId} ${items.map((item) => `${item.workload} ${item.verdict}`).join(', ')}`),
    };
  }

  #print(message: Message): void {
    if (!this.#shown.has(message.type)) return;
    const hidden = [
      'type',
      'from',
      'to',
      'data',
      'meta',
      'checksum',
      'sentAt',
      'ackSeq',
      'ackSeqSeen',
      'ackSeqMajority',
      'poll',
      'canWait',
    ];
    const facts = Object.entries(message)
      .filter(([name, value]) => !hidden.includes(name) && (typeof value !== 'object' || name === 'entries') && value !== undefined)
      .map(([name, value]) => `${name}=${Array.isArray(value) ? value.length : value}`);
    if (message.type === 'ACK' && message.reject !== undefined) {
      const { prevIndex, hintTerm, hintIndex } = message.reject;
      facts.push(`reject=${prevIndex} hint=${hintTerm}:${hintIndex}`);
    }
    this.#lines.push(`${message.from} > ${message.to} ${message.type} ${facts.join(' ')}`);
  }

  #describe(node: SimNode): string {
    const view = node.raft?.view();
    if (view === undefined) return `${node.id} down`;
    const { role, leader, commitIndex, appliedIndex, firstIndex, lastIndex, durableIndex } = view;
    return `${node.id} ${role} term=${view.term} leader=${leader ?? 'unknown'} log=${firstIndex}..${lastIndex} durable=${durableIndex} commit=${commitIndex} applied=${appliedIndex}`;
  }
}
