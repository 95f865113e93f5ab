/** The state store of a box. What was written without sync may be lost with the power, the newest first, as a log-structured store loses it. */
import { logIndex, type Membership, type SnapshotMeta, term } from '../../../consensus/core/types.ts';
import type { RowChange, StateStore } from '../../../consensus/driver/ports.ts';
import type { Row } from '../../../consensus/driver/snapshot-codec.ts';
import type { SeededRandom } from '../random.ts';

interface Version {
  readonly meta: SnapshotMeta;
  readonly rows: ReadonlyMap<string, Uint8Array>;
}

export class MemoryState {
  /** The durable one first. */
  #versions: Version[];
  #life = 0;

  constructor(membership: Membership) {
    this.#versions = [{ meta: { index: logIndex(0), term: term(0), membership }, rows: new Map() }];
  }

  get meta(): SnapshotMeta {
    return this.#newest.meta;
  }

  cutPower(random: SeededRandom): void {
    this.#life += 1;
    this.#versions = [this.#versions[random.nextInt(this.#versions.length)] ?? this.#newest];
  }

  /** The process is gone; what it wrote is there. */
  remount(): void {
    this.#life += 1;
  }

  /** @param replacing takes its time: a snapshot is much to write. */
  mount(replacing: () => Promise<void>): StateStore {
    const life = this.#life;
    const add = (version: Version, sync: boolean): Promise<void> => {
      if (life !== this.#life) return new Promise(() => undefined);
      this.#versions = sync ? [version] : [...this.#versions, version];
      return Promise.resolve();
    };
    return {
      open: async () => ({ meta: this.#newest.meta, rows: [...this.#newest.rows] }),
      write: (changes, meta, sync) => add({ meta, rows: changed(this.#newest.rows, changes) }, sync),
      replace: async (rows: Iterable<Row>, meta) => {
        const version = { meta, rows: new Map(rows) };
        await replacing();
        await add(version, true);
      },
      close: async () => undefined,
    };
  }

  get #newest(): Version {
    return this.#versions.at(-1) as Version;
  }
}

function changed(rows: ReadonlyMap<string, Uint8Array>, changes: readonly RowChange[]): ReadonlyMap<string, Uint8Array> {
  const next = new Map(rows);
  for (const { key, value } of changes) {
    if (value === undefined) next.delete(key);
    else next.set(key, value);
  }
  return next;
}
