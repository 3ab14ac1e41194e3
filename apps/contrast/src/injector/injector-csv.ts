import { DateTime } from 'luxon';
import type { Extension, MedicationAdministration, Quantity } from 'fhir/r4.js';
import { extensions } from '#fhir';
import {
  asFailure,
  cellsOf,
  fail,
  injectorColumns,
  linesOfCsv,
  ofTable,
  type Failure,
  type Injector,
  type InjectorColumn,
} from '#platform';

/** The columns that must be there. */
const needed = ['number', 'order', 'start', 'volume'] as const;
type Column = InjectorColumn;
type Row = Partial<Record<Column, string>>;

/** One injection of a file: which exam it was for, and what was given. */
export interface ReportedInjection {
  line: number;
  /** The injector's own number of it. */
  number: string;
  /** A number of the order: accession number, placer or filler order number. */
  order: string;
  /** All of the administration but whose it is: its contrast record is found by the order. */
  administration: Omit<MedicationAdministration, 'subject'> & Pick<Partial<MedicationAdministration>, 'subject'>;
}

/** What became of a file: the injections in it, and each line that is none, with its number in the file. */
export interface InjectorFile {
  injections: ReportedInjection[];
  refused: { line: number; number?: string; failure: Failure }[];
}

const statuses = ['completed', 'stopped', 'not-done', 'in-progress'] as const;

/**
 * Reads what an injector gave from CSV (RFC 4180; comma or semicolon, a header row, one injection a physical line), by the
 * columns the site file says its vendor writes. Volumes are in mL, rates in mL/s, pressures in the injector's unit;
 * `volume` is the contrast that was delivered. A line that cannot be read holds up no other.
 *
 * @param siteZone of times without a zone, where the injector has none of its own
 * @throws Failure field-missing, field-invalid if there is no usable header row
 */
export function readInjectorFile(text: string, injector: Injector, siteZone: string): InjectorFile {
  const { lines, header, separator } = linesOfCsv(text);
  const columns = columnsOf(cellsOf(header, separator) ?? [], injector);
  const file: InjectorFile = { injections: [], refused: [] };
  for (const [index, text] of lines.entries()) {
    if (index === 0 || text.trim() === '') continue;
    const line = index + 1;
    let row: Row = {};
    try {
      const cells = cellsOf(text, separator);
      if (!cells) throw fail('field-invalid', 'a quote is not closed, or stands within a cell');
      if (cells.length > columns.length) throw fail('field-invalid', 'the line has more cells than the header row');
      row = rowOf(cells, columns, injector);
      for (const name of needed) if (!row[name]) throw fail('field-missing', 'must not be empty', { field: name });
      const zone = injector.timeZone ?? siteZone;
      file.injections.push({
        line,
        number: row.number!,
        order: row.order!,
        administration: administrationOf(row, injector, zone),
      });
    } catch (error) {
      file.refused.push({ line, ...(row.number ? { number: row.number } : {}), failure: asFailure(error) });
    }
  }
  return file;
}

/** Columns nobody asked for are passed over: vendors write dozens. */
function columnsOf(header: readonly string[], { columns }: Injector): (Column | undefined)[] {
  const written = (column: Column) => (ofTable(columns, column) ?? column).trim().toLowerCase();
  const names = header.map((name) => name.trim().toLowerCase());
  const found = names.map((name) => injectorColumns.find((column) => written(column) === name));
  for (const name of needed)
    if (!found.includes(name))
      throw fail(
        'field-missing',
        `the header row must name ${needed.map((one) => ofTable(columns, one) ?? one).join(', ')}`,
        { field: name },
      );
  const twice = found.findIndex((one, index) => one !== undefined && found.indexOf(one) !== index);
  if (twice >= 0) throw fail('field-invalid', `column ${twice + 1} is there twice`, { field: found[twice]! });
  return found;
}

function rowOf(cells: readonly string[], columns: readonly (Column | undefined)[], { values }: Injector): Row {
  return Object.fromEntries(
    columns.flatMap((column, at) => {
      const cell = cells[at]?.trim();
      if (!column || !cell) return [];
      return [[column, ofTable(ofTable(values, column) ?? {}, cell) ?? cell]];
    }),
  );
}

