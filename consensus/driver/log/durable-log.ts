/** The durable log: entries, term and vote. What `save` resolved survives a power cut; what is damaged is never taken for whole. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Entry, EntryId, HardState, LogIndex, Term } from '../../core/types.ts';
import { damagedRemedy, StorageError, storageErrorFrom } from '../errors.ts';
import type { Promised } from '../hello.ts';
import type { Recovered, Storage } from '../ports.ts';
import type { File, FileSystem } from './file-system.ts';
import { alignUp, type BatchFacts, batchWriter, finishBatch, nonceBytes, writeRecord } from './format.ts';
import { refuseLeftovers, removeLeftovers } from './leftovers.ts';
import { type Manifest, readManifest, type SegmentRecord, segmentName, writeManifest } from './manifest.ts';
import { NodeFileSystem } from './node-file-system.ts';
import { type LiveSegment, type Replay, reaches, replayLog } from './recovery.ts';
import { encodeSegmentHeader, firstBatchOffset, nonceOf } from './segment-header.ts';
import { LogSpace } from './space.ts';
import { upgrade } from './upgrade.ts';
import { VoteFile } from './vote-file.ts';

export interface DurableLogOptions {
  /** The log's own directory; made when it is missing. */
  readonly directory: string;
  /** @default the real disk */
  readonly fileSystem?: FileSystem;
  /** Pre-written size of one segment. @default 4 MiB */
  readonly segmentBytes?: number;
  /** Held back for when the disk is full. @default 4 MiB */
  readonly reserveBytes?: number;
  /** Make the next segment while the present one is half full. @default true */
  readonly prepareAhead?: boolean;
  /** 8 random bytes for each segment. */
  readonly nonce?: () => Uint8Array;
}

interface OpenSegment extends LiveSegment {
  readonly file: File;
  readonly nonce: Uint8Array;
  offset: number;
}

const noEntry = { term: 0 as Term, index: 0 as LogIndex };

export class DurableLog implements Storage {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #prepareAhead: boolean;
  readonly #nonce: () => Uint8Array;
  readonly #space: LogSpace;
  readonly #vote: VoteFile;
  #closed: LiveSegment[] = [];
  #open: OpenSegment | undefined;
  readonly #identity: string | undefined;
  #base: EntryId;
  #last: EntryId;
  #uncertain: EntryId | undefined;
  #lastBatch: number;
  #lastChecksum: number;
  /** True when the newest batch is not yet recorded as durable by a later one. */
  #unsettled: boolean;
  /** After a failed write the open segment is left as it is: its pages prove nothing any more. */
  #abandoned = false;
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  private constructor(
    options: Required<DurableLogOptions>,
    vote: VoteFile,
    space: LogSpace,
    manifest: Manifest,
    replay: Replay | undefined,
  ) {
    this.#fileSystem = options.fileSystem;
    this.#directory = options.directory;
    this.#prepareAhead = options.prepareAhead;
    this.#nonce = options.nonce;
    this.#vote = vote;
    this.#space = space;
    this.#identity = manifest.identity;
    this.#base = manifest.base;
    this.#last = replay?.last ?? manifest.base;
    this.#uncertain = replay?.uncertain;
    this.#lastBatch = replay?.lastBatch ?? 0;
    this.#lastChecksum = replay?.lastChecksum ?? 0;
    this.#unsettled = (replay?.lastCount ?? 0) > 0;
  }

  /**
   * Opens or begins the log. @throws {StorageError} LOG_CORRUPT, VOTE_DAMAGED or LOG_VERSION: the box must not vote with it;
   * STORAGE_FULL or STORAGE_IO: the disk refuses.
   */
  static async open(given: DurableLogOptions): Promise<{ log: DurableLog; recovered: Recovered }> {
    const options: Required<DurableLogOptions> = {
      fileSystem: new NodeFileSystem(),
      segmentBytes: 4 * 1024 * 1024,
      reserveBytes: 4 * 1024 * 1024,
      prepareAhead: true,
      nonce: () => new Uint8Array(randomBytes(nonceBytes)),
      ...given,
    };
    try {
      return await openLog(options, (...parts) => new DurableLog(...parts));
    } catch (error) {
      throw storageErrorFrom(error, options.directory);
    }
  }

