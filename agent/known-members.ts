/** The members of the site as this box last knew them, beside its memory: whoever loses that still knows whom to ask. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Member } from '../schemas/generated/types.ts';
import type { Settings } from './config.ts';
import type { Founder } from './directory.ts';
import type { KnownPeer } from './ports.ts';

const fileName = 'members.json';

/**
 * Those of the configuration, and those it was with. What the configuration says of a box counts; where the site has learned since that
 * it is, is tried too.
 */
export function knownMembers({ dataDir, members }: Pick<Settings, 'dataDir' | 'members'>): readonly Founder[] {
  const before = remembered(dataDir);
  const named = new Set(members.flatMap(({ name, peerId }) => [name, peerId]));
  const configured = members.map((member): Founder => {
    const learned = before.find(({ name, peerId }) => name === member.name && peerId === member.peerId)?.address;
    return learned === undefined || learned === member.address ? member : { ...member, formerAddresses: [learned] };
  });
  return [...configured, ...before.filter(({ name, peerId }) => !named.has(name) && !named.has(peerId))];
}

export class KnownMembers {
  readonly #file: string;
  #written = '';

  constructor(dataDir: string) {
    this.#file = join(dataDir, fileName);
  }

  /** Written when it is another list than before. Not synced: after a crash the list before it will do. */
  remember(peers: readonly KnownPeer[]): void {
    const members = peers.map(({ name, peerId, address }) => ({ name, peerId, ...(address === undefined ? {} : { address }) }));
    const text = `${JSON.stringify(members)}\n`;
    if (text === this.#written) return;
    this.#written = text;
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

/** Nothing when the file is missing or cannot be read: it only helps. */
function remembered(dataDir: string): readonly Member[] {
  try {
    const list = JSON.parse(readFileSync(join(dataDir, fileName), 'utf8')) as readonly Partial<Member>[];
    return list.flatMap(({ name, peerId, address }) =>
      typeof name === 'string' && typeof peerId === 'string' && typeof address === 'string' ? [{ name, peerId, address }] : [],
    );
  } catch {
    return [];
  }
}
