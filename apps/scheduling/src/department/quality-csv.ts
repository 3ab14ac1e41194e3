import { DateTime } from 'luxon';
import type { Observation } from 'fhir/r4.js';
import { validateResource } from '#fhir';
import { asFailure, cellsOf, fail, linesOfCsv, stationByAeTitle, type Failure, type Site } from '#platform';
import { readQualityResult, testsOf, type QualityResult } from './quality-control.decider.js';
import { deviceIdOf } from './site-resources.decider.js';

/** The columns of a file of results; those that must be there, then those that may. */
const needed = ['station', 'test', 'date'] as const;
const optional = ['system', 'result', 'value', 'unit', 'low', 'high', 'id', 'performer', 'comment'] as const;
type Column = (typeof needed)[number] | (typeof optional)[number];
type Row = Partial<Record<Column, string>>;

/** What became of a file: the results in it, and each line that is none, with its number in the file. */
export interface QualityFile {
  results: { line: number; result: QualityResult; observation: Observation }[];
  refused: { line: number; failure: Failure }[];
}

const fieldOf: Readonly<Record<string, Column>> = {
  'Observation.subject': 'station',
  'Observation.code': 'test',
  'Observation.effective[x]': 'date',
  'Observation.interpretation': 'result',
  'Observation.value[x]': 'result',
  'Observation.valueQuantity': 'value',
};

/**
 * Reads results of QA tools from CSV (RFC 4180; comma or semicolon, a header row, one result a physical line, so that a
 * quote somebody forgot costs one line). Columns by name, in any order: `station` (AE title), `test` (code), `date` (ISO
 * 8601, in the site's zone where it gives none), and `result` (pass, fail) or `value`, with `unit`, `low` and `high`;
 * `system` of the code, `id` of the result, `performer`, `comment`.
 *
 * @throws Failure field-missing, field-invalid if there is no usable header row
 */
export function readQualityFile(text: string, site: Site, now: Date): QualityFile {
  const { lines, header, separator } = linesOfCsv(text);
  const columns = columnsOf(cellsOf(header, separator) ?? []);
  const file: QualityFile = { results: [], refused: [] };
  for (const [index, text] of lines.entries()) {
    if (index === 0 || text.trim() === '') continue;
    try {
      const cells = cellsOf(text, separator);
      if (!cells) throw fail('field-invalid', 'a quote is not closed, or stands within a cell');
      if (cells.length > columns.length) throw fail('field-invalid', 'the line has more cells than the header row');
      const row = Object.fromEntries(columns.map((column, at) => [column, cells[at]?.trim() || undefined])) as Row;
      const read = readQualityResult(validateResource(observationOf(row, site), 'Observation'), site, now);
      file.results.push({ line: index + 1, ...read });
    } catch (error) {
      file.refused.push({ line: index + 1, failure: namedByColumn(asFailure(error)) });
    }
  }
  return file;
}

function columnsOf(header: readonly string[]): Column[] {
  const columns = header.map((name) => name.trim().toLowerCase());
  for (const name of needed)
    if (!columns.includes(name))
      throw fail('field-missing', `the header row must name ${needed.join(', ')}`, { field: name });
  const known: readonly string[] = [...needed, ...optional];
  const unknown = columns.findIndex((name, index) => !known.includes(name) || columns.indexOf(name) !== index);
  if (unknown >= 0)
    throw fail('field-invalid', `column ${unknown + 1} must be one of ${known.join(', ')}, each once`, {
      field: 'header',
    });
  return columns as Column[];
}

function observationOf(row: Row, site: Site): Observation {
  for (const name of needed) if (!row[name]) throw fail('field-missing', 'must not be empty', { field: name });
  const station = stationByAeTitle(site, row.station);
  if (!station) throw fail('value-unknown', 'must be the AE title of a station of the site file', { field: 'station' });
  const tests = testsOf(station, site).filter(
    ({ code, system }) => code === row.test && (row.system ?? system) === system,
  );
  if (tests.length !== 1)
    throw fail('value-unknown', `must be a test of this station in qualityControl of the site file`, { field: 'test' });
  const { system, code, display } = tests[0]!;
  const quantity = (column: 'value' | 'low' | 'high') => quantityOf(column, row);
  const [value, low, high] = [quantity('value'), quantity('low'), quantity('high')];
  return {
    resourceType: 'Observation',
    ...(row.id ? { identifier: [{ system: 'urn:collimator:quality-result', value: row.id }] } : {}),
    status: 'final',
    code: { coding: [{ system, code, display }] },
    subject: { reference: `Device/${deviceIdOf(station.aeTitle)}`, display: station.name },
    effectiveDateTime: momentOf(row.date!, site),
    ...(row.result ? { interpretation: [{ text: row.result }] } : {}),
    ...(value ? { valueQuantity: value } : {}),
    ...(low || high ? { referenceRange: [{ ...(low ? { low } : {}), ...(high ? { high } : {}) }] } : {}),
    ...(row.performer ? { performer: [{ display: row.performer }] } : {}),
    ...(row.comment ? { note: [{ text: row.comment }] } : {}),
  };
}

/** A number as a program writes it; a comma may be a German decimal sign or a thousands' one, and is refused. */
function quantityOf(column: 'value' | 'low' | 'high', { unit, ...row }: Row) {
  const text = row[column];
  if (!text) return undefined;
  if (!Number.isFinite(Number(text)) || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text))
    throw fail('field-invalid', 'must be a number with a decimal point', { field: column });
  return { value: Number(text), ...(unit ? { unit } : {}) };
}

function momentOf(text: string, site: Site): string {
  const at = DateTime.fromISO(text.replace(' ', 'T'), { zone: site.timeZone });
  if (!/[T ]\d/.test(text) || !at.isValid)
    throw fail('field-invalid', 'must be a date and time such as 2026-01-31T07:30', { field: 'date' });
  return at.toISO()!;
}

function namedByColumn(failure: Failure): Failure {
  const column = fieldOf[failure.field ?? ''];
  return column ? fail(failure.code, failure.message, { field: column }) : failure;
}
