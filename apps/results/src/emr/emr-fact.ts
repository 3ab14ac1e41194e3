import type { FhirResource, Observation } from 'fhir/r4.js';

/** A resource as it was when others were last told of it. */
export interface ToldBefore {
  id: string;
  status?: string;
  versionId?: string;
  /** What was measured then, where it was a dose: what is not any more is taken back. */
  component?: NonNullable<Observation['component']>;
}

/** One fact for the EMR: what happened, and the resources that say it. */
export interface EmrFact {
  /** The event's type without frame: `schedule.exam-started`. */
  fact: string;
  resources: FhirResource[];
  /** What of the resources was told before, so that this is a correction of it. */
  before?: ToldBefore[];
}

/** The exam's state in one word, where the fact tells it. */
export function examStatusOf({ fact }: EmrFact): string | undefined {
  return /^schedule\.exam-(.+)$/.exec(fact)?.[1];
}

/** The resources of one type in a fact. */
export function resourcesIn<T extends FhirResource['resourceType']>(
  { resources }: Pick<EmrFact, 'resources'>,
  type: T,
): Extract<FhirResource, { resourceType: T }>[] {
  return resources.filter((one): one is Extract<FhirResource, { resourceType: T }> => one.resourceType === type);
}

/** What was told of a resource before, undefined where nothing was. */
export function toldBefore({ before = [] }: EmrFact, { id }: { id?: string | undefined }): ToldBefore | undefined {
  return before.find((one) => one.id === id);
}

/** Of resources as they are stored, what a later fact has to know of them. */
export function asToldBefore(known: readonly FhirResource[]): ToldBefore[] {
  return known.map((one) => {
    const { status } = one as { status?: string };
    const versionId = one.meta?.versionId;
    const component = one.resourceType === 'Observation' ? one.component : undefined;
    return {
      id: one.id!,
      ...(status ? { status } : {}),
      ...(versionId ? { versionId } : {}),
      ...(component ? { component } : {}),
    };
  });
}
