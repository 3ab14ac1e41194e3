import type { MedicationAdministration, MedicationRequest } from 'fhir/r4.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { phasesIn } from './injection-phases.js';
import { millilitresOf, millilitresPerSecondOf, millilitresQuantity } from './quantities.js';
import { lotNumberOf } from './read-administration.js';
import type { Injection } from './same-injection.decider.js';

/** Something of an administration that is not as planned, or not said alike. */
export interface Deviation {
  /**
   * `dose`, `rate`: from the plan; `phase`: from what the injector was set to; `pressure`: its limit was reached;
   * `stated-dose`, `stated-lot`, `phases-dose`: what was stated contradicts itself.
   */
  kind: 'dose' | 'rate' | 'phase' | 'pressure' | 'stated-dose' | 'stated-lot' | 'phases-dose';
  /** For people. */
  text: string;
}

/**
 * What differs from the plan by more than the policy lets pass.
 *
 * @param total all that was given under the plan, where its sum is to be compared: with the last of them
 */
export function deviationsFromPlan(
  administration: MedicationAdministration,
  total: readonly MedicationAdministration[] | undefined,
  plan: MedicationRequest,
  policy: ContrastPolicy | undefined,
): Deviation[] {
  const tolerance = policy?.administration?.tolerance;
  if (!tolerance || !['completed', 'stopped'].includes(administration.status)) return [];
  const planned = plan.dosageInstruction?.[0]?.doseAndRate?.[0];
  const sum = total?.reduce((ml, { dosage }) => ml + (millilitresOf(dosage?.dose) ?? 0), 0);
  const rate = millilitresPerSecondOf(administration.dosage?.rateQuantity);
  return [
    ...compared('dose', 'mL', millilitresOf(planned?.doseQuantity), sum, tolerance.dosePercent),
    ...compared('rate', 'mL/s', millilitresPerSecondOf(planned?.rateQuantity), rate, tolerance.ratePercent),
    ...ofPhases(administration, tolerance),
  ];
}

/** What a person and an injector say differently of one injection. */
export function contradictionsOf({ person, injector }: Injection, policy: ContrastPolicy | undefined): Deviation[] {
  const same = policy?.administration?.sameInjection;
  if (!person || !injector || !same) return [];
  const [ours, theirs] = [
    millilitresOf(person.administration.dosage?.dose),
    millilitresOf(injector.administration.dosage?.dose),
  ];
  const [lot, other] = [lotNumberOf(person.administration), lotNumberOf(injector.administration)];
  return [
    ...(ours !== undefined && theirs !== undefined && Math.abs(ours - theirs) > same.doseMl
      ? [
          {
            kind: 'stated-dose' as const,
            text: `the injector says ${rounded(theirs)} mL, the person ${rounded(ours)} mL`,
          },
        ]
      : []),
    ...(lot && other && lot !== other
      ? [{ kind: 'stated-lot' as const, text: `the injector says lot ${other}, the person ${lot}` }]
      : []),
  ];
}

function ofPhases(
  administration: MedicationAdministration,
  { dosePercent, ratePercent }: { dosePercent: number; ratePercent: number },
): Deviation[] {
  const phases = phasesIn(administration);
  const contrast = phases.reduce((ml, { volumeMl = 0, contrastPart }) => ml + volumeMl * contrastPart, 0);
  const dose = millilitresOf(administration.dosage?.dose);
  return [
    ...phases.flatMap(({ number, plannedMl, volumeMl, plannedMlPerSecond, mlPerSecond, peak, limit }): Deviation[] => [
      ...compared('phase', 'mL', plannedMl, volumeMl, dosePercent, `phase ${number}: `),
      ...compared('phase', 'mL/s', plannedMlPerSecond, mlPerSecond, ratePercent, `phase ${number}: `),
      ...(peak !== undefined && limit !== undefined && peak >= limit
        ? [{ kind: 'pressure' as const, text: `phase ${number}: the pressure reached its limit` }]
        : []),
    ]),
    ...(phases.length > 0 && dose !== undefined
      ? compared('phases-dose', 'mL', contrast, dose, dosePercent, 'by its phases: ')
      : []),
  ];
}

function compared(
  kind: Deviation['kind'],
  unit: string,
  planned: number | undefined,
  given: number | undefined,
  percent: number,
  before = '',
): Deviation[] {
  if (planned === undefined || given === undefined) return [];
  // A thousandth for sums of fractions, so that exactly as much as is let pass does pass.
  if (Math.abs(given - planned) <= (planned * percent) / 100 + 0.001) return [];
  const word = kind === 'phases-dose' ? 'contrast' : 'planned';
  return [{ kind, text: `${before}${word} ${rounded(planned)} ${unit}, given ${rounded(given)} ${unit}` }];
}

function rounded(value: number): number {
  return millilitresQuantity(value).value!;
}
