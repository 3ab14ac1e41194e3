/** What travels with a patient and with their orders. */
const ofThePatient = ['Encounter', 'AllergyIntolerance', 'Condition', 'Observation', 'Coverage'];

/**
 * Every event Collimator publishes: its type, who publishes it, what happened, and which FHIR R4 resources its message
 * Bundle carries. A version only grows; a breaking change is a new version beside the old one.
 *
 * The topic is the first two parts of the type (`imaging.order`), so a consumer of one topic sees one aggregate's facts
 * in order per patient.
 */
export const eventCatalog = {
  'imaging.patient.registered.v1': fact('orders', 'A patient became known.', ['Patient'], ofThePatient),
  'imaging.patient.updated.v1': fact(
    'orders',
    "A patient's demographics or visit, or what is known of their state changed: allergies, diagnoses, observations.",
    ['Patient'],
    ofThePatient,
  ),
  'imaging.patient.merged.v1': fact(
    'orders',
    'The records of two patients are one: the first Patient survives, the second, whose key this event has, links to it.',
    ['Patient'],
  ),
  'imaging.order.placed.v1': fact(
    'orders',
    'A physician ordered an imaging procedure.',
    ['ServiceRequest', 'Patient'],
    ofThePatient,
  ),
  'imaging.order.changed.v1': fact('orders', 'An open order was changed.', ['ServiceRequest', 'Patient'], ofThePatient),
  'imaging.order.cancelled.v1': fact(
    'orders',
    'An order was cancelled or discontinued by its placer.',
    ['ServiceRequest', 'Patient'],
    ofThePatient,
  ),
  'imaging.order.clarification-requested.v1': fact(
    'orders',
    'An order is doubtful: its placer is asked to change or to confirm it. The Task says what is doubtful; the order waits unless it is STAT.',
    ['Task', 'ServiceRequest', 'Patient'],
  ),
  'imaging.schedule.booked.v1': fact(
    'scheduling',
    'A scheduled procedure step got its station and time and is on the worklist.',
    ['Appointment', 'ServiceRequest', 'Patient'],
  ),
  'imaging.schedule.moved.v1': fact(
    'scheduling',
    'A scheduled procedure step changed its station, its time or what is to be done, or its patient has arrived.',
    ['Appointment', 'ServiceRequest', 'Patient'],
  ),
  'imaging.schedule.cancelled.v1': fact(
    'scheduling',
    'A scheduled procedure step left the worklist because its order, or a RIS that schedules it, does not want it now.',
    ['Appointment', 'ServiceRequest', 'Patient'],
  ),
  'imaging.schedule.exam-started.v1': fact(
    'scheduling',
    'The modality reported the exam in progress (MPPS N-CREATE).',
    ['Procedure', 'Patient'],
    ['Appointment', 'ServiceRequest'],
  ),
  'imaging.schedule.exam-completed.v1': fact(
    'scheduling',
    'The modality reported the exam completed (MPPS N-SET); ImagingStudy lists the images it says it made.',
    ['Procedure', 'Patient'],
    ['Appointment', 'ServiceRequest', 'ImagingStudy'],
  ),
  'imaging.schedule.exam-discontinued.v1': fact(
    'scheduling',
    'The modality reported the exam discontinued (MPPS N-SET), with its reason.',
    ['Procedure', 'Patient'],
    ['Appointment', 'ServiceRequest', 'ImagingStudy'],
  ),
  'imaging.schedule.exam-reassigned.v1': fact(
    'scheduling',
    'A person said that an exam was done for another order than the worklist entry chosen for it: the first ServiceRequest and Patient are those it was done for, the others those it was told of. The Procedure is discontinued as a wrong worklist entry (DCM 110514); contrast and dose recorded with it move. ImagingStudy is where its images were stored.',
    ['Procedure', 'ServiceRequest', 'Patient'],
    ['ImagingStudy'],
  ),
  'imaging.schedule.exam-stop-requested.v1': fact(
    'scheduling',
    'The order of an exam under way was cancelled, put on hold or changed: the room is asked to stop it. The Task says which room, which exam, and why; it is told again where the reason changed.',
    ['Task', 'Appointment', 'ServiceRequest', 'Patient'],
    ['Procedure'],
  ),
  'imaging.schedule.exam-stop-settled.v1': fact(
    'scheduling',
    'A room asked to stop an exam has nothing left to do: the Task is completed (the exam was stopped), failed (it was done before) or cancelled (the order wants the exam again).',
    ['Task', 'Appointment', 'ServiceRequest', 'Patient'],
    ['Procedure'],
  ),
  'imaging.schedule.station-closed.v1': fact(
    'scheduling',
    'No exam may begin at a station from now on: its room is down, dirty or contaminated, it has downtime, its quality control failed or is overdue. Device.statusReason says why.',
    ['Device'],
    ['Location'],
    'station',
  ),
  'imaging.schedule.station-opened.v1': fact(
    'scheduling',
    'Exams may begin at a station again: every reason it was closed for is gone.',
    ['Device'],
    ['Location'],
    'station',
  ),
  'imaging.schedule.downtime-announced.v1': fact(
    'scheduling',
    'Downtime of a station was planned, changed, or withdrawn (Slot.status entered-in-error).',
    ['Slot', 'Device'],
    ['Location'],
    'station',
  ),
  'imaging.contrast.planned.v1': fact(
    'contrast',
    'An exam that uses contrast got its contrast record with the planned agent.',
    ['MedicationRequest', 'ServiceRequest', 'Patient'],
  ),
  'imaging.contrast.cancelled.v1': fact('contrast', 'A planned contrast administration will not happen.', [
    'MedicationRequest',
    'ServiceRequest',
    'Patient',
  ]),
  'imaging.contrast.screened.v1': fact(
    'contrast',
    'An exam with contrast was screened, and something of it is new: the first DetectedIssue has the outcome and from when on the exam can be; those of the rules that ask for something follow, and the steps of its preparation.',
    ['DetectedIssue', 'ServiceRequest', 'Patient'],
    ['MedicationRequest', 'Task'],
  ),
  'imaging.contrast.administered.v1': fact(
    'contrast',
    'Contrast was given, or what was told of it corrected: agent, lot, dose, rate and route are in the MedicationAdministration, what spoke against it in DetectedIssues.',
    ['MedicationAdministration', 'Patient'],
    ['MedicationRequest', 'ServiceRequest', 'DetectedIssue'],
  ),
  'imaging.contrast.reaction-recorded.v1': fact(
    'contrast',
    'A reaction to contrast, or an extravasation, was recorded or corrected: severity, timing, manifestations and treatment are in the AdverseEvent, what the patient must not be given again in the AllergyIntolerance.',
    ['AdverseEvent', 'Patient'],
    ['AllergyIntolerance', 'MedicationAdministration', 'ServiceRequest', 'Procedure'],
  ),
  'imaging.contrast.escalated.v1': fact(
    'contrast',
    'Somebody is asked, or nobody answered in time and the next one is: to see to a reaction, to record one, or to what is overdue of an observation or a follow-up. The Task says what, who is asked now, and until when.',
    ['Task', 'Patient'],
    ['AdverseEvent', 'ServiceRequest'],
  ),
  'imaging.contrast.stock-low.v1': fact(
    'contrast',
    'The stock of an agent in a room fell to what the site wants to be told at.',
    ['Medication'],
    ['Location'],
    'supply',
  ),
  'imaging.contrast.lot-recalled.v1': fact(
    'contrast',
    'A lot was recalled: nothing of it may be given any more.',
    ['Medication'],
    [],
    'supply',
  ),
  'imaging.result.study-available.v1': fact(
    'results',
    'The study was found in the PACS, or has more or less in it than was told before.',
    ['ImagingStudy', 'Patient'],
    ['ServiceRequest'],
  ),
  'imaging.result.study-withdrawn.v1': fact(
    'results',
    'Nothing of a study that was told available is left to be seen: all of it was rejected (IHE IOCM), or made under the wrong worklist entry (ImagingStudy.status entered-in-error or cancelled).',
    ['ImagingStudy', 'Patient'],
    ['ServiceRequest'],
  ),
  'imaging.result.alert-raised.v1': fact(
    'results',
    'Exam, order and images do not go together: an exam without images, fewer images than performed, images without an order, an order whose exam no modality reported. DetectedIssue.code says which.',
    ['DetectedIssue', 'Patient'],
    ['ImagingStudy', 'ServiceRequest'],
  ),
  'imaging.result.alert-resolved.v1': fact(
    'results',
    'What an alert said is not so any more (DetectedIssue.status cancelled).',
    ['DetectedIssue', 'Patient'],
    ['ImagingStudy', 'ServiceRequest'],
  ),
  'imaging.result.study-missing.v1': fact(
    'results',
    'The exam was completed but its study, or part of it, did not appear in the PACS in time.',
    ['ImagingStudy', 'Patient'],
    ['ServiceRequest'],
  ),
  'imaging.result.reported.v1': fact(
    'results',
    'A report, or a new version of one, arrived, or its order became known.',
    ['DiagnosticReport', 'Patient'],
    ['ServiceRequest', 'ImagingStudy'],
  ),
  'imaging.result.critical-result.v1': fact(
    'results',
    'A report has a finding that somebody must hear of, or that was acknowledged, seen to, or taken back: the Task says what, who is asked and until when, and how far it is.',
    ['Task', 'DiagnosticReport', 'Patient'],
    ['ServiceRequest'],
  ),
  'imaging.result.escalated.v1': fact(
    'results',
    'Nobody acknowledged a critical result in time. The Task says who is asked now, and until when.',
    ['Task', 'Patient'],
    ['DiagnosticReport', 'ServiceRequest'],
  ),
  'imaging.result.reading-changed.v1': fact(
    'results',
    'A study is to be read, or its reading was assigned, claimed, released, came back from elsewhere, waits for its final report, or is done: the Task says so.',
    ['Task', 'ImagingStudy', 'Patient'],
    ['ServiceRequest'],
  ),
  'imaging.result.post-processing-changed.v1': fact(
    'results',
    'Something is to be made of the images of a study, or was taken on, made, found in the PACS or not: the Task says what, and which series were made.',
    ['Task', 'ImagingStudy', 'Patient'],
    ['ServiceRequest'],
  ),
  'imaging.result.dose-recorded.v1': fact(
    'results',
    "The radiation dose of a study became known, or is another now: another report came, one was corrected, or it was another patient's (Observation.status final, amended, corrected, entered-in-error).",
    ['Observation', 'Patient'],
    ['ServiceRequest', 'ImagingStudy', 'DetectedIssue'],
  ),
  'imaging.result.dose-exceeded.v1': fact(
    'results',
    'The radiation dose of a study is above a diagnostic reference level of the site: to be looked at, no limit of a patient.',
    ['DetectedIssue', 'Patient'],
    ['ServiceRequest', 'ImagingStudy', 'Observation'],
  ),
  'imaging.result.instruction-changed.v1': fact(
    'results',
    'A patient is given an instruction before or after an exam, or another text of it since the exam was moved; or it does not apply any more, or was read: the Communication says so.',
    ['Communication', 'ServiceRequest', 'Patient'],
  ),
  'imaging.result.quality-alarm.v1': fact(
    'results',
    'The share of rejected or repeated images of a room, a detector, a view or a reason is above what the site accepts, beyond chance (DetectedIssue.status final), or is not any more (cancelled).',
    ['DetectedIssue'],
    ['Location'],
    'quality',
  ),
} as const satisfies Record<`imaging.${string}.v${number}`, EventFact>;

