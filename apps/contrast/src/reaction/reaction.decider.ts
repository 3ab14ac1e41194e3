import type { AdverseEvent } from 'fhir/r4.js';
import { sameContent } from '#fhir';
import { fail } from '#platform';
import { isInError } from './read-reaction.js';

/** What is to be stored. */
export interface ReactionDecision {
  outcome: 'new' | 'same' | 'corrected';
  reaction: AdverseEvent;
}

/**
 * Decides on a reaction: the same again is no second one, and the same number with other content is refused, since a
 * reaction is corrected, never overwritten.
 *
 * @param current what is recorded under its identifier
 * @param patient whose it is by what it refers to, as a reference; undefined where that is not known here
 * @throws Failure duplicate-key, state-conflict (another patient's, or an error of nothing)
 */
export function recordReaction(
  current: AdverseEvent | undefined,
  stated: AdverseEvent,
  patient: string | undefined,
  now: Date,
): ReactionDecision {
  checkPatient(stated, patient);
  const reaction = { ...stated, recordedDate: stated.recordedDate ?? current?.recordedDate ?? now.toISOString() };
  if (!current) {
    if (isInError(stated))
      throw fail('state-conflict', 'nothing is recorded under this identifier that could be in error', {
        field: 'AdverseEvent.modifierExtension',
      });
    return { outcome: 'new', reaction };
  }
  if (sameContent(current, reaction)) return { outcome: 'same', reaction: current };
  throw fail('duplicate-key', 'this identifier is in use for a reaction with other content: correct it by PUT', {
    field: 'AdverseEvent.identifier',
  });
}

/**
 * Corrects a reaction: it stays the same one of the same patient; the version before is kept in its history.
 *
 * @param version the version the correction was made from
 * @throws Failure precondition-failed (changed since), field-invalid (another number), state-conflict (another patient)
 */
export function correctReaction(
  current: AdverseEvent,
  stated: AdverseEvent,
  version: string,
  patient: string | undefined,
): ReactionDecision {
  if (current.meta?.versionId !== version)
    throw fail('precondition-failed', 'the reaction was changed since: read it again');
  if (stated.id !== current.id)
    throw fail('field-invalid', 'must stay what it was', { field: 'AdverseEvent.identifier' });
  checkPatient(stated, current.subject.reference);
  checkPatient(stated, patient);
  // Of one in error only its number is asked: what it was stays to be read.
  const content = isInError(stated) ? { ...current, modifierExtension: stated.modifierExtension } : stated;
  const reaction = { ...content, meta: current.meta, recordedDate: stated.recordedDate ?? current.recordedDate };
  return sameContent(current, reaction) ? { outcome: 'same', reaction: current } : { outcome: 'corrected', reaction };
}

function checkPatient({ subject }: AdverseEvent, expected: string | undefined): void {
  if (expected !== undefined && subject.reference !== expected)
    throw fail('state-conflict', "what it refers to is another patient's", { field: 'AdverseEvent.subject' });
}
