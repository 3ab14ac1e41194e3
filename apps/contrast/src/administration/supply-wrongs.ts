import type { Objection } from '../supplies/lot.js';
import type { Wrong } from './five-rights.decider.js';

/** What is only not known: a reason lets it be given, since the site's stock may not have it written down yet. */
const onlyUnknown: readonly Objection['code'][] = [
  'lot-unknown',
  'lot-ambiguous',
  'expiry-unknown',
  'container-unknown',
];

/** What is against a lot or an opened container, as what speaks against giving it; nothing else is right or wrong by it. */
export function supplyWrongs(objections: readonly Objection[]): Wrong[] {
  if (objections.length === 0) return [];
  const isWrong = objections.some(({ code }) => !onlyUnknown.includes(code));
  return [
    {
      right: 'supply',
      verdict: isWrong ? 'wrong' : 'unknown',
      why: objections.map(({ reason }) => reason).join('; '),
      field: 'MedicationAdministration.medicationReference',
      ...(isWrong ? { takesNoReason: true as const } : {}),
    },
  ];
}
