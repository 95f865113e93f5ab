/** What the box is made of, from systeminformation, which runs in a process of its own (inventory-main.ts says why). */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Inventory } from '../../schemas/generated/types.ts';
import { clip } from './files.ts';

export interface InventoryOptions {
  /** The program that prints the facts. @default inventory-main beside this file, or beside the bundle */
  readonly program?: string;
  /** How long it may take, in milliseconds. @default 30_000 */
  readonly timeoutMs?: number;
  /** Ends it early. */
  readonly signal?: AbortSignal;
}

/** Reads the inventory. Resolves to null when the program fails or takes too long. Never rejects. */
export function readInventory(options: InventoryOptions = {}): Promise<Inventory | null> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [options.program ?? defaultProgram()],
      {
        timeout: options.timeoutMs ?? 30_000,
        killSignal: 'SIGKILL',
        maxBuffer: 1024 * 1024,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
      (error, stdout) => {
        if (error !== null) return resolve(null);
        try {
          resolve(toInventory(JSON.parse(stdout)));
        } catch {
          resolve(null);
        }
      },
    );
  });
}

/** Bundled, this module is dist/holdfast.mjs, and the program lies beside it. */
function defaultProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? './inventory-main.ts' : './inventory.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}

type Facts = Readonly<Record<string, unknown>>;

/** Picks and bounds what the document shows; whatever is missing, empty or of another type is null. */
export function toInventory(raw: unknown): Inventory {
  const facts = group(raw);
  const os = group(facts['os']);
  const hardware = group(facts['system']);
  const cpu = group(facts['cpu']);
  return {
    os: {
      name: clip(os['distro'], 64),
      release: clip(os['release'], 64),
      kernel: clip(os['kernel'], 64),
      arch: clip(os['arch'], 16),
      hostname: clip(os['hostname'], 64),
    },
    hardware: {
      manufacturer: clip(hardware['manufacturer'], 64),
      model: clip(hardware['model'], 64),
      virtual: typeof hardware['virtual'] === 'boolean' ? hardware['virtual'] : null,
    },
    cpu: {
      brand: clip(`${clip(cpu['manufacturer'], 32) ?? ''} ${clip(cpu['brand'], 32) ?? ''}`, 64),
      physicalCores: integer(positive(cpu['physicalCores'])),
      // The library says 0 where it does not know.
      speedGHz: positive(cpu['speed']),
    },
    disks: list(facts['disks']).map((disk) => ({
      name: clip(disk['name'], 64),
      type: clip(disk['type'], 16),
      sizeBytes: integer(positive(disk['size'])),
    })),
    gpus: list(facts['gpus']).map((gpu) => ({
      model: clip(`${clip(gpu['vendor'], 32) ?? ''} ${clip(gpu['model'], 32) ?? ''}`, 64),
      vramMiB: positive(gpu['vram']),
    })),
  };
}

function group(value: unknown): Facts {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Facts) : {};
}

function list(value: unknown): readonly Facts[] {
  return Array.isArray(value) ? value.slice(0, 8).map(group) : [];
}

function positive(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : null;
}

function integer(value: number | null): number | null {
  return value !== null && Number.isSafeInteger(value) ? value : null;
}
