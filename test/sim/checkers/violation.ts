/** A rule of Raft was broken. The simulation stops and prints how to replay it. */
export class Violation extends Error {
  /** What the rule is called: the part of it before the colon. */
  readonly checker: string;

  constructor(rule: string, facts: Readonly<Record<string, unknown>>) {
    super(`${rule} ${JSON.stringify(facts)}`);
    this.name = 'Violation';
    this.checker = rule.split(':', 1)[0] ?? rule;
  }
}
