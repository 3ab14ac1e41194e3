import type { DetectedIssue, DetectedIssueEvidence, Extension, MedicationRequest, Task } from 'fhir/r4.js';
import { contrastScreeningIdOf, extensions, sameContent, systems, uuidFrom } from '#fhir';
import type { ContrastPolicy, Outcome } from '../policy/contrast-policy.js';
import { nothingStands, type Finding, type Screening, type Standing } from './screening.decider.js';
import type { PreparationStep } from './preparation.js';
import type { RuleInput } from './rules/index.js';

/** Systems and extensions of screening; consumers of `imaging.contrast.screened.v1` read the shared ones in #fhir. */
const own = {
  rule: 'urn:collimator:contrast-rule',
  /** On an issue: what an override rests on. */
  digest: 'urn:collimator:extension:screening-inputs',
  preparationSince: 'urn:collimator:extension:preparation-since',
  /** On a Task: which step of which preparation it is. */
  step: 'urn:collimator:contrast-preparation-step',
  /** On the issue of the exam: the time it was screened for. */
  screenedFor: 'urn:collimator:extension:screened-for',
} as const;

/** Identity of what one rule found of one order. */
export function ruleIssueIdOf(orderId: string, rule: string): string {
  return uuidFrom('DetectedIssue', orderId, 'contrast rule', rule);
}

const severities: Partial<Record<Outcome, DetectedIssue['severity']>> = {
  stop: 'high',
  'needs-decision': 'moderate',
  'proceed-with-preparation': 'low',
};

/** What is screened, for what its issues say of it. */
export interface Screened {
  plan: MedicationRequest;
  orderId: string;
  /** When the exam is booked. */
  booked: Date | undefined;
  policy: ContrastPolicy | undefined;
}

/**
 * The screening as FHIR: one DetectedIssue for the exam with its outcome and every finding, and one for each rule that
 * asks for something, which a physician may override. Said again without a change it is the same, whenever it is said.
 *
 * @param current the issues that stand, of the exam and of its rules
 * @returns those that changed, that of the exam first; issues of rules that ask for nothing any more are cancelled
 */
export function issuesOf(
  screening: Screening,
  about: Screened,
  current: readonly DetectedIssue[],
  now: Date,
): DetectedIssue[] {
  const asking = screening.findings.filter(({ outcome }) => outcome !== 'proceed');
  const wanted = [examIssue(screening, about), ...asking.map((finding) => ruleIssue(finding, about))];
  const over = current.filter(({ id }) => !wanted.some((one) => one.id === id)).map(cancelled);
  return [...wanted, ...over].flatMap((issue) => {
    const before = current.find(({ id }) => id === issue.id);
    if (before && sameContent(undated(before), undated(issue))) return [];
    const identifiedDateTime = issue.identifiedDateTime ?? now.toISOString();
    return [{ ...issue, identifiedDateTime, ...(before?.meta ? { meta: before.meta } : {}) }];
  });
}

/** The issues of an exam that is screened no longer. */
export function withdrawnIssues(current: readonly DetectedIssue[]): DetectedIssue[] {
  return current.filter(({ status }) => status !== 'cancelled').map(cancelled);
}

/** The open steps of a preparation that is not needed any more. */
export function withdrawnTasks(current: readonly Task[]): Task[] {
  return current.filter(({ status }) => status === 'requested').map((one) => ({ ...one, status: 'cancelled' }));
}

/** What stands of an earlier screening. */
export function standingOf(orderId: string, current: readonly DetectedIssue[], tasks: readonly Task[]): Standing {
  const exam = current.find(({ id }) => id === contrastScreeningIdOf(orderId));
  const since = exam?.status === 'final' ? valueOf(exam, own.preparationSince)?.valueDateTime : undefined;
  const overrides = new Map(
    current.flatMap((issue) => {
      const [rule, digest] = [ruleOf(issue), valueOf(issue, own.digest)?.valueString];
      const { mitigation, status } = issue;
      return rule && digest && mitigation && status === 'final' ? [[rule, { digest, mitigation }] as const] : [];
    }),
  );
  const isDone = ({ status }: Task) => status === 'completed';
  const done = new Set(tasks.filter(isDone).flatMap((one) => stepOf(one) ?? []));
  return exam ? { overrides, preparationSince: since ? new Date(since) : undefined, done } : nothingStands;
}

/** The rule an issue is of; undefined for that of an exam. */
export function ruleOf({ code }: DetectedIssue): string | undefined {
  return code?.coding?.find(({ system }) => system === own.rule)?.code;
}

/** What an issue asks for, or of that of an exam its outcome. */
export function outcomeOf({ code }: DetectedIssue): Outcome | undefined {
  return code?.coding?.find(({ system }) => system === systems.contrastOutcome)?.code as Outcome | undefined;
}

function examIssue({ outcome, findings, preparation }: Screening, about: Screened): DetectedIssue {
  const { policy, booked, orderId } = about;
  const asking = findings.filter(({ effective }) => effective !== 'proceed');
  const extension: Extension[] = [
    ...(booked ? [{ url: own.screenedFor, valueDateTime: booked.toISOString() }] : []),
    ...(preparation
      ? [
          { url: own.preparationSince, valueDateTime: preparation.since.toISOString() },
          { url: extensions.readyFrom, valueDateTime: preparation.readyFrom.toISOString() },
        ]
      : []),
  ];
  return {
    ...issue(about, contrastScreeningIdOf(orderId), outcome),
    code: { coding: [{ system: systems.contrastOutcome, code: outcome }] },
    detail:
      asking.length > 0
        ? asking.map((one) => `${one.rule}: ${one.effective}, ${one.why}`).join('; ')
        : 'no rule of the policy asks for anything',
    evidence: findings.map((finding) => ({
      code: [{ coding: [{ system: own.rule, code: finding.rule }], text: textOf(finding) }],
      ...detailsOf(finding.inputs),
    })),
    ...(extension.length > 0 ? { extension } : {}),
    ...referenceTo(policy),
  };
}

