import type { PolicyEscalation } from './after-contrast-policy.js';
import type { ContrastPolicy } from './contrast-policy.js';

interface Mistake {
  path: string;
  reason: string;
}

/** What of observation, reactions and escalation cannot hold though each part is well formed. */
export function afterContrastContradictions(policy: ContrastPolicy): Mistake[] {
  const { escalation, vitalSigns, observation, reactions, sources, groups } = policy;
  const known = (path: string, used: string, of: object, where: string): Mistake[] =>
    Object.hasOwn(of, used) ? [] : [{ path, reason: `is not a name in ${where}: ${used}` }];
  const plan = (path: string, used: string) => known(path, used, escalation, 'escalation');
  const source = (path: string, used: string) => known(`${path}.source`, used, sources, 'sources');
  const mistakes = Object.entries(escalation).flatMap(([name, one]) => [
    ...source(`escalation.${name}`, one.source),
    ...sameAskedTwice(`escalation.${name}.levels`, one),
  ]);
  for (const [index, row] of (observation?.rows ?? []).entries()) {
    const path = `observation.rows.${index}`;
    mistakes.push(
      ...source(path, row.source),
      ...(row.groups ?? []).flatMap((one) => known(`${path}.groups`, one, groups, 'groups')),
      ...(row.vitalSigns?.measure ?? []).flatMap((one) =>
        known(`${path}.vitalSigns.measure`, one, vitalSigns, 'vitalSigns'),
      ),
      ...timesOf(`${path}.vitalSigns.atMinutes`, row.vitalSigns?.atMinutes ?? [], row.forMinutes),
    );
  }
  if (observation) {
    mistakes.push(...plan('observation.overdue.escalation', observation.overdue.escalation));
    // Somebody may be given an agent that no row names: whoever is not watched was forgotten.
    if (!observation.rows.some((row) => !row.groups && !row.routes && !row.afterReaction))
      mistakes.push({
        path: 'observation.rows',
        reason: 'must have one for everybody, without groups, routes and afterReaction',
      });
    mistakes.push(
      ...twice(
        'observation.rows',
        observation.rows.map(({ id }) => id),
      ),
    );
  }
  if (!reactions) return mistakes;
  for (const [severity, one] of Object.entries(reactions.severities))
    mistakes.push(...plan(`reactions.severities.${severity}.escalation`, one.escalation));
  return [
    ...mistakes,
    ...source('reactions', reactions.source),
    ...source('reactions.extravasation', reactions.extravasation.source),
    ...plan('reactions.unrecorded.escalation', reactions.unrecorded.escalation),
    ...plan('reactions.extravasation.escalation', reactions.extravasation.escalation),
    ...twice(
      'reactions.manifestations',
      reactions.manifestations.map(({ code }) => code),
    ),
    ...twice(
      'reactions.manifestations',
      reactions.manifestations.flatMap(({ names }) => names.map((one) => one.toLowerCase())),
    ),
    ...rising('reactions.extravasation.followUpHours', reactions.extravasation.followUpHours),
    ...(reactions.makeAllergyOf.includes('allergic-like')
      ? []
      : [{ path: 'reactions.makeAllergyOf', reason: 'must hold allergic-like: it would never be known again' }]),
  ];
}

/** Whoever did not answer is not the next to be asked. */
function sameAskedTwice(path: string, { levels }: PolicyEscalation): Mistake[] {
  return twice(
    path,
    levels.map(({ ask }) => ask),
  );
}

function timesOf(path: string, times: readonly number[], forMinutes: number): Mistake[] {
  const late = times.some((one) => one > forMinutes);
  return [...rising(path, times), ...(late ? [{ path, reason: 'must lie within forMinutes' }] : [])];
}

function rising(path: string, numbers: readonly number[]): Mistake[] {
  const isRising = numbers.every((one, index) => index === 0 || one > numbers[index - 1]!);
  return isRising ? [] : [{ path, reason: 'must rise from the first to the last' }];
}

/** The same name more than once. */
export function twice(path: string, names: readonly string[]): Mistake[] {
  const again = [...new Set(names.filter((one, index) => names.indexOf(one) !== index))];
  return again.map((one) => ({ path, reason: `has ${one} twice` }));
}
