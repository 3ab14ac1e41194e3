import { z } from 'zod';
import { fail, mistakesOf, type Failure } from '#platform';

/** What Postgres keeps in no jsonb is no text either. */
export const text = z
  .string('must be a text')
  .trim()
  .min(1, 'must not be empty')
  .max(64, 'must have 64 characters at most')
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must hold no control characters');

export const dicomUid = z
  .string('must be a text')
  .regex(/^(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/, 'must be a DICOM UID');

/** What every statement about quality has: a number of the sender's own, by which it is the same when it is sent again, and a time. */
export const ofEveryStatement = {
  identifier: z.strictObject({
    system: text.regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'must be an absolute URI, such as urn:oid:1.2.3'),
    value: text,
  }),
  status: z.enum(['final', 'entered-in-error'], 'must be final or entered-in-error').default('final'),
  at: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time with its offset' }),
};

/**
 * A statement as it was sent, checked element by element and then as a whole.
 *
 * @param what it is called in messages, such as `this entry`
 * @param asAWhole what is wrong with it beyond its single elements
 * @throws Failure field-missing, field-invalid, or what is wrong with the whole: the first, and all others in `also`
 */
export function readStated<T extends z.ZodType>(
  schema: T,
  body: unknown,
  what: string,
  asAWhole: (stated: z.output<T>) => Failure[],
): z.output<T> {
  const result = schema.safeParse(body ?? {});
  const failures = result.success
    ? asAWhole(result.data)
    : result.error.issues
        .flatMap((issue) => mistakesOf(issue, body ?? {}, what))
        .map(({ path, reason }) =>
          fail(reason === 'is missing' ? 'field-missing' : 'field-invalid', `${path || 'the body'} ${reason}`, {
            field: path || 'body',
          }),
        );
  const [first, ...also] = failures;
  if (first) throw fail(first.code, first.message, { field: first.field, also });
  return result.data!;
}
