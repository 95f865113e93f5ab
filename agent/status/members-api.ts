/** What HTTP asks of the agent about who belongs to the site, and which of its boxes may be given work. */
import type { MaintenanceDocument, MemberChange, MembersDocument } from '../../schemas/generated/types.ts';
import type { Written } from './agent-api.ts';

export interface MembersApi {
  list(): MembersDocument;
  /** Resolves once the wish is decided; the leader then brings the membership there. */
  set(change: MemberChange): Promise<Written>;
  /** As `set`, for a box that is to leave. @param force though too few voters that stay are reachable from here */
  remove(name: string, force: boolean): Promise<Written>;
}

export interface MaintenanceApi {
  list(): MaintenanceDocument;
  /** From the revision on that is answered, nothing new lands there. */
  set(node: string, reason: string): Promise<Written>;
  lift(node: string): Promise<Written>;
}