  /** True from the first refusal for lack of space until `restoreSpace` found room again. */
  get lowSpace(): boolean {
    return this.#space.low;
  }

  get base(): EntryId {
    return this.#base;
  }

  /** What is on disk: whoever has less under the same name has forgotten something. */
  get promised(): Promised {
    const index = this.#uncertain === undefined ? this.#last.index : (Math.max(this.#last.index, this.#uncertain.index) as LogIndex);
    return { ...this.#vote.hardState, index };
  }

  /** Segments on disk, the open one included. */
  get segmentCount(): number {
    return this.#closed.length + (this.#open === undefined ? 0 : 1);
  }

  /** Tries to make the reserve again. Resolves to whether there is enough room for it. */
  restoreSpace(): Promise<boolean> {
    return this.#exclusively(() => this.#space.restore());
  }

  save(hardState: HardState | undefined, entries: readonly Entry[]): Promise<void> {
    return this.#exclusively(async () => {
      if (hardState !== undefined) await this.#vote.save(hardState);
      let done = 0;
      while (done < entries.length) done += await this.#appendBatch(entries, done);
      // Who lost the newest membership alone would count votes by the one before, and need nobody's but its own: that is damage, not doubt.
      if (entries.some(isMembership)) await this.#appendBatch([], 0);
    });
  }

  compact(index: LogIndex, term: Term): Promise<void> {
    return this.#exclusively(async () => {
      if (index <= this.#base.index) return;
      const keepFrom = this.#closed.findIndex((segment) => segment.maxIndex > index);
      const dropped = keepFrom < 0 ? this.#closed : this.#closed.slice(0, keepFrom);
      const kept = this.#closed.slice(dropped.length);
      await this.#writeManifest(kept, this.#open?.record, { index, term }, this.#uncertain);
      this.#closed = kept;
      this.#base = { index, term };
      await this.#removeSegments(dropped);
    });
  }

  reset(index: LogIndex, term: Term): Promise<void> {
    return this.#exclusively(async () => {
      const dropped = this.#open === undefined ? this.#closed : [...this.#closed, this.#open];
      await this.#roll(0, { index, term });
      await this.#removeSegments(dropped);
    });
  }

  settle(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#unsettled) await this.#appendBatch([], 0);
    });
  }

  certain(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#uncertain === undefined) return;
      await this.#writeManifest(this.#closed, this.#open?.record, this.#base, undefined);
      this.#uncertain = undefined;
    });
  }

  /** Waits for what is under way, writes nothing more. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    await this.#turn;
    this.#isClosed = true;
    await this.#open?.file.close();
    await this.#vote.close();
    await this.#space.close();
  }

  /**
   * Continues in the segment the log was left in, or in a new one when its end was not clean. What was read need not be on the disk: the
   * process before this one may have ended after a sync that failed, and its pages still stand in memory, marked as written. So the newest
   * batch, the only one that no later one vouches for, is written again, and the directory synced, before anything is built on them.
   */
  async resume(replay: Replay | undefined): Promise<void> {
    const newest = replay?.segments.at(-1);
    if (replay === undefined || newest === undefined) return this.#roll(0, this.#base);
    this.#closed = replay.segments.slice(0, -1);
    const file = await this.#fileSystem.open(join(this.#directory, segmentName(newest.record.number)), 'update');
    const { lastOffset, endOffset } = replay;
    this.#open = { ...newest, file, nonce: nonceOf(newest.record), offset: endOffset };
    if (lastOffset !== undefined) await file.pwriteDurably(await file.read(lastOffset, endOffset - lastOffset), lastOffset);
    await this.#fileSystem.syncDirectory(this.#directory);
    if (replay.tail.kind !== 'clean') return this.#roll(0, this.#base);
    // The power may have failed before a membership was settled, and an earlier release settles none.
    if (replay.entries.slice(replay.entries.length - replay.lastCount).some(isMembership)) await this.#appendBatch([], 0);
  }

  /** Writes as many entries as fit into the open segment, from `from` on; one write, one sync. Returns how many. */
  async #appendBatch(entries: readonly Entry[], from: number): Promise<number> {
    const writer = batchWriter();
    const room = this.#open === undefined || this.#abandoned ? 0 : this.#open.record.bytes - this.#open.offset;
    let count = 0;
    for (let i = from; i < entries.length; i++) {
      const before = writer.length;
      writeRecord(writer, entries[i] as Entry);
      if (count > 0 && alignUp(writer.length) > room) {
        writer.truncate(before);
        break;
      }
      count++;
    }
    if (alignUp(writer.length) > room) {
      // Nothing is written yet: the next call fills the new segment as far as it goes. An empty batch is not needed any
      // more, because the manifest now records what is durable.
      await this.#roll(firstBatchOffset + alignUp(writer.length), this.#base);
      return 0;
    }
    const segment = this.#open;
    if (segment === undefined)
      throw new StorageError('STORAGE_IO', 'The log has no open segment', { file: this.#directory, remedy: damagedRemedy });
    const [first, last] = [entries[from], entries[from + count - 1]];
    const facts: BatchFacts = {
      nonce: segment.nonce,
      offset: segment.offset,
      number: this.#lastBatch + 1,
      durableNumber: this.#lastBatch,
      previousChecksum: this.#lastChecksum,
      last: last ?? this.#last,
    };
    const batch = finishBatch(writer, facts, first ?? noEntry, count);
    this.#abandoned = true;
    await segment.file.pwriteDurably(batch.bytes, segment.offset);
    this.#abandoned = false;
    this.#noteDurable(segment, batch, first, last);
    return count;
  }

  #noteDurable(
    segment: OpenSegment,
    batch: { bytes: Uint8Array; checksum: number },
    first: Entry | undefined,
    last: Entry | undefined,
  ): void {
    segment.offset += batch.bytes.length;
    this.#lastBatch++;
    this.#lastChecksum = batch.checksum;
    this.#unsettled = last !== undefined;
    if (first !== undefined && last !== undefined) {
      for (const earlier of this.#closed) earlier.maxIndex = Math.min(earlier.maxIndex, first.index - 1);
      segment.maxIndex = last.index;
      this.#last = { term: last.term, index: last.index };
      if (this.#uncertain !== undefined && reaches(this.#last, this.#uncertain)) this.#uncertain = undefined;
    }
    if (this.#prepareAhead && segment.offset > segment.record.bytes / 2) this.#space.prepareAhead();
  }

  /** Closes the open segment where its durable batches end and goes on in a new one. A new base drops all the old ones. */
  async #roll(bytesMin: number, base: EntryId): Promise<void> {
    this.#abandoned = true; // Until the new segment stands: a half-made roll may already be in the manifest on disk.
    const prepared = await this.#space.take(bytesMin);
    const record: SegmentRecord = {
      number: prepared.number,
      nonce: Buffer.from(this.#nonce()).toString('hex'),
      bytes: prepared.bytes,
      firstBatch: this.#lastBatch + 1,
      previousChecksum: this.#lastChecksum,
      end: undefined,
    };
    const isReset = base !== this.#base;
    const old = this.#open;
    const closed = isReset ? [] : [...this.#closed, ...(old === undefined ? [] : [this.#close(old)])];
    const uncertain = this.#uncertain !== undefined && reaches(base, this.#uncertain) ? undefined : this.#uncertain;
    try {
      await prepared.file.pwriteDurably(encodeSegmentHeader(record), 0);
      await this.#writeManifest(closed, record, base, uncertain);
    } catch (error) {
      await prepared.file.close().catch(() => undefined);
      throw error;
    }
    this.#closed = closed;
    this.#open = { record, maxIndex: 0, file: prepared.file, nonce: nonceOf(record), offset: firstBatchOffset };
    this.#base = base;
    this.#uncertain = uncertain;
    if (isReset) this.#last = base;
    this.#unsettled = false; // The manifest records it.
    this.#abandoned = false;
    await old?.file.close().catch(() => undefined);
  }

  #close(segment: OpenSegment): LiveSegment {
    const end = { offset: segment.offset, batch: this.#lastBatch, checksum: this.#lastChecksum };
    return { record: { ...segment.record, end }, maxIndex: segment.maxIndex };
  }

  async #writeManifest(
    closed: readonly LiveSegment[],
    open: SegmentRecord | undefined,
    base: EntryId,
    uncertain: EntryId | undefined,
  ): Promise<void> {
    const segments = [...closed.map(({ record }) => record), ...(open === undefined ? [] : [open])];
    await writeManifest(this.#fileSystem, this.#directory, { state: 'ready', base, uncertain, segments, identity: this.#identity });
  }

  /** Their names are out of the manifest: a leftover is removed at the next start. */
  async #removeSegments(segments: readonly LiveSegment[]): Promise<void> {
    for (const { record } of segments)
      await this.#fileSystem.unlink(join(this.#directory, segmentName(record.number))).catch(() => undefined);
  }

  /** One operation at a time, in the order of the calls. */
  #exclusively<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(async () => {
      if (this.#isClosed)
        throw new StorageError('STORAGE_CLOSED', 'The log is closed', { file: this.#directory, remedy: 'Open it again.' });
      try {
        return await operation();
      } catch (error) {
        await this.#space.noteFailure(error);
        throw storageErrorFrom(error, this.#directory);
      }
    });
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

type Build = (
  options: Required<DurableLogOptions>,
  vote: VoteFile,
  space: LogSpace,
  manifest: Manifest,
  replay: Replay | undefined,
) => DurableLog;

async function openLog(options: Required<DurableLogOptions>, build: Build): Promise<{ log: DurableLog; recovered: Recovered }> {
  const { fileSystem, directory } = options;
  await fileSystem.makeDirectory(directory);
  const names = await fileSystem.list(directory);
  const found = await readManifest(fileSystem, directory);
  if (found === undefined) refuseLeftovers(directory, names);
  const isNew = found === undefined || found.state === 'initialising';
  const identity = found?.identity ?? Buffer.from(options.nonce()).toString('hex');
  const fresh: Manifest = { state: 'initialising', base: noEntry, uncertain: undefined, segments: [], identity };
  const manifest = isNew ? fresh : found;

  if (found === undefined) await writeManifest(fileSystem, directory, manifest);
  const vote = isNew ? await VoteFile.create(fileSystem, directory, identity) : await VoteFile.open(fileSystem, directory, manifest);
  try {
    const replay = isNew ? undefined : await replayLog(fileSystem, directory, manifest, vote.hardState);
    const space = new LogSpace(fileSystem, directory, options, await removeLeftovers(fileSystem, directory, names, manifest));
    const isBound = isNew || (manifest.identity !== undefined && manifest.unbound !== true);
    const bound = isBound ? identity : await upgrade(fileSystem, directory, { manifest, identity, vote, space });
    const log = build(options, vote, space, { ...manifest, identity: bound }, replay);
    await log.resume(replay);
    await space.restore();
    return { log, recovered: recoveredFrom(vote, manifest, replay, isNew) };
  } catch (error) {
    await vote.close();
    throw error;
  }
}

function recoveredFrom(vote: VoteFile, manifest: Manifest, replay: Replay | undefined, fresh: boolean): Recovered {
  return {
    hardState: vote.hardState,
    entries: replay?.entries ?? [],
    base: { index: manifest.base.index, term: manifest.base.term },
    fresh,
    uncertain: replay?.uncertain,
  };
}

const isMembership = ({ kind }: Entry): boolean => kind === 'configuration';
