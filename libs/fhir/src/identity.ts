import { v5 as uuidv5 } from 'uuid';
import type { Identifier } from 'fhir/r4.js';

/** Namespace of every resource id Collimator derives; fixed for ever, since ids must come out the same everywhere. */
const NAMESPACE = '0b6a4f5e-6c1c-5e0b-8a57-4f6c1d0e7a10';

/**
 * An id made from content alone: the same parts give the same UUIDv5 (RFC 9562 section 5.5) in every process and at
 * every time, so the same message twice gives the same resource.
 */
export function uuidFrom(...parts: string[]): string {
  return uuidv5(parts.map(encodeURIComponent).join('|'), NAMESPACE);
}

/** Identifier systems and type codes Collimator reads and writes. */
export const systems = {
  /** The tables of HL7 v2: the number of the table follows. */
  hl7Table: 'http://terminology.hl7.org/CodeSystem/v2-',
  /** HL7 table 0203, the types of identifiers: MR, PLAC, FILL, ACSN, VN. */
  identifierType: 'http://terminology.hl7.org/CodeSystem/v2-0203',
  /** DICOM UIDs, valued `urn:oid:<uid>` (DICOM PS3.20, FHIR ImagingStudy). */
  dicomUid: 'urn:dicom:uid',
  dicomCode: 'http://dicom.nema.org/resources/ontology/DCM',
  accessionNumber: 'urn:collimator:accession-number',
  requestedProcedureId: 'urn:collimator:requested-procedure-id',
  scheduledProcedureStepId: 'urn:collimator:scheduled-procedure-step-id',
  procedure: 'urn:collimator:procedure',
  /** Rooms, stations and modalities by their names in the site file. */
  room: 'urn:collimator:room',
  aeTitle: 'urn:collimator:ae-title',
  modality: 'urn:collimator:modality',
  capability: 'urn:collimator:capability',
  /** Positioning aids and shielding of the site's own. */
  setup: 'urn:collimator:setup',
  /** HL7 table 0116 as FHIR Location.operationalStatus takes it. */
  operationalStatus: 'http://terminology.hl7.org/CodeSystem/v2-0116',
  /** What a Task is for: `clarify`, `fulfill`, `stop-exam`, `clean-room`, `contrast-preparation`, `critical-result`, `read`, ... */
  task: 'urn:collimator:task',
  /** What a Task is for, as FHIR has it: `fulfill`. */
  taskCode: 'http://hl7.org/fhir/CodeSystem/task-code',
  /** Categories of critical results by their names in the site file. */
  criticalResult: 'urn:collimator:critical-result',
  subspecialty: 'urn:collimator:subspecialty',
  postProcessing: 'urn:collimator:post-processing',
  /** How far the exam of an order is: scheduled, started, completed, discontinued. */
  businessStatus: 'urn:collimator:business-status',
  /** Kinds of doubts about an order: laterality, body-part, modality, age, sex, pregnancy, duplicate. */
  doubt: 'urn:collimator:doubt',
  /** What contrast screening says of an exam: proceed, proceed-with-preparation, needs-decision, stop. */
  contrastOutcome: 'urn:collimator:contrast-outcome',
  /** Kinds of reactions to contrast: allergic-like, physiologic, extravasation, unknown. */
  reactionKind: 'urn:collimator:reaction-kind',
  /** Numbers of reactions to contrast, and of what patients must not be given again because of them. */
  adverseEvent: 'urn:collimator:adverse-event',
  allergyIntolerance: 'urn:collimator:allergy-intolerance',
  /** Numbers of doses: one that moves to another patient or order has another there. */
  dose: 'urn:collimator:dose',
  /** Numbers of what patients are told before and after an exam, and the names of these texts in the site file. */
  instruction: 'urn:collimator:instruction',
  instructionTemplate: 'urn:collimator:instruction-template',
  snomed: 'http://snomed.info/sct',
} as const;

