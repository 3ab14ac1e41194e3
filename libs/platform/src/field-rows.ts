import { z } from 'zod';
import type { SiteMistake } from './site-contradictions.js';

/** A place in a message as people write it: `OBR-18`, `PID-3.4`. */
export interface FieldPlace {
  segment: string;
  field: number;
  /** Undefined for the whole field. */
  component?: number;
}

const place = /^([A-Z][A-Z0-9]{2})-([1-9]\d{0,2})(?:\.([1-9]\d?))?$/;
const fieldPlace = z.string().regex(place, 'must be a field or component, such as OBR-18 or PID-3.4');
/** Separators have their place in a message, and a constant may be put into any. */
const constant = z
  .string()
  .regex(/^[^|^~\\&\p{Cc}]*$/u, 'must hold none of | ^ ~ \\ & and no control character: name the component instead');

/**
 * One way in which a sender's messages differ from the standard. Of `to` it says where its value comes from: `from`
 * another place, by a table of `codes`, else a constant `value`; or it says what to `ignore`.
 */
export const fieldRow = z.strictObject({
  /** Where the standard has it. */
  to: fieldPlace.optional(),
  /** Where this sender has it; where nothing stands there, `to` stays as it came. */
  from: fieldPlace.optional(),
  /** Their code → the standard's, of the component, or the first one of a whole field; others stay. */
  codes: z.record(z.string().trim().min(1), constant).optional(),
  /** What stands in `to` where nothing else does; `""` there deletes, as HL7 has it. */
  value: constant.min(1).optional(),
  /** A segment or field that is read as if it were not there. */
  ignore: z
    .string()
    .regex(/^[A-Z][A-Z0-9]{2}(-[1-9]\d{0,2})?$/, 'must be a segment or field, such as OBX or OBR-18')
    .optional(),
});

/** A {@link fieldRow}. */
export type FieldRow = z.output<typeof fieldRow>;

/** Reads a place. @throws TypeError if it is none, which the site file is checked for */
export function fieldPlaceOf(written: string): FieldPlace {
  const [, segment, field, component] = place.exec(written) ?? [];
  if (!segment) throw new TypeError(`${written} is no field or component`);
  return { segment, field: Number(field), ...(component ? { component: Number(component) } : {}) };
}

/** A row in words, such as `OBR-18 from ZOR-3.1`. Holds codes and constants of the site file, nothing of a message. */
export function describeFieldRow({ to, from, codes, value, ignore }: FieldRow): string {
  if (ignore) return `${ignore} ignored`;
  return [to, from && `from ${from}`, codes && 'by codes', value && `else "${value}"`].filter(Boolean).join(' ');
}

/** MSH: what a message is, and how it is read, is the sender's to say. */
const ofHeader = [9, 11, 12];

/** The mistakes of one row that no single key shows. Takes the row however broken. */
export function mistakesOfFieldRow(row: Record<string, unknown>, path: string): SiteMistake[] {
  const { to, from, codes, value, ignore } = row;
  const written = [to, ignore].find((one) => typeof one === 'string') ?? '';
  const [segment, field] = written.split(/[-.]/);
  const mistakes: string[] = [];
  if (ignore !== undefined && Object.keys(row).length > 1) mistakes.push('ignore stands alone in its row');
  if (ignore === undefined && to === undefined) mistakes.push('must have to, or ignore');
  if (to !== undefined && from === undefined && codes === undefined && value === undefined)
    mistakes.push('must have from, codes or value beside to');
  if (to !== undefined && from === to) mistakes.push('from and to are the same');
  if (segment === 'MSH' && (ignore !== undefined || !ofHeader.includes(Number(field))))
    mistakes.push('of MSH only fields 9, 11 and 12 can be declared here');
  return mistakes.map((reason) => ({ path, reason }));
}
