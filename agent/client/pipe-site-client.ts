/**
 * A site through one agent, with all requests on one connection and as many of them at a time as are asked. Watches are HTTP streams.
 * It connects with the first request, and again after a connection is lost.
 */
import { type Asked, HttpSiteClient, type Method } from './http-site-client.ts';
import { LinePipe } from './line-pipe.ts';
import { aborted, answerLost, isUnsent, problemIn, unreachable } from './site-error.ts';

export class PipeSiteClient extends HttpSiteClient {
  #pipe: LinePipe | undefined;
  #opening: Promise<LinePipe> | undefined;
  #lastId = 0;
  #isClosed = false;

  override close(): void {
    this.#isClosed = true;
    this.#pipe?.close();
    super.close();
  }

  protected override async ask(method: Method, path: string, asked: Asked): Promise<unknown> {
    const { body, numbered: once, signal, isRead = false } = asked;
    const pipe = this.#pipe?.isClosed === false ? this.#pipe : await this.#connect();
    if (signal?.aborted) throw aborted(true);
    this.#lastId += 1;
    const id = this.#lastId;
    const line = JSON.stringify({ id, method, path, body, once });
    return new Promise((resolve, reject) => {
      const { endpoint, timeoutMs = 15_000 } = this.options;
      const giveUp = (): void => {
        const isUnwritten = pipe.forget(id, line);
        done();
        reject(aborted(isUnwritten || isRead));
      };
      const timer = setTimeout(() => {
        const isUnwritten = pipe.forget(id, line);
        done();
        reject(answerLost(endpoint, new Error(`no answer for ${timeoutMs} ms`), isUnwritten || isRead));
      }, timeoutMs);
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
      };
      signal?.addEventListener('abort', giveUp);
      pipe.send(id, line, {
        answered: ({ status, body: answer }) => {
          done();
          if (status >= 200 && status < 300) resolve(answer);
          else reject(problemIn(status, answer));
        },
        failed: (error) => {
          done();
          reject(answerLost(endpoint, error, isRead));
        },
      });
    });
  }

  /** One attempt for all who wait for it. */
  #connect(): Promise<LinePipe> {
    const { endpoint, token, timeoutMs = 15_000 } = this.options;
    this.#opening ??= LinePipe.open(this.where, token, timeoutMs)
      .then((pipe) => {
        this.#pipe = pipe;
        if (this.#isClosed) pipe.close();
        return pipe;
      })
      .catch((error: NodeJS.ErrnoException) => {
        throw isUnsent(error) ? unreachable(endpoint, error) : answerLost(endpoint, error, true);
      })
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }
}
