/** Who this box is: an Ed25519 key in a file of its own. Whoever has the key is this box. */
import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { errorWord, NetworkError } from './errors.ts';

const keyBytesMax = 1024;

export interface Identity {
  readonly privateKey: Ed25519PrivateKey;
  readonly peerId: string;
}

/** Reads `identity.key`, or makes it (mode 0600, durable before it is used). @throws {NetworkError} IDENTITY_*. */
export async function loadOrCreateIdentity(dataDir: string): Promise<Identity> {
  const file = join(dataDir, 'identity.key');
  const bytes = readKey(file);
  if (bytes !== undefined) return parseKey(file, bytes);
  const privateKey = await generateKeyPair('Ed25519');
  writeKey(dataDir, file, privateKeyToProtobuf(privateKey));
  return identityOf(privateKey);
}

function identityOf(privateKey: Ed25519PrivateKey): Identity {
  return { privateKey, peerId: peerIdFromPrivateKey(privateKey).toString() };
}

function readKey(file: string): Uint8Array | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw ioError('read', file, error);
  }
  try {
    const { mode, size } = fstatSync(descriptor);
    const others = mode & 0o077;
    if (others !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      throw new NetworkError(
        'IDENTITY_PERMISSIONS',
        `${file} has mode ${shown}: others may read this box's key. Run: chmod 600 ${file} (and give the box a new key if others could have read it)`,
      );
    }
    if (size > keyBytesMax) throw damaged(file);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function parseKey(file: string, bytes: Uint8Array): Identity {
  try {
    const key = privateKeyFromProtobuf(bytes);
    if (key.type === 'Ed25519') return identityOf(key);
  } catch (cause) {
    throw damaged(file, cause);
  }
  throw damaged(file);
}

/** The file appears under its name only when it is whole and durable. */
function writeKey(dataDir: string, file: string, bytes: Uint8Array): void {
  const draft = `${file}.new`;
  try {
    rmSync(draft, { force: true });
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      writeSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
    const directory = openSync(dataDir, 'r');
    try {
      fsyncSync(directory);
    } finally {
      closeSync(directory);
    }
  } catch (error) {
    throw ioError('write', file, error);
  }
}

function damaged(file: string, cause?: unknown): NetworkError {
  const remedy = 'Restore it from a backup, or remove it and enter the new peer id in the configuration of every member';
  return new NetworkError('IDENTITY_DAMAGED', `${file} holds no Ed25519 key. ${remedy}`, { cause });
}

function ioError(what: 'read' | 'write', file: string, cause: unknown): NetworkError {
  return new NetworkError(
    'IDENTITY_IO',
    `Cannot ${what} ${file} (${errorWord(cause)}): check the owner of the data directory and its disk`,
    { cause },
  );
}
