import type {
  Appointment,
  DetectedIssue,
  Extension,
  MedicationAdministration,
  MedicationRequest,
  Patient,
} from 'fhir/r4.js';
import { conceptText, extensions } from '#fhir';
import type { AdministrationPolicy, Right } from '../policy/administration-policy.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import type { PatientFacts } from '../screening/facts.js';
import { outcomeOf, ruleOf } from '../screening/detected-issue.js';
import { agentOf, plannedContrast } from '../screening/planned-contrast.js';
import { doseByWeightRule } from '../screening/rules/age-and-weight.js';
import { hasWords } from '../screening/words.js';
import { millilitresOf } from './quantities.js';
import { agentConceptOf, startOf } from './read-administration.js';

/** What is known around what is given. */
export interface Around {
  plan: MedicationRequest;
  patient: Patient | undefined;
  /** What screening says of the exam, and of each rule. */
  issues: readonly DetectedIssue[];
  /** Identity of what it says of the exam. */
  screeningId: string | undefined;
  appointments: readonly Appointment[];
  facts: PatientFacts;
  /** What was given under the same plan beside this, in millilitres: a test bolus counts too. */
  besideMl: number;
}

/** What speaks against one right. */
export interface Wrong {
  right: Right;
  /** Wrong, or not known to be right, which is no better before giving. */
  verdict: 'wrong' | 'unknown';
  /** Without anything of the patient's. */
  why: string;
  /** FHIRPath of the element it is about. */
  field: string;
  /** True where no reason can make it so: what was given to another patient, or will be given, was not given to this one. */
  isImpossible?: true;
  /** True where no reason lets it be given: what is recalled, expired or was thrown away. */
  takesNoReason?: true;
}

type Finding = Omit<Wrong, 'right'> | undefined;
type Check = (given: MedicationAdministration, around: Around, policy: Checked, now: Date) => Finding;
type Checked = ContrastPolicy & { administration: AdministrationPolicy };

/** Each right by its rule, in the order they are told in. */
const checks: Readonly<Record<Exclude<Right, 'supply'>, Check>> = {
  patient: rightPatient,
  agent: rightAgent,
  dose: rightDose,
  route: rightRoute,
  time: rightTime,
  screening: rightByScreening,
};

/**
 * The five rights of what is, or was, given: patient, agent, dose by weight, route and time, and that screening lets it be
 * given. Every limit is the policy's.
 *
 * @returns what speaks against it; nothing where all is right. Without a policy for it only the patient is looked at
 */
export function wrongsOf(
  given: MedicationAdministration,
  around: Around,
  policy: ContrastPolicy | undefined,
  now: Date,
): Wrong[] {
  const { administration } = policy ?? {};
  const found = (right: Right, finding: Finding): Wrong[] => (finding ? [{ right, ...finding }] : []);
  if (!policy || !administration) return found('patient', wrongNumber(given, around));
  return Object.entries(checks).flatMap(([right, check]) =>
    found(right as Right, check(given, around, { ...policy, administration }, now)),
  );
}

/** Why it is given although a right speaks against it, as stated in `urn:collimator:extension:given-although`. */
export function reasonFor(right: Right, { extension = [] }: MedicationAdministration): string | undefined {
  const part = (one: Extension, url: string) => one.extension?.find((part) => part.url === url);
  const stated = extension.find(
    (one) => one.url === extensions.givenAlthough && part(one, 'right')?.valueCode === right,
  );
  return (stated && part(stated, 'reason')?.valueString?.trim()) || undefined;
}

function rightPatient(given: MedicationAdministration, around: Around, { administration }: Checked): Finding {
  const wrong = wrongNumber(given, around);
  if (wrong || administration.patient.number === 'if-stated' || given.subject.identifier?.value) return wrong;
  return unknown('subject.identifier', 'no number off the patient is stated: scan the wristband');
}

/** A number that is stated must be one of the patient's; one of before a merge is theirs as well. */
function wrongNumber({ subject }: MedicationAdministration, { patient, plan }: Around): Finding {
  if (subject.reference && subject.reference !== plan.subject.reference)
    return impossible('subject', "the contrast record is another patient's");
  const { system, value } = subject.identifier ?? {};
  if (!value) return undefined;
  const isTheirs = patient?.identifier?.some((one) => one.value === value && (!system || one.system === system));
  return isTheirs
    ? undefined
    : impossible('subject.identifier', "the number is not one of the patient's: check who is on the table");
}

function rightAgent(given: MedicationAdministration, { plan }: Around, policy: Checked): Finding {
  const concept = agentConceptOf(given);
  const field = 'medicationReference';
  const agent = agentOf(concept.coding ?? [], conceptText(concept), policy);
  const planned = plannedContrast(plan, policy).agent;
  if (!agent || !planned)
    return unknown(field, `the ${agent ? 'planned' : 'stated'} agent is not in the contrast policy`);
  if (agent.display === planned.display) return undefined;
  if (policy.administration.agent.instead === 'same-group' && agent.group === planned.group) return undefined;
  return wrong(field, `${agent.display} is not what was planned and screened, ${planned.display}`);
}

