/** What every command is given: where to ask, how to print. */
import { InvalidArgumentError } from 'commander';
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

/** An option's whole number in [0, max]. */
export const wholeNumber =
  (max = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^[0-9]+$/.test(text) || value > max) throw new InvalidArgumentError(`Give a whole number from 0 to ${max}.`);
    return value;
  };

/** What a cell says must neither break its line nor reach the terminal as a command. */
const printable = (text: string): string =>
  text.replace(/\p{Cc}/gu, (sign) =>
    JSON.stringify(sign)
      .slice(1, -1)
      .replace(/^[\x7f-\x9f]$/, '\ufffd'),
  );

/** Columns as wide as their widest cell; the last one takes what is left. */
export function table(head: readonly string[], raw: readonly (readonly string[])[]): string {
  const rows = raw.map((cells) => cells.map(printable));
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

export const seconds = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} s`);
