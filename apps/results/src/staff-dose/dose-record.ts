import { csvOf, dosimetryColumns, personalDoses, type DosimetryService } from '#platform';
import { groupedBy } from './grouped-by.js';
import { NANO, type ReadValue, type StaffReading } from './staff-reading.decider.js';

/** How a record is written: {@link readDosimetryFile} reads it with these settings, and its identifier systems. */
export const recordFormat: Omit<DosimetryService, 'name' | 'personSystem' | 'badgeSystem'> = {
  columns: {},
  decimal: '.',
  dateFormat: 'yyyy-MM-dd',
  locations: {},
  belowReportable: [],
  minimumReportable: {},
  notRead: ['NR'],
};

/**
 * The dose record of a person as CSV, a line a dosimeter and wearing period, in order of time: in millisieverts, `<` and
 * the least that is reported where it was less, NR where it was not read.
 */
export function doseRecordCsv(readings: readonly StaffReading[], name?: string): string {
  const lines = groupedBy(readings, ({ person, badge, location, start, end }) =>
    JSON.stringify([end, start, location, badge ?? null, person]),
  );
  const rows = [...lines].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => rowOf(line, name));
  return csvOf([dosimetryColumns, ...rows]);
}

function rowOf(line: readonly StaffReading[], name: string | undefined): (string | undefined)[] {
  const { person, badge, location, start, end } = line[0]!;
  const doses = personalDoses.map((quantity) => {
    const reading = line.find((one) => one.quantity === quantity);
    return reading && written(reading.value);
  });
  return [person.value, name, badge?.value, location, start, end, ...doses, 'mSv'];
}

function written(value: ReadValue): string {
  if (value.kind === 'not-read') return recordFormat.notRead[0]!;
  // Never with an exponent, which no reader takes.
  const millisieverts = (value.nanosieverts / NANO).toFixed(6).replace(/\.?0+$/, '');
  return value.kind === 'below' ? `<${millisieverts}` : millisieverts;
}
