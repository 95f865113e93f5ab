/** Brings artefacts to this box from others: a chunk at a time, resumed where it was cut, verified at the end. */
import type { NodeId } from '../../consensus/core/types.ts';
import type { Clock } from '../../consensus/driver/ports.ts';
import type { ArtefactFetcher, Log } from '../ports.ts';
import { ArtefactError, type ArtefactStore } from './artefact-store.ts';

export interface ArtefactPullerComponents {
  readonly store: ArtefactStore;
  readonly fetcher: ArtefactFetcher;
  readonly clock: Clock;
  readonly log: Log;
}

/** Pulls at the same time: one slow box must not hold up the rest, and many must not fill the link. */
export const pullsMax = 4;

export class ArtefactPuller {
  readonly #parts: ArtefactPullerComponents;
  readonly #waiting: (() => void)[] = [];
  #active = 0;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(components: ArtefactPullerComponents) {
    this.#parts = components;
  }

  /** Resolves once the artefact is here, whole. Rejects when no reachable box can give it now; what came so far is kept. */
  ensure(sha256: string, bytes: number): Promise<void> {
    if (this.#parts.store.has(sha256)) return Promise.resolve();
    const present = this.#underWay.get(sha256);
    if (present !== undefined) return present;
    const pull = this.#pull(sha256, bytes).finally(() => this.#underWay.delete(sha256));
    this.#underWay.set(sha256, pull);
    return pull;
  }

  async #pull(sha256: string, bytes: number): Promise<void> {
    const { store, fetcher, log } = this.#parts;
    const sources = fetcher.sources(sha256);
    const reasons: string[] = [];
    if (sources.length > 0) {
      await this.#turn();
      try {
        const release = await store.reserve(sha256, bytes);
        try {
          for (const from of sources) {
            try {
              await this.#pullFrom(from, sha256, bytes);
              log.info('artefact.pulled', { sha256, bytes, from });
              return;
            } catch (error) {
              reasons.push(`${from}: ${error instanceof Error ? error.message : String(error)}`);
              log.debug('artefact.pull.failed', { sha256, from, message: reasons.at(-1) });
            }
          }
        } finally {
          await release();
        }
      } finally {
        this.#next();
      }
    }
    throw new ArtefactError(
      'ARTEFACT_MISSING',
      `No reachable box gave artefact ${sha256.slice(0, 12)}…${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`,
    );
  }

  async #pullFrom(from: NodeId, sha256: string, bytes: number): Promise<void> {
    const { store } = this.#parts;
    const begun = Math.min(bytes, await store.partBytes(sha256));
    try {
      await this.#chunks(from, sha256, bytes, begun);
    } catch (error) {
      // The beginning may be another box's, and wrong: that is no reason to think ill of this one.
      if (begun === 0 || !(error instanceof ArtefactError) || (await store.partBytes(sha256)) > 0) throw error;
      await this.#chunks(from, sha256, bytes, 0);
    }
  }

  async #chunks(from: NodeId, sha256: string, bytes: number, begun: number): Promise<void> {
    const { store, fetcher } = this.#parts;
    if (bytes === 0) await store.appendPart(sha256, 0, new Uint8Array(0));
    for (let offset = begun; offset < bytes; ) {
      const chunk = await fetcher.fetchChunk(from, sha256, offset);
      if (chunk.byteLength === 0 || offset + chunk.byteLength > bytes)
        throw new ArtefactError('ARTEFACT_MISMATCH', `${from} has another length than ${bytes} bytes`);
      await store.appendPart(sha256, offset, chunk);
      offset += chunk.byteLength;
    }
    await store.finishPart(sha256, bytes);
  }

  /** Resolves when this pull may begin. */
  async #turn(): Promise<void> {
    if (this.#active < pullsMax) this.#active += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the place on, or gives it back. */
  #next(): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#active -= 1;
    else waiting();
  }
}
