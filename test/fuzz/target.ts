/** A decoder under fire. */
import type { SeededRandom } from '../sim/random.ts';

/** What became of one input. Anything else than these two is a finding. */
export type Verdict = 'taken' | 'refused';

export interface Target {
  readonly name: string;
  /** A valid input. */
  valid(random: SeededRandom): Uint8Array;
  /** Inputs of this target cost this many of those of a message. @default 1 */
  readonly cost?: number;
  /**
   * Decodes what may be anything. Throws for whatever the decoder must not do: an error of another kind than its own, a value that does
   * not encode back, a value that was never written.
   */
  check(input: Uint8Array, random: SeededRandom): Verdict | Promise<Verdict>;
}

/** Runs a decoder that may throw one kind of error and no other. */
export function refusedBy<T>(kind: new (...parts: never[]) => Error, decode: () => T): { readonly value: T } | 'refused' {
  try {
    return { value: decode() };
  } catch (error) {
    if (error instanceof kind) return 'refused';
    throw error;
  }
}

/** Throws unless both are the same bytes. */
export function assertSameBytes(found: Uint8Array, expected: Uint8Array, message: string): void {
  if (Buffer.compare(found, expected) !== 0) throw new Error(`${message}: ${Buffer.from(found).toString('hex')}`);
}
