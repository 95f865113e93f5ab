/** The story `--verify` plays: each step is seen through the boxes' own interfaces, and fails only on a generous deadline. */
import type { DecisionsDocument } from '../../schemas/generated/types.ts';
import type { Box } from './box.ts';
import { getJson, getNodes, getStatus, getValue, putValue } from './client.ts';
import { gossipNonsense } from './impostor.ts';
import { Observer, type Running, second } from './observer.ts';
import { isAlive } from './processes.ts';
import type { DemoSite } from './site.ts';
import { done, notYet } from './until.ts';

export interface StoryComponents {
  readonly site: DemoSite;
  /** Runs the command line of Holdfast as an operator would; resolves with exit code and output. */
  readonly cli: (box: Box, args: readonly string[]) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
  readonly workloadFile: string;
  /** Applied at a box of the site while it decides for itself. */
  readonly workloadFileAlone: string;
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

export class Story {
  readonly #parts: StoryComponents;
  readonly #see: Observer;
  /** Everything that was acknowledged, to be read back at the end. */
  readonly #acknowledged = new Map<string, string>();
  #beforeCut: readonly Running[] = [];
  #lost: Box | undefined;
  #lostLedger: readonly Running[] = [];

  constructor(components: StoryComponents) {
    this.#parts = components;
    this.#see = new Observer(components.site, components.signal);
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
    const leader = await this.#see.leader(60 * second);
    await this.#see.until('the upper site has a leader', 60 * second, async () => {
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
      await this.#see.until(`${box.name} lists all boxes with their health`, 40 * second, async () => {
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
    const refused = await this.#refuseNonsense();
    return `every box lists all three members; ages as ${site.boxes[0]?.name} sees them: ${ages.join(', ')}; ${refused}`;
  }

