import type { MedicationRequest, Procedure, ServiceRequest } from 'fhir/r4.js';
import { uuidFrom } from '#fhir';
import { contrastPlanIdOf, wasGiven } from '../contrast-plan.decider.js';
import { ofPlan } from './administration.decider.js';
import { startOf } from './read-administration.js';
import type { Statement } from './same-injection.decider.js';

/** On an administration that moved: what it is known by there. The number it was stated under stays with the first. */
const MOVED = 'urn:collimator:reassigned-administration';
/** Contrast may be in before the modality says that the exam began. */
const AHEAD_MS = 10 * 60_000;

/**
 * What was stated under a plan of contrast given in an exam: from shortly before it began. Where the modality gave no time
 * it is all of it.
 */
export function givenInExam(statements: readonly Statement[], { performedPeriod }: Procedure): Statement[] {
  const from = Date.parse(performedPeriod?.start ?? '') - AHEAD_MS;
  const isBefore = (start: string | undefined) => Date.parse(start ?? '') < from;
  return statements.filter(({ administration }) => wasGiven(administration) && !isBefore(startOf(administration)));
}

/** The statement where it was made: nothing of it was given there. */
export function takenBack(statement: Statement): Statement {
  return { ...statement, administration: { ...statement.administration, status: 'entered-in-error' } };
}

/** The statement as it is of the plan it was given under: the same one however often it is moved there. */
export function movedTo({ id, by, settles, administration }: Statement, plan: MedicationRequest): Statement {
  const idThere = (one: string) => uuidFrom('MedicationAdministration', 'reassigned', one, plan.id!);
  // A number read off a wristband would be the other patient's; what was supporting is of the other order.
  const { subject, supportingInformation, meta, ...rest } = administration;
  void [subject, supportingInformation, meta];
  const stated = { ...rest, subject: {}, identifier: [{ system: MOVED, value: idThere(id) }] };
  return {
    id: idThere(id),
    planId: plan.id!,
    by,
    settles: settles.map(idThere),
    administration: { ...ofPlan(stated, plan), id: idThere(id) },
  };
}

/** The plan of an order that was to have no contrast, and had it: what was planned where it was recorded. */
export function planOfMoved(planned: MedicationRequest, order: ServiceRequest): MedicationRequest {
  const { meta, ...rest } = planned;
  void meta;
  return {
    ...rest,
    id: contrastPlanIdOf(order.id!),
    status: 'active',
    subject: order.subject,
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
  };
}
