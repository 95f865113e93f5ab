/** What a box keeps is said twice: by its own configuration, and by the membership. They must agree before it counts for anything. */
import { isMember, isWitness } from '../core/membership.ts';
import type { Membership, NodeId } from '../core/types.ts';
import type { NodeEvent } from './driver-event.ts';

/**
 * Whether the box keeps nothing, as it is configured. A witness that takes part as a box with the data would lead, and answer, with nothing;
 * a box with the data that is given no payloads would take each change for one that it does not know.
 * @throws {Error} with what to do, when the membership says otherwise; the node must not take part
 */
export function checkedKeeping(membership: Membership, self: NodeId, isConfiguredWitness: boolean): boolean {
  if (!isMember(membership, self) || isWitness(membership, self) === isConfiguredWitness) return isConfiguredWitness;
  throw new Error(
    isConfiguredWitness
      ? `${self} is configured as a witness, and belongs to its site as a box that keeps the data: correct its configuration, or remove it and add it as a witness`
      : `${self} belongs to its site as a witness, and its configuration does not say so: correct that, or remove it and add it without being one`,
  );
}

/** The event, after a look at what it says of this box. @throws {Error} like `checkedKeeping` */
export function checkedEvent(event: NodeEvent, self: NodeId, isConfiguredWitness: boolean): NodeEvent {
  if (event.type === 'membership') checkedKeeping(event.membership, self, isConfiguredWitness);
  return event;
}
