/** What HTTP asks of the agent about who belongs to the site. */
import type { MemberChange, MembersDocument } from '../../schemas/generated/types.ts';
import type { Written } from './agent-api.ts';

export interface MembersApi {
  list(): MembersDocument;
  /** Resolves once the wish is decided; the leader then brings the membership there. */
  set(change: MemberChange): Promise<Written>;
  /** As `set`, for a box that is to leave. @param force though too few voters that stay are reachable from here */
  remove(name: string, force: boolean): Promise<Written>;
}
