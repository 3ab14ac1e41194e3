import type { Request } from 'express';
import { fail } from './failure.js';

const LARGEST_FILE = 1024 * 1024;

/** The body of a request as the text of a CSV file. @throws Failure field-invalid, too-large */
export async function csvTextOf(request: Request): Promise<string> {
  if (!request.is('text/csv')) throw fail('field-invalid', 'must be text/csv', { field: 'Content-Type' });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_FILE) throw fail('too-large', 'the file is larger than 1 MB: send it in parts');
    chunks.push(chunk as Buffer);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw fail('field-invalid', 'must be UTF-8', { field: 'body' });
  }
}

/** The lines of a CSV file, one record a physical line, so that a quote somebody forgot costs one line. */
export function linesOfCsv(text: string): { lines: string[]; header: string; separator: ',' | ';' } {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const header = lines[0] ?? '';
  return { lines, header, separator: header.split(';').length > header.split(',').length ? ';' : ',' };
}

/**
 * Rows as a CSV file (RFC 4180). A cell that a spreadsheet would take for a formula is led by a quote, which
 * {@link withoutFormulaQuote} takes away.
 */
export function csvOf(rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  return rows.map((cells) => `${cells.map(cell).join(',')}\r\n`).join('');
}

/** A cell as it was before {@link csvOf} kept spreadsheets from reading it as a formula. */
export function withoutFormulaQuote(cell: string): string {
  return cell.replace(/^'(?=[=+\-@])/, '');
}

function cell(value: string | number | null | undefined): string {
  if (typeof value === 'number') return String(value);
  const text = (value ?? '').replaceAll(/[\r\n\t]+/g, ' ');
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** The cells of one line; undefined if a quote is not closed or out of place. */
export function cellsOf(line: string, separator: string): string[] | undefined {
  const cells: string[] = [];
  for (let rest = line; ;) {
    const quoted = /^\s*"((?:[^"]|"")*)"\s*/.exec(rest);
    const end = rest.indexOf(separator);
    const taken = quoted ? quoted[0] : end < 0 ? rest : rest.slice(0, end);
    if (!quoted && taken.includes('"')) return undefined;
    cells.push(quoted ? quoted[1]!.replaceAll('""', '"') : taken);
    rest = rest.slice(taken.length);
    if (rest === '') return cells;
    if (!rest.startsWith(separator)) return undefined;
    rest = rest.slice(separator.length);
  }
}
