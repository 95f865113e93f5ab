/** Who belongs to the site, over HTTP. */
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import type { AgentApi } from './agent-api.ts';
import { ApiError } from './agent-api.ts';
import type { Route } from './router.ts';

export function memberRoutes({ members }: Pick<AgentApi, 'members'>): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/members',
      summary: 'Who belongs to the site, and who is to.',
      answer: 'MembersDocument',
      handle: (exchange) => exchange.document(members.list()),
    },
    {
      method: 'POST',
      path: '/v1/members',
      summary: 'Adds a box, or changes what it is to be.',
      body: 'MemberChange',
      handle: async (exchange) => {
        const checked = checkDocument('MemberChange', await exchange.json());
        if (!checked.ok) throw new ApiError(400, 'BODY_INVALID', describeProblems(checked.problems));
        exchange.result(await members.set(checked.value));
      },
    },
    {
      method: 'DELETE',
      path: '/v1/members/{}',
      summary: 'Lets a box leave; with ?force=true though too few of the others can be reached.',
      handle: async (exchange) => exchange.result(await members.remove(exchange.param(0), exchange.query('force') === 'true')),
    },
  ];
}
