import type { ImagingStudy, Observation } from 'fhir/r4.js';
import { systems, uuidFrom } from '#fhir';
import type { StudyDose } from './dose-of-study.decider.js';
import type { DoseKind } from './dose-report.js';

/** What a dose is by code (LOINC), as HL7's Radiation Dose Summary guide has it. */
export const radiationExposure = { system: 'http://loinc.org', code: '73569-6' } as const;

/** The id of a study's dose by one kind of radiation. */
export function doseObservationIdOf(studyInstanceUid: string, kind: DoseKind): string {
  return uuidFrom('Observation', 'radiation-dose-summary', studyInstanceUid, kind);
}

/**
 * True of a dose whose study is another patient's now, or not any more of an order that it was told of. Whoever was told of
 * it there has to hear that it was wrong.
 */
export function hasMoved(known: Observation, study: ImagingStudy): boolean {
  const now = new Set(study.basedOn?.map(({ reference }) => reference));
  return (
    known.subject?.reference !== study.subject.reference ||
    (known.basedOn ?? []).some(({ reference }) => !now.has(reference))
  );
}

/**
 * The number by which others know a dose. It stays through corrections and merges; where the dose moved, the one it had
 * stays with what was wrong, so that news of both may come in any order.
 */
export function numberFor(
  known: Observation | undefined,
  { studyInstanceUid, kind }: StudyDose,
  study: ImagingStudy,
): string {
  const first = doseObservationIdOf(studyInstanceUid, kind);
  if (!known) return first;
  if (!hasMoved(known, study)) return numberOf(known) ?? first;
  const orders = (study.basedOn ?? []).flatMap(({ reference }) => reference ?? []).sort();
  return uuidFrom('Observation', first, study.subject.reference ?? '', ...orders);
}

function numberOf({ identifier = [] }: Observation): string | undefined {
  return identifier.find(({ system }) => system === systems.dose)?.value;
}

/** True of the dose of a study, which is not the only kind of Observation there is. */
export function isDose({ code }: Observation): boolean {
  return (
    code.coding?.some((one) => one.system === radiationExposure.system && one.code === radiationExposure.code) ?? false
  );
}
