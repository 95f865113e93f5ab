/** The story `--verify` plays: each step is seen through the boxes' own interfaces, and fails only on a generous deadline. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkloadsDocument } from '../../schemas/generated/types.ts';
import type { Box } from './box.ts';
import { getJson, getNodes, getStatus, getValue, getWorkloads, putValue } from './client.ts';
import { isAlive, processesOf } from './processes.ts';
import type { DemoSite } from './site.ts';
import { done, notYet, type Seen, until } from './until.ts';

export interface StoryComponents {
  readonly site: DemoSite;
  /** Runs the command line of Holdfast as an operator would; resolves with exit code and output. */
  readonly cli: (box: Box, args: readonly string[]) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  readonly workloadFile: string;
  readonly signal: AbortSignal;
  /** Which box of the site dies in step 5. */
  readonly victim: 'leader' | 'follower';
}

export interface Step {
  readonly step: number;
  readonly title: string;
  /** Returns what was observed, in words. */
  run(): Promise<string>;
}

/** A running replica as the site reports it. */
interface Running {
  readonly key: string;
  readonly node: string;
  readonly pid: number;
  readonly epoch: number;
  readonly provisional: boolean;
  readonly onSplit: string;
}

const second = 1000;

export class Story {
  readonly #parts: StoryComponents;
  /** Everything that was acknowledged, to be read back at the end. */
  readonly #acknowledged = new Map<string, string>();
  #beforeCut: readonly Running[] = [];
  #lost: Box | undefined;
  #lostLedger: readonly Running[] = [];

  constructor(components: StoryComponents) {
    this.#parts = components;
  }

  steps(): readonly Step[] {
    const titles: readonly [string, () => Promise<string>][] = [
      ['four agents start and elect leaders', () => this.#elect()],
      ['health and topology reach every member, bad documents do not', () => this.#gossip()],
      ['workloads are applied, planned above, and run', () => this.#apply()],
      ['the upper site goes away; the site decides for itself', () => this.#cutUpper()],
      [`a box dies (the ${this.#parts.victim}); its work runs elsewhere`, () => this.#killBox()],
      ['an agent dies alone; its work is adopted; the lost box returns', () => this.#killAgent()],
      ['the upper site returns; nothing valid is restarted', () => this.#rejoin()],
      ['every acknowledged value is read back from every member', () => this.#readBack()],
    ];
    return titles.map(([title, run], i) => ({ step: i + 1, title, run }));
  }

  // --- steps ---------------------------------------------------------------------------------------------------------

  async #elect(): Promise<string> {
    const { site } = this.#parts;
    site.start();
    const began = performance.now();
    const leader = await this.#leader(60 * second);
    await this.#until('the upper site has a leader', 60 * second, async () => {
      const status = await getStatus(site.upper);
      return status.consensus.role === 'leader' ? done(true) : notYet(status.consensus.role);
    });
    const ms = Math.round(performance.now() - began);
    await this.#put(leader, 'story/1', 'elected');
    return `${leader.name} leads mill, region-1 leads region after ${ms} ms; ${site.clocks}`;
  }

  async #gossip(): Promise<string> {
    const { site } = this.#parts;
    for (const box of site.boxes) {
      await this.#until(`${box.name} lists all boxes with their health`, 40 * second, async () => {
        const { nodes } = await getNodes(box);
        const known = nodes.filter(({ health }) => health !== null).map(({ name }) => name);
        const missing = site.boxes.map(({ name }) => name).filter((name) => !known.includes(name));
        return missing.length === 0 ? done(true) : notYet(`${missing.join(', ')} not heard of`);
      });
    }
    const { nodes } = await getNodes(site.boxes[0] as Box);
    const ages = nodes.flatMap(({ name, healthAgeSeconds }) =>
      healthAgeSeconds === null ? [] : [`${name} ${healthAgeSeconds.toFixed(1)} s`],
    );
    return `every box lists all three members; ages as ${site.boxes[0]?.name} sees them: ${ages.join(', ')}`;
  }

  async #apply(): Promise<string> {
    const { site, cli, workloadFile } = this.#parts;
    await this.#until('the site is connected to its upper site', 40 * second, () => this.#allSay('connected'));
    const applied = await cli(site.upper, ['apply', '-f', workloadFile]);
    if (applied.code !== 0) throw new Error(`apply ended with ${applied.code}: ${applied.stderr || applied.stdout}`);
    const running = await this.#settled(90 * second);
    const explained = await cli(site.boxes[0] as Box, ['placement', 'explain', running[0]?.key.split('/')[0] ?? '']);
    if (explained.code !== 0) throw new Error(`placement explain ended with ${explained.code}: ${explained.stderr}`);
    const plan = (await getJson(site.boxes[0] as Box, '/v1/plan')) as {
      plan?: { objective?: { total?: number }; alternatives?: unknown[] };
    };
    const places = running.map(({ key, node }) => `${key} on ${node}`).join(', ');
    return `${running.length} replicas have live processes (${places}); figure of merit ${plan.plan?.objective?.total?.toFixed(3) ?? 'unknown'}, ${plan.plan?.alternatives?.length ?? 0} alternatives`;
  }

  async #cutUpper(): Promise<string> {
    const { site } = this.#parts;
    this.#beforeCut = await this.#running();
    const began = performance.now();
    await site.upper.stopAgent();
    await this.#until('every member says autonomous', 30 * second, () => this.#allSay('autonomous'));
    const ms = Math.round(performance.now() - began);
    const onSite = this.#beforeCut.filter(({ node }) => node !== site.upper.name);
    this.#expectAlive(onSite);
    await this.#put(await this.#leader(20 * second), 'story/4', 'autonomous');
    return `autonomous on all three after ${ms} ms; all ${onSite.length} processes on the site go on`;
  }

