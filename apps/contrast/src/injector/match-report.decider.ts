import type { Patient, ServiceRequest } from 'fhir/r4.js';
import { studyInstanceUidOf, systems } from '#fhir';
import type { ReportReferences } from './injector-report.js';

/** An order that a report may be of, with what is known of its exam. */
export interface Candidate {
  order: ServiceRequest;
  patient: Patient | undefined;
  scheduledStepIds: string[];
  performedStepUids: string[];
}

/** A number of a report that is not the order's. */
export type Disagreement =
  'patient id' | 'accession number' | 'study instance uid' | 'scheduled procedure step id' | 'performed procedure step';

/** What a report is of; only a match is acted upon, everything else waits for its order or for a person. */
export type Match =
  | { state: 'matched'; order: ServiceRequest }
  | { state: 'waiting' }
  | { state: 'disagrees'; disagreements: Disagreement[] }
  | { state: 'ambiguous' };

/**
 * Which order a report is of. Every number that both sides have must agree, and the patient id must be one of the
 * patient's: a report with one wrong number may be of another patient, and is never guessed.
 */
export function matchReport(references: ReportReferences, candidates: readonly Candidate[]): Match {
  if (candidates.length === 0) return { state: 'waiting' };
  const judged = candidates.map((candidate) => ({ candidate, against: disagreementsOf(references, candidate) }));
  const fitting = judged.filter(({ against }) => against.length === 0);
  if (fitting.length > 1) return { state: 'ambiguous' };
  const [match] = fitting;
  if (match) return { state: 'matched', order: match.candidate.order };
  return { state: 'disagrees', disagreements: [...new Set(judged.flatMap(({ against }) => against))] };
}

function disagreementsOf(references: ReportReferences, candidate: Candidate): Disagreement[] {
  const { order, patient } = candidate;
  const study = studyInstanceUidOf(order);
  const accessions = (order.identifier ?? []).filter(({ type }) => type?.coding?.some(({ code }) => code === 'ACSN'));
  const numbers: [Disagreement, readonly string[], readonly string[]][] = [
    ['accession number', references.accessionNumbers, accessions.flatMap(({ value }) => value ?? [])],
    ['study instance uid', references.studyUids, study ? [study] : []],
    ['scheduled procedure step id', references.scheduledStepIds, candidate.scheduledStepIds],
    ['performed procedure step', references.performedStepUids, candidate.performedStepUids],
  ];
  const against = numbers.flatMap(([name, stated, known]) =>
    stated.length === 0 || known.length === 0 || stated.some((one) => known.includes(one)) ? [] : [name],
  );
  const ids = (patient?.identifier ?? []).filter(({ system }) => system !== systems.dicomUid).map(({ value }) => value);
  return references.patientId && ids.includes(references.patientId) ? against : ['patient id', ...against];
}
