import type { DetectedIssue, MedicationAdministration } from 'fhir/r4.js';
import { sameContent, uuidFrom } from '#fhir';
import { fail, type Failure } from '#platform';
import type { Right } from '../policy/administration-policy.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { wasGiven } from '../contrast-plan.decider.js';
import { reasonFor, type Wrong } from './five-rights.decider.js';
import type { Source } from './administration-desk.js';

/** Code system of the rights: patient, agent, dose, route, time, screening, supply. */
export const RIGHT_SYSTEM = 'urn:collimator:administration-right';

/**
 * Why something may not be given; undefined if it may. A reason lets pass what is stated of agent, dose, route and time,
 * and a lot that is not known; who is on the table must be right, what screening says is decided by a physician, on its
 * DetectedIssue, and nothing lets pass what is recalled or expired.
 */
export function refusalBefore(given: MedicationAdministration, wrongs: readonly Wrong[]): Failure | undefined {
  const takesReason = ({ right, isImpossible, takesNoReason }: Wrong) =>
    right !== 'patient' && right !== 'screening' && !isImpossible && !takesNoReason;
  const open = wrongs.filter((one) => !takesReason(one) || !reasonFor(one.right, given));
  return refusal(open, (one) =>
    takesReason(one) ? `${one.why}: correct it, or state a reason (extension given-although)` : one.why,
  );
}

/**
 * Why something that was given is not recorded as it is stated; undefined if it is. What was given is a fact and never
 * refused for being wrong; what cannot have been given to this patient at this time is none. A person may be asked for a
 * reason, as the policy says; an injector has none to give.
 */
export function refusalAfter(
  given: MedicationAdministration,
  wrongs: readonly Wrong[],
  by: Source['by'],
  policy: ContrastPolicy | undefined,
): Failure | undefined {
  const needed: readonly Right[] = (by === 'person' && policy?.administration?.reasonNeeded) || [];
  const open = wrongs.filter(
    ({ right, isImpossible }) => isImpossible || (needed.includes(right) && !reasonFor(right, given)),
  );
  return refusal(open, ({ right, why, isImpossible }) => {
    if (!isImpossible)
      return `${why}. If it was given so, send it again with a reason: extension given-although, right ${right}`;
    return right === 'patient'
      ? `${why}. If it was given, record it with that patient's own contrast record`
      : `${why}: set the clock, or correct it`;
  });
}

function refusal(open: readonly Wrong[], message: (one: Wrong) => string): Failure | undefined {
  const [first, ...also] = open.map((one) =>
    fail('state-conflict', `${one.right}: ${message(one)}`, { field: one.field }),
  );
  return first && fail('state-conflict', first.message, { field: first.field!, also });
}

/**
 * What speaks against an administration that is recorded, as DetectedIssues, one for each right, with the reason as its
 * mitigation.
 *
 * @param current those that stand of it
 * @returns those that changed; what does not speak against it any more is cancelled
 */
export function rightIssues(
  given: MedicationAdministration,
  wrongs: readonly Wrong[],
  current: readonly DetectedIssue[],
  now: Date,
): DetectedIssue[] {
  const wanted = wasGiven(given) ? wrongs.map((one) => issueOf(one, given)) : [];
  const over = current
    .filter(({ id, status }) => status !== 'cancelled' && !wanted.some((one) => one.id === id))
    .map((one): DetectedIssue => ({ ...one, status: 'cancelled' }));
  return [...wanted, ...over].flatMap((issue) => {
    const before = current.find(({ id }) => id === issue.id);
    if (before && sameContent(undated(before), undated(issue))) return [];
    const identifiedDateTime = issue.identifiedDateTime ?? before?.identifiedDateTime ?? now.toISOString();
    return [{ ...issue, identifiedDateTime, ...(before?.meta ? { meta: before.meta } : {}) }];
  });
}

/** True for an issue of a right of an administration. */
export function isOfRight({ code }: DetectedIssue): boolean {
  return code?.coding?.some(({ system }) => system === RIGHT_SYSTEM) ?? false;
}

function issueOf({ right, verdict, why }: Wrong, given: MedicationAdministration): DetectedIssue {
  const reason = reasonFor(right, given);
  const author = given.performer?.[0]?.actor;
  return {
    resourceType: 'DetectedIssue',
    id: uuidFrom('DetectedIssue', given.id!, 'right', right),
    status: 'final',
    code: { coding: [{ system: RIGHT_SYSTEM, code: right }] },
    severity: verdict === 'wrong' ? 'high' : 'moderate',
    patient: given.subject.reference ? { reference: given.subject.reference } : given.subject,
    implicated: [{ reference: `MedicationAdministration/${given.id}` }, { reference: given.request!.reference! }],
    detail: `${verdict === 'wrong' ? 'not right' : 'not known to be right'}: ${why}`,
    ...(reason ? { mitigation: [{ action: { text: reason }, ...(author ? { author: authorOf(author) } : {}) }] } : {}),
  };
}

/** Who gave it, as far as a reference may be of an author; else by name. */
function authorOf({
  reference,
  display,
  identifier,
}: NonNullable<MedicationAdministration['performer']>[number]['actor']) {
  const isAuthor = /^Practitioner(Role)?\//.test(reference ?? '');
  return { ...(isAuthor ? { reference } : {}), ...(identifier ? { identifier } : {}), ...(display ? { display } : {}) };
}

function undated(issue: DetectedIssue): DetectedIssue {
  return { ...issue, identifiedDateTime: undefined };
}
