import { DateTime } from 'luxon';
import { contentError, type Location } from '#hl7v2';

/** Data type DTM: YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]. */
const dtm = /^(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,4})?)?)?)?)?)?([+-]\d{4})?$/;

/**
 * An HL7 time as a FHIR dateTime of the same precision: 2024 stays 2024. A time of day without offset is read in the
 * sender's zone; FHIR wants minutes and seconds behind an hour, so those are zero where HL7 leaves them out.
 *
 * @throws Hl7Refusal 102 if it is no time, or one that does not exist
 */
export function fhirDateTime(text: string, zone: string, location: Location): string {
  const [, year, month, day, hour, minute = '00', second = '00', offset] = dtm.exec(text) ?? [];
  const date = [year, month, day].filter(Boolean).join('-');
  const place = `${location.segment}-${location.field}`;
  const wrong = () =>
    contentError(102, `${place} is not a date or time: write YYYYMMDD or YYYYMMDDHHMM[SS][+ZZZZ]`, location);
  if (!year) throw wrong();
  if (!hour) {
    if (!DateTime.fromISO(date.padEnd(10, date.length === 4 ? '-01-01' : '-01')).isValid) throw wrong();
    return date;
  }
  const at = DateTime.fromISO(`${date}T${hour}:${minute}:${second}${offset ?? ''}`, {
    zone,
    setZone: offset !== undefined,
  });
  if (!at.isValid) throw wrong();
  return at.toISO({ suppressMilliseconds: true });
}

/** An HL7 date as a FHIR date: what lies behind the day is left out. @throws Hl7Refusal 102 */
export function fhirDate(text: string, location: Location): string {
  return fhirDateTime(text.slice(0, 8), 'utc', location);
}

/** A FHIR dateTime as an HL7 DTM of the same precision, with its offset. */
export function hl7DateTime(text: string | undefined): string | undefined {
  if (!text) return undefined;
  const [, date = '', time, offset] = /^([\d-]+)(?:T([\d:]+)(?:\.\d+)?(Z|[+-]\d\d:\d\d))?$/.exec(text) ?? [];
  const zone = offset === 'Z' ? '+0000' : (offset ?? '').replace(':', '');
  return date.replaceAll('-', '') + (time ? time.replaceAll(':', '') + zone : '');
}
