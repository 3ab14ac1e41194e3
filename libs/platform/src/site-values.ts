import { IANAZone } from 'luxon';
import { z } from 'zod';

/** Kinds of values that several parts of the site file hold. */
export const text = z.string().trim().min(1);
export const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'must be an absolute URI, such as urn:oid:1.2.3');
export const zone = text.refine(
  (name) => IANAZone.isValidZone(name),
  'must be an IANA time zone, such as Europe/Berlin',
);
export const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
export const port = z.int().min(1).max(65535);

/** TLS to a system: files in PEM, the authority that signed its certificate, and our own where it wants one. */
export const tlsFiles = z.strictObject({ caFile: text, certFile: text.optional(), keyFile: text.optional() });

export const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a quoted time of day, such as '07:00'");
export const closingTime = timeOfDay.or(z.literal('24:00'));
export const minutes = z.int().min(1).max(1440);
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export const coding = z.strictObject({ system: uri, code: text, display: text });

/** DICOM VR AE (PS3.5 section 6.2): at most 16 characters, no backslash, no control characters. */
export const aeTitle = z
  .string()
  .regex(/^[\x20-\x5b\x5d-\x7e]{1,16}$/, 'must be 1 to 16 printable ASCII characters without a backslash')
  .refine((title) => title.trim() === title, 'must not begin or end with a space');
