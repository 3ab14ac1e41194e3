import type { DetectedIssue } from 'fhir/r4.js';
import { sameContent } from '#fhir';
import { fail } from '#platform';
import type { ContrastPolicy, Outcome } from '../policy/contrast-policy.js';
import { outcomeOf, ruleOf } from './detected-issue.js';

/**
 * A physician's decision on what a rule found: `mitigation` with author, reason (action) and date, or none to take a
 * decision back. Nothing else of the issue is theirs to change.
 *
 * @param mayOverride the outcomes the site lets physicians override; without a policy what needs a decision
 * @throws Failure state-conflict (not to be overridden), field-missing, field-invalid
 */
export function overrideIssue(
  current: DetectedIssue,
  stated: DetectedIssue,
  policy: Pick<ContrastPolicy, 'mayOverride'> | undefined,
  now: Date,
): DetectedIssue {
  const field = 'DetectedIssue.mitigation';
  if (!ruleOf(current))
    throw fail('state-conflict', 'the outcome of an exam follows from its rules: override the issue of the rule', {
      field,
    });
  if (current.status !== 'final')
    throw fail('state-conflict', 'the rule asks for nothing any more', { field: 'DetectedIssue.status' });
  if (!sameContent({ ...current, mitigation: undefined }, { ...stated, mitigation: undefined }))
    throw fail('field-invalid', 'only mitigation may be changed: read the issue again and add to it', {
      field: 'DetectedIssue',
    });
  const { mitigation = [] } = stated;
  if (mitigation.length === 0) return withMitigation(current, undefined);
  const outcome = outcomeOf(current)!;
  const overridable: readonly Outcome[] = policy?.mayOverride ?? ['needs-decision'];
  if (!overridable.includes(outcome))
    throw fail('state-conflict', `the policy lets nobody override ${outcome}`, { field });
  for (const [index, { action, author, date }] of mitigation.entries()) {
    const path = `${field}[${index}]`;
    if (!action?.text?.trim() && !action?.coding?.some(({ code }) => code))
      throw missing(`${path}.action`, 'the reason');
    if (!author?.reference && !author?.identifier?.value && !author?.display)
      throw missing(`${path}.author`, 'who decided');
    if (!date) throw missing(`${path}.date`, 'when it was decided');
    // A minute for the clocks of those who send it.
    if (Date.parse(date) > now.getTime() + 60_000)
      throw fail('field-invalid', 'may not be in the future', { field: `${path}.date` });
  }
  return withMitigation(current, mitigation);
}

function withMitigation(issue: DetectedIssue, mitigation: DetectedIssue['mitigation']): DetectedIssue {
  const changed = { ...issue };
  delete changed.mitigation;
  return mitigation ? { ...changed, mitigation } : changed;
}

function missing(field: string, what: string) {
  return fail('field-missing', `${field} is required: ${what}`, { field });
}
