import { z } from 'zod';
import type { CodeableConcept, Procedure } from 'fhir/r4.js';
import { systems, validateResource } from '#fhir';
import { fail, procedureNamed, type Site, type SiteProcedure } from '#platform';

const text = z.string().trim().min(1).max(200);
const body = z.strictObject({
  used: z.array(z.strictObject({ system: text.optional(), code: text, display: text.optional() })).max(100),
});

/** The set-up list of a procedure, by any of its codes; empty where the site file has none. */
export function setupOf(codes: readonly { system?: string; code?: string }[], site: Site): SiteProcedure['setup'] {
  return procedureNamed(site, codes)?.setup ?? [];
}

/**
 * The exam with what was used of its set-up list (Procedure.usedCode): what is said again replaces what was said. A code
 * that is not on the list has to bring its display.
 *
 * @param stated `{ used: [{ code, system?, display? }] }`
 * @throws Failure field-invalid, value-unknown
 */
export function withSetupUsed(exam: Procedure, stated: unknown, site: Site): Procedure {
  const read = body.safeParse(stated);
  if (!read.success) {
    const field = read.error.issues[0]?.path.join('.') || 'used';
    throw fail('field-invalid', 'must be { used: [{ code, system?, display? }] }', { field });
  }
  const listed = setupOf(exam.code?.coding ?? [], site);
  const usedCode = read.data.used.map(({ system, code, display }, index): CodeableConcept => {
    const item = listed.find((one) => one.code === code && (system ?? one.system) === one.system);
    const name = item?.display ?? display;
    if (!name)
      throw fail('value-unknown', "is not on the procedure's set-up list: send its display", {
        field: `used.${index}`,
      });
    const coding = { system: item?.system ?? system ?? systems.setup, code, display: name };
    return { coding: [coding] };
  });
  const rest = { ...exam };
  delete rest.usedCode;
  return validateResource({ ...rest, ...(usedCode.length > 0 ? { usedCode } : {}) }, 'Procedure');
}
