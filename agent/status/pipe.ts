/**
 * A pipe: many requests of one client under way at a time on one connection, each a line of JSON, answered by lines in the order they are
 * done. Answers of one turn of the event loop are one write. A client that does not read is not read from either.
 */
import type { Socket } from 'node:net';
import type { PipeRequest } from '../../schemas/generated/types.ts';
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import { ApiError } from './agent-api.ts';
import { jsonBytesMax, problemOf } from './exchange.ts';
import { PipeExchange } from './pipe-exchange.ts';

/** The name asked for in the Upgrade header. */
export const pipeProtocol = 'holdfast-pipe';
export const pipePath = '/v1/pipe';
/** A line is at most this long: a body, and room for what is around it. */
const lineBytesMax = jsonBytesMax + 16 * 1024;
/** Requests of one pipe under way. Beyond them the client waits. */
const underWayMax = 1024;
/** Bytes of answers that wait to be read. Beyond them the client waits. */
const unreadBytesMax = 1024 * 1024;

const drainMs = 1000;

const newline = 0x0a;

export type Handle = (asked: PipeRequest, exchange: (query: string, params: readonly string[]) => PipeExchange) => Promise<void>;

export class Pipe {
  readonly #socket: Socket;
  readonly #handle: Handle;
  readonly #gone = new AbortController();
  #parts: Buffer[] = [];
  #partBytes = 0;
  #answers: string[] = [];
  #underWay = 0;
  #isWriteDue = false;
  #isEnding = false;
  #isRefused = false;

  /** @param head what was read of the connection already. */
  constructor(socket: Socket, head: Buffer, handle: Handle) {
    this.#socket = socket;
    this.#handle = handle;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.#goOn());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#gone.abort());
    socket.on('end', () => this.#endWhenDone());
    if (head.length > 0) this.#take(head);
  }

  #take(chunk: Buffer): void {
    let begin = 0;
    for (let at = chunk.indexOf(newline); at !== -1 && !this.#isEnding; at = chunk.indexOf(newline, begin)) {
      this.#line(this.#whole(chunk.subarray(begin, at)));
      begin = at + 1;
    }
    if (this.#isEnding) return;
    if (begin < chunk.length) {
      this.#parts.push(chunk.subarray(begin));
      this.#partBytes += chunk.length - begin;
    }
    if (this.#partBytes > lineBytesMax) this.#refuse(new ApiError(413, 'BODY_TOO_LARGE', `A line has at most ${lineBytesMax} bytes`));
    if (this.#isFull()) this.#socket.pause();
  }

  #whole(last: Buffer): string {
    if (this.#parts.length === 0) return last.toString('utf8');
    this.#parts.push(last);
    const line = Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#partBytes = 0;
    return line;
  }

  #line(text: string): void {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.#refuse(new ApiError(400, 'BODY_NOT_JSON', 'A line of a pipe is one JSON object'));
      return;
    }
    const checked = checkDocument('PipeRequest', value);
    if (!checked.ok) {
      this.#refuse(new ApiError(400, 'REQUEST_INVALID', describeProblems(checked.problems)));
      return;
    }
    const asked = checked.value;
    this.#underWay += 1;
    const end = { gone: this.#gone.signal, answer: (line: string) => this.#answer(line) };
    void this.#handle(asked, (query, params) => new PipeExchange(asked, end, query, params)).finally(() => {
      this.#underWay -= 1;
      this.#goOn();
    });
  }

  /** Nothing after a line that cannot be understood can be trusted, not even its id: the pipe ends once this is said. */
  #refuse(error: ApiError): void {
    this.#isEnding = true;
    this.#isRefused = true;
    this.#answer(`{"id":null,"status":${error.status},"body":${JSON.stringify(problemOf(error).problem)}}`);
    this.#parts = [];
  }

  #answer(line: string): void {
    this.#answers.push(line);
    if (this.#isWriteDue) return;
    this.#isWriteDue = true;
    // After everything that is resolved now had its say.
    process.nextTick(() => {
      this.#isWriteDue = false;
      if (!this.#socket.writable) return;
      this.#socket.write(`${this.#answers.join('\n')}\n`);
      this.#answers = [];
      if (this.#isRefused) this.#endSoon();
      else if (this.#isEnding && this.#underWay === 0) this.#socket.end();
    });
  }

  /** What it still writes is thrown away for a while: cut off at once, it would see a broken pipe and not the answer. */
  #endSoon(): void {
    this.#socket.end();
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), drainMs);
    this.#socket.once('end', () => this.#socket.destroy());
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #isFull(): boolean {
    return this.#underWay >= underWayMax || this.#socket.writableLength > unreadBytesMax;
  }

  #goOn(): void {
    if (this.#isEnding) {
      if (!this.#isRefused && this.#underWay === 0 && !this.#isWriteDue) this.#socket.end();
    } else if (this.#socket.isPaused() && !this.#isFull()) this.#socket.resume();
  }

  #endWhenDone(): void {
    this.#isEnding = true;
    this.#goOn();
  }
}
