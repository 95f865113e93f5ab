/** Boxes under maintenance, over HTTP. */
import { checkDocument, describeProblems } from '../../schemas/validate.ts';
import type { AgentApi } from './agent-api.ts';
import { ApiError } from './agent-api.ts';
import type { Route } from './router.ts';

export function maintenanceRoutes({ maintenance }: Pick<AgentApi, 'maintenance'>): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/maintenance',
      summary: 'Boxes that keep what they have and are given nothing new.',
      answer: 'MaintenanceDocument',
      handle: (exchange) => exchange.document(maintenance.list()),
    },
    {
      method: 'POST',
      path: '/v1/maintenance',
      summary: 'A box is given nothing new from now on.',
      body: 'MaintenanceOrder',
      handle: async (exchange) => {
        const checked = checkDocument('MaintenanceOrder', await exchange.json());
        if (!checked.ok) throw new ApiError(400, 'BODY_INVALID', describeProblems(checked.problems));
        exchange.result(await maintenance.set(checked.value.node, checked.value.reason ?? ''));
      },
    },
    {
      method: 'DELETE',
      path: '/v1/maintenance/{}',
      summary: 'A box may be given work again.',
      handle: async (exchange) => exchange.result(await maintenance.lift(exchange.param(0))),
    },
  ];
}
