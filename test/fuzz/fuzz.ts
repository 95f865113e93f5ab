/** Valid, mutated and random inputs for a decoder, from a seed. */
import { SeededRandom } from '../sim/random.ts';
import { diskTargets } from './disk-targets.ts';
import { mutate } from './mutate.ts';
import { stateTargets } from './state-targets.ts';
import type { Target } from './target.ts';
import { wireTargets } from './wire-targets.ts';

export const targets: readonly Target[] = [...wireTargets, ...diskTargets, ...stateTargets];

export interface FuzzResult {
  readonly target: string;
  readonly inputs: number;
  readonly taken: number;
  readonly refused: number;
  readonly seconds: number;
  /** What a decoder did that it must not, with the input in hexadecimal. */
  readonly finding: { readonly input: string; readonly message: string } | undefined;
}

/** Each input has a seed of its own, so that one of them can be played alone. */
export async function fuzz(target: Target, inputs: number, seed: number, progress: (done: number) => void = () => {}): Promise<FuzzResult> {
  const began = performance.now();
  const counts = { taken: 0, refused: 0 };
  const result = (finding?: FuzzResult['finding']): FuzzResult => {
    const seconds = (performance.now() - began) / 1000;
    return { target: target.name, inputs: counts.taken + counts.refused, ...counts, seconds, finding };
  };
  const random = new SeededRandom(seed);
  let last: Uint8Array = target.valid(random);
  for (let at = 0; at < inputs; at += 1) {
    const valid = target.valid(random);
    const input = inputOf(random, valid, last);
    last = valid;
    const copy = input.slice();
    try {
      counts[await target.check(input, random)] += 1;
    } catch (error) {
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      return result({ input: Buffer.from(copy).toString('hex'), message });
    }
    if (at % 50_000 === 49_999) progress(at + 1);
  }
  return result();
}

function inputOf(random: SeededRandom, valid: Uint8Array, other: Uint8Array): Uint8Array {
  const kind = random.nextInt(10);
  if (kind === 0) return Uint8Array.from({ length: random.nextInt(80) }, () => random.nextInt(256));
  if (kind === 1) return valid.slice();
  return mutate(random, valid, other);
}
