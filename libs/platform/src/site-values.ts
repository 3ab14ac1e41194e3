import { IANAZone } from 'luxon';
import { z } from 'zod';

/** Kinds of values that several parts of the site file hold. */
export const text = z.string().trim().min(1);
export const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'must be an absolute URI, such as urn:oid:1.2.3');
export const zone = text.refine((name) => IANAZone.isValidZone(name), 'must be an IANA time zone, such as Europe/Berlin'); // prettier-ignore
export const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
export const port = z.int().min(1).max(65535);
