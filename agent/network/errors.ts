/** What can go wrong between boxes, by code. */

/**
 * `UNREACHABLE`: not connected, or the connection ended first. `TIMEOUT`: no answer in time. `REFUSED`: the far side said no, in
 * its own words. `TOO_LARGE`: above the limit of the sender or the receiver. `ABORTED`: the caller gave up. `PORT_IN_USE`,
 * `LISTEN_FAILED`: cannot listen. `PEERS_INVALID`: two known boxes share a name or a key. `IDENTITY_*`: the key file cannot be used.
 */
export type NetworkCode =
  | 'UNREACHABLE'
  | 'TIMEOUT'
  | 'REFUSED'
  | 'TOO_LARGE'
  | 'ABORTED'
  | 'PORT_IN_USE'
  | 'LISTEN_FAILED'
  | 'PEERS_INVALID'
  | 'IDENTITY_PERMISSIONS'
  | 'IDENTITY_DAMAGED'
  | 'IDENTITY_IO';

export class NetworkError extends Error {
  readonly code: NetworkCode;
  /** The far side's code, when it gave one. */
  readonly remoteCode: string | undefined;

  constructor(code: NetworkCode, message: string, options: { readonly cause?: unknown; readonly remoteCode?: string } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'NetworkError';
    this.code = code;
    this.remoteCode = options.remoteCode;
  }
}

/** What the operating system or a library called a failure, for a log line. */
export function errorWord(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error) return String(error.code);
  return error instanceof Error ? error.message : String(error);
}
