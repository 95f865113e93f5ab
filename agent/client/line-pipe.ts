/** One connection of the pipelined protocol: requests go out as lines as soon as they are asked, answers come as they are done. */
import { request } from 'node:http';
import type { Socket } from 'node:net';

export interface LineAnswer {
  readonly id: number | null;
  readonly status: number;
  readonly body?: unknown;
}

export interface LineWaiter {
  answered(answer: LineAnswer): void;
  /** The connection ended before the answer. */
  failed(error: Error): void;
}

export type PipeWhere = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** An answer is at most this long, in characters: a list of everything a site may hold. */
const answerMax = 64 * 1024 * 1024;

export class LinePipe {
  readonly #socket: Socket;
  readonly #waiters = new Map<number, LineWaiter>();
  #lines: string[] = [];
  #isWriteDue = false;
  #rest = '';
  #isClosed = false;

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new Error('it was closed')));
    if (head.length > 0) this.#take(head.toString('utf8'));
  }

  /** Rejects with the error of the connection, or what the agent answered instead. */
  static open(where: PipeWhere, token: string | undefined, timeoutMs: number): Promise<LinePipe> {
    const headers = {
      connection: 'Upgrade',
      upgrade: 'holdfast-pipe',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    return new Promise((resolve, reject) => {
      const call = request({ ...where, path: '/v1/pipe', headers });
      call.setTimeout(timeoutMs, () => call.destroy(new Error(`no answer for ${timeoutMs} ms`)));
      call.on('upgrade', (_response, socket, head) => {
        socket.setTimeout(0);
        resolve(new LinePipe(socket as Socket, head));
      });
      call.on('response', (response) => {
        reject(new Error(`it takes no pipe: HTTP ${response.statusCode}`));
        response.destroy();
      });
      call.on('error', reject);
      call.end();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** @param line a PipeRequest with this id, as JSON. Lines of one turn of the loop are one write. */
  send(id: number, line: string, waiter: LineWaiter): void {
    this.#waiters.set(id, waiter);
    this.#lines.push(line);
    if (this.#isWriteDue) return;
    this.#isWriteDue = true;
    // After everything that asks now had its say.
    process.nextTick(() => {
      this.#isWriteDue = false;
      const lines = this.#lines;
      this.#lines = [];
      if (!this.#isClosed && lines.length > 0) this.#socket.write(`${lines.join('\n')}\n`);
    });
  }

  /** The answer is no longer waited for. True when the request was never written: it did not happen. */
  forget(id: number, line: string): boolean {
    this.#waiters.delete(id);
    const at = this.#lines.indexOf(line);
    if (at !== -1) this.#lines.splice(at, 1);
    return at !== -1;
  }

  close(): void {
    this.#socket.destroy();
    this.#end(new Error('the client closed it'));
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > answerMax) this.#socket.destroy(new Error('an answer without end'));
    for (const line of lines) {
      let answer: LineAnswer;
      try {
        answer = JSON.parse(line) as LineAnswer;
      } catch {
        this.#socket.destroy(new Error('what came is not an agent’s'));
        return;
      }
      if (answer.id === null) continue; // It ends now, and says so to all who wait.
      const waiter = this.#waiters.get(answer.id);
      this.#waiters.delete(answer.id);
      waiter?.answered(answer);
    }
  }

  #end(error: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    for (const waiter of waiters) waiter.failed(error);
  }
}
