import type { DiagnosticReport, Identifier, Observation, Patient, Reference, Resource } from 'fhir/r4.js';
import {
  identifierOf,
  patientIdOf,
  referencedId,
  studyInstanceUidOf,
  systems,
  typedIdentifier,
  uuidFrom,
  validateResource,
} from '#fhir';
import { fail, type Failure, type Site } from '#platform';

/** A report as a reporting system states it by FHIR. */
export interface StatedReport {
  /** Its own number is first among its identifiers, then those of its orders (PLAC, ACSN). */
  report: DiagnosticReport;
  patientId: string;
  /** Who it is about, where it is named by number: stands in until their own service tells of them. */
  patient?: Patient;
  /** Orders and studies it names by their id here. */
  orderIds: string[];
  studyIds: string[];
}

const radiology = [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'RAD' }] }];

/**
 * Reads a DiagnosticReport from outside. It must have a number of its own (`identifier`, which is neither of its order's),
 * a status, a code and a subject: `Patient/<id>`, a contained Patient, or a number of the site's patient authority. Its
 * orders are `basedOn` references `ServiceRequest/<id>` or identifiers (accession number, placer order number), or those of
 * `imagingStudy`. Results are contained Observations.
 *
 * @throws Failure field-missing, field-invalid with the FHIRPath of the element
 */
export function reportFromFhir(body: unknown, site: Site): StatedReport {
  const stated = validateResource(withSubjects(body), 'DiagnosticReport');
  if (stated.status === 'unknown')
    throw invalid('status', 'must say how far the report is, such as preliminary or final');
  const [own, ...numbers] = numbersOf(stated);
  const { patientId, patient } = subjectOf(stated, site);
  checkResults(stated);
  for (const [index, { data, url, contentType }] of (stated.presentedForm ?? []).entries()) {
    if (data === undefined && url === undefined)
      throw missing(`presentedForm[${index}].data`, 'the document, or its url');
    if (!contentType) throw missing(`presentedForm[${index}].contentType`, 'what it is, such as application/pdf');
  }
  const references = [...(stated.basedOn ?? []), ...(stated.imagingStudy ?? [])];
  const contained = (stated.contained as Resource[] | undefined)?.filter(
    ({ resourceType }) => resourceType !== 'Patient',
  );
  const report: DiagnosticReport = {
    ...stated,
    id: uuidFrom('DiagnosticReport', own!.system!, own!.value!),
    meta: undefined,
    contained: contained?.length ? (contained as DiagnosticReport['contained']) : undefined,
    identifier: [own!, ...onceEach([...numbers, ...(stated.basedOn ?? []).flatMap(orderNumber)])],
    category: stated.category ?? radiology,
    subject: { reference: `Patient/${patientId}` },
    // Under what it is filed is found here.
    basedOn: undefined,
    imagingStudy: undefined,
  };
  return {
    report: JSON.parse(JSON.stringify(report)) as DiagnosticReport,
    patientId,
    ...(patient ? { patient } : {}),
    orderIds: references.flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []),
    studyIds: references.flatMap((one) => referencedId(one.reference, 'ImagingStudy') ?? studyIdOf(one)),
  };
}

/** R4 lets an Observation have no subject; within a report it has the report's. */
function withSubjects(body: unknown): unknown {
  const { contained, subject } = (body ?? {}) as { contained?: unknown; subject?: unknown };
  if (!Array.isArray(contained)) return body;
  const isObservation = (one: unknown) => (one as { resourceType?: unknown } | null)?.resourceType === 'Observation';
  return {
    ...(body as object),
    contained: contained.map((one: unknown) => (isObservation(one) ? { subject, ...(one as object) } : one)),
  };
}

/** Its own number, then those of its orders that it states itself. */
function numbersOf(stated: DiagnosticReport): Identifier[] {
  const numbers = (stated.identifier ?? []).flatMap((one) => orderNumber({ identifier: one }));
  const own = (stated.identifier ?? []).filter(
    (one) => one.system && one.value && orderNumber({ identifier: one }).length === 0,
  );
  if (!own[0]) throw missing('identifier', 'the number, with its system, under which your system knows this report');
  return [...own, ...numbers];
}

/** The number of an order in an identifier, by its type (HL7 table 0203) or because it is an accession number of ours. */
function orderNumber({ identifier }: Reference): Identifier[] {
  if (!identifier?.value) return [];
  const holder = { identifier: [identifier] };
  if (identifier.system === systems.accessionNumber || identifierOf(holder, 'ACSN'))
    return [typedIdentifier('ACSN', systems.accessionNumber, identifier.value)];
  return identifierOf(holder, 'PLAC') ? [typedIdentifier('PLAC', identifier.system, identifier.value)] : [];
}

function studyIdOf({ identifier }: Reference): string[] {
  const uid = studyInstanceUidOf(identifier && { identifier: [identifier] });
  return uid ? [uuidFrom('ImagingStudy', uid)] : [];
}

function subjectOf(
  { subject, contained = [] }: DiagnosticReport,
  site: Site,
): { patientId: string; patient?: Patient } {
  const id = referencedId(subject?.reference, 'Patient');
  if (id) return { patientId: id };
  const within = (contained as Resource[]).find(
    (one) => one.resourceType === 'Patient' && `#${one.id}` === subject?.reference,
  ) as Patient | undefined;
  const system = site.authorities[site.patientAuthority]!;
  const stated = within?.identifier ?? (subject?.identifier ? [subject.identifier] : []);
  const number = stated.find((one) => one.system === system && one.value);
  if (!number) throw missing('subject', `Patient/<id>, or a number of ${system}`);
  const patientId = patientIdOf({ system, value: number.value! });
  const name = subject?.display ? { name: [{ text: subject.display }] } : {};
  const patient: Patient = within ?? {
    resourceType: 'Patient',
    identifier: [typedIdentifier('MR', system, number.value!)],
    ...name,
  };
  return { patientId, patient: { ...patient, id: patientId } };
}

/** What is referred to elsewhere cannot be told with the report. */
function checkResults({ result = [], contained = [] }: DiagnosticReport): void {
  const ids = (contained as Resource[])
    .filter((one): one is Observation => one.resourceType === 'Observation')
    .map(({ id }) => `#${id}`);
  const wrong = result.findIndex(({ reference }) => !reference || !ids.includes(reference));
  if (wrong >= 0)
    throw invalid(`result[${wrong}].reference`, 'must refer to an Observation that is contained, as #<id>');
}

function onceEach(identifiers: readonly Identifier[]): Identifier[] {
  const keys = identifiers.map(({ type, system, value }) => `${type?.coding?.[0]?.code}|${system}|${value}`);
  return identifiers.filter((_, index) => keys.indexOf(keys[index]!) === index);
}

function missing(path: string, what: string): Failure {
  const field = `DiagnosticReport.${path}`;
  return fail('field-missing', `${field} is required: ${what}`, { field });
}

function invalid(path: string, what: string): Failure {
  const field = `DiagnosticReport.${path}`;
  return fail('field-invalid', `${field} ${what}`, { field });
}
