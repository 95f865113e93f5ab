/** What must hold whatever arrives. Checked in production too: a stopped agent is restarted, a wrong one spreads. */

/** Thrown when the core finds itself in a state it can never be in. The driver stops the process; the facts say where to look. */
export class InvariantError extends Error {
  readonly code = 'INVARIANT';
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(rule: string, facts: Readonly<Record<string, unknown>>) {
    super(`Invariant broken: ${rule} ${JSON.stringify(facts)}`);
    this.name = 'InvariantError';
    this.facts = facts;
  }
}

/**
 * Throws unless `holds`. Bad input is never an invariant: it gets a refusal with a code.
 * @param facts plain values only, they are written to the log
 */
export function invariant(holds: boolean, rule: string, facts: Readonly<Record<string, unknown>>): asserts holds {
  if (!holds) throw new InvariantError(rule, facts);
}
