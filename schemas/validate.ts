/** The one door for outside data: every document is checked here, against its schema, before anybody reads a field. */
import type { AllDocuments } from './generated/types.ts';
import * as validators from './generated/validators.js';

export type DocumentKind = keyof AllDocuments;

/** One thing wrong with a document: where (JSON pointer) and what. */
export interface SchemaProblem {
  readonly pointer: string;
  readonly message: string;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly SchemaProblem[] };

interface ErrorLike {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** Checks an already parsed value. It is returned as it is, typed: unknown keys are refused, nothing is filled in. */
export function checkDocument<Kind extends DocumentKind>(kind: Kind, value: unknown): Parsed<AllDocuments[Kind]> {
  const validate = (validators as Readonly<Record<string, unknown>>)[kind] as ((value: unknown) => boolean) & {
    errors?: ErrorLike[] | null;
  };
  if (validate(value)) return { ok: true, value: value as AllDocuments[Kind] };
  return { ok: false, problems: (validate.errors ?? []).map(toProblem) };
}

/**
 * Parses and checks JSON text.
 * @param bytesMax refuse longer input before parsing it.
 */
export function parseDocument<Kind extends DocumentKind>(kind: Kind, bytes: Uint8Array, bytesMax: number): Parsed<AllDocuments[Kind]> {
  if (bytes.byteLength > bytesMax) return refuse(`is ${bytes.byteLength} bytes long, ${bytesMax} are allowed`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    return refuse(`is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return checkDocument(kind, value);
}

/** Problems on one line, for a log or an error message. */
export function describeProblems(problems: readonly SchemaProblem[]): string {
  return problems.map(({ pointer, message }) => `${pointer === '' ? 'the document' : pointer} ${message}`).join('; ');
}

function refuse(message: string): { readonly ok: false; readonly problems: readonly SchemaProblem[] } {
  return { ok: false, problems: [{ pointer: '', message }] };
}

function toProblem(error: ErrorLike): SchemaProblem {
  const { instancePath: pointer, keyword, params } = error;
  switch (keyword) {
    case 'additionalProperties':
      return {
        pointer: `${pointer}/${String(params['additionalProperty'])}`,
        message: 'is not a known key: check the spelling, or remove it',
      };
    case 'required':
      return { pointer: `${pointer}/${String(params['missingProperty'])}`, message: 'is missing' };
    case 'enum':
      return {
        pointer,
        message: `must be one of ${(params['allowedValues'] as readonly unknown[]).map((value) => JSON.stringify(value)).join(', ')}`,
      };
    case 'discriminator':
      return { pointer: `${pointer}/${String(params['tag'])}`, message: `is ${JSON.stringify(params['tagValue'])}: there is no such kind` };
    case 'const':
      return { pointer, message: `must be ${JSON.stringify(params['allowedValue'])}` };
    default:
      return { pointer, message: error.message ?? `breaks the rule ${keyword}` };
  }
}
