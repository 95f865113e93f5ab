/** Starts child-box.ts for a box of a site. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Site, until } from './site-fixture.ts';

export class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;
  #output = '';

  constructor(site: Site, name: string, wallClockOffsetMs = 0) {
    const { known, dataDir } = site.box(name);
    const facts = JSON.stringify({ name, dataDir, listen: known.address, peers: site.peers(), wallClockOffsetMs });
    const script = fileURLToPath(new URL('./child-box.ts', import.meta.url));
    this.#process = spawn(process.execPath, [script, facts], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#ended = new Promise((resolve) => this.#process.once('exit', () => resolve()));
  }

  says(text: string): boolean {
    return this.#output.includes(text);
  }

  started(): Promise<void> {
    return until(() => this.says('started'), 'the child to start', 15_000);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}
