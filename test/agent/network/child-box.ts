/** One box in a process of its own, to be killed or frozen. Argument: its facts as JSON. Prints "started", then every PING it gets. */

import type { KnownPeer } from '../../../agent/ports.ts';
import { BootClock } from '../../../consensus/driver/boot-clock.ts';

interface ChildFacts {
  readonly name: string;
  readonly dataDir: string;
  readonly listen: string;
  readonly peers: readonly KnownPeer[];
  /** Added to the wall clock of this process. */
  readonly wallClockOffsetMs: number;
}

const facts: ChildFacts = JSON.parse(process.argv[2] ?? '{}');
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(value: number | string = RealDate.now() + facts.wallClockOffsetMs) {
    super(value);
  }
  static override now(): number {
    return RealDate.now() + facts.wallClockOffsetMs;
  }
} as DateConstructor;

// Loaded only now: libraries read the wall clock while they load.
const { Network } = await import('../../../agent/network/host.ts');
const { loadOrCreateIdentity } = await import('../../../agent/network/identity.ts');
const { memoryLog } = await import('./site-fixture.ts');

const network = new Network({
  identity: await loadOrCreateIdentity(facts.dataDir),
  listen: facts.listen,
  self: { name: facts.name, site: 'plant', clusterId: 'cluster-1', clusterEpoch: 0, incarnation: 1, run: 1, start: 1 },
  peers: facts.peers,
  clock: new BootClock(),
  log: memoryLog([]),
  random: { nextInt: (below) => Math.floor(Math.random() * below) },
});
network.consensus.onMessage((message) => {
  console.log(`${message.type} ${new Date().getUTCFullYear()}`);
  if (message.type === 'PING') network.consensus.send([{ ...message, from: message.to, to: message.from }]);
});
network.gossip.subscribe('health', (from, document) => {
  console.log(`HEALTH ${from} ${document.length}`);
  return true;
});
await network.start();
console.log('started');
