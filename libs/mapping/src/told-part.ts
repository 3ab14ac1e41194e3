import type { FhirResource, Reference, ServiceRequest } from 'fhir/r4.js';
import { identifierOf } from '#fhir';
import { procedureNamed, type Destination, type Site } from '#platform';
import { senderSystem } from './envelope.js';

/** True if a destination is told of this order: the site file names no orders for it, or this is one of them. */
export function isToldOf(order: ServiceRequest, { only }: Pick<Destination, 'only'>, site: Site): boolean {
  if (!only) return true;
  const placer = identifierOf(order, 'PLAC')?.system;
  const procedure = procedureNamed(site, order.code?.coding ?? []);
  const { requester } = order;
  const fits = (wanted: readonly string[] | undefined, ...of: (string | undefined)[]) =>
    wanted === undefined || of.some((one) => one !== undefined && wanted.includes(one));
  return (
    fits(only.senders?.map(senderSystem), order.meta?.source) &&
    fits(
      only.authorities?.map((one) => site.authorities[one] ?? one),
      placer,
    ) &&
    fits(only.requesters, requester?.identifier?.value, requester?.display) &&
    fits(only.modalities, procedure?.modality) &&
    fits(only.procedures, procedure?.code)
  );
}

/** What each thing that may be left out is, by resource type. */
const elements: Record<
  Destination['leavesOut'][number],
  Partial<Record<FhirResource['resourceType'], readonly string[]>>
> = {
  // All but the numbers, which say whom it is about.
  demographics: {
    Patient: [
      'name',
      'telecom',
      'gender',
      'birthDate',
      'deceasedBoolean',
      'deceasedDateTime',
      'address',
      'maritalStatus',
      'multipleBirthBoolean',
      'multipleBirthInteger',
      'photo',
      'contact',
      'communication',
      'generalPractitioner',
      'managingOrganization',
      'extension',
      'contained',
      'text',
    ],
  },
  clinicalInformation: {
    ServiceRequest: [
      'reasonCode',
      'reasonReference',
      'supportingInfo',
      'note',
      'patientInstruction',
      'insurance',
      'extension',
      'contained',
      'text',
    ],
    Procedure: ['reasonCode', 'reasonReference', 'note', 'complication', 'outcome', 'text'],
    MedicationAdministration: ['reasonCode', 'reasonReference', 'note', 'text'],
    ImagingStudy: ['reasonCode', 'reasonReference', 'note', 'text'],
    Observation: ['note', 'text'],
    Appointment: ['reasonCode', 'reasonReference', 'description', 'comment', 'patientInstruction', 'extension', 'text'],
  },
  people: {
    ServiceRequest: ['requester', 'performer', 'extension'],
    Procedure: ['performer', 'recorder', 'asserter'],
    MedicationAdministration: ['performer'],
    ImagingStudy: ['referrer', 'interpreter'],
    DiagnosticReport: ['performer', 'resultsInterpreter'],
    AllergyIntolerance: ['recorder', 'asserter'],
    Observation: ['performer'],
    AdverseEvent: ['recorder', 'contributor'],
  },
  reportContent: {
    DiagnosticReport: ['presentedForm', 'conclusion', 'conclusionCode', 'media', 'result', 'contained', 'text'],
  },
};

/** The part of a resource that a destination may see. */
export function partFor<R extends FhirResource>(resource: R, { leavesOut }: Pick<Destination, 'leavesOut'>): R {
  const hidden = new Set(leavesOut.flatMap((one) => elements[one][resource.resourceType] ?? []));
  const isHidden = (name: string) => hidden.has(name) || hidden.has(name.replace(/^_/, ''));
  const part = Object.fromEntries(Object.entries(resource).filter(([name]) => !isHidden(name))) as unknown as R;
  return leavesOut.includes('demographics') ? (withoutNames(part) as R) : part;
}

/** References to the patient name them as well. */
function withoutNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNames);
  if (!value || typeof value !== 'object') return value;
  const { display, ...rest } = value as Reference;
  const isOfPatient = rest.reference?.startsWith('Patient/') === true;
  const copy = Object.fromEntries(Object.entries(rest).map(([name, one]) => [name, withoutNames(one)]));
  return display === undefined || isOfPatient ? copy : { ...copy, display };
}
