import type { Practitioner, ProcedurePerformer } from 'fhir/r4.js';
import type { NamedPerformer } from '#dicom';
import { extensions } from '#fhir';
import type { Site } from '#platform';
import { isCertifiedFor } from '../department/certification.decider.js';

/** What is known of an operator's certificate for the modality, at the time of the exam. */
export type Certification = 'certified' | 'not-certified' | 'unknown';

/** Person roles (DICOM CID 7450) of SNOMED CT. */
const functions = {
  operator: { system: 'http://snomed.info/sct', code: '159016003', display: 'Radiologic Technologist' },
  physician: { system: 'http://snomed.info/sct', code: '309343006', display: 'Physician' },
} as const;

/**
 * Who did an exam by the word of its modality, as performers of its Procedure. An operator who is not certified for the
 * modality, or is nobody we know, is marked so: it is a fact about the exam, and refuses nothing. Physicians are not
 * judged: the certificates are those of technologists. Where nobody is known at all, nothing is said.
 *
 * @param at when the exam began
 */
export function performersOf(
  named: readonly NamedPerformer[],
  modality: string | undefined,
  practitioners: readonly Practitioner[],
  site: Site,
  at: Date,
): ProcedurePerformer[] {
  return named.map((one) => {
    const who = practitionerMeant(one, practitioners);
    const isJudged = one.role === 'operator' && practitioners.length > 0;
    const certification: Certification =
      !who || !modality ? 'unknown' : isCertifiedFor(modality, who, site, at) ? 'certified' : 'not-certified';
    const display = one.name ?? one.codes[0]?.code;
    return {
      ...(isJudged ? { extension: [{ url: extensions.certification, valueCode: certification }] } : {}),
      function: { coding: [functions[one.role]] },
      actor: { ...(who ? { reference: `Practitioner/${who.id}` } : {}), ...(display ? { display } : {}) },
    };
  });
}

/** By a code of the person, which is an identifier of theirs; else by name, where only one has it. */
function practitionerMeant({ codes, name }: NamedPerformer, all: readonly Practitioner[]): Practitioner | undefined {
  const values = codes.map(({ code }) => code);
  const byCode = all.filter(({ identifier = [] }) => identifier.some(({ value }) => values.includes(value ?? '')));
  if (byCode.length > 0) return byCode.length === 1 ? byCode[0] : undefined;
  const asked = name && comparable(name);
  const byName = asked ? all.filter((one) => one.name?.some((own) => namesOf(own).includes(asked))) : [];
  return byName.length === 1 ? byName[0] : undefined;
}

/** Family and given name, as DICOM writes them and as people do. */
function namesOf({ family, given = [], text }: NonNullable<Practitioner['name']>[number]): string[] {
  const written = family && given[0] ? [`${family}^${given[0]}`] : [];
  const [first, ...rest] = (text ?? '').trim().split(/\s+/);
  return [...written, ...(first && rest.length > 0 ? [`${rest.join(' ')}^${first}`] : [])].map(comparable);
}

function comparable(name: string): string {
  const [family = '', given = ''] = name.split('=')[0]!.split('^');
  return `${family.trim()}^${given.trim()}`.toLowerCase();
}
