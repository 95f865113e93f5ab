/** A site of real agent processes, each with a directory of its own. */
import type { AgentConfig } from '../../schemas/generated/types.ts';
import { freePort } from '../agent/status/served.ts';
import { LoneAgent } from './agent-process.ts';

export class AgentSite<Name extends string> {
  readonly #agents: ReadonlyMap<Name, LoneAgent>;
  readonly #configs = new Map<Name, AgentConfig>();

  constructor(names: readonly Name[]) {
    this.#agents = new Map(names.map((name) => [name, new LoneAgent()]));
  }

  agent(name: Name): LoneAgent {
    return this.#agents.get(name) as LoneAgent;
  }

  /** As it was written by `start`. */
  config(name: Name): AgentConfig {
    return this.#configs.get(name) as AgentConfig;
  }

  /** Writes the configurations, starts all and waits until they are ready. */
  async start({ witness }: { readonly witness?: Name } = {}): Promise<void> {
    const alone = await Promise.all(
      [...this.#agents].map(async ([name, agent]) => ({ name, agent, config: await agent.config({}, await freePort()) })),
    );
    const members = alone.flatMap(({ name, config }) =>
      config.site.members.map(({ peerId, address }) => ({ name, peerId, address, ...(name === witness && { witness: true }) })),
    ) as AgentConfig['site']['members'];
    for (const { name, agent, config } of alone) {
      this.#configs.set(name, { ...config, node: { name }, site: { name: 'shop', clusterId: 'shop-cluster', members } });
      agent.write(this.config(name));
    }
    await Promise.all(alone.map(({ name, agent }) => agent.start({}, name === witness)));
  }

  async remove(): Promise<void> {
    for (const agent of this.#agents.values()) await agent.remove();
  }
}
