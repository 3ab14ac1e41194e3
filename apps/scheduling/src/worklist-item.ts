import { DateTime } from 'luxon';
import type { Appointment, Coding, DetectedIssue, Encounter, HumanName, Patient, ServiceRequest } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import { conceptText, extensions, identifierOf, identifierValue, studyInstanceUidOf, systems } from '#fhir';
import { stationByAeTitle, type Site } from '#platform';
import { stationAeTitleOf, stepIdOf } from './appointment.decider.js';
import { screeningAttributes } from './contrast-screening.js';
import { stateAttributes, type Clinical } from './patient-state.js';
import type { RequestedStep } from './requested-steps.decider.js';

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
    // The placer's requested procedure id, or the accession number: one requested procedure an order.
    requestedProcedureId: identifierValue(order, systems.requestedProcedureId) ?? accession,
    stepId,
    studyInstanceUid: studyInstanceUidOf(order)!,
  };
  const { procedure, protocol } = step;
  return {
    ...item,
    attributes: {
      AccessionNumber: item.accessionNumber,
      ReferringPhysicianName: personName(order.requester?.display),
      ...patientAttributes(patient, site),
      ...stateAttributes(clinical, now),
      ...screeningAttributes(screening, order, site),
      PatientState: dangerOf(order),
      ...visitAttributes(encounter),
      AdditionalPatientHistory: order.note?.[0]?.text?.slice(0, 10_240) ?? '',
      StudyInstanceUID: item.studyInstanceUid,
      RequestingPhysician: personName(order.requester?.display),
      RequestedProcedureDescription: procedure.display.slice(0, 64),
      RequestedProcedureCodeSequence: [codeItem({ code: procedure.code, display: procedure.display })],
      RequestedContrastAgent: procedure.contrast?.agent.display.slice(0, 64) ?? '',
      RequestedProcedureID: item.requestedProcedureId.slice(0, 16),
      ReasonForTheRequestedProcedure: reasonOf(order),
      RequestedProcedurePriority: priorities[order.priority ?? ''] ?? '',
      PatientTransportArrangements: step.isPortable ? 'PORT' : '',
      ConfidentialityCode: order.meta?.security?.map(({ display, code }) => display ?? code)[0]?.slice(0, 64) ?? '',
      PlacerOrderNumberImagingServiceRequest: identifierOf(order, 'PLAC')?.value ?? '',
      FillerOrderNumberImagingServiceRequest: identifierOf(order, 'FILL')?.value ?? '',
      ReferencedStudySequence: [],
      ReferencedPatientSequence: [],
      ScheduledProcedureStepSequence: [
        {
          Modality: step.modality,
          ScheduledStationAETitle: aeTitle,
          ScheduledProcedureStepStartDate: item.startDate,
          ScheduledProcedureStepStartTime: item.startTime,
          ScheduledPerformingPhysicianName: '',
          ScheduledProcedureStepDescription: (protocol?.display ?? procedure.display).slice(0, 64),
          ScheduledProtocolCodeSequence: protocol ? [codeItem(protocol)] : [],
          ScheduledProcedureStepID: stepId,
          ScheduledStationName: station?.name.slice(0, 16) ?? '',
          ScheduledProcedureStepLocation: station?.room.slice(0, 16) ?? '',
          PreMedication: procedure.preparation?.slice(0, 64) ?? '',
          RequestedContrastAgent: procedure.contrast?.agent.display.slice(0, 64) ?? '',
          ScheduledProcedureStepStatus: 'SCHEDULED',
          CommentsOnTheScheduledProcedureStep: '',
        },
      ],
    },
  };
}

/** What an item says of its patient. */
export function patientAttributes(patient: Patient, site: Site): DatasetInput {
  return {
    PatientName: dicomName(patient.name?.[0]),
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
function placeOf(encounter: Encounter | undefined): string | undefined {
  const isThere = ({ status }: { status?: string }) => status === undefined || status === 'active' || status === 'planned'; // prettier-ignore
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

/**
 * DICOM VR PN (PS3.5 section 6.2): family^given^middle^prefix^suffix, 64 characters. A name that is only a text is put
 * where the family name goes, whole: which part is which is not ours to guess.
 */
export function dicomName(name: HumanName | undefined): string {
  const [given = '', ...middle] = name?.given ?? [];
  const family = name?.family ?? (given ? '' : (name?.text ?? ''));
  const parts = [family, given, middle.join(' '), name?.prefix?.[0] ?? '', name?.suffix?.[0] ?? ''];
  return parts
    .map((part) => part.replace(/[\^=\\]/g, ' '))
    .join('^')
    .slice(0, 64)
    .replace(/\^+$/, '');
}

/** The number modalities know a patient by: the site authority's, and not one of a record merged into theirs. */
export function patientNumberOf(patient: Patient, site: Site): string {
  const system = site.authorities[site.patientAuthority];
  const own = patient.identifier?.filter((one) => one.system === system);
  return (own?.find(({ use }) => use !== 'old') ?? own?.[0])?.value ?? '';
}

/** A display such as `Dora Doctor` as VR PN; the last word is the family name. */
function personName(display: string | undefined): string {
  const words = display?.split(' ') ?? [];
  return dicomName({ family: words.pop(), given: words });
}

/** PS3.3 table 8.8-1: a code longer than VR SH holds is a Long Code Value; cut short it would be another code. */
function codeItem({ system, code = '', display }: Coding): DatasetInput {
  // Private coding schemes begin with 99 (PS3.3 section 8.2).
  const scheme = system === 'http://snomed.info/sct' ? 'SCT' : !system || /[:/]/.test(system) ? '99LOCAL' : system;
  return {
    ...(code.length > 16 ? { LongCodeValue: code } : { CodeValue: code }),
    CodingSchemeDesignator: scheme.slice(0, 16),
    CodeMeaning: display?.slice(0, 64),
  };
}

function reasonOf(order: ServiceRequest): string {
  const reason = order.reasonCode?.[0];
  return (reason?.text ?? reason?.coding?.[0]?.display ?? '').slice(0, 64);
}
