/** Why a problem cannot be worked on at all. An infeasible problem is not an error: its plan says what has no place. */
export class PlacementError extends Error {
  readonly code: 'BAD_PROBLEM';
  /** Where in the problem, as a JSON pointer. */
  readonly pointer: string;

  constructor(pointer: string, message: string) {
    super(`Cannot plan: ${pointer} ${message}`);
    this.name = 'PlacementError';
    this.code = 'BAD_PROBLEM';
    this.pointer = pointer;
  }
}