  /** A follower's agent is ended, and something else speaks with its key for a moment. */
  async #refuseNonsense(): Promise<string> {
    const { site, signal } = this.#parts;
    const leader = await this.#see.leader(20 * second);
    const box = site.boxes.find((one) => one !== leader) as Box;
    const rest = site.boxes.filter((one) => one !== box);
    await box.stopAgent();
    const refusals = async (): Promise<string[]> =>
      (await Promise.all(rest.map(async (one) => [one.name, (await getStatus(one)).refused.documents] as const))).flatMap(
        ([name, documents]) =>
          documents
            .filter(({ from, kind }) => from === box.name && kind === 'health')
            .map(({ count, lastReason }) => `${name} refused ${count} from ${box.name} (${lastReason.slice(0, 60)}…)`),
      );
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(30 * second)]);
    await gossipNonsense(box.config, deadline, async () => (await refusals()).length === rest.length);
    const seen = await refusals();
    if (seen.length < rest.length) throw new Error(`bad documents of ${box.name} were not refused by all: ${seen.join('; ')}`);
    const believed = (await Promise.all(rest.map((one) => getNodes(one)))).flatMap(({ nodes }) => nodes);
    if (believed.some(({ name, health }) => name === box.name && (health === null || health.run >= 1_000_000)))
      throw new Error(`a bad document of ${box.name} was believed`);
    box.start();
    await this.#see.until(`${box.name} is back`, 30 * second, async () => {
      const { consensus } = await getStatus(box);
      return consensus.ready && consensus.leader !== null ? done(true) : notYet('no leader known');
    });
    return `bad documents under the key of ${box.name}: ${seen.join(', ')}`;
  }

  async #apply(): Promise<string> {
    const { site, cli, workloadFile } = this.#parts;
    await this.#see.until('the site is connected to its upper site', 40 * second, () => this.#see.allSay('connected'));
    const applied = await cli(site.upper, ['apply', '-f', workloadFile]);
    if (applied.code !== 0) throw new Error(`apply ended with ${applied.code}: ${applied.stderr || applied.stdout}`);
    const running = await this.#see.settled(90 * second);
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
    this.#beforeCut = await this.#see.running();
    const autonomous = async (): Promise<number> => {
      const began = performance.now();
      await this.#see.until('every member says autonomous', 30 * second, () => this.#see.allSay('autonomous'));
      return Math.round(performance.now() - began);
    };
    // First the cable, which tells nobody; then the upper site itself.
    site.link.block();
    const blockedMs = await autonomous();
    site.link.unblock();
    await this.#see.until('every member says connected again', 60 * second, () => this.#see.allSay('connected'));
    await site.upper.stopAgent();
    const ms = await autonomous();
    const onSite = this.#beforeCut.filter(({ node }) => node !== site.upper.name);
    this.#see.expectAlive(onSite);
    await this.#put(await this.#see.leader(20 * second), 'story/4', 'autonomous');
    return `autonomous on all three ${blockedMs} ms after the link was blocked, ${ms} ms after the upper agent was stopped; all ${onSite.length} processes on the site go on`;
  }

  async #killBox(): Promise<string> {
    const { site, victim } = this.#parts;
    // A plan for the new authority may still be on its way: the ledger is read when things stand still.
    const before = await this.#see.settled(60 * second);
    const leader = await this.#see.leader(20 * second);
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
    const first = await this.#see.until(
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
    const moved = await this.#see.until('the lost work runs elsewhere, provisionally', 60 * second, async () => {
      const now = await this.#see.running(first);
      const missing = this.#lostLedger.filter(
        ({ key }) => !now.some((running) => running.key === key && running.node !== lost.name && isAlive(running.pid)),
      );
      const firm = this.#lostLedger.filter(({ key }) => now.some((running) => running.key === key && !running.provisional));
      if (missing.length > 0) return notYet(`${missing.map(({ key }) => key).join(', ')} not running again`);
      return firm.length > 0 ? notYet(`${firm.map(({ key }) => key).join(', ')} not marked provisional`) : done(now);
    });
    const movedMs = Math.round(performance.now() - began);
    const why = await this.#whyMoved(first, lost);
    await this.#applyAlone(rest[0] as Box);
    this.#see.expectAlive(before.filter(({ node }) => node !== lost.name && node !== site.upper.name));
    const where = this.#lostLedger.map(({ key }) => `${key} → ${moved.find((running) => running.key === key)?.node}`).join(', ');
    return `${lost.name} lost ${killed} processes; first write after ${writeMs} ms; ${where || 'it ran nothing'} after ${movedMs} ms, provisional${why}; shift-clock applied at the site runs`;
  }

  /** The record of the decision that moved the work, on a box that need not have made it. */
  async #whyMoved(box: Box, lost: Box): Promise<string> {
    if (this.#lostLedger.length === 0) return '';
    const told = await this.#parts.cli(box, ['placement', 'history', '--json']);
    if (told.code !== 0) throw new Error(`placement history at ${box.name} ended with ${told.code}: ${told.stderr}`);
    const { decisions } = JSON.parse(told.stdout) as DecisionsDocument;
    const unexplained = this.#lostLedger.filter(
      ({ key }) => !decisions.some(({ moves }) => moves.some((move) => move.startsWith(`${key}: ${lost.name} `))),
    );
    if (unexplained.length > 0)
      throw new Error(`no decision at ${box.name} tells why ${unexplained.map(({ key }) => key).join(', ')} moved`);
    const kinds = new Set(
      decisions
        .filter(({ moves }) => moves.some((move) => move.includes(`: ${lost.name} `)))
        .flatMap(({ triggers }) => triggers.map(({ kind }) => kind)),
    );
    return ` (because of ${[...kinds].join(', ')})`;
  }

  async #applyAlone(box: Box): Promise<void> {
    const { cli, workloadFileAlone } = this.#parts;
    const applied = await cli(box, ['apply', '-f', workloadFileAlone]);
    if (applied.code !== 0) throw new Error(`apply at ${box.name} ended with ${applied.code}: ${applied.stderr || applied.stdout}`);
    await this.#see.until('what was applied at the site runs', 60 * second, async () => {
      const found = (await this.#see.running(box)).find(({ key }) => key === 'shift-clock/0');
      return found === undefined ? notYet('shift-clock/0 not running') : done(found);
    });
  }

  async #killAgent(): Promise<string> {
    const { site } = this.#parts;
    const lost = this.#lost as Box;
    const rest = site.boxes.filter((box) => box !== lost);
    const before = await this.#see.settled(60 * second, rest[0]);
    const target = rest.find((box) => before.some(({ node }) => node === box.name)) ?? (rest[0] as Box);
    const ledger = before.filter(({ node }) => node === target.name);
    await target.killAgent();
    const orphans = ledger.filter(({ pid }) => isAlive(pid));
    target.start();
    const after = await this.#see.until(`${target.name} runs its work under the same process ids`, 60 * second, async () => {
      const now = (await this.#see.running(target)).filter(({ node }) => node === target.name);
      const strange = ledger.filter(
        ({ key, pid, onSplit }) => !now.some((running) => running.key === key && (running.pid === pid || onSplit === 'stop')),
      );
      return strange.length === 0 ? done(now) : notYet(`${strange.map(({ key, pid }) => `${key} (${pid})`).join(', ')} not adopted`);
    });
    const same = ledger.filter(({ key, pid }) => after.some((running) => running.key === key && running.pid === pid));
    const firm = ledger.filter(({ onSplit }) => onSplit !== 'stop');
    if (same.length < firm.length) throw new Error(`only ${same.length} of ${firm.length} processes were adopted`);
    lost.start();
    await this.#see.until(`${lost.name} is back and caught up`, 60 * second, async () => {
      const back = await getStatus(lost);
      const leader = await getStatus(await this.#see.leader(20 * second));
      return back.consensus.appliedIndex >= leader.consensus.commitIndex && back.authority.mode === 'autonomous'
        ? done(true)
        : notYet(`applied ${back.consensus.appliedIndex} of ${leader.consensus.commitIndex}, ${back.authority.mode}`);
    });
    await this.#put(lost, 'story/6', 'returned');
    const now = await this.#see.settled(60 * second);
    await this.#see.neverTwice();
    const returned = now.filter(({ node }) => node === lost.name).length;
    return `${orphans.length} processes of ${target.name} outlived their agent, ${same.length} kept their ids; ${lost.name} is back, caught up, and was given ${returned} replicas (only where that gains more than the move costs)`;
  }

  async #rejoin(): Promise<string> {
    const { site } = this.#parts;
    const before = await this.#see.settled(60 * second);
    const onSite = before.filter(({ node }) => node !== site.upper.name);
    site.upper.start();
    const modes = new Set<string>();
    await this.#see.until(
      'every member says connected',
      90 * second,
      async () => {
        for (const box of site.boxes) modes.add((await getStatus(box)).authority.mode);
        return this.#see.allSay('connected');
      },
      30,
    );
    const after = await this.#see.until('no decision is provisional any more', 60 * second, async () => {
      const now = await this.#see.running();
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

  async #put(box: Box, key: string, value: string): Promise<void> {
    await putValue(box, key, value);
    this.#acknowledged.set(key, value);
  }
}
