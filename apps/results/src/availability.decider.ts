import type { InstanceAvailability, SeriesInPacs } from '#dicom';

/** The instances of a study that cannot be had after these notifications, in their order: of each the last word counts. */
export function unavailableAfter(notifications: readonly InstanceAvailability['instances'][]): ReadonlySet<string> {
  const last = new Map(notifications.flat().map((one) => [one.sopInstanceUid, one.availability]));
  return new Set([...last].flatMap(([uid, availability]) => (availability === 'UNAVAILABLE' ? [uid] : [])));
}

/** Series without these instances; one that has no other is left out. */
export function withoutInstances(series: readonly SeriesInPacs[], left: ReadonlySet<string>): SeriesInPacs[] {
  return series
    .map((one) => ({ ...one, instances: one.instances.filter(({ sopInstanceUid }) => !left.has(sopInstanceUid)) }))
    .filter(({ instances }) => instances.length > 0);
}
