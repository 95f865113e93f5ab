import { registerHooks } from 'node:module';

/** One place of a file of consensus/core that reads otherwise in this process. */
export interface Change {
  /** Name in consensus/core, without `.ts`. */
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** An APPEND carries one entry, so that entries of several terms arrive, and are acknowledged, one by one. */
const smallAppends: Change = { file: 'types', before: 'appendEntriesMax: 1024', after: 'appendEntriesMax: 1' };

/**
 * From now on this process loads consensus/core as it is in the repository, but for this: private fields can be read, so that a
 * member's state can be compared and copied, an APPEND carries one entry, and the changes given are made. Nothing of it is seen outside of this process.
 */
export function openCore(changes: readonly Change[]): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const file = /\/consensus\/core\/([a-z0-9-]+)\.ts$/.exec(url)?.[1];
      if (file === undefined || loaded.source === undefined || loaded.source === null) return loaded;
      const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
      return { ...loaded, source: changed(file, source, [smallAppends, ...changes]).replaceAll(/#([a-zA-Z])/g, 'private_$1') };
    },
  });
}

function changed(file: string, source: string, changes: readonly Change[]): string {
  let text = source;
  for (const { before, after } of changes.filter((change) => change.file === file)) {
    if (text.split(before).length !== 2) throw new Error(`consensus/core/${file}.ts does not have this in one place: ${before}`);
    text = text.replace(before, after);
  }
  return text;
}
