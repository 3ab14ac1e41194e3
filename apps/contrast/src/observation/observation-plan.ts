import type { ObservationRow } from '../policy/after-contrast-policy.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';

/** Whom a row of the policy may be about. */
export interface Watched {
  /** Undefined for an agent, or a route, that the policy does not have. */
  group: string | undefined;
  route: NonNullable<ObservationRow['routes']>[number] | undefined;
  /** A reaction of before to the class of the agent is known. */
  hasReacted: boolean;
}

/**
 * The row of the policy by which a patient is watched: of those that are about them the one that lasts longest, whatever
 * their order, so that a risk never shortens it.
 *
 * @returns undefined where the policy watches nobody
 */
export function observationRowFor(watched: Watched, policy: ContrastPolicy | undefined): ObservationRow | undefined {
  const rows = (policy?.observation?.rows ?? []).filter(
    ({ groups, routes, afterReaction }) =>
      (!groups || (watched.group !== undefined && groups.includes(watched.group))) &&
      (!routes || (watched.route !== undefined && routes.includes(watched.route))) &&
      (!afterReaction || watched.hasReacted),
  );
  return rows.sort((a, b) => b.forMinutes - a.forMinutes || (a.id < b.id ? -1 : 1))[0];
}
