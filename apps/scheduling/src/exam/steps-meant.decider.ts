import type { PerformedProcedureStep } from '#dicom';

/** A step as the worklist knows it, as far as a modality can name it. */
export interface KnownStep {
  appointmentId: string;
  patientId: string;
  dicomPatientId: string;
  studyInstanceUid: string;
  accessionNumber: string;
  stepId: string;
  modality: string;
  stationAeTitle: string;
}

/** Whose exam an MPPS is. */
export interface StepsMeant {
  /** Steps of one patient; none for an exam that stands for itself. */
  steps: KnownStep[];
  /** Why it stands for itself. */
  reason: string | null;
}

/**
 * The steps an MPPS performs, by its Scheduled Step Attributes Sequence (PS3.4 table F.7.2-1): study instance UID or
 * accession number, and step id. Images of one patient are never filed under another's order, and where it cannot be
 * told which of several steps is meant, none is: a person decides.
 *
 * @param reportedPatient internal id of whom the reported patient number stands for now: a modality may have had its
 *   worklist before that patient was merged into another
 * @param known steps with a study instance UID or accession number the MPPS names
 */
export function stepsMeant(
  reported: PerformedProcedureStep,
  reportedPatient: string | undefined,
  known: readonly KnownStep[],
): StepsMeant {
  // An exam that names only our study UID must have had it from the worklist.
  const { scheduledSteps, studyInstanceUid, patientId } = reported;
  const references = scheduledSteps.length > 0 ? scheduledSteps : studyInstanceUid ? [{ studyInstanceUid }] : [];
  const found = references.map((one) => stepsFor(one, reported, known));
  const steps = [...new Set(found.filter((some) => some.length === 1).flat())];
  const own = steps.filter(
    (one) => !patientId || one.dicomPatientId === patientId || one.patientId === reportedPatient,
  );
  const meant = own.filter((one) => one.patientId === own[0]!.patientId);
  if (meant.length > 0) return { steps: meant, reason: null };
  if (steps.length > 0) return { steps: [], reason: "refers to another patient's step" };
  if (found.some((some) => some.length > 1)) return { steps: [], reason: 'does not say which of several steps' };
  return { steps: [], reason: scheduledSteps.length > 0 ? 'refers to no known step' : 'refers to no step' };
}

function stepsFor(
  reference: PerformedProcedureStep['scheduledSteps'][number],
  { modality, performedStationAeTitle }: PerformedProcedureStep,
  known: readonly KnownStep[],
): KnownStep[] {
  const { studyInstanceUid, accessionNumber, scheduledProcedureStepId } = reference;
  const ofStudy = known.filter((one) => studyInstanceUid && one.studyInstanceUid === studyInstanceUid);
  // A modality may have made a study UID of its own: then the accession number tells.
  const some =
    ofStudy.length > 0 ? ofStudy : known.filter((one) => accessionNumber && one.accessionNumber === accessionNumber);
  if (scheduledProcedureStepId) return some.filter((one) => one.stepId === scheduledProcedureStepId);
  const alike = some.filter((one) => !modality || one.modality === modality);
  const there = alike.filter((one) => one.stationAeTitle === performedStationAeTitle);
  return there.length === 1 ? there : alike;
}
