import assert from 'node:assert/strict';
import { AgentService, type AgentServiceComponents } from '../../agent/agent-service.ts';
import { SiteState } from '../../agent/state/site-state.ts';

/** Touches session 7 at box `b`, whose state knows no session. */
function touch(facts: { readonly ready: boolean; readonly witnesses: readonly string[] }): () => void {
  const agreement = {
    self: 'b',
    state: new SiteState(false),
    status: () => ({ appliedIndex: 0, ready: facts.ready, membership: { voters: ['a', 'b'], learners: [], witnesses: facts.witnesses } }),
    onApplied: () => undefined,
    node: { touch: () => true },
  };
  const service = new AgentService({ agreement } as unknown as AgentServiceComponents);
  return () => service.sessionTouch({ session: 7, ownerEpoch: 7 });
}

describe('a touch of a session the box does not know', () => {
  it('K5: is told that it ended only where that can be known', () => {
    assert.throws(touch({ ready: true, witnesses: [] }), { code: 'SESSION_EXPIRED' });
    assert.throws(touch({ ready: false, witnesses: [] }), { code: 'NOT_LEADER' }, 'it may have been opened since');
    assert.throws(touch({ ready: true, witnesses: ['b'] }), { code: 'WITNESS' }, 'it knows of no session at all');
  });
});
