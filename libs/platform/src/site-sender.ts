import { z } from 'zod';
import { fieldRow } from './field-rows.js';
import { text, uri, zone } from './site-values.js';

/** HL7 table 0211, as far as messages are read in it. */
const characterSets = [
  'ASCII',
  'UNICODE UTF-8',
  '8859/1',
  '8859/2',
  '8859/3',
  '8859/4',
  '8859/5',
  '8859/6',
  '8859/7',
  '8859/8',
  '8859/9',
  '8859/10',
  '8859/13',
  '8859/14',
  '8859/15',
  'ISO IR87',
  'GB 18030-2000',
  'KS X 1001',
  'BIG-5',
] as const;

/** One system that sends HL7 v2 here. */
export const sender = z.strictObject({
  /** MSH-3. */
  application: text,
  /** MSH-4. */
  facility: text,
  /** Zone of the sender's times that carry no offset. */
  timeZone: zone.optional(),
  /**
   * What this sender may send here; anything else is answered AR. Of ORU^R01 orders takes labs, results reports; of
   * ORM^O01 and OMG^O19 orders takes orders, results `images`: a PACS or RIS that says that there are images.
   */
  sends: z.array(z.enum(['orders', 'admissions', 'reports', 'appointments', 'labs', 'images'])).min(1),
  /**
   * What its order messages are answered with: `ACK`, or `ORDER` for the response that tells of each order (ORR^O02,
   * ORG^O20, ORI^O24).
   */
  orderAnswer: z.enum(['ACK', 'ORDER']).default('ACK'),
  /**
   * How it is answered: `asAsked` by its MSH-15 and MSH-16; `original` whatever they say; `enhanced` also where they say
   * nothing.
   */
  acknowledgement: z.enum(['asAsked', 'original', 'enhanced']).default('asAsked'),
  /** Character set of messages whose MSH-18 is empty. */
  characterSet: z
    .enum(characterSets, { error: 'must be a character set of HL7 table 0211, such as 8859/1' })
    .optional(),
  /**
   * Name of the MLLP destination that is told what becomes of this sender's orders, and gets application
   * acknowledgements in enhanced mode.
   */
  repliesTo: text.optional(),
  /** The sender's own procedure codes, each to a code of `procedures`. */
  procedureCodes: z.record(text, text).default({}),
  /** What the sender's own namespace ids mean, before those of the site. */
  authorities: z.record(text, uri).default({}),
  /** In what its messages differ from the standard; each row reads the message as it came. */
  fields: z.array(fieldRow).max(100).default([]),
});
