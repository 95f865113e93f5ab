/** A box that went wrong: known to the site by its key, but what it gossips is not what the schemas allow. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BootClock } from '../../consensus/driver/boot-clock.ts';
import type { AgentConfig } from '../../schemas/generated/types.ts';
import { Network } from '../network/host.ts';
import { loadOrCreateIdentity } from '../network/identity.ts';

/** Bytes of the longest message the mesh carries: far above what a health document may have in any of its fields. */
const longestMessage = 64 * 1024;

/**
 * Speaks with the identity of a box whose agent is down, until `heard` says that the site took notice.
 * @returns how many bad documents were sent.
 */
export async function gossipNonsense(config: AgentConfig, signal: AbortSignal, heard: () => Promise<boolean>): Promise<number> {
  const { node, site, listen, dataDir } = config;
  const network = new Network({
    identity: await loadOrCreateIdentity(dataDir as string),
    listen: listen as string,
    self: { name: node.name, site: site.name, clusterId: site.clusterId, clusterEpoch: 0, incarnation: 1, run: 1, start: 1 },
    peers: site.members.map((member) => ({ ...member, site: site.name, relation: 'member' as const })),
    clock: new BootClock(),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    random: { nextInt: (below) => Math.floor(Math.random() * below) },
  });
  await network.start();
  let sent = 0;
  try {
    const document = { version: 1, node: node.name, site: site.name, run: 1_000_000, memory: 'plenty' };
    // The mesh forms while we speak, so say it again until it was heard; a new number each time, or it is one message.
    while (!signal.aborted && !(await heard())) {
      const wrong = JSON.stringify({ ...document, seq: sent + 1 });
      const padding = 'x'.repeat(longestMessage - wrong.length - 64);
      for (const text of [wrong, JSON.stringify({ ...document, seq: sent + 2, padding })]) {
        await network.gossip.publish('health', Buffer.from(text)).catch(() => undefined);
        sent += 1;
      }
      await sleep(200, undefined, { signal });
    }
  } finally {
    await network.stop();
  }
  return sent;
}
