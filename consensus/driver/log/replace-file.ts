import { join } from 'node:path';
import type { FileSystem } from './file-system.ts';

/** Writes a whole small file so that after a crash either the old or the new content is there. */
export async function replaceFile(fileSystem: FileSystem, directory: string, name: string, content: Uint8Array): Promise<void> {
  const temporary = join(directory, `${name}.tmp`);
  const file = await fileSystem.open(temporary, 'create');
  try {
    await file.pwrite(content, 0);
    await file.fdatasync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, join(directory, name));
  await fileSystem.syncDirectory(directory);
}
