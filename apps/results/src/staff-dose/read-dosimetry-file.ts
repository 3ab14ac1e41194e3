import { DateTime } from 'luxon';
import {
  asFailure,
  cellsOf,
  dosimetryColumns,
  fail,
  linesOfCsv,
  ofTable,
  personalDoses,
  staffDoseUnits,
  wearLocations,
  withoutFormulaQuote,
  type DosimetryColumn,
  type DosimetryService,
  type Failure,
  type PersonalDose,
  type StaffDoseUnit,
} from '#platform';
import type { ReadValue, StaffReading } from './staff-reading.decider.js';

const needed = ['person', 'location', 'start', 'end'] as const;
/** Wearing periods are a month or a quarter; a longer one is a date that was read the wrong way round. */
const LONGEST_PERIOD_DAYS = 366;
/** More than anybody ever wrote, and what a number still holds exactly in nanosieverts. */
const MOST_NANOSIEVERTS = 1e14;
type Row = Partial<Record<DosimetryColumn, string>>;

/** One line: a dosimeter and what it was read for. */
export interface ReportedLine {
  line: number;
  name?: string;
  readings: StaffReading[];
}

/** What became of a file: the lines that can be read, and each that cannot; no message has anything of a person in it. */
export interface DosimetryFile {
  lines: ReportedLine[];
  refused: RefusedLine[];
}
export interface RefusedLine {
  line: number;
  failure: Failure;
}

/**
 * Reads a file of a dosimetry service (CSV, RFC 4180; comma or semicolon, a header row, one dosimeter a physical line), as
 * the site file says that it writes. A line that cannot be read holds up no other. Of lines that say different things of
 * one reading none is taken.
 *
 * @param today as YYYY-MM-DD: nothing was worn longer than until now
 * @throws Failure field-missing, field-invalid if there is no usable header row
 */
export function readDosimetryFile(text: string, service: DosimetryService, today: string): DosimetryFile {
  const { lines, header, separator } = linesOfCsv(text);
  const columns = columnsOf(cellsOf(header, separator) ?? [], service);
  const file: DosimetryFile = { lines: [], refused: [] };
  for (const [index, written] of lines.entries()) {
    if (index === 0 || written.trim() === '') continue;
    const line = index + 1;
    try {
      const cells = cellsOf(written, separator);
      if (!cells) throw fail('field-invalid', 'a quote is not closed, or stands within a cell');
      if (cells.length > columns.length) throw fail('field-invalid', 'the line has more cells than the header row');
      file.lines.push({ line, ...lineOf(rowOf(cells, columns), service, today) });
    } catch (error) {
      file.refused.push({ line, failure: asFailure(error) });
    }
  }
  return withoutContradictions(file);
}

/** Which columns of ours each column of the file is; those nobody asked for are none. */
function columnsOf(header: readonly string[], { columns, unit }: DosimetryService): DosimetryColumn[][] {
  const written = (column: DosimetryColumn) => ofTable(columns, column) ?? column;
  const sameName = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase();
  const found = header.map((name) => dosimetryColumns.filter((column) => sameName(written(column), name)));
  const has = (column: DosimetryColumn) => found.some((one) => one.includes(column));
  for (const column of [...needed, ...(unit ? [] : ['unit' as const])])
    if (!has(column)) throw fail('field-missing', `the header row must name ${written(column)}`, { field: column });
  if (!personalDoses.some(has))
    throw fail('field-missing', `the header row must name one of ${personalDoses.map(written).join(', ')}`, {
      field: 'header',
    });
  for (const column of dosimetryColumns)
    if (found.filter((one) => one.includes(column)).length > 1)
      throw fail('field-invalid', `the header row names ${written(column)} twice`, { field: column });
  return found;
}

function rowOf(cells: readonly string[], columns: readonly DosimetryColumn[][]): Row {
  return Object.fromEntries(
    columns.flatMap((names, at) => {
      const cell = withoutFormulaQuote(cells[at]?.trim() ?? '').trim();
      return cell === '' ? [] : names.map((name) => [name, cell]);
    }),
  );
}

function lineOf(row: Row, service: DosimetryService, today: string): Omit<ReportedLine, 'line'> {
  for (const column of needed) if (!row[column]) throw fail('field-missing', 'must not be empty', { field: column });
  for (const column of ['person', 'name', 'badge'] as const) identifying(column, row[column]);
  const [start, end] = [dayOf('start', row, service), dayOf('end', row, service)];
  if (end < start) throw fail('field-invalid', 'must not be before start', { field: 'end' });
  if (end.diff(start, 'days').days > LONGEST_PERIOD_DAYS)
    throw fail('field-invalid', `must be at most ${LONGEST_PERIOD_DAYS} days after start`, { field: 'end' });
  if (end.toISODate()! > today) throw fail('field-invalid', 'must not be in the future', { field: 'end' });
  const location = wearLocations.find((one) => one === (wordOf(service.locations, row.location!) ?? row.location));
  if (!location)
    throw fail('value-unknown', `must be one of ${wearLocations.join(', ')}, or a row in locations of the site file`, {
      field: 'location',
    });
  const readings = personalDoses.flatMap((quantity): StaffReading[] => {
    const value = valueOf(quantity, row, service);
    return value
      ? [
          {
            person: { system: service.personSystem, value: row.person! },
            ...(row.badge ? { badge: { system: service.badgeSystem, value: row.badge } } : {}),
            location,
            start: start.toISODate()!,
            end: end.toISODate()!,
            quantity,
            value,
            service: service.name,
          },
        ]
      : [];
  });
  if (readings.length === 0) throw fail('field-missing', 'the line has no dose in any column', { field: 'hp10' });
  return { ...(row.name ? { name: row.name } : {}), readings };
}

