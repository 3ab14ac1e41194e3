import type { FhirResource } from 'fhir/r4.js';
import { fail } from '#platform';

/** One element that must be right: its path below the resource, and what holds of it. */
interface Rule {
  path: string;
  required?: true;
  /** JSON type, or `array`. */
  type: 'string' | 'number' | 'boolean' | 'object' | 'array';
  /** A required binding of R4. */
  codes?: readonly string[];
  pattern?: RegExp;
}

const requestStatus = ['draft', 'active', 'on-hold', 'revoked', 'completed', 'entered-in-error', 'unknown'];
/** R4 datatype dateTime: from a year to a time with zone. */
const dateTime =
  /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$/;
const date = /^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?$/;

/** R4 structure definitions, as far as Collimator takes the type in: cardinality, type, required bindings. */
const rules: Record<string, readonly Rule[]> = {
  Patient: [
    { path: 'identifier', required: true, type: 'array' },
    { path: 'name', type: 'array' },
    { path: 'gender', type: 'string', codes: ['male', 'female', 'other', 'unknown'] },
    { path: 'birthDate', type: 'string', pattern: date },
  ],
  Encounter: [
    {
      path: 'status',
      required: true,
      type: 'string',
      codes: ['planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'finished', 'cancelled', 'entered-in-error', 'unknown'], // prettier-ignore
    },
    { path: 'class', required: true, type: 'object' },
  ],
  ServiceRequest: [
    { path: 'status', required: true, type: 'string', codes: requestStatus },
    {
      path: 'intent',
      required: true,
      type: 'string',
      codes: ['proposal', 'plan', 'directive', 'order', 'original-order', 'reflex-order', 'filler-order', 'instance-order', 'option'], // prettier-ignore
    },
    { path: 'priority', type: 'string', codes: ['routine', 'urgent', 'asap', 'stat'] },
    { path: 'subject', required: true, type: 'object' },
    { path: 'identifier', required: true, type: 'array' },
    { path: 'code', required: true, type: 'object' },
    { path: 'occurrenceDateTime', type: 'string', pattern: dateTime },
    { path: 'authoredOn', type: 'string', pattern: dateTime },
  ],
  MedicationAdministration: [
    {
      path: 'status',
      required: true,
      type: 'string',
      codes: ['in-progress', 'not-done', 'on-hold', 'completed', 'entered-in-error', 'stopped', 'unknown'],
    },
    { path: 'subject', type: 'object' },
    { path: 'effectiveDateTime', type: 'string', pattern: dateTime },
    { path: 'dosage', type: 'object' },
    { path: 'contained', type: 'array' },
    { path: 'performer', type: 'array' },
  ],
  Bundle: [
    { path: 'type', required: true, type: 'string', codes: ['transaction'] },
    { path: 'entry', required: true, type: 'array' },
  ],
};

/**
 * Checks a resource from outside against R4 as far as Collimator relies on it.
 *
 * @returns the resource, typed
 * @throws Failure field-missing or field-invalid, with the FHIRPath of the element; the value is not quoted
 */
export function validateResource<T extends FhirResource['resourceType']>(
  resource: unknown,
  type: T,
): Extract<FhirResource, { resourceType: T }> {
  const body = resource as Record<string, unknown> | null | undefined;
  if (!body || typeof body !== 'object' || body.resourceType !== type)
    throw fail('field-invalid', `the body must be a ${type}`, { field: 'resourceType' });
  for (const rule of rules[type] ?? []) check(type, body[rule.path], rule);
  return body as unknown as Extract<FhirResource, { resourceType: T }>;
}

function check(type: string, value: unknown, rule: Rule): void {
  const field = `${type}.${rule.path}`;
  if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) {
    if (rule.required) throw fail('field-missing', `${field} is required`, { field });
    return;
  }
  const actual = Array.isArray(value) ? 'array' : typeof value;
  if (actual !== rule.type) throw fail('field-invalid', `${field} must be of type ${rule.type}`, { field });
  if (rule.codes && !rule.codes.includes(value as string))
    throw fail('field-invalid', `${field} must be one of ${rule.codes.join(', ')}`, { field });
  if (rule.pattern && !rule.pattern.test(value as string))
    throw fail('field-invalid', `${field} is not a valid FHIR R4 date or time`, { field });
}