/** Extensions Collimator puts on resources. */
export const extensions = {
  /** On ServiceRequest: one scheduled procedure step the placer's system asks for (HL7 v2.5 segment IPC). */
  scheduledProcedureStep: 'urn:collimator:extension:scheduled-procedure-step',
  /** On ServiceRequest: what of the patient endangers others, such as an infection (HL7 OBR-12). */
  danger: 'urn:collimator:extension:danger',
  /** On ServiceRequest: how the patient comes to the exam (HL7 OBR-30, table 0124). */
  transport: 'urn:collimator:extension:transport',
  /** On HumanName: ABC alphabetic, IDE ideographic, SYL syllabic or phonetic. */
  nameRepresentation: 'http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation',
  /** On ServiceRequest: the Task that has its placer clear a doubt; the order waits for it unless it is STAT. */
  clarification: 'urn:collimator:extension:clarification',
  /** On ServiceRequest: whom to call about it (v2-to-FHIR: OBR-17, ORC-14). */
  callback: 'http://hl7.org/fhir/StructureDefinition/servicerequest-order-callback-phone-number',
  /** On ServiceRequest: why it is as it is (v2-to-FHIR: ORC-16). */
  statusReason: 'http://hl7.org/fhir/StructureDefinition/request-statusReason',
  /** On ServiceRequest: which request of its placer (HL7 table 0119) brought it to its status: CA, DC, RP or HD. */
  orderControl: 'urn:collimator:extension:order-control',
  /** On ServiceRequest: when the exam it was completed by turned out to be another order's, so that it is to be done still. */
  reopened: 'urn:collimator:extension:reopened',
  stationAeTitle: 'urn:collimator:extension:station-ae-title',
  modality: 'urn:collimator:extension:modality',
  /** On Appointment: why this station and time. */
  schedulingReason: 'urn:collimator:extension:scheduling-reason',
  /** On a performer of a Procedure: `certified` for the modality, `not-certified`, or `unknown`. */
  certification: 'urn:collimator:extension:certification',
  /** On DetectedIssue: from when on the exam can be, since its patient has to be prepared first. */
  readyFrom: 'urn:collimator:extension:ready-from',
  /** On Medication: why its lot may not be given any more. */
  recallReason: 'urn:collimator:extension:recall-reason',
  /** On Medication: how much of an agent a room still has, in millilitres and in unopened containers. */
  stockVolume: 'urn:collimator:extension:stock-volume',
  stockContainers: 'urn:collimator:extension:stock-containers',
  /** On MedicationAdministration: the room whose stock it came from, by its name in the site file. */
  supplyRoom: 'urn:collimator:extension:supply-room',
  /** On a Medication: a GS1 barcode of its package, in parentheses (GS1 General Specifications, section 4.1). */
  barcode: 'urn:collimator:extension:barcode',
  /** On MedicationAdministration: one phase of a power injection. */
  injectionPhase: 'urn:collimator:extension:injection-phase',
  /** On MedicationAdministration: contrast went beside the vessel: where, and about how much. */
  extravasation: 'urn:collimator:extension:extravasation',
  /** On MedicationAdministration: why it is given, or was, although something spoke against it. */
  givenAlthough: 'urn:collimator:extension:given-although',
  /** On MedicationAdministration: what differs from the plan, or between those who stated it. */
  deviation: 'urn:collimator:extension:deviation',
  /** On AdverseEvent: what was seen of the reaction, coded. */
  manifestation: 'urn:collimator:extension:manifestation',
  /** On AdverseEvent: what was given or done against it (`what`), and when (`at`). */
  treatment: 'urn:collimator:extension:treatment',
  /** On AdverseEvent, as a modifier: it never was; R4 has no status of one. */
  enteredInError: 'urn:collimator:extension:entered-in-error',
  /** On AdverseEvent: the order of the exam (FHIR R4 extension event-basedOn). */
  basedOn: 'http://hl7.org/fhir/StructureDefinition/event-basedOn',
  /** On DiagnosticReport: that something in it must be acted on, as a code, such as an ACR category (RadLex RID49480). */
  actionableCategory: 'urn:collimator:extension:actionable-category',
  /** On Task: which level is asked to acknowledge it, and how often anybody was (libs/tasks). */
  escalation: 'urn:collimator:extension:escalation',
} as const;

/** Identity of a patient: the identifier the site chose. It is also the key of the patient's events. */
export function patientIdOf(identifier: { system: string; value: string }): string {
  return uuidFrom('Patient', identifier.system, identifier.value);
}

/** Identity of an order: its placer order number. */
export function serviceRequestIdOf(placer: { system: string; value: string }): string {
  return uuidFrom('ServiceRequest', placer.system, placer.value);
}

/** Identity of what contrast screening says of an order. */
export function contrastScreeningIdOf(orderId: string): string {
  return uuidFrom('DetectedIssue', orderId, 'contrast screening');
}

/** The first identifier with this v2-0203 type code. */
export function identifierOf(
  resource: { identifier?: Identifier[] | undefined } | undefined,
  typeCode: 'ACSN' | 'PLAC' | 'FILL' | 'MR' | 'VN',
): Identifier | undefined {
  return resource?.identifier?.find((one) => one.type?.coding?.some(({ code }) => code === typeCode));
}

/** The value of the first identifier of this system. */
export function identifierValue(
  resource: { identifier?: Identifier[] | undefined } | undefined,
  system: string,
): string | undefined {
  return resource?.identifier?.find((one) => one.system === system)?.value;
}

/** An identifier of a v2-0203 type. */
export function typedIdentifier(typeCode: string, system: string | undefined, value: string): Identifier {
  return {
    type: { coding: [{ system: systems.identifierType, code: typeCode }] },
    ...(system ? { system } : {}),
    value,
  };
}

/** Study Instance UID of an order or study as DICOM writes it (0020,000D), without `urn:oid:`. */
export function studyInstanceUidOf(
  resource: { identifier?: Identifier[] | undefined } | undefined,
): string | undefined {
  return identifierValue(resource, systems.dicomUid)?.replace(/^urn:oid:/, '');
}

/** A DICOM UID as FHIR writes it. */
export function dicomUidIdentifier(uid: string): Identifier {
  return { system: systems.dicomUid, value: `urn:oid:${uid}` };
}

/** A DICOM UID made from a uuid (PS3.5 section B.2, `2.25.`): globally unique without a registered root. */
export function uidFromUuid(uuid: string): string {
  return `2.25.${BigInt(`0x${uuid.replaceAll('-', '')}`)}`;
}

/** The id in a literal reference such as `Patient/123`, if it is to that type. */
export function referencedId(reference: string | undefined, type: string): string | undefined {
  return reference?.startsWith(`${type}/`) ? reference.slice(type.length + 1) : undefined;
}
