import { DateTime } from 'luxon';
import type { Appointment, Coding, DetectedIssue, Encounter, Patient, ServiceRequest } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import { conceptText, extensions, identifierOf, identifierValue, studyInstanceUidOf, systems } from '#fhir';
import { ofTable, stationByAeTitle, type Site } from '#platform';
import { stationAeTitleOf, stepIdOf } from '../booking/appointment.decider.js';
import { screeningAttributes } from '../contrast-screening.js';
import { namedPerson, patientNameOf } from './dicom-name.js';
import { stateAttributes, type Clinical } from '../patient-state.js';
import type { RequestedStep } from '../booking/requested-steps.decider.js';
import { BEDSIDE, stationAttributes } from './worklist-views.decider.js';

/** DICOM Scheduled Procedure Step Status (0040,0020). */
export type StepStatus = 'SCHEDULED' | 'STARTED' | 'COMPLETED' | 'DISCONTINUED' | 'CANCELLED';

/** One worklist item: the columns it is found by, and the attributes it is answered with. */
export interface WorklistItem {
  appointmentId: string;
  patientId: string;
  stationAeTitle: string;
  modality: string;
  /** YYYYMMDD and HHMMSS in the site's zone, as the modality shows and asks for them. */
  startDate: string;
  startTime: string;
  accessionNumber: string;
  dicomPatientId: string;
  requestedProcedureId: string;
  stepId: string;
  studyInstanceUid: string;
  attributes: DatasetInput;
}

const sexes: Record<string, string> = { male: 'M', female: 'F', other: 'O' };
/** DICOM Requested Procedure Priority (0040,1003). */
const priorities: Record<string, string> = { stat: 'STAT', asap: 'HIGH', urgent: 'HIGH', routine: 'ROUTINE' };

/**
 * The worklist item of a step (DICOM PS3.4 table K.6-1; IHE RAD-5), rows as in standards "procedure to worklist". What
 * is not known is empty, never made up.
 */
export function worklistItem(
  known: {
    patient: Patient;
    order: ServiceRequest;
    encounter?: Encounter;
    clinical?: readonly Clinical[];
    /** What contrast screening says of the exam. */
    screening?: DetectedIssue | undefined;
    appointment: Appointment;
  },
  step: RequestedStep,
  site: Site,
  now: Date,
): WorklistItem {
  const { patient, order, encounter, clinical = [], screening, appointment } = known;
  const aeTitle = stationAeTitleOf(appointment)!;
  const start = DateTime.fromISO(appointment.start!, { zone: site.timeZone });
  const accession = identifierOf(order, 'ACSN')?.value ?? '';
  const stepId = stepIdOf(appointment);
  const station = stationByAeTitle(site, aeTitle);
  const item = {
    appointmentId: appointment.id!,
    patientId: patient.id!,
    stationAeTitle: aeTitle,
    modality: step.modality,
    startDate: start.toFormat('yyyyMMdd'),
    startTime: start.toFormat('HHmmss'),
    accessionNumber: accession,
    dicomPatientId: patientNumberOf(patient, site),
    // The placer's requested procedure id, or the accession number: one requested procedure an order. As long as VR SH.
    requestedProcedureId: (identifierValue(order, systems.requestedProcedureId) ?? accession).slice(0, 16),
    stepId,
    studyInstanceUid: studyInstanceUidOf(order)!,
  };
  const { procedure, protocol } = step;
  return {
    ...item,
    attributes: {
      AccessionNumber: item.accessionNumber,
      ReferringPhysicianName: namedPerson(order.requester?.display),
      ...patientAttributes(patient, site),
      ...stateAttributes(clinical, now),
      ...screeningAttributes(screening, order, site),
      PatientState: dangerOf(order),
      ...visitAttributes(encounter),
      AdditionalPatientHistory: order.note?.[0]?.text?.slice(0, 10_240) ?? '',
      StudyInstanceUID: item.studyInstanceUid,
      RequestingPhysician: namedPerson(order.requester?.display),
      RequestedProcedureDescription: procedure.display.slice(0, 64),
      RequestedProcedureCodeSequence: [codeItem({ code: procedure.code, display: procedure.display })],
      RequestedContrastAgent: procedure.contrast?.agent.display.slice(0, 64) ?? '',
      RequestedProcedureID: item.requestedProcedureId,
      ReasonForTheRequestedProcedure: reasonOf(order),
      ReasonForRequestedProcedureCodeSequence: reasonCodesOf(order),
      RequestedProcedurePriority: priorities[order.priority ?? ''] ?? '',
      PatientTransportArrangements: step.isPortable ? BEDSIDE : transportOf(order),
      ConfidentialityCode: confidentialityOf(order),
      ConfidentialityConstraintOnPatientDataDescription: confidentialityOf(order),
      OrderCallbackPhoneNumber: callbackOf(order),
      PlacerOrderNumberImagingServiceRequest: identifierOf(order, 'PLAC')?.value ?? '',
      FillerOrderNumberImagingServiceRequest: identifierOf(order, 'FILL')?.value ?? '',
      ReferencedStudySequence: [],
      ReferencedPatientSequence: [],
      ScheduledProcedureStepSequence: [
        {
          Modality: step.modality,
          ScheduledProcedureStepStartDate: item.startDate,
          ScheduledProcedureStepStartTime: item.startTime,
          ScheduledPerformingPhysicianName: namedPerson(order.performer?.[0]?.display),
          ScheduledProcedureStepDescription: (protocol?.display ?? procedure.display).slice(0, 64),
          ScheduledProtocolCodeSequence: protocol ? [codeItem(protocol)] : [],
          ScheduledProcedureStepID: stepId,
          ...stationAttributes(station ?? { aeTitle, name: '', room: '' }),
          PreMedication: procedure.preparation?.slice(0, 64) ?? '',
          RequestedContrastAgent: procedure.contrast?.agent.display.slice(0, 64) ?? '',
          ScheduledProcedureStepStatus: 'SCHEDULED',
          CommentsOnTheScheduledProcedureStep: notesOf(appointment),
        },
      ],
    },
  };
}

