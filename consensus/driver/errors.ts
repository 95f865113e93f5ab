/** Failures of the driver: each has a code to match on, the place, and what to do about it. */
import type { NodeId } from '../core/types.ts';

/** Bytes from outside that are not a frame of ours. The decoder throws nothing else. */
export type CodecCode = 'FRAME_TOO_LARGE' | 'FRAME_TRUNCATED' | 'FRAME_MALFORMED' | 'FRAME_VERSION';

export class CodecError extends Error {
  readonly code: CodecCode;
  /** Byte offset inside the frame's payload. */
  readonly offset: number;

  constructor(code: CodecCode, message: string, offset = 0) {
    super(`${message} (at byte ${offset} of the frame)`);
    this.name = 'CodecError';
    this.code = code;
    this.offset = offset;
  }
}

/**
 * `LOG_CORRUPT`, `VOTE_DAMAGED` and `STATE_DAMAGED`: this box must not vote with what it remembers. `WITNESS_MEMORY`: nor with what it
 * kept as a witness, now that it is to keep the data. `LOG_VERSION`: written by
 * a newer release. `STORAGE_FULL` and `STORAGE_IO`: the disk refuses; the driver tries again by itself. `STORAGE_CLOSED`: used after close.
 */
export type StorageCode =
  | 'LOG_CORRUPT'
  | 'LOG_VERSION'
  | 'VOTE_DAMAGED'
  | 'STATE_DAMAGED'
  | 'WITNESS_MEMORY'
  | 'STORAGE_FULL'
  | 'STORAGE_IO'
  | 'STORAGE_CLOSED';

export interface StorageFacts {
  readonly file: string;
  readonly offset?: number;
  /** What a person can do. */
  readonly remedy: string;
}

export class StorageError extends Error {
  readonly code: StorageCode;
  readonly file: string;
  readonly offset: number | undefined;
  readonly remedy: string;

  constructor(code: StorageCode, message: string, facts: StorageFacts, cause?: unknown) {
    const place = facts.offset === undefined ? facts.file : `${facts.file}, byte ${facts.offset}`;
    super(`${message} (${place}). ${facts.remedy}`, cause === undefined ? undefined : { cause });
    this.name = 'StorageError';
    this.code = code;
    this.file = facts.file;
    this.offset = facts.offset;
    this.remedy = facts.remedy;
  }
}

/** What to do with a box whose memory cannot be trusted. */
export const damagedRemedy =
  'Do not copy files over it: this memory is to be set aside, and the box rejoins its site under another incarnation and has it anew.';

/** Turns what the operating system said into a code of ours. A `StorageError` passes through. */
export function storageErrorFrom(cause: unknown, file: string): StorageError {
  if (cause instanceof StorageError) return cause;
  const errno = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'unknown error';
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    const remedy = 'Free disk space; the box goes on by itself then.';
    return new StorageError('STORAGE_FULL', `Cannot write: no space left (${errno})`, { file, remedy }, cause);
  }
  const remedy =
    errno === 'EROFS'
      ? 'The file system is read-only, as after a failure of its disk (dmesg): mount it read-write again; the box tries again by itself.'
      : 'Check the disk and the mount (dmesg); the box tries again by itself.';
  return new StorageError('STORAGE_IO', `Cannot write: ${errno}`, { file, remedy }, cause);
}

/**
 * Why a request has no result. `NOT_LEADER`: no leader was known until the deadline, or the term it was meant for is over. `BUSY`, `TOO_LARGE`, `STEPPING_DOWN`:
 * refused by the leader. `CHANGE_UNDER_WAY`, `NOT_CAUGHT_UP`, `BAD_CHANGE`, `NO_CHANGE`: a change of membership that was not begun.
 * `WITNESS`: this member keeps no data. `OUTCOME_UNKNOWN`: a snapshot jumped over it.
 * `TIMEOUT`: no outcome until the deadline. `ABORTED`: the caller gave up. `STOPPED`: this node stopped. `STORAGE`: its disk refuses.
 */
export type ConsensusCode =
  | 'NOT_LEADER'
  | 'BUSY'
  | 'TOO_LARGE'
  | 'STEPPING_DOWN'
  | 'CHANGE_UNDER_WAY'
  | 'NOT_CAUGHT_UP'
  | 'BAD_CHANGE'
  | 'NO_CHANGE'
  | 'WITNESS'
  | 'OUTCOME_UNKNOWN'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'STOPPED'
  | 'STORAGE';

export class ConsensusError extends Error {
  readonly code: ConsensusCode;
  /** True: the change certainly did not happen. False: it may still come to be committed. */
  readonly definite: boolean;
  readonly leader: NodeId | undefined;

  constructor(code: ConsensusCode, message: string, definite: boolean, leader?: NodeId) {
    super(message);
    this.name = 'ConsensusError';
    this.code = code;
    this.definite = definite;
    this.leader = leader;
  }
}