  async #killBox(): Promise<string> {
    const { site, victim } = this.#parts;
    // A plan for the new authority may still be on its way: the ledger is read when things stand still.
    const before = await this.#settled(60 * second);
    const leader = await this.#leader(20 * second);
    const lost =
      victim === 'leader'
        ? leader
        : (site.boxes.find((box) => box !== leader && before.some(({ node }) => node === box.name)) ??
          site.boxes.find((box) => box !== leader));
    if (lost === undefined) throw new Error('there is no box to lose');
    this.#lost = lost;
    this.#lostLedger = before.filter(({ node }) => node === lost.name);
    const began = performance.now();
    const killed = await lost.killAll();
    const rest = site.boxes.filter((box) => box !== lost);
    const first = await this.#until(
      'a write succeeds again',
      30 * second,
      async () => {
        for (const box of rest) {
          await this.#put(box, `story/5-${box.name}`, 'after the loss');
          return done(box);
        }
        return notYet('nobody to ask');
      },
      10,
    );
    const writeMs = Math.round(performance.now() - began);
    const moved = await this.#until('the lost work runs elsewhere, provisionally', 60 * second, async () => {
      const now = await this.#running(first);
      const missing = this.#lostLedger.filter(
        ({ key }) => !now.some((running) => running.key === key && running.node !== lost.name && isAlive(running.pid)),
      );
      const firm = this.#lostLedger.filter(({ key }) => now.some((running) => running.key === key && !running.provisional));
      if (missing.length > 0) return notYet(`${missing.map(({ key }) => key).join(', ')} not running again`);
      return firm.length > 0 ? notYet(`${firm.map(({ key }) => key).join(', ')} not marked provisional`) : done(now);
    });
    const movedMs = Math.round(performance.now() - began);
    this.#expectAlive(before.filter(({ node }) => node !== lost.name && node !== site.upper.name));
    const where = this.#lostLedger.map(({ key }) => `${key} → ${moved.find((running) => running.key === key)?.node}`).join(', ');
    return `${lost.name} lost ${killed} processes; first write after ${writeMs} ms; ${where || 'it ran nothing'} after ${movedMs} ms, provisional`;
  }

  async #killAgent(): Promise<string> {
    const { site } = this.#parts;
    const lost = this.#lost as Box;
    const rest = site.boxes.filter((box) => box !== lost);
    const before = await this.#settled(60 * second, rest[0]);
    const target = rest.find((box) => before.some(({ node }) => node === box.name)) ?? (rest[0] as Box);
    const ledger = before.filter(({ node }) => node === target.name);
    await target.killAgent();
    const orphans = ledger.filter(({ pid }) => isAlive(pid));
    target.start();
    const after = await this.#until(`${target.name} runs its work under the same process ids`, 60 * second, async () => {
      const now = (await this.#running(target)).filter(({ node }) => node === target.name);
      const strange = ledger.filter(
        ({ key, pid, onSplit }) => !now.some((running) => running.key === key && (running.pid === pid || onSplit === 'stop')),
      );
      return strange.length === 0 ? done(now) : notYet(`${strange.map(({ key, pid }) => `${key} (${pid})`).join(', ')} not adopted`);
    });
    const same = ledger.filter(({ key, pid }) => after.some((running) => running.key === key && running.pid === pid));
    const firm = ledger.filter(({ onSplit }) => onSplit !== 'stop');
    if (same.length < firm.length) throw new Error(`only ${same.length} of ${firm.length} processes were adopted`);
    lost.start();
    await this.#until(`${lost.name} is back and caught up`, 60 * second, async () => {
      const back = await getStatus(lost);
      const leader = await getStatus(await this.#leader(20 * second));
      return back.consensus.appliedIndex >= leader.consensus.commitIndex && back.authority.mode === 'autonomous'
        ? done(true)
        : notYet(`applied ${back.consensus.appliedIndex} of ${leader.consensus.commitIndex}, ${back.authority.mode}`);
    });
    await this.#put(lost, 'story/6', 'returned');
    const now = await this.#settled(60 * second);
    await this.#neverTwice();
    const returned = now.filter(({ node }) => node === lost.name).length;
    return `${orphans.length} processes of ${target.name} outlived their agent, ${same.length} kept their ids; ${lost.name} is back, caught up, and was given ${returned} replicas (only where that gains more than the move costs)`;
  }

  async #rejoin(): Promise<string> {
    const { site } = this.#parts;
    const before = await this.#settled(60 * second);
    const onSite = before.filter(({ node }) => node !== site.upper.name);
    site.upper.start();
    const modes = new Set<string>();
    await this.#until(
      'every member says connected',
      90 * second,
      async () => {
        for (const box of site.boxes) modes.add((await getStatus(box)).authority.mode);
        return this.#allSay('connected');
      },
      30,
    );
    const after = await this.#until('no decision is provisional any more', 60 * second, async () => {
      const now = await this.#running();
      const open = now.filter(({ provisional }) => provisional);
      return open.length === 0 ? done(now) : notYet(`${open.map(({ key }) => key).join(', ')} still provisional`);
    });
    const restarted = onSite.filter(({ key, pid, node }) =>
      after.some((running) => running.key === key && running.node === node && running.pid !== pid),
    );
    if (restarted.length > 0) throw new Error(`restarted without need: ${restarted.map(({ key }) => key).join(', ')}`);
    const moved = onSite.flatMap(({ key, node, pid }) => {
      const now = after.find((running) => running.key === key);
      return isAlive(pid) ? [] : [`${key} from ${node} to ${now?.node ?? 'nowhere'}`];
    });
    return `${[...modes].join(' → ')}; ${onSite.length - moved.length} of ${onSite.length} processes kept their ids, none was restarted in place${moved.length === 0 ? '' : `; amended by the upper site: ${moved.join(', ')}`}`;
  }

  async #readBack(): Promise<string> {
    const { site } = this.#parts;
    for (const box of site.boxes) {
      for (const [key, value] of this.#acknowledged) {
        const read = await getValue(box, key);
        if (read !== value)
          throw new Error(`${box.name} reads ${JSON.stringify(read)} for ${key}; ${JSON.stringify(value)} was acknowledged`);
      }
    }
    return `${this.#acknowledged.size} values on ${site.boxes.length} members`;
  }

  // --- looking -------------------------------------------------------------------------------------------------------

  #until<T>(what: string, deadlineMs: number, probe: () => Promise<Seen<T>>, everyMs = 100): Promise<T> {
    return until(what, deadlineMs, probe, { everyMs, signal: this.#parts.signal });
  }

  async #put(box: Box, key: string, value: string): Promise<void> {
    await putValue(box, key, value);
    this.#acknowledged.set(key, value);
  }

  /** The box of the site that leads and has begun its term; all live members agree on it. */
  #leader(deadlineMs: number): Promise<Box> {
    return this.#until('the site has a leader', deadlineMs, async () => {
      const answers = await Promise.all(this.#live().map(async (box) => [box, await getStatus(box)] as const));
      const names = new Set(answers.map(([, status]) => status.consensus.leader));
      const leader = answers.find(([box, status]) => status.consensus.role === 'leader' && names.has(box.name))?.[0];
      return leader !== undefined && names.size === 1 ? done(leader) : notYet(`leaders named: ${[...names].join(', ')}`);
    });
  }

  #live(): readonly Box[] {
    return this.#parts.site.boxes.filter(({ pid }) => pid !== undefined);
  }

  async #allSay(mode: string): Promise<Seen<true>> {
    const modes = await Promise.all(this.#live().map(async (box) => `${box.name} ${(await getStatus(box)).authority.mode}`));
    return modes.every((said) => said.endsWith(` ${mode}`)) ? done(true) : notYet(modes.join(', '));
  }

  /** Workloads as a box knows them; what runs upstairs only the leader hears of, so the upper box itself is asked for that. */
  async #workloads(box: Box): Promise<WorkloadsDocument> {
    const { upper } = this.#parts.site;
    const document = await getWorkloads(box);
    const above = upper.pid === undefined || box === upper ? undefined : await getWorkloads(upper).catch(() => undefined);
    const workloads = document.workloads.map((workload) => ({
      ...workload,
      replicas: workload.replicas.map((replica) => {
        const said =
          replica.node === upper.name
            ? above?.workloads.find(({ name }) => name === workload.name)?.replicas.find((one) => one.replica === replica.replica)
            : undefined;
        return said === undefined ? replica : { ...replica, state: said.state, pid: said.pid };
      }),
    }));
    return { ...document, workloads };
  }

  /** Replicas with a process, as one member of the site sees them (the upper site's own included while it is there). */
  async #running(box: Box = this.#live()[0] as Box): Promise<readonly Running[]> {
    const { workloads } = await this.#workloads(box);
    return workloads.flatMap(({ name, onSplit, replicas }) =>
      replicas.flatMap(({ replica, node, pid, epoch, provisional }) =>
        pid === null || node === null ? [] : [{ key: `${name}/${replica}`, node, pid, epoch, provisional, onSplit }],
      ),
    );
  }

  /** Waits until every wanted replica runs (jobs: waits for its next run) and says so, and two looks agree. */
  async #settled(deadlineMs: number, box?: Box): Promise<readonly Running[]> {
    let before = '';
    return this.#until('all workloads are in place', deadlineMs, async () => {
      const from = box ?? (this.#live()[0] as Box);
      const { workloads } = await this.#workloads(from);
      const reachable = new Set(
        [...this.#live(), ...(this.#parts.site.upper.pid === undefined ? [] : [this.#parts.site.upper])].map(({ name }) => name),
      );
      // What nobody can run while the upper site is away (work that needs its extras) is known to be without a box.
      const missing = workloads.reduce((sum, { replicas, wanted }) => sum + wanted - replicas.length, 0);
      const planned = (await getStatus(await this.#leader(20 * second))).workloads.unplaced;
      if (missing > (this.#parts.site.upper.pid === undefined ? planned : 0)) return notYet(`${missing} replicas not placed`);
      const open = workloads.flatMap(({ name, replicas }) => [
        ...replicas
          .filter(
            ({ node, state }) => node !== null && reachable.has(node) && state !== 'ready' && state !== 'waiting' && state !== 'running',
          )
          .map(({ replica, node, state }) => `${name}/${replica} on ${node} ${state ?? 'unknown'}`),
      ]);
      if (workloads.length === 0) return notYet('no workloads are known');
      if (open.length > 0) return notYet(open.join('; '));
      const running = await this.#running(from);
      const services = running.filter(({ key }) => workloads.some(({ name, kind }) => kind === 'service' && key.startsWith(`${name}/`)));
      const look = JSON.stringify(services.map(({ key, node, pid }) => [key, node, pid]));
      const same = look === before;
      before = look;
      if (!same) {
        await sleep(400, undefined, { signal: this.#parts.signal });
        return notYet('still moving');
      }
      return done(services);
    });
  }

  #expectAlive(running: readonly Running[]): void {
    const ended = running.filter(({ pid }) => !isAlive(pid));
    if (ended.length > 0) throw new Error(`ended without need: ${ended.map(({ key, pid }) => `${key} (${pid})`).join(', ')}`);
  }

  /** No replica of `onSplit: stop` work may have processes on two boxes. */
  async #neverTwice(): Promise<void> {
    const holders = new Map<string, string[]>();
    for (const box of this.#live()) {
      const mine = new Set(processesOf(box.runtimeDir));
      for (const { key, node, pid, onSplit } of await this.#running(box)) {
        if (onSplit === 'stop' && node === box.name && mine.has(pid)) holders.set(key, [...(holders.get(key) ?? []), box.name]);
      }
    }
    for (const [key, boxes] of holders) if (boxes.length > 1) throw new Error(`${key} runs on ${boxes.join(' and ')} at once`);
  }
}
