import type { FhirResource, Identifier, ServiceRequest } from 'fhir/r4.js';
import { dicomUidIdentifier, extensions, typedIdentifier } from '#fhir';
import { aPatient, site } from '#testing';
import type { SiteContent } from '#platform';
import { anOrderByFhir, placer } from './an-order-by-fhir.spec.js';

/** A resource, and what of its profile it breaks: the FHIRPath of each element at fault, and the rule that says so. */
export interface ProfileExample {
  what: string;
  resource: FhirResource;
  breaks: { field: string; rule?: string }[];
}

/** A site whose procedures have codes of other systems, and characters that FHIRPath must not stumble over. */
export const siteOfExamples = (): Partial<SiteContent> => ({
  procedures: [
    ...site().procedures,
    { code: "O'B\\1", display: 'Odd', modality: 'CT', durationMinutes: 5 },
    {
      code: 'MRKNEE',
      display: 'MR knee',
      modality: 'CT',
      durationMinutes: 5,
      codes: [{ system: 'http://loinc.org', code: '24725-4' }],
    },
  ],
});

const subject = { reference: 'Patient/p' };
const order = (overrides: Partial<ServiceRequest> = {}) => anOrderByFhir({ subject, ...overrides });
const withNumbers = (...more: Identifier[]) => order({ identifier: [placer, ...more] });
const good = (what: string, resource: FhirResource): ProfileExample => ({ what, resource, breaks: [] });
const bad = (what: string, resource: FhirResource, element: string, rule?: string): ProfileExample => ({
  what,
  resource,
  breaks: [{ field: `${resource.resourceType}.${element}`, ...(rule ? { rule } : {}) }],
});
const code = (...coding: object[]) => order({ code: { coding } });
const accession = (value: string) => withNumbers(typedIdentifier('ACSN', 'urn:a', value));
const study = (uid: string) => withNumbers(dicomUidIdentifier(uid));
const step = {
  url: extensions.scheduledProcedureStep,
  extension: [
    { url: 'stepId', valueString: 'S1' },
    { url: 'modality', valueCode: 'CT' },
  ],
};

/** What both our own check and a foreign validator, by the published profiles, must judge alike. */
export const profileExamples: ProfileExample[] = [
  good('an order', order()),
  good(
    'an order of a patient by number',
    order({ subject: { identifier: { system: 'urn:oid:2.25.1001', value: 'P1' } } }),
  ),
  good(
    'an order whose placer number says so',
    order({ identifier: [{ system: 'urn:x', value: '9' }, typedIdentifier('PLAC', placer.system, placer.value)] }),
  ),
  good('an order by a code of another system', code({ system: 'http://loinc.org', code: '24725-4' })),
  good('an order by a code with a quote and a backslash', code({ system: 'urn:collimator:procedure', code: "O'B\\1" })),
  good(
    'an order with all its numbers',
    withNumbers(typedIdentifier('ACSN', 'urn:a', 'A'.repeat(16)), dicomUidIdentifier('1.2.3')),
  ),
  good(
    'an order that says what it asks for',
    order({
      extension: [step, { url: extensions.danger, valueCodeableConcept: { text: 'MRSA' } }],
      doNotPerform: false,
    }),
  ),
  bad('an order without numbers', order({ identifier: undefined as never }), 'identifier'),
  bad('an order without a code', order({ code: undefined as never }), 'code'),
  bad(
    'an order whose number has no system',
    order({ identifier: [{ value: '1' }] }),
    'identifier',
    'order-placer-number',
  ),
  bad(
    'an order whose placer number has no system',
    order({ identifier: [typedIdentifier('PLAC', undefined, '1'), { system: 'urn:x', value: '9' }] }),
    'identifier',
    'order-placer-number',
  ),
  bad(
    'an order whose only number is an accession number',
    order({ identifier: [typedIdentifier('ACSN', 'urn:a', '1')] }),
    'identifier',
    'order-placer-number',
  ),
  bad('an order of no procedure of the site', code({ code: 'NOSUCH' }), 'code.coding', 'order-procedure'),
  bad('an order by part of a code', code({ code: 'CT' }), 'code.coding', 'order-procedure'),
  bad(
    "an order by another system's code of another system",
    code({ system: 'urn:other', code: '24725-4' }),
    'code.coding',
    'order-procedure',
  ),
  bad('an order by text alone', order({ code: { text: 'CT head' } }), 'code.coding', 'order-procedure'),
  bad('an accession number too long', accession('A'.repeat(17)), 'identifier', 'order-accession-number'),
  bad('an accession number with a backslash', accession('A\\B'), 'identifier', 'order-accession-number'),
  bad('a study UID with a leading zero', study('1.2.03'), 'identifier', 'order-study-uid'),
  bad('a study UID too long', study(`1.${'2.'.repeat(31)}34`), 'identifier', 'order-study-uid'),
  bad('an order for nobody', order({ subject: { display: 'somebody' } }), 'subject', 'order-subject'),
  bad('a proposal', order({ intent: 'proposal' }), 'intent', 'order-intent'),
  bad('an order not to do', order({ doNotPerform: true }), 'doNotPerform', 'order-to-perform'),
  bad(
    'an order changed by what is not understood',
    order({ modifierExtension: [{ url: 'urn:x', valueBoolean: true }] }),
    'modifierExtension',
  ),
  good('a patient', aPatient()),
  bad(
    'a patient of elsewhere',
    { ...aPatient(), identifier: [{ system: 'urn:x', value: '1' }] },
    'identifier',
    'patient-number',
  ),
  good('a visit', {
    resourceType: 'Encounter',
    identifier: [{ system: 'urn:v', value: '1' }],
    status: 'arrived',
    class: { code: 'AMB' },
  }),
  bad(
    'a visit without its system',
    { resourceType: 'Encounter', identifier: [{ value: '1' }], status: 'arrived', class: { code: 'AMB' } },
    'identifier',
    'encounter-number',
  ),
  good('an allergy by text', {
    resourceType: 'AllergyIntolerance',
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
    },
    patient: subject,
    code: { text: 'Iopromide' },
  }),
  bad(
    'an allergy to nothing',
    {
      resourceType: 'AllergyIntolerance',
      clinicalStatus: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
      },
      patient: subject,
      code: { coding: [{ display: 'x' }] },
    },
    'identifier',
    'allergy-identity',
  ),
  bad('a diagnosis of nothing', { resourceType: 'Condition', subject }, 'code'),
  bad(
    'an observation of nothing',
    { resourceType: 'Observation', status: 'final', code: { coding: [{ display: 'x' }] }, subject },
    'identifier',
    'observation-identity',
  ),
  good('a coverage', {
    resourceType: 'Coverage',
    status: 'active',
    beneficiary: subject,
    payor: [{ display: 'Payor' }],
  }),
  bad(
    'a coverage by nobody named',
    { resourceType: 'Coverage', status: 'active', beneficiary: subject, payor: [{ type: 'Organization' }] },
    'identifier',
    'coverage-identity',
  ),
];
