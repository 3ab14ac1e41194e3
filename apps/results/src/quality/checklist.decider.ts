import type { QuestionnaireResponse } from 'fhir/r4.js';
import { z } from 'zod';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { fail, mistakesOf, type Failure, type Site } from '#platform';

const answers = {
  passed: 'Passed',
  failed: 'Failed',
  'not-applicable': 'Not applicable',
} as const;
const answerSystem = 'urn:collimator:image-quality';

const text = z
  .string('must be a text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'must have 200 characters at most')
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must hold no control characters');
const checklist = z.strictObject({
  /** A number of the sender's own: the same checklist sent again under it is the same. */
  identifier: z.strictObject({
    system: text.regex(/^[a-z][a-z0-9+.-]*:\S+$/i, 'must be an absolute URI, such as urn:oid:1.2.3'),
    value: text,
  }),
  status: z.enum(['final', 'entered-in-error'], 'must be final or entered-in-error').default('final'),
  studyInstanceUid: z.string('must be a text').regex(/^(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/, 'must be a DICOM UID'), // prettier-ignore
  modality: text,
  items: z
    .array(
      z.strictObject({
        code: text,
        answer: z.enum(['passed', 'failed', 'not-applicable'], 'must be passed, failed or not-applicable'),
      }),
    ) // prettier-ignore
    .min(1, 'must not be empty'),
  at: z.iso.datetime({ offset: true, error: 'must be an ISO 8601 time with its offset' }),
});

/** The id of a checklist. */
export function checklistIdOf({ system, value }: { system: string; value: string }): string {
  return uuidFrom('QuestionnaireResponse', system, value);
}

/**
 * Reads a checklist that was gone through for a study: every item of the site's checklist for its modality, once. Who
 * did so is not asked for: it would show by operator what only its own scope shows.
 *
 * @throws Failure field-missing, field-invalid, value-unknown with the path of the first element at fault, and all
 *   others in `also`
 */
export function readChecklist(body: unknown, site: Site): QuestionnaireResponse {
  const result = checklist.safeParse(body ?? {});
  const failures = result.success
    ? againstSite(result.data, site)
    : result.error.issues
        .flatMap((issue) => mistakesOf(issue, body ?? {}, 'this checklist'))
        .map(({ path, reason }) => fail(reason === 'is missing' ? 'field-missing' : 'field-invalid', `${path || 'the body'} ${reason}`, { field: path || 'body' })); // prettier-ignore
  const [first, ...also] = failures;
  if (first) throw fail(first.code, first.message, { field: first.field, also });
  const { identifier, status, studyInstanceUid, modality, items, at } = result.data!;
  const display = new Map(itemsFor(modality, site)!.map((item) => [item.code, item.display]));
  return {
    resourceType: 'QuestionnaireResponse',
    id: checklistIdOf(identifier),
    identifier,
    questionnaire: `urn:collimator:image-quality-checklist:${modality}`,
    status: status === 'final' ? 'completed' : 'entered-in-error',
    subject: {
      reference: `ImagingStudy/${uuidFrom('ImagingStudy', studyInstanceUid)}`,
      identifier: dicomUidIdentifier(studyInstanceUid),
    },
    authored: at,
    item: items.map(({ code, answer }) => ({
      linkId: code,
      text: display.get(code)!,
      answer: [{ valueCoding: { system: answerSystem, code: answer, display: answers[answer] } }],
    })),
  };
}

function againstSite({ modality, items }: z.output<typeof checklist>, site: Site): Failure[] {
  const wanted = itemsFor(modality, site);
  if (!wanted)
    return [fail('value-unknown', 'modality has no checklist in the site file (qualityChecklists)', { field: 'modality' })]; // prettier-ignore
  const codes = items.map(({ code }) => code);
  const wrong = codes.flatMap((code, index) => {
    const field = `items.${index}.code`;
    if (!wanted.some((item) => item.code === code))
      return [fail('value-unknown', `${field} is none of the checklist for this modality`, { field })];
    return codes.indexOf(code) < index ? [fail('field-invalid', `${field} is answered twice`, { field })] : [];
  });
  const missing = wanted
    .filter(({ code }) => !codes.includes(code))
    .map(({ code }) => fail('field-missing', `items lacks an answer to ${code}`, { field: 'items' }));
  return [...wrong, ...missing];
}

/** Of several checklists for a modality the first. */
function itemsFor(modality: string, { qualityChecklists }: Site) {
  return qualityChecklists.find(({ modalities }) => modalities.includes(modality))?.items;
}

/** True if an item of it failed. */
export function hasFailed({ item = [] }: QuestionnaireResponse): boolean {
  return item.some(({ answer }) => answer?.[0]?.valueCoding?.code === 'failed');
}
