/** Brings artefacts to this box from others: a chunk at a time, resumed where it was cut, verified at the end. */
import type { Clock } from '../../consensus/driver/ports.ts';
import type { ArtefactFetcher, Log } from '../ports.ts';
import { ArtefactError, type ArtefactStore } from './artefact-store.ts';

export interface ArtefactPullerComponents {
  readonly store: ArtefactStore;
  readonly fetcher: ArtefactFetcher;
  readonly clock: Clock;
  readonly log: Log;
}

export class ArtefactPuller {
  readonly #parts: ArtefactPullerComponents;
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
    await store.reserve(bytes);
    const reasons: string[] = [];
    for (const from of fetcher.sources(sha256)) {
      try {
        let offset = Math.min(bytes, await store.partBytes(sha256));
        if (bytes === 0) await store.appendPart(sha256, 0, new Uint8Array(0));
        while (offset < bytes) {
          const chunk = await fetcher.fetchChunk(from, sha256, offset);
          if (chunk.byteLength === 0 || offset + chunk.byteLength > bytes)
            throw new ArtefactError('ARTEFACT_MISMATCH', `${from} has another length than ${bytes} bytes`);
          await store.appendPart(sha256, offset, chunk);
          offset += chunk.byteLength;
        }
        await store.finishPart(sha256, bytes);
        log.info('artefact.pulled', { sha256, bytes, from });
        return;
      } catch (error) {
        reasons.push(`${from}: ${error instanceof Error ? error.message : String(error)}`);
        log.debug('artefact.pull.failed', { sha256, from, message: reasons.at(-1) });
      }
    }
    throw new ArtefactError(
      'ARTEFACT_MISSING',
      `No reachable box gave artefact ${sha256.slice(0, 12)}…${reasons.length === 0 ? '' : ` (${reasons.join('; ')})`}`,
    );
  }
}
