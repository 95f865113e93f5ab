import { type Entry, logIndex, term } from '../../../../consensus/core/types.ts';
import type { SeededRandom } from '../random-message.ts';
import { entry } from './log-fixture.ts';
import { after, first, type Model, type Step } from './log-model.ts';

/** A story of a log as a member of a site may write it: votes, batches, conflicting tails, compaction, snapshots, rests. */
export function randomStory(random: SeededRandom, steps: number): Step[] {
  const story: Step[] = [];
  let model = first;
  for (let i = 0; i < steps; i++) {
    const step = randomStep(random, model);
    story.push(step);
    model = after(model, step);
  }
  return story;
}

function randomStep(random: SeededRandom, model: Model): Step {
  const last = model.base + model.entries.length;
  const now = model.hardState.term;
  const kind = random.nextInt(20);
  if (now === 0 || kind < 3) return { hardState: { term: term(now + random.nextInt(2) + Number(now === 0)), votedFor: vote(random) } };
  if (kind === 3) return { settle: true };
  if (kind < 6 && model.entries.length > 1) {
    const cut = model.entries[random.nextInt(model.entries.length)] as Entry;
    return { compact: cut.index, baseTerm: cut.term };
  }
  if (kind === 6 && random.nextInt(2) === 0) return { reset: last + 1 + random.nextInt(50), baseTerm: now };
  if (kind < 10 && model.entries.length > 0) {
    // A new leader's entries take the place of a tail that was never committed.
    const from = last - random.nextInt(Math.min(model.entries.length, 12));
    return { hardState: { term: term(now + 1), votedFor: undefined }, save: batch(random, from, now + 1) };
  }
  return { save: batch(random, last + 1, now) };
}

const vote = (random: SeededRandom): string | undefined => [undefined, 'n1', 'n2', 'n3'][random.nextInt(4)];

/** Of one sector, of several, of more than a segment holds. */
function batch(random: SeededRandom, from: number, ofTerm: number): Entry[] {
  const count = [1, 1, 3, 20, 60][random.nextInt(5)] as number;
  const bytes = [1, 20, 300, random.nextInt(30) === 0 ? 9000 : 700][random.nextInt(4)] as number;
  return Array.from({ length: bytes > 700 ? 1 : count }, (_, i) => {
    const index = from + i;
    return { ...entry(index, ofTerm, bytes + random.nextInt(5)), index: logIndex(index) };
  });
}
