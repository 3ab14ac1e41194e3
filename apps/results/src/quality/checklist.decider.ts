import type { QuestionnaireResponse } from 'fhir/r4.js';
import { z } from 'zod';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { fail, type Failure, type Site } from '#platform';
import { dicomUid, ofEveryStatement, readStated, text } from './stated.js';

const answers = {
  passed: 'Passed',
  failed: 'Failed',
  'not-applicable': 'Not applicable',
} as const;
const answerSystem = 'urn:collimator:image-quality';

const checklist = z.strictObject({
  ...ofEveryStatement,
  studyInstanceUid: dicomUid,
  modality: text,
  items: z
    .array(
      z.strictObject({
        code: text,
        answer: z.enum(['passed', 'failed', 'not-applicable'], 'must be passed, failed or not-applicable'),
      }),
    )
    .min(1, 'must not be empty'),
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
  const said = readStated(checklist, body, 'this checklist', (whole) => againstSite(whole, site));
  const { identifier, status, studyInstanceUid, modality, items, at } = said;
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
    return [
      fail('value-unknown', 'modality has no checklist in the site file (qualityChecklists)', { field: 'modality' }),
    ];
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