/** The type of one event, as carried in `ce_type` and in `MessageHeader.eventCoding`. */
export type EventType = keyof typeof eventCatalog;

/** All event types, in catalog order. */
export const eventTypes = Object.keys(eventCatalog) as EventType[];

/** What the catalog says of one event type. */
export interface EventFact {
  publisher: 'orders' | 'scheduling' | 'contrast' | 'results';
  meaning: string;
  /** Resource types the Bundle always carries; the first one is the focus. */
  carries: readonly string[];
  /** Resource types the Bundle carries where they are known. */
  mayCarry: readonly string[];
  /**
   * Whom it is about, whose id is its key, so that the facts about them are in order: a patient, a station (its Device),
   * a supply (its Medication), or a measure of quality (its DetectedIssue).
   */
  about: 'patient' | 'station' | 'supply' | 'quality';
}

/** The topic of an event type, without the deployment's prefix: `imaging.order.placed.v1` → `imaging.order`. */
export function topicOf(type: EventType): string {
  return type.split('.').slice(0, 2).join('.');
}

/** Every topic of the catalog, without the deployment's prefix. */
export const topics = [...new Set(eventTypes.map(topicOf))];

/** True if the text is an event type this version of the catalog knows. */
export function isEventType(text: string): text is EventType {
  return Object.hasOwn(eventCatalog, text);
}

function fact(
  publisher: EventFact['publisher'],
  meaning: string,
  carries: readonly string[],
  mayCarry: readonly string[] = [],
  about: EventFact['about'] = 'patient',
): EventFact {
  return { publisher, meaning, carries, mayCarry, about };
}
