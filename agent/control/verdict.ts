/** Whether a member is alive, cut off or lost: said by its peers together, never by one timer. Pure. */
import type { NodeId } from '../../consensus/core/types.ts';

/** `lost`: nobody reaches it. `cut-off`: somebody still does. `unknown`: too few observers to say. */
export type VerdictWord = 'alive' | 'cut-off' | 'lost' | 'unknown';

export interface MemberVerdict {
  readonly verdict: VerdictWord;
  /** Observers asked (reachable members, this one included) and how many of them do not reach the member. */
  readonly observers: number;
  readonly unreachableFor: number;
}

export interface VerdictInput {
  readonly self: NodeId;
  readonly members: readonly NodeId[];
  /** Milliseconds since boot. */
  readonly now: number;
  /** Our own links: whether the member is reached, and since when that is so. */
  readonly links: ReadonlyMap<NodeId, { readonly up: boolean; readonly since: number }>;
  /** What reachable members last said of others. */
  readonly observations: ReadonlyMap<NodeId, ReadonlyMap<NodeId, boolean>>;
  readonly lostAfterMs: number;
  /** What was said of the member last: stands while too few can be asked, and the member was not reached since. */
  readonly before?: VerdictWord;
}

/**
 * A member is lost when this box has not reached it for `lostAfterMs` and a majority of the observers (all other members, whether
 * or not they can be asked) agree. A site of two has one observer, so its word is enough: the quorum rules keep that safe.
 */
export function judge(member: NodeId, input: VerdictInput): MemberVerdict {
  if (member === input.self) return { verdict: 'alive', observers: 1, unreachableFor: 0 };
  const link = input.links.get(member);
  const others = input.members.filter((name) => name !== member);
  let asked = 1;
  let unreachable = link?.up === true ? 0 : 1;
  for (const observer of others) {
    if (observer === input.self || input.links.get(observer)?.up !== true) continue;
    const reaches = input.observations.get(observer)?.get(member);
    if (reaches === undefined) continue;
    asked += 1;
    if (!reaches) unreachable += 1;
  }
  const facts = { observers: asked, unreachableFor: unreachable };
  if (link?.up === true) return { verdict: 'alive', ...facts };
  if (link === undefined || input.now - link.since < input.lostAfterMs) return { verdict: 'unknown', ...facts };
  if (unreachable < asked) return { verdict: 'cut-off', ...facts };
  if (unreachable * 2 > others.length) return { verdict: 'lost', ...facts };
  return { verdict: input.before === 'lost' || input.before === 'cut-off' ? input.before : 'unknown', ...facts };
}