/** By the policy's own rules for doses by weight, of all that is given under the plan. */
function rightDose(given: MedicationAdministration, around: Around, policy: Checked, now: Date): Finding {
  const field = 'dosage.dose';
  const doseMl = millilitresOf(given.dosage?.dose);
  if (doseMl === undefined) return unknown(field, 'it is not stated in a unit of volume');
  const concept = agentConceptOf(given);
  const agent = agentOf(concept.coding ?? [], conceptText(concept), policy);
  if (!agent) return unknown(field, 'no limit is known for an agent that is not in the contrast policy');
  const route = routeOf(given.dosage?.route, policy);
  const total = doseMl + around.besideMl;
  const exam = { agent, route: route ?? ('other' as const), doseMl: total, at: momentOf(given) ?? now };
  for (const rule of policy.rules) {
    if (rule.kind !== 'dose-by-weight' || !rule.groups.includes(agent.group)) continue;
    // Whose route is not known is held to the limits of all.
    if (route && rule.routes && !rule.routes.includes(route)) continue;
    const { then, why, inputs } = doseByWeightRule(rule, { exam, facts: around.facts, policy });
    if (then.outcome === 'proceed' || isDecided(rule.id, total, around)) continue;
    const isUnknown = inputs.some(({ name, value }) => name === 'weight' && value === 'unknown');
    const said = why.replace('planned dose', around.besideMl > 0 ? 'dose, with what was given before,' : 'dose');
    return isUnknown ? unknown(field, said) : wrong(field, said);
  }
  return undefined;
}

/** A physician let the planned dose be given: what does not exceed it was decided on. */
function isDecided(rule: string, totalMl: number, { issues, plan }: Around): boolean {
  const issue = issues.find((one) => ruleOf(one) === rule);
  const planned = millilitresOf(plan.dosageInstruction?.[0]?.doseAndRate?.[0]?.doseQuantity);
  const decided = issue?.status === 'final' && (issue.mitigation?.length ?? 0) > 0;
  return decided && planned !== undefined && totalMl <= planned;
}

function rightRoute(given: MedicationAdministration, { plan }: Around, policy: Checked): Finding {
  const field = 'dosage.route';
  const planned = plan.dosageInstruction?.[0]?.route;
  const [route, wanted] = [routeOf(given.dosage?.route, policy), routeOf(planned, policy)];
  const isSame = hasWords(conceptText(given.dosage?.route), conceptText(planned)) && conceptText(planned) !== '';
  if (route && wanted)
    return route === wanted ? undefined : wrong(field, `${route} is not the planned route, ${wanted}`);
  if (isSame && !route) return undefined;
  return unknown(field, `the ${wanted ? 'stated' : 'planned'} route is not in the contrast policy`);
}

function rightTime(given: MedicationAdministration, { appointments }: Around, policy: Checked, now: Date): Finding {
  const field = given.effectivePeriod ? 'effectivePeriod' : 'effectiveDateTime';
  const at = momentOf(given);
  if (!at) return unknown(field, 'when it is given is not stated to the minute');
  const { aheadMinutes, beforeMinutes, afterMinutes } = policy.administration.time;
  if (at.getTime() > now.getTime() + aheadMinutes * MINUTE) return impossible(field, 'lies in the future');
  const starts = appointments
    .filter(({ status }) => !['cancelled', 'entered-in-error', 'noshow'].includes(status))
    .flatMap(({ start }) => (start ? [Date.parse(start)] : []));
  const isWithin = (start: number) =>
    at.getTime() >= start - beforeMinutes * MINUTE && at.getTime() <= start + afterMinutes * MINUTE;
  // An exam that nobody booked, as of an emergency, has no time to miss.
  if (starts.length === 0 || starts.some(isWithin)) return undefined;
  return wrong(field, 'is not the time the exam is booked for');
}

function rightByScreening(given: MedicationAdministration, around: Around): Finding {
  const field = 'request';
  const issue = around.issues.find(({ id, status }) => id === around.screeningId && status === 'final');
  const outcome = issue && outcomeOf(issue);
  if (!issue || !outcome) return unknown(field, 'the exam was not screened for contrast');
  if (outcome === 'stop' || outcome === 'needs-decision')
    return wrong(field, `screening says ${outcome}: have it decided on first`);
  const readyFrom = issue.extension?.find(({ url }) => url === extensions.readyFrom)?.valueDateTime;
  const at = momentOf(given);
  if (readyFrom && at && at.getTime() < Date.parse(readyFrom))
    return wrong(field, 'the patient is not prepared by then');
  return undefined;
}

const MINUTE = 60_000;

/** When it began, where that is stated to the minute: a day alone is no time of day. */
function momentOf(given: MedicationAdministration): Date | undefined {
  const stated = startOf(given);
  return stated?.includes('T') ? new Date(stated) : undefined;
}

type Concept = NonNullable<MedicationAdministration['dosage']>['route'];

function routeOf(concept: Concept, policy: ContrastPolicy) {
  return policy.routes.find((known) =>
    concept?.coding?.some(({ system, code }) => system === known.system && code === known.code),
  )?.route;
}

function wrong(path: string, why: string): Finding {
  return { verdict: 'wrong', field: `MedicationAdministration.${path}`, why };
}

function impossible(path: string, why: string): Finding {
  return { verdict: 'wrong', field: `MedicationAdministration.${path}`, why, isImpossible: true };
}

function unknown(path: string, why: string): Finding {
  return { verdict: 'unknown', field: `MedicationAdministration.${path}`, why };
}