function ruleIssue(finding: Finding, about: Screened): DetectedIssue {
  const { rule, outcome, why, inputs, digest, mitigation, preparations, source } = finding;
  const from = source && about.policy ? about.policy.sources[source] : undefined;
  const what = preparations.length > 0 ? ` (${preparations.join(' or ')})` : '';
  return {
    ...issue(about, ruleIssueIdOf(about.orderId, rule), outcome),
    code: {
      coding: [
        { system: own.rule, code: rule },
        { system: systems.contrastOutcome, code: outcome },
      ],
    },
    detail: `${outcome}${what}: ${why}${from ? `. Source: ${from.title}, ${from.edition}` : ''}`,
    ...(inputs.length > 0
      ? { evidence: inputs.map((one) => ({ code: [{ text: inputText(one) }], ...detailsOf([one]) })) }
      : {}),
    ...(mitigation.length > 0 ? { mitigation } : {}),
    extension: [{ url: own.digest, valueString: digest }],
    ...referenceTo(about.policy),
  };
}

function issue({ plan, orderId }: Screened, id: string, outcome: Outcome): DetectedIssue {
  const severity = severities[outcome];
  return {
    resourceType: 'DetectedIssue',
    id,
    status: 'final',
    ...(severity ? { severity } : {}),
    patient: plan.subject,
    implicated: [{ reference: `ServiceRequest/${orderId}` }, { reference: `MedicationRequest/${plan.id}` }],
  };
}

/** Which policy says so. */
function referenceTo(policy: ContrastPolicy | undefined): Pick<DetectedIssue, 'reference'> {
  return policy ? { reference: `urn:collimator:contrast-policy:${encodeURIComponent(policy.version)}` } : {};
}

/** A finding with its inputs and their dates, in one line for people. */
function textOf({ outcome, effective, why, inputs }: Finding): string {
  const said = inputs.map(inputText).join(', ');
  const decided = effective === outcome ? '' : ', overridden';
  return `${outcome}${decided}: ${why}${said ? ` [${said}]` : ''}`;
}

function inputText({ name, value, at }: RuleInput): string {
  return `${name}: ${value}${at ? ` (${at})` : ''}`;
}

function detailsOf(inputs: readonly RuleInput[]): Pick<DetectedIssueEvidence, 'detail'> {
  const references = [...new Set(inputs.flatMap(({ reference }) => reference ?? []))];
  return references.length > 0 ? { detail: references.map((reference) => ({ reference })) } : {};
}

/** What an issue says, whenever it was found. */
function undated(issue: DetectedIssue): DetectedIssue {
  return { ...issue, identifiedDateTime: undefined };
}

/** What is over asks for nothing, and what was decided of it counts no longer. */
function cancelled(issue: DetectedIssue): DetectedIssue {
  const standing = { ...issue };
  delete standing.mitigation;
  return { ...standing, status: 'cancelled' };
}

function valueOf({ extension }: DetectedIssue, url: string): Extension | undefined {
  return extension?.find((one) => one.url === url);
}

/**
 * The steps of a preparation as Tasks. One that somebody has done, or begun, stays as it is; one that is not to be done
 * any more is cancelled.
 *
 * @param current the tasks that stand for this order
 * @returns those that changed
 */
export function preparationTasks(
  steps: readonly PreparationStep[],
  { plan, orderId, policy }: Screened,
  current: readonly Task[],
): Task[] {
  const wanted = steps.map((step) => taskOf(step, plan, orderId, policy!));
  const isOpen = ({ status }: Task) => status === 'requested';
  const gone = current.filter((one) => isOpen(one) && !wanted.some(({ id }) => id === one.id));
  const changed = wanted.flatMap((task) => {
    const before = current.find(({ id }) => id === task.id);
    if (before && !isOpen(before) && before.status !== 'cancelled') return [];
    if (before && sameContent(before, task)) return [];
    return [{ ...task, ...(before?.meta ? { meta: before.meta } : {}) }];
  });
  return [...changed, ...withdrawnTasks(gone)];
}

/** Which step of which preparation a Task is, as `<preparation>/<index>`. */
function stepOf({ identifier }: Task): string | undefined {
  return identifier?.find(({ system }) => system === own.step)?.value;
}

const HOUR = 60 * 60 * 1000;

function taskOf(step: PreparationStep, plan: MedicationRequest, orderId: string, policy: ContrastPolicy): Task {
  const { preparation, index, atHours, forHours, at } = step;
  const when =
    atHours === 0 ? 'at the start of the exam' : `${Math.abs(atHours)} h ${atHours < 0 ? 'before' : 'after'} the exam`;
  const end = at && forHours !== undefined ? new Date(at.getTime() + forHours * HOUR) : at;
  return {
    resourceType: 'Task',
    id: uuidFrom('Task', orderId, 'contrast preparation', preparation, String(index)),
    identifier: [{ system: own.step, value: `${preparation}/${index}` }],
    status: 'requested',
    intent: 'order',
    code: {
      coding: [{ system: systems.task, code: 'contrast-preparation' }],
      text: policy.preparations[preparation]!.display,
    },
    description: `${step.do} (${when}${forHours === undefined ? '' : `, for ${forHours} h`})`,
    focus: { reference: `ServiceRequest/${orderId}` },
    for: plan.subject,
    ...(at && end ? { restriction: { period: { start: at.toISOString(), end: end.toISOString() } } } : {}),
  };
}
