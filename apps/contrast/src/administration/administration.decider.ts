import type { MedicationAdministration, MedicationRequest } from 'fhir/r4.js';
import { referencedId, sameContent } from '#fhir';
import { fail } from '#platform';
import { wasGiven } from '../contrast-plan.decider.js';
import { isUsable } from './read-administration.js';

/** What is to be stored. */
export interface AdministrationDecision {
  outcome: 'new' | 'same' | 'corrected';
  administration: MedicationAdministration;
  /** True if others must hear of it: contrast was given, or what they heard was given is now told otherwise. */
  tell: boolean;
}

/**
 * Decides on an administration: it must belong to a contrast record, also one whose order was cancelled meanwhile, since
 * what was given is a fact; the same again is no second one, and the same number with other content is refused, since
 * what was given is corrected, never overwritten.
 *
 * @param current what is recorded already under any of the identifiers stated
 * @throws Failure unknown-key (no such contrast record), state-conflict (another patient's), duplicate-key
 */
export function recordAdministration(
  current: readonly MedicationAdministration[],
  stated: MedicationAdministration,
  plan: MedicationRequest | undefined,
): AdministrationDecision {
  const field = 'MedicationAdministration.request';
  if (!plan)
    throw fail('unknown-key', 'there is no contrast record with this id: the order may use no contrast', { field });
  checkSubject(stated, plan.subject.reference);
  const administration = ofPlan(stated, plan);
  const [known, another] = current;
  if (known) {
    const same = { ...administration, id: known.id };
    if (!another && sameContent(known, same)) return { outcome: 'same', administration: known, tell: false };
    throw fail(
      'duplicate-key',
      'this identifier is in use for an administration with other content: correct it by PUT',
      {
        field: 'MedicationAdministration.identifier',
      },
    );
  }
  if (stated.status === 'entered-in-error')
    throw fail('state-conflict', 'nothing is recorded under this identifier that could be in error', {
      field: 'MedicationAdministration.status',
    });
  return { outcome: 'new', administration, tell: wasGiven(administration) };
}

/**
 * Corrects an administration: it stays the same one, under the same first number, of the same plan and patient; the
 * version before is kept in its history.
 *
 * @param version the version the correction was made from
 * @throws Failure precondition-failed (changed since), field-invalid (another number), state-conflict (another plan or
 *   patient)
 */
export function correctAdministration(
  current: MedicationAdministration,
  stated: MedicationAdministration,
  planId: string,
  version: string,
): AdministrationDecision {
  if (current.meta?.versionId !== version)
    throw fail('precondition-failed', 'the administration was changed since: read it again');
  const [number] = (current.identifier ?? []).filter(isUsable);
  // Whoever was told of it knows it by this number: under another it would be a second one there.
  const [first] = (stated.identifier ?? []).filter(isUsable);
  if (first?.system !== number?.system || first?.value !== number?.value)
    throw fail('field-invalid', 'the first identifier must stay what it was', {
      field: 'MedicationAdministration.identifier',
    });
  if (planId !== referencedId(current.request?.reference, 'MedicationRequest'))
    throw fail('state-conflict', 'an administration cannot move to another contrast record: mark it entered-in-error', {
      field: 'MedicationAdministration.request',
    });
  checkSubject(stated, current.subject.reference);
  const { meta, id, subject, request } = current;
  const supportingInformation = [...ordersOf(current), ...othersOf(stated)];
  const administration = { ...stated, meta, id, subject, request, supportingInformation };
  if (sameContent(current, administration)) return { outcome: 'same', administration: current, tell: false };
  return { outcome: 'corrected', administration, tell: wasGiven(current) || wasGiven(administration) };
}

function checkSubject({ subject }: MedicationAdministration, expected: string | undefined): void {
  if (subject.reference && subject.reference !== expected)
    throw fail('state-conflict', "the contrast record is another patient's", {
      field: 'MedicationAdministration.subject',
    });
}

/** As part of the record: its order comes first among the supporting information. */
export function ofPlan(stated: MedicationAdministration, plan: MedicationRequest): MedicationAdministration {
  return {
    ...stated,
    // A number read off the patient stays with it: it says who was looked at.
    subject: stated.subject.identifier ? { ...plan.subject, identifier: stated.subject.identifier } : plan.subject,
    request: { reference: `MedicationRequest/${plan.id}` },
    supportingInformation: [...(plan.basedOn ?? []), ...othersOf(stated)],
  };
}

function ordersOf({ supportingInformation = [] }: MedicationAdministration) {
  return supportingInformation.filter((one) => referencedId(one.reference, 'ServiceRequest'));
}

function othersOf({ supportingInformation = [] }: MedicationAdministration) {
  return supportingInformation.filter((one) => !referencedId(one.reference, 'ServiceRequest'));
}
