/** Gives a log of an earlier release its identity. At each step of it the directory can be opened again. */
import { storageErrorFrom } from '../errors.ts';
import type { FileSystem } from './file-system.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import type { LogSpace } from './space.ts';
import type { VoteFile } from './vote-file.ts';

interface Upgraded {
  readonly manifest: Manifest;
  readonly identity: string;
  readonly vote: VoteFile;
  readonly space: LogSpace;
}

/**
 * Resolves to the identity that the log has now; undefined where there was no room to begin: such a log goes on as it is until a start that
 * finds some. A manifest that said before that it is being upgraded is written anew: what was read of it need not be on the disk.
 */
export async function upgrade(
  fileSystem: FileSystem,
  directory: string,
  { manifest, identity, vote, space }: Upgraded,
): Promise<string | undefined> {
  try {
    await space.withReserve(() => writeManifest(fileSystem, directory, { ...manifest, identity, unbound: true }));
  } catch (error) {
    // Nothing but the manifest may say so yet, and the next one that is written takes it back. Once begun it has to be ended: copies of
    // the vote may name the log already.
    if (manifest.identity === undefined && storageErrorFrom(error, directory).code === 'STORAGE_FULL') return undefined;
    throw error;
  }
  const { unbound: _, ...bound } = manifest;
  await space.withReserve(async () => {
    await vote.bind(identity);
    await writeManifest(fileSystem, directory, { ...bound, identity });
  });
  return identity;
}