function administrationOf(row: Row, injector: Injector, zone: string): ReportedInjection['administration'] {
  const status = (row.status ?? 'completed') as (typeof statuses)[number];
  if (!statuses.includes(status))
    throw fail('value-unknown', `must be one of ${statuses.join(', ')}, or a row in values of the site file`, {
      field: 'status',
    });
  const [start, end] = [momentOf('start', row.start!, zone), row.end && momentOf('end', row.end, zone)];
  if (end && Date.parse(end) < Date.parse(start))
    throw fail('field-invalid', 'must not be before start', { field: 'end' });
  const dose = quantityOf('volume', row, 'mL')!;
  const rate = quantityOf('rate', row, 'mL/s');
  const phases = phasesOf(row, injector);
  const extravasation = extravasationOf(row);
  const isGiven = status !== 'not-done' && dose.value !== 0;
  return {
    resourceType: 'MedicationAdministration',
    identifier: [{ system: injector.system, value: row.number! }],
    status: isGiven ? status : 'not-done',
    contained: [
      {
        resourceType: 'Medication',
        id: 'agent',
        ...(row.agent || !row.barcode
          ? { code: { text: row.agent ?? 'contrast agent, not named by the injector' } }
          : {}),
        ...(row.lot ? { batch: { lotNumber: row.lot } } : {}),
        ...(row.barcode ? { extension: [{ url: extensions.barcode, valueString: row.barcode }] } : {}),
      },
    ] as MedicationAdministration['contained'] & object,
    medicationReference: { reference: '#agent' },
    ...(row.patient ? { subject: { identifier: { value: row.patient } } } : {}),
    ...(end ? { effectivePeriod: { start, end } } : { effectiveDateTime: start }),
    performer: [
      { actor: { type: 'Device', display: injector.name } },
      ...(row.operator ? [{ actor: { display: row.operator } }] : []),
    ],
    dosage: {
      ...(isGiven ? { dose } : {}),
      ...(rate ? { rateQuantity: rate } : {}),
      ...(row.route ? { route: { text: row.route } } : {}),
    },
    ...(phases.length + extravasation.length > 0 ? { extension: [...phases, ...extravasation] } : {}),
  };
}

function phasesOf(row: Row, { pressureUnit }: Injector): Extension[] {
  const pressure = pressureUnit === 'psi' ? '[psi]' : pressureUnit;
  const phase = (content: string, parts: Record<string, Quantity | undefined>): Extension[] => {
    const stated = Object.entries(parts).filter(([, quantity]) => quantity !== undefined);
    return stated.length === 0
      ? []
      : [
          {
            url: extensions.injectionPhase,
            extension: [
              { url: 'content', valueCode: content },
              ...stated.map(([url, valueQuantity]) => ({ url, valueQuantity: valueQuantity! })),
            ],
          },
        ];
  };
  const all = [
    ...phase('contrast', {
      volume: quantityOf('volume', row, 'mL'),
      plannedVolume: quantityOf('planned-volume', row, 'mL'),
      rate: quantityOf('rate', row, 'mL/s'),
      plannedRate: quantityOf('planned-rate', row, 'mL/s'),
      peakPressure: quantityOf('peak-pressure', row, pressure),
      pressureLimit: quantityOf('pressure-limit', row, pressure),
    }),
    ...phase('saline', {
      volume: quantityOf('saline-volume', row, 'mL'),
      plannedVolume: quantityOf('saline-planned-volume', row, 'mL'),
      rate: quantityOf('saline-rate', row, 'mL/s'),
      plannedRate: quantityOf('saline-planned-rate', row, 'mL/s'),
    }),
  ];
  return all.map(({ url, extension }, at) => ({
    url,
    extension: [{ url: 'number', valuePositiveInt: at + 1 }, ...extension!],
  }));
}

function extravasationOf(row: Row): Extension[] {
  const volume = quantityOf('extravasation-volume', row, 'mL');
  if (!row['extravasation-site'] && !volume) return [];
  const site = row['extravasation-site'] ?? 'not told by the injector';
  return [
    {
      url: extensions.extravasation,
      extension: [
        { url: 'site', valueCodeableConcept: { text: site } },
        ...(volume ? [{ url: 'volume', valueQuantity: volume }] : []),
      ],
    },
  ];
}

/** A number as a program writes it; a comma may be a German decimal sign or a thousands' one, and is refused. */
function quantityOf(column: Column, row: Row, unit: string): Quantity | undefined {
  const text = row[column];
  if (text === undefined) return undefined;
  if (!/^(\d+\.?\d*|\.\d+)$/.test(text))
    throw fail('field-invalid', `must be a number in ${unit} with a decimal point, 0 or more`, { field: column });
  return { value: Number(text), unit, system: 'http://unitsofmeasure.org', code: unit };
}

function momentOf(column: Column, text: string, zone: string): string {
  const at = DateTime.fromISO(text.replace(' ', 'T'), { zone });
  if (!/[T ]\d/.test(text) || !at.isValid)
    throw fail('field-invalid', 'must be a date and time such as 2026-01-31T07:30:00', { field: column });
  return at.toISO()!;
}