/** What an item says of its patient. */
export function patientAttributes(patient: Patient, site: Site): DatasetInput {
  return {
    PatientName: patientNameOf(patient),
    PatientID: patientNumberOf(patient, site),
    IssuerOfPatientID: site.patientAuthority,
    // A year alone is no DICOM date: unknown is truer than the first of January.
    PatientBirthDate: /^\d{4}-\d\d-\d\d$/.test(patient.birthDate ?? '') ? patient.birthDate!.replaceAll('-', '') : '',
    PatientSex: sexes[patient.gender ?? ''] ?? '',
  };
}

/** What an item says of the visit. */
export function visitAttributes(encounter: Encounter | undefined): DatasetInput {
  return {
    CurrentPatientLocation: placeOf(encounter)?.slice(0, 64) ?? '',
    AdmissionID: identifierOf(encounter, 'VN')?.value ?? '',
    SpecialNeeds: specialNeedsOf(encounter).slice(0, 64),
  };
}

/** Where the patient is: not where they were, and not a bed that is only reserved. */
export function placeOf(encounter: Encounter | undefined): string | undefined {
  const isThere = ({ status }: { status?: string }) =>
    status === undefined || status === 'active' || status === 'planned';
  return encounter?.location?.find(isThere)?.location.display;
}

function specialNeedsOf(encounter: Encounter | undefined): string {
  const needs = (encounter?.hospitalization?.specialArrangement ?? []).map(conceptText);
  return needs.filter(Boolean).join(', ');
}

/** What endangers others (HL7 OBR-12 danger code), such as an infection. */
function dangerOf(order: ServiceRequest): string {
  const said = order.extension?.find(({ url }) => url === extensions.danger)?.valueCodeableConcept;
  return conceptText(said).slice(0, 64);
}

/** The number modalities know a patient by: the site authority's, and not one of a record merged into theirs. */
export function patientNumberOf(patient: Patient, site: Site): string {
  const system = site.authorities[site.patientAuthority];
  const own = patient.identifier?.filter((one) => one.system === system);
  return (own?.find(({ use }) => use !== 'old') ?? own?.[0])?.value ?? '';
}

/** HL7 table 0124 code, or what a FHIR client calls it. */
function transportOf(order: ServiceRequest): string {
  const said = order.extension?.find(({ url }) => url === extensions.transport)?.valueCodeableConcept;
  return (said?.coding?.[0]?.code ?? conceptText(said)).slice(0, 64);
}

/** Who may see it (HL7 ORC-28); IHE RAD-5 asks for it as (0040,3001), older modalities as (0040,1008). */
function confidentialityOf(order: ServiceRequest): string {
  return order.meta?.security?.map(({ display, code }) => display ?? code)[0]?.slice(0, 64) ?? '';
}

/** VR SH: a number cut short would call somebody else, so a longer one is left out. */
function callbackOf(order: ServiceRequest): string {
  const numbers = order.extension?.filter(({ url }) => url === extensions.callback) ?? [];
  return numbers.map(({ valueContactPoint }) => valueContactPoint?.value ?? '').find((one) => one.length <= 16) ?? '';
}

/** Coding scheme designators of PS3.16 table 8-1. */
const schemes: Record<string, string> = {
  'http://snomed.info/sct': 'SCT',
  'http://loinc.org': 'LN',
  'http://hl7.org/fhir/sid/icd-10': 'I10',
  'http://hl7.org/fhir/sid/icd-10-cm': 'I10C',
  'http://hl7.org/fhir/sid/icd-9-cm': 'I9C',
  'http://dicom.nema.org/resources/ontology/DCM': 'DCM',
  'http://radlex.org': 'RADLEX',
};

/** PS3.3 table 8.8-1: a code longer than VR SH holds is a Long Code Value; cut short it would be another code. */
function codeItem({ system, code = '', display }: Coding): DatasetInput {
  // Private coding schemes begin with 99 (PS3.3 section 8.2).
  const scheme = ofTable(schemes, system) ?? (!system || /[:/]/.test(system) ? '99LOCAL' : system);
  return {
    ...(code.length > 16 ? { LongCodeValue: code } : { CodeValue: code }),
    CodingSchemeDesignator: scheme.slice(0, 16),
    CodeMeaning: display?.slice(0, 64),
  };
}

/** What a RIS notes on the appointment (HL7 NTE behind SCH and AIS). */
function notesOf(appointment: Appointment): string {
  const notes = (appointment.extension ?? []).flatMap(({ valueAnnotation }) => valueAnnotation?.text ?? []);
  return notes.join('\n').slice(0, 10_240);
}

function reasonOf(order: ServiceRequest): string {
  const reason = order.reasonCode?.[0];
  return (reason?.text ?? reason?.coding?.[0]?.display ?? '').slice(0, 64);
}

/** Reasons that are coded and say of which system: a code alone means nothing. */
function reasonCodesOf(order: ServiceRequest): DatasetInput[] {
  const coded = (order.reasonCode ?? []).map(({ coding, text }) => ({ text, ...coding?.[0] }));
  return coded
    .filter(({ code, system }) => code && system)
    .map((one) => codeItem({ ...one, display: one.display ?? one.text }));
}
