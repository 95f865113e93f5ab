/** What a box keeps is said twice: by its own configuration, and by the membership. They must agree before it counts for anything. */
import { isMember, isWitness } from '../core/membership.ts';
import type { Membership, NodeId } from '../core/types.ts';

/**
 * A witness that takes part as a box with the data would lead, and answer, with nothing; a box with the data that is given no payloads
 * would take each change for one that it does not know.
 * @throws {Error} with what to do, when the membership says otherwise than the configuration; the node must not take part
 */
export function assertKeeping(membership: Membership, self: NodeId, isConfiguredWitness = false): void {
  if (!isMember(membership, self) || isWitness(membership, self) === isConfiguredWitness) return;
  throw new Error(
    isConfiguredWitness
      ? `${self} is configured as a witness, and belongs to its site as a box that keeps the data: correct its configuration, or remove it and add it as a witness`
      : `${self} belongs to its site as a witness, and its configuration does not say so: correct that, or remove it and add it without being one`,
  );
}