/** What Postgres keeps in no jsonb, and what no number or name has. */
function identifying(column: DosimetryColumn, text = ''): void {
  if (text.length > 200 || /[\p{Cc}\p{Cs}]/u.test(text))
    throw fail('field-invalid', 'must have 200 characters at most, and no control characters', { field: column });
}

function dayOf(column: 'start' | 'end', row: Row, { dateFormat }: DosimetryService): DateTime<true> {
  const day = DateTime.fromFormat(row[column]!, dateFormat, { zone: 'utc' });
  if (day.isValid && day.year >= 1900 && day.year < 10_000) return day.startOf('day');
  throw fail('field-invalid', `must be a day written as ${dateFormat}`, { field: column });
}

function valueOf(quantity: PersonalDose, row: Row, service: DosimetryService): ReadValue | undefined {
  const text = row[quantity];
  if (text === undefined) return undefined;
  const isOneOf = (words: readonly string[]) => words.some((word) => word.toLowerCase() === text.toLowerCase());
  if (isOneOf(service.notRead)) return { kind: 'not-read' };
  if (isOneOf(service.belowReportable)) {
    const least = ofTable(service.minimumReportable, quantity);
    if (least === undefined)
      throw fail(
        'field-invalid',
        'is below what its service reports, and minimumReportable of the site file does not say what that is',
        { field: quantity },
      );
    return { kind: 'below', nanosieverts: Math.round(least * staffDoseUnits.mSv) };
  }
  const [, below, number] = /^(<?)\s*(.*)$/s.exec(text)!;
  return { kind: below ? 'below' : 'measured', nanosieverts: doseOf(quantity, number!, row, service) };
}

function doseOf(quantity: PersonalDose, number: string, row: Row, service: DosimetryService): number {
  const { decimal } = service;
  const isNumber = decimal === ',' ? /^\d+(,\d+)?$/ : /^\d+(\.\d+)?$/;
  if (!isNumber.test(number))
    throw fail(
      'field-invalid',
      `must be a number of 0 or more with a decimal ${decimal === ',' ? 'comma' : 'point'}, or a word of the site file`,
      { field: quantity },
    );
  const nanosieverts = Math.round(Number(number.replace(',', '.')) * staffDoseUnits[unitOf(row, service)]);
  if (nanosieverts > MOST_NANOSIEVERTS)
    throw fail('field-invalid', 'is more than anybody can have had', { field: quantity });
  return nanosieverts;
}

function unitOf(row: Row, service: DosimetryService): StaffDoseUnit {
  // Both code points of the Greek letter are in use: U+00B5 and U+03BC.
  const written = row.unit?.replace(/^[\u00b5\u03bc]/, 'u').toLowerCase();
  const units = Object.keys(staffDoseUnits) as StaffDoseUnit[];
  const unit = written === undefined ? service.unit : units.find((one) => one.toLowerCase() === written);
  if (unit) return unit;
  throw fail('value-unknown', `must be one of ${units.join(', ')}`, { field: 'unit' });
}

function wordOf<T>(table: Readonly<Record<string, T>>, word: string): T | undefined {
  const key = Object.keys(table).find((one) => one.trim().toLowerCase() === word.toLowerCase());
  return ofTable(table, key);
}

/** Two lines that say different things of one reading: which of them is right nobody here knows. */
function withoutContradictions({ lines, refused }: DosimetryFile): DosimetryFile {
  const saidOf = new Map<string, Set<string>>();
  for (const { readings } of lines)
    for (const reading of readings) {
      const said = saidOf.get(keyOf(reading)) ?? new Set();
      saidOf.set(keyOf(reading), said.add(JSON.stringify([reading.person, reading.value])));
    }
  const contradicted = ({ readings }: ReportedLine) => readings.find((one) => saidOf.get(keyOf(one))!.size > 1);
  const wrong = lines.flatMap((one): RefusedLine[] => {
    const reading = contradicted(one);
    return reading
      ? [
          {
            line: one.line,
            failure: fail('field-invalid', 'another line says something else of the same dosimeter, place and period', {
              field: reading.quantity,
            }),
          },
        ]
      : [];
  });
  return {
    lines: lines.filter((one) => !contradicted(one)),
    refused: [...refused, ...wrong].sort((a, b) => a.line - b.line),
  };
}

function keyOf({ person, badge, location, start, end, quantity }: StaffReading): string {
  return JSON.stringify([badge ?? person, badge === undefined, location, start, end, quantity]);
}
