import type { Access } from './audit.js';

/** Whose id a field of a list holds: what our own lists name so. */
const types: Readonly<Record<string, string>> = {
  appointmentId: 'Appointment',
  detectedIssueId: 'DetectedIssue',
  key: 'Patient',
  orderId: 'ServiceRequest',
  patientId: 'Patient',
  procedureId: 'Procedure',
};

/** What follows of an id of ours: a key that is none is no patient's. */
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Whom and what an answer is about: the resources in it, and the ids that it names, patients among them also where they
 * are referred to. What it says of them is not looked at.
 */
export function subjectsOf(answer: unknown): Pick<Access, 'patientIds' | 'references'> {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) look(one);
    else if (isRecord(value)) {
      const { resourceType, id, reference } = value;
      if (typeof resourceType === 'string' && typeof id === 'string') found.add(`${resourceType}/${id}`);
      if (typeof reference === 'string' && reference.startsWith('Patient/')) found.add(reference);
      for (const [name, one] of Object.entries(value)) {
        const type = types[name];
        if (type && typeof one === 'string' && uuid.test(one)) found.add(`${type}/${one}`);
        else look(one);
      }
    }
  };
  look(answer);
  const all = [...found];
  const isPatient = (one: string) => one.startsWith('Patient/');
  return {
    patientIds: all.filter(isPatient).map((one) => one.slice('Patient/'.length)),
    references: all.filter((one) => !isPatient(one)),
  };
}

/** Plain data, which an answer is made of; no stream, date or bytes. */
function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
