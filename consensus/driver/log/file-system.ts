/** The little of a file system that the log needs. Two implementations: Node's, and one in memory that can crash and fail. */

export interface File {
  /** Writes all of it, or rejects with an errno in `code`. */
  pwrite(bytes: Uint8Array, position: number): Promise<void>;
  /** Writes all of it and resolves once it is durable, as `pwrite` and `fdatasync` do, in one operation. When it rejects nothing is known. */
  pwriteDurably(bytes: Uint8Array, position: number): Promise<void>;
  /** Fewer bytes than asked only at the end of the file. */
  read(position: number, length: number): Promise<Uint8Array>;
  /** Durable, data and size, once it resolves. After it rejects nothing is known, and asking again proves nothing. */
  fdatasync(): Promise<void>;
  /** Writes `bytes` times `fill` from the start, so that later writes need no new blocks. Not durable yet. */
  preallocate(bytes: number, fill: number): Promise<void>;
  close(): Promise<void>;
}

/** `update` opens for reading and writing and rejects with ENOENT; `create` starts an empty file, replacing another. */
export type OpenMode = 'update' | 'create';

export interface FileSystem {
  /** With its parents; no error when it stands already. */
  makeDirectory(path: string): Promise<void>;
  open(path: string, mode: OpenMode): Promise<File>;
  /** Replaces `to` atomically; durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** No error when it is gone already. */
  unlink(path: string): Promise<void>;
  /** Names, not paths, sorted. */
  list(directory: string): Promise<readonly string[]>;
  /** Undefined when there is no such file. */
  stat(path: string): Promise<{ readonly bytes: number } | undefined>;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>;
}
