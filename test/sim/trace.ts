import type { CoreEvent } from '../../consensus/core/ready.ts';
import type { Membership } from '../../consensus/core/types.ts';
import type { Observer } from './observer.ts';

function describeMembership({ voters, votersBefore = [], learners, witnesses = [] }: Membership): string {
  const groups = { voters, before: votersBefore, learners, witnesses };
  return Object.entries(groups)
    .filter(([, ids]) => ids.length > 0)
    .map(([name, ids]) => `${name}=${ids.join(',')}`)
    .join(' ');
}

/** One line for an event, as the scenarios print it. */
export function describeEvent(id: string, event: CoreEvent): string {
  switch (event.type) {
    case 'role':
      return `${id} ${event.from} -> ${event.to} term=${event.term} reason=${event.reason}`;
    case 'leader':
      return `${id} leader is ${event.leader ?? 'unknown'} term=${event.term}`;
    case 'membership':
      return `${id} members at=${event.index} ${describeMembership(event.membership)}`;
    case 'term-started':
      return `${id} term started term=${event.term} index=${event.index}`;
    case 'tail-certain':
      return `${id} has all again that its last batch may have held`;
    case 'snapshot-sent':
      return `${id} snapshot sent to=${event.to} index=${event.index}`;
    case 'snapshot-received':
      return `${id} snapshot received from=${event.from} index=${event.index}`;
  }
}

/** Writes down what happens, for one seed looked at closely. */
export function tracer(write: (line: string) => void): Observer {
  return {
    event: (node, event) => write(describeEvent(node.id, event)),
    applied: (node, entry) => write(`${node.id} applied ${entry.index} term=${entry.term} ${entry.kind}`),
    saving: (node, save) =>
      write(
        `${node.id} saving ${save.token} entries=${save.entries.length} term=${save.hardState?.term ?? '-'} vote=${save.hardState?.votedFor ?? '-'}`,
      ),
    accepted: (node, requestId, id) => write(`${node.id} request ${requestId} accepted index=${id.index} term=${id.term}`),
    refused: (node, requestId, code) => write(`${node.id} request ${requestId} refused ${code}`),
    readable: (node, requestId) => write(`${node.id} read ${requestId} served at=${node.applied.index}`),
    verdicts: (node, requestId, items) => write(`${node.id} verdicts ${requestId} ${items.map((item) => item.verdict).join(' ')}`),
  };
}
