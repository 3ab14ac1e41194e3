import type { Encounter, ServiceRequest } from 'fhir/r4.js';

/** Who goes before whom, the first first. */
export const lanes = ['stat', 'emergency', 'inpatient', 'outpatient'] as const;
export type Lane = (typeof lanes)[number];

/** Whose booked exams a lane may have moved; nobody's exam that has begun, and no time that was ordered, ever is. */
const yields: Record<Lane, readonly Lane[]> = {
  stat: ['emergency', 'inpatient', 'outpatient'],
  emergency: ['outpatient'],
  inpatient: [],
  outpatient: [],
};

/** Classes of visits (HL7 v3 ActEncounterCode) of patients who have a bed. */
const bedded = ['IMP', 'ACUTE', 'NONAC', 'OBSENC', 'SS'];

/**
 * The lane of an order: STAT; else emergency, by its priority (asap, urgent) or a visit to the emergency department; else
 * inpatient by the class of the visit; else outpatient.
 */
export function laneOf(order: ServiceRequest, visit?: Encounter): Lane {
  if (order.priority === 'stat') return 'stat';
  const code = visit?.class.code;
  if (order.priority === 'asap' || order.priority === 'urgent' || code === 'EMER') return 'emergency';
  return code && bedded.includes(code) ? 'inpatient' : 'outpatient';
}

/** True if a step of lane `first` may have a booked one of lane `other` moved. */
export function mayMove(first: Lane, other: Lane): boolean {
  return yields[first].includes(other);
}
