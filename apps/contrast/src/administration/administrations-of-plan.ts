import type { Extension, MedicationAdministration, MedicationRequest } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { wasGiven } from '../contrast-plan.decider.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { ofPlan } from './administration.decider.js';
import { contradictionsOf, deviationsFromPlan, type Deviation } from './deviations.js';
import { lotNumberOf, startOf } from './read-administration.js';
import { injectionsOf, type Injection, type Statement } from './same-injection.decider.js';

/** An administration as it follows from what was said of it. */
export interface ReconciledAdministration {
  administration: MedicationAdministration;
  /** The statements it is made of, and those they settled. */
  statements: string[];
}

/**
 * What was given under a plan, as all statements of it say: one administration for each injection. Its identity is that of
 * the statement that came first, its content does not depend on that.
 *
 * @param statements in the order in which they came
 */
export function administrationsOfPlan(
  statements: readonly Statement[],
  plan: MedicationRequest,
  policy: ContrastPolicy | undefined,
): ReconciledAdministration[] {
  const reconciled = injectionsOf(statements, policy).map((injection) => {
    const members = statements.filter(({ id }) => id === injection.person?.id || id === injection.injector?.id);
    const merged = mergedOf(injection, members);
    const found = contradictionsOf(injection, policy);
    return {
      administration: { ...ofPlan(merged, plan), id: members[0]!.id },
      found,
      statements: members.flatMap(({ id, settles }) => [id, ...settles]),
    };
  });
  const given = reconciled.map(({ administration }) => administration).filter(wasGiven);
  // Of two at one time the one whose statements come later by their names: not by which of them came first.
  const rank = ({ statements: of }: ReconciledAdministration) => [...of].sort().join();
  const [last] = reconciled
    .filter(({ administration }) => wasGiven(administration))
    .sort((a, b) => timeOf(b.administration) - timeOf(a.administration) || (rank(a) < rank(b) ? 1 : -1));
  return reconciled.map(({ administration, found, statements: of }) => {
    const total = administration === last?.administration ? given : undefined;
    const deviations = [...found, ...deviationsFromPlan(administration, total, plan, policy)];
    return { administration: withDeviations(administration, deviations), statements: of };
  });
}

/** Amounts, times and phases are the injector's, who measured them; lot, site and all else the person's, who saw it. */
function mergedOf({ person, injector }: Injection, members: readonly Statement[]): MedicationAdministration {
  if (!person || !injector) return (person ?? injector)!.administration;
  const [ours, theirs] = [person.administration, injector.administration];
  const ofMedication = !lotNumberOf(ours) && lotNumberOf(theirs) ? theirs : ours;
  const phases = phasesOf(theirs).length > 0 ? theirs : ours;
  const extension = distinct([
    ...[ours, theirs].flatMap((one) =>
      (one.extension ?? []).filter(
        ({ url }) =>
          url !== extensions.injectionPhase && (one === ours || !ours.extension?.some((two) => two.url === url)),
      ),
    ),
    ...phasesOf(phases),
  ]);
  const listed = {
    identifier: distinct(members.flatMap(({ administration }) => administration.identifier ?? [])),
    performer: distinct([...(ours.performer ?? []), ...(theirs.performer ?? [])]),
    device: distinct([...(ours.device ?? []), ...(theirs.device ?? [])]),
    note: distinct([...(ours.note ?? []), ...(theirs.note ?? [])]),
    statusReason: distinct([...(ours.statusReason ?? []), ...(theirs.statusReason ?? [])]),
    supportingInformation: distinct([...(ours.supportingInformation ?? []), ...(theirs.supportingInformation ?? [])]),
    extension,
  };
  const { effectiveDateTime, effectivePeriod, medicationCodeableConcept, medicationReference, contained, ...rest } =
    ours;
  void [effectiveDateTime, effectivePeriod, medicationCodeableConcept, medicationReference, contained];
  return {
    ...rest,
    ...Object.fromEntries(Object.entries(listed).filter(([, list]) => list.length > 0)),
    ...pick(ofMedication, ['medicationCodeableConcept', 'medicationReference', 'contained']),
    ...pick(startOf(theirs) ? theirs : ours, ['effectiveDateTime', 'effectivePeriod']),
    status: statusOf(ours, theirs),
    dosage: dosageOf(ours, theirs),
  };
}

function dosageOf({ dosage: ours }: MedicationAdministration, { dosage: theirs }: MedicationAdministration) {
  const rate = theirs?.rateQuantity || theirs?.rateRatio ? theirs : ours;
  const { rateQuantity, rateRatio, ...rest } = { ...theirs, ...ours };
  void [rateQuantity, rateRatio];
  const dose = theirs?.dose ?? ours?.dose;
  return { ...rest, ...(dose ? { dose } : {}), ...pick(rate ?? {}, ['rateQuantity', 'rateRatio']) };
}

/** Stopped if either says so; else the one that is over. */
function statusOf(...both: MedicationAdministration[]): MedicationAdministration['status'] {
  const order = ['stopped', 'completed', 'on-hold', 'in-progress'] as const;
  return order.find((status) => both.some((one) => one.status === status)) ?? both[0]!.status;
}

function withDeviations(administration: MedicationAdministration, deviations: readonly Deviation[]) {
  const { extension = [], ...rest } = administration;
  const others = extension.filter(({ url }) => url !== extensions.deviation);
  const all = [...others, ...deviations.map(extensionOf)];
  return { ...rest, ...(all.length > 0 ? { extension: all } : {}) };
}

function extensionOf({ kind, text }: Deviation): Extension {
  return {
    url: extensions.deviation,
    extension: [
      { url: 'kind', valueCode: kind },
      { url: 'text', valueString: text },
    ],
  };
}

function phasesOf({ extension = [] }: MedicationAdministration): Extension[] {
  return extension.filter(({ url }) => url === extensions.injectionPhase);
}

function timeOf(administration: MedicationAdministration): number {
  return Date.parse(startOf(administration) ?? '') || 0;
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Partial<T> {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as Partial<T>;
}

/** Each once, by content. */
function distinct<T>(all: readonly T[]): T[] {
  const seen = new Set<string>();
  return all.filter((one) => {
    const text = JSON.stringify(one);
    return !seen.has(text) && seen.add(text);
  });
}
