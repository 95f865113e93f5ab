/** Boxes give each other artefacts by content, a bounded chunk at a time. */
import type { NodeId } from '../consensus/core/types.ts';
import type { ArtefactFetcher, CallPort } from './ports.ts';

const artefactProtocol = '/holdfast/artefact/1';
export const chunkBytesMax = 256 * 1024;
const sha256 = /^[0-9a-f]{64}$/;

export interface ArtefactExchangeComponents {
  readonly calls: CallPort;
  /** Boxes that say they hold it, best first. */
  readonly holders: (sha256: string) => readonly NodeId[];
}

export class ArtefactExchange implements ArtefactFetcher {
  readonly #parts: ArtefactExchangeComponents;

  constructor(components: ArtefactExchangeComponents) {
    this.#parts = components;
  }

  /** Serves what this box's store holds. */
  start(store: { has(sha256: string): boolean; readChunk(sha256: string, offset: number, max: number): Promise<Uint8Array> }): void {
    this.#parts.calls.serve(artefactProtocol, { requestBytesMax: 256 }, async (_from, request) => {
      const [digest = '', offset = ''] = new TextDecoder().decode(request).split(' ');
      if (!sha256.test(digest) || !/^\d{1,15}$/.test(offset))
        throw Object.assign(new Error('Ask for a digest and an offset'), { code: 'BAD_REQUEST' });
      if (!store.has(digest)) throw Object.assign(new Error(`${digest} is not here`), { code: 'ARTEFACT_MISSING' });
      return store.readChunk(digest, Number(offset), chunkBytesMax);
    });
  }

  sources(digest: string): readonly NodeId[] {
    return this.#parts.holders(digest);
  }

  fetchChunk(from: NodeId, digest: string, offset: number): Promise<Uint8Array> {
    return this.#parts.calls.call(from, artefactProtocol, new TextEncoder().encode(`${digest} ${offset}`), {
      timeoutMs: 5000,
      responseBytesMax: chunkBytesMax,
    });
  }
}
