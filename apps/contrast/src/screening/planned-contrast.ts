import type { Coding, MedicationRequest } from 'fhir/r4.js';
import { conceptText } from '#fhir';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { keyOf } from './facts-of-patient.js';
import type { PlannedContrast } from './screening.decider.js';
import { hasWords } from './words.js';

/** What a contrast record plans, as the policy knows it: the agent by a code, or by a name where it has no code. */
export function plannedContrast(plan: MedicationRequest, policy: ContrastPolicy | undefined): PlannedContrast {
  const { medicationCodeableConcept: concept, dosageInstruction = [] } = plan;
  const [dosage] = dosageInstruction;
  const dose = dosage?.doseAndRate?.[0]?.doseQuantity;
  const doseMl = dose?.code === 'mL' && dose.value !== undefined ? dose.value : undefined;
  const agent = policy && agentOf(concept?.coding ?? [], conceptText(concept), policy);
  const route = policy?.routes.find((known) => dosage?.route?.coding?.some((one) => isSame(one, known)))?.route;
  return { display: conceptText(concept), agent, route, ...(doseMl === undefined ? {} : { doseMl }) };
}

/** The agent of the policy that is meant: by a code, or, where it has none, by the one name in its text. */
export function agentOf(codings: readonly Coding[], text: string, policy: ContrastPolicy): PlannedContrast['agent'] {
  const byCode = policy.agents.find(({ codes }) => codings.some((one) => codes.some((known) => isSame(one, known))));
  const isNamed = ({ display, names }: (typeof policy.agents)[number]) =>
    [display, ...names].some((name) => hasWords(text, name));
  // A code that is not in the policy is of another agent, whatever it is called.
  const named = codings.length === 0 ? policy.agents.filter(isNamed) : [];
  const known = byCode ?? (named.length === 1 ? named[0] : undefined);
  if (!known) return undefined;
  const { display, group, codes, names } = known;
  return { display, group, class: policy.groups[group]!.class, keys: codes.map(keyOf), names: [display, ...names] };
}

function isSame(one: Coding, known: { system: string; code: string }): boolean {
  return one.system === known.system && one.code === known.code;
}
