/** A rule of Raft was broken. The simulation stops and prints how to replay it. */
export class Violation extends Error {
  constructor(rule: string, facts: Readonly<Record<string, unknown>>) {
    super(`${rule} ${JSON.stringify(facts)}`);
    this.name = 'Violation';
  }
}
