import { z } from 'zod';
import { fail, mistakesOf } from '#platform';
import { lastDay } from './stated-supply.js';
import { gtin14Of } from '../barcodes/gtin.js';

/** What Postgres keeps in no jsonb is no text either. */
const text = z
  .string('must be a text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'must have 200 characters at most')
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must hold no control characters');
/** A scanner sends FNC1 as the group separator, a control character. */
const scanned = z
  .string('must be a text')
  .max(500, 'must have 500 characters at most')
  .regex(/^[^\0\p{Cs}]*$/u, 'must hold no NUL');
const uri = text.regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'must be an absolute URI, such as urn:oid:1.2.3');
const containers = z
  .int('must be a whole number')
  .positive('must be more than 0')
  .max(100_000, 'must be 100000 at most');
/** A number of the sender's own: the same statement sent again under it is the same. */
const identifier = z.strictObject({ system: uri, value: text });
const gtin = text.transform((digits, context) => {
  const filled = gtin14Of(digits);
  if (filled) return filled;
  context.addIssue({ code: 'custom', message: 'must be a GTIN of 8, 12, 13 or 14 digits with its check digit' });
  return z.NEVER;
});
const month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/);
const expiry = z.union(
  [z.iso.date(), month.transform(lastDay)],
  'must be a date as YYYY-MM-DD, or a month as YYYY-MM: its last day',
);
const at = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time with its offset' }).optional();
/** How a lot is named: what a scanner read of the package, its GTIN and number, or its id here. */
const namedLot = {
  barcode: scanned.optional(),
  gtin: gtin.optional(),
  lotNumber: text.optional(),
  expiresOn: expiry.optional(),
  lot: text.optional(),
};

const statements = {
  receipt: z.strictObject({ identifier, ...namedLot, room: text, containers, at }),
  move: z.strictObject({ identifier, ...namedLot, from: text, to: text, containers }),
  count: z.strictObject({ identifier, ...namedLot, room: text, containers: containers.or(z.literal(0)) }),
  discard: z.strictObject({
    identifier,
    ...namedLot,
    room: text,
    containers,
    reason: z.enum(['waste', 'expired', 'recalled', 'damaged']),
  }),
  opening: z.strictObject({ identifier, ...namedLot, room: text, at }),
  'container-discard': z.strictObject({
    at,
    reason: z.enum(['waste', 'expired', 'recalled', 'damaged']).default('waste'),
  }),
  recall: z.strictObject({ identifier, ...namedLot, reason: text }),
  withdrawal: z.strictObject({ identifier, ...namedLot, reason: text }),
  check: z.strictObject({ ...namedLot, container: text.optional(), exam: text.optional() }),
} as const;

export type StatementKind = keyof typeof statements;
export type Statement<K extends StatementKind> = z.output<(typeof statements)[K]>;
/** A lot as a statement names it. */
export type NamedLot = Pick<Statement<'receipt'>, 'barcode' | 'gtin' | 'lotNumber' | 'expiresOn' | 'lot'>;

/**
 * Reads what somebody says of supplies.
 *
 * @throws Failure field-missing, field-invalid with the path of the first element at fault, and all others in `also`
 */
export function readStatement<K extends StatementKind>(kind: K, body: unknown): Statement<K> {
  const result = statements[kind].safeParse(body ?? {});
  if (result.success) return result.data as Statement<K>;
  const [first, ...also] = result.error.issues
    .flatMap((issue) => mistakesOf(issue, body ?? {}, 'this statement'))
    .map(({ path, reason }) =>
      fail(reason === 'is missing' ? 'field-missing' : 'field-invalid', `${path || 'the body'} ${reason}`, {
        field: path || 'body',
      }),
    );
  throw fail(first!.code, first!.message, { field: first!.field, also });
}
