/** The best plans of the rounds so far, each different from the others: what further rounds are bred from. */
import { at } from './model.ts';
import type { PlacementRandom } from './random.ts';

export interface Member {
  readonly placed: Int32Array;
  readonly value: number;
}

/** Members at the most. */
const size = 12;
/** Two plans that differ in a smaller share of replicas are the same for this: only the better one stays. */
const alike = 0.02;

export class Elite {
  /** Best first. */
  readonly members: Member[] = [];

  /** @returns whether it was taken in. The plan is copied then. */
  add(placed: Int32Array, value: number): boolean {
    const near = this.members.findIndex((member) => differences(member.placed, placed) <= alike * placed.length);
    const rival = near !== -1 ? near : this.members.length < size ? -1 : size - 1;
    if (rival !== -1) {
      if (at(this.members, rival).value <= value) return false;
      this.members.splice(rival, 1);
    }
    this.members.push({ placed: placed.slice(), value });
    this.members.sort((a, b) => a.value - b.value);
    return true;
  }

  /** One of them, the better ones more often. */
  draw(random: PlacementRandom): Member {
    const share = random.next();
    return at(this.members, Math.floor(share * share * this.members.length));
  }

  /** One that is not `other`. */
  drawAnother(other: Member, random: PlacementRandom): Member {
    const index = random.nextInt(this.members.length - 1);
    return at(this.members, index < this.members.indexOf(other) ? index : index + 1);
  }
}

/** Replicas that are somewhere else. */
export function differences(one: Int32Array, other: Int32Array): number {
  let count = 0;
  for (let slot = 0; slot < one.length; slot += 1) if (one[slot] !== other[slot]) count += 1;
  return count;
}
