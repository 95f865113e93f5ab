/** A whole site in a process of its own, for tests that kill it: prints each key once it is acknowledged. */
import { setImmediate } from 'node:timers/promises';
import { ConsensusError } from '../../../consensus/driver/errors.ts';
import { Cluster } from './cluster.ts';
import { put } from './kv-machine.ts';

const [directory, prefix] = process.argv.slice(2);
if (directory === undefined || prefix === undefined) throw new Error('usage: site-process.ts DIRECTORY PREFIX');

const cluster = await Cluster.start(3, { compactEntries: 500, flushMs: 20, log: { segmentBytes: 32 * 1024 } }, directory);
for (const [writer, { node }] of cluster.all.entries()) {
  for (let client = 0; client < 8; client++) void write(node, `${prefix}-${writer}-${client}`);
}

async function write(node: (typeof cluster.all)[number]['node'], name: string): Promise<void> {
  for (let i = 0; ; i++) {
    const key = `${name}-${i}`;
    try {
      await node.propose(put(key, 'v'.repeat(i % 50)));
      process.stdout.write(`${key}\n`);
    } catch (error) {
      // A leader may change and a snapshot may jump over a change: nobody was told that this one is kept.
      if (!(error instanceof ConsensusError)) throw error;
      await setImmediate();
    }
  }
}
