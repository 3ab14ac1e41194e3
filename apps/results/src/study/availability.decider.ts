import type { InstanceAvailability } from '#dicom';

/** The instances of a study that cannot be had after these notifications, in their order: of each the last word counts. */
export function unavailableAfter(notifications: readonly InstanceAvailability['instances'][]): ReadonlySet<string> {
  const last = new Map(notifications.flat().map((one) => [one.sopInstanceUid, one.availability]));
  return new Set([...last].flatMap(([uid, availability]) => (availability === 'UNAVAILABLE' ? [uid] : [])));
}
