import type { DiagnosticReport, ImagingStudy, Observation, ServiceRequest } from 'fhir/r4.js';

/** What may repair a difference, under a person's confirmation. */
export type Repair = 'look-again' | 'withdraw' | 'tell-again';

/** Every way in which others may differ from what is here, and what repairs it: the first unless another is named. */
export const differences = {
  'in-pacs-not-here': {
    meaning: 'The PACS has images of a study that is not available here.',
    repairs: ['look-again'],
  },
  'here-not-in-pacs': {
    meaning: 'A study is available here of which the PACS has nothing.',
    repairs: ['look-again', 'withdraw'],
  },
  'counts-differ': { meaning: 'The PACS has another number of images, less those rejected.', repairs: ['look-again'] },
  'wrong-patient-id': {
    meaning: 'The PACS has the study under a number that its patient does not have here: it is corrected there.',
    repairs: [],
  },
  'emr-lacks': { meaning: 'A destination does not have what it was told.', repairs: ['tell-again'] },
  'emr-has-older': { meaning: 'A destination has another status or version.', repairs: ['tell-again'] },
  'emr-has-withdrawn': { meaning: 'A destination has as valid what was taken back here.', repairs: ['tell-again'] },
} as const satisfies Record<string, { meaning: string; repairs: readonly Repair[] }>;
/** One of the closed list. */
export type DifferenceKind = keyof typeof differences;

/** One difference: what it is, with counts and names of elements, no patient data. */
export interface Difference {
  kind: DifferenceKind;
  detail: string;
}

/** A study as it is kept here. */
export interface StudyHere {
  status: ImagingStudy['status'];
  instances: number;
  /** It is looked for still: what is not here may be here soon. */
  isSearched: boolean;
  /** Every number the patient has or had in the system of the site. */
  patientNumbers: readonly string[];
}

/** The same as the PACS has it, less what was rejected or cannot be given. */
export interface StudyThere {
  instances: number;
  patientId?: string | undefined;
}

/** How the PACS differs on one study. */
export function compareStudy(here: StudyHere | undefined, there: StudyThere | undefined): Difference[] {
  const has = there?.instances ?? 0;
  if (here?.isSearched) return [];
  if (here?.status !== 'available') return has > 0 ? [{ kind: 'in-pacs-not-here', detail: `there ${has}` }] : [];
  if (!there || has === 0) return [{ kind: 'here-not-in-pacs', detail: `here ${here.instances}` }];
  const { patientNumbers } = here;
  const isAnothers =
    there.patientId !== undefined && patientNumbers.length > 0 && !patientNumbers.includes(there.patientId);
  return [
    ...(has === here.instances
      ? []
      : [{ kind: 'counts-differ' as const, detail: `here ${here.instances}, there ${has}` }]),
    ...(isAnothers ? [{ kind: 'wrong-patient-id' as const, detail: 'under another Patient ID' }] : []),
  ];
}

/** What is told by FHIR and compared. */
export type Told = ImagingStudy | DiagnosticReport | ServiceRequest | Observation;

/** By what two versions of a resource are told apart; times are compared as instants. */
const compared: Record<Told['resourceType'], readonly string[]> = {
  ImagingStudy: ['status', 'numberOfInstances'],
  DiagnosticReport: ['status', 'issued'],
  ServiceRequest: ['status'],
  // Every value of a dose is in its words.
  Observation: ['status', 'valueString'],
};
const takenBack = ['cancelled', 'entered-in-error', 'revoked'];

/**
 * How a destination differs on one resource.
 *
 * @param there what it has under the resource's identifier, undefined where it has nothing
 */
export function compareTold(here: Told, there: Partial<Told> | undefined): Difference[] {
  const isBack = takenBack.includes(here.status);
  if (!there) return isBack ? [] : [{ kind: 'emr-lacks', detail: here.status }];
  if (isBack && !takenBack.includes(there.status ?? ''))
    return [{ kind: 'emr-has-withdrawn', detail: `here ${here.status}` }];
  const differ = compared[here.resourceType].filter((name) => !isSame(valueOf(here, name), valueOf(there, name)));
  return differ.length > 0 ? [{ kind: 'emr-has-older', detail: differ.join(', ') }] : [];
}

function valueOf(resource: object, name: string): unknown {
  return (resource as Record<string, unknown>)[name];
}

function isSame(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== 'string' || typeof other !== 'string') return false;
  const instants = [one, other].map((text) => (/^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : NaN));
  return instants[0] === instants[1];
}
