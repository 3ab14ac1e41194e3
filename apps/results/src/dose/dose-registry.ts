import { DateTime } from 'luxon';
import { csvOf, doseMeasures, doseUnitOf } from '#platform';
import type { DoseExam } from './dose-exams.store.js';

/** Upper ends of the age bands: those of European paediatric reference levels (RP 185), then by decades. */
const ageEnds = [1, 5, 10, 15, 18, 30, 40, 50, 60, 70, 80, 90];

/**
 * Exams as a dose registry takes them, a line each: month, age band, sex, procedure and values with their unit in the
 * heading. Nothing names the patient, the study or the day.
 */
export function registryCsv(exams: readonly DoseExam[], zone: string): string {
  const columns = doseMeasures.map((measure) => `${measure} [${doseUnitOf(measure)}]`);
  const header = [
    'month',
    'kind',
    'room',
    'procedure',
    'protocol',
    'age',
    'sex',
    'weight [kg]',
    ...columns,
    'irradiation events',
    'above reference level',
  ];
  const lines = exams.map((exam) => [
    DateTime.fromJSDate(exam.performedAt, { zone }).toFormat('yyyy-MM'),
    exam.kind,
    exam.room,
    exam.procedure,
    exam.protocol,
    ageBand(exam.ageYears),
    exam.sex,
    weightBand(exam.weightKg),
    ...doseMeasures.map((measure) => exam.measures[measure]),
    exam.events,
    exam.isAbove ? 'yes' : 'no',
  ]);
  return csvOf([header, ...lines]);
}

/** Years as a band such as `5-9`; empty where the age is not known. */
export function ageBand(years: number | null | undefined): string {
  if (years === undefined || years === null) return '';
  const index = ageEnds.findIndex((end) => years < end);
  if (index < 0) return `${ageEnds.at(-1)}+`;
  const [from, until] = [ageEnds[index - 1] ?? 0, ageEnds[index]! - 1];
  return from === until ? String(from) : `${from}-${until}`;
}

/** Kilograms as a band of ten. */
function weightBand(kilograms: number | null | undefined): string {
  if (kilograms === undefined || kilograms === null) return '';
  if (kilograms >= 150) return '150+';
  const from = Math.floor(kilograms / 10) * 10;
  return `${from}-${from + 9}`;
}
