/** What every command is given: where to ask, how to print. */
import { HttpClient } from './http-client.ts';

export interface Context {
  readonly client: HttpClient;
  readonly json: boolean;
  /** Prints a document with --json, or text for a person. */
  print(document: unknown, text: () => string): void;
}

export interface GlobalOptions {
  readonly endpoint: string;
  readonly json?: boolean;
}

export function makeContext({ endpoint, json = false }: GlobalOptions): Context {
  return {
    client: new HttpClient(endpoint, process.env['HOLDFAST_TOKEN']),
    json,
    print: (document, text) => {
      process.stdout.write(`${json ? JSON.stringify(document) : text()}\n`);
    },
  };
}

/** Columns as wide as their widest cell; the last one takes what is left. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

export const seconds = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} s`);
