import type { Identifier, Patient } from 'fhir/r4.js';
import { mergePatients, replacedBy, sameContent } from '#fhir';
import { decidePatient, type PatientDecision } from './patient.decider.js';

/** Two patients whose records a merge makes one, as they are known. */
export interface MergeState {
  prior: Patient | undefined;
  survivor: Patient | undefined;
  /** Ids of those who stand for the survivor, if it was merged before. */
  survivorChain: readonly string[];
}

/** What is asked: one record is no more, this patient's is in its place. */
export interface MergeCommand {
  prior: { id: string; identifier: Identifier[] };
  survivor: Patient;
}

/** What is to be stored, and told of the survivor beside the merge. */
export interface MergeDecision {
  prior: Patient;
  survivor: Patient;
  survivorEvent?: PatientDecision['event'];
}

/**
 * Decides one merge (HL7 v2.5.1 section 3.3.40). A patient merged into themself, or again into the same one, changes
 * nothing but what is said of the survivor. One merged the other way round before is turned round; one merged into a
 * third before keeps there what went there, and belongs to this one from now on. A prior record that was never heard of
 * is noted all the same: messages for it may still come.
 */
export function decideMerge(state: MergeState, { prior, survivor: stated }: MergeCommand): MergeDecision | undefined {
  if (prior.id === stated.id) return undefined;
  const { patient, event } = decidePatient(state.survivor, stated);
  const known: Patient = state.prior ?? { resourceType: 'Patient', ...prior };
  const merged = mergePatients(known, patient, state.survivorChain.includes(prior.id));
  const isKnown = replacedBy(state.prior) === stated.id && sameContent(state.prior!, merged.prior);
  const isSaid = state.survivor !== undefined && sameContent(state.survivor, merged.survivor);
  if (isKnown && isSaid) return undefined;
  return { ...merged, ...(isSaid ? {} : { survivorEvent: event ?? 'imaging.patient.updated.v1' }) };
}
