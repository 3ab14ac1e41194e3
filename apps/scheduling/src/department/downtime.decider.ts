import type { Slot } from 'fhir/r4.js';
import { referencedId, uuidFrom } from '#fhir';
import { fail, type Site, type Station } from '#platform';
import { scheduleIdOf } from './site-resources.decider.js';

/** Longer is no downtime but another site file. */
const LONGEST_DAYS = 366;

/**
 * Planned downtime of a station as it is to be kept. Its identity is its identifier, else its station and times: sent
 * twice it is planned once.
 *
 * @throws Failure field-invalid, value-unknown
 */
export function plannedDowntime(stated: Slot, site: Site, now: Date): Slot {
  checkDowntime(stated, site, now);
  const { system = '', value } = stated.identifier?.[0] ?? {};
  const own = value ? [system, value] : [iso(stated.start), iso(stated.end)];
  return { ...keptOf(stated), id: uuidFrom('Slot', stationOfSlot(stated, site)!.aeTitle, ...own) };
}

/**
 * Planned downtime changed or withdrawn (`entered-in-error`); its station stays.
 *
 * @throws Failure field-invalid, state-conflict
 */
export function changedDowntime(current: Slot, stated: Slot, site: Site, now: Date): Slot {
  if (current.status === 'entered-in-error')
    throw fail('state-conflict', 'the downtime was withdrawn: plan a new one', { field: 'Slot.status' });
  if (stated.schedule.reference !== current.schedule.reference)
    throw fail('state-conflict', 'must stay: withdraw this downtime and plan another', { field: 'Slot.schedule' });
  if (stated.status === 'entered-in-error') return { ...current, status: stated.status };
  checkDowntime(stated, site, now);
  return { ...keptOf(stated), id: current.id, ...(current.meta ? { meta: current.meta } : {}) };
}

/** The station whose calendar a Slot is in, undefined where the site has none. */
export function stationOfSlot({ schedule }: Slot, site: Site): Station | undefined {
  const id = referencedId(schedule.reference, 'Schedule');
  return site.stations.find(({ aeTitle }) => scheduleIdOf(aeTitle) === id);
}

/** Why a Slot closes its station. */
export function reasonOfDowntime({ comment }: Slot): string {
  return comment ? `downtime: ${comment}` : 'planned downtime';
}

function checkDowntime(stated: Slot, site: Site, now: Date): void {
  if (!stationOfSlot(stated, site))
    throw fail('value-unknown', 'must be the Schedule of a station: see /fhir/Schedule', { field: 'Slot.schedule' });
  if (stated.status !== 'busy-unavailable')
    throw fail('field-invalid', 'must be busy-unavailable, or entered-in-error to withdraw it', {
      field: 'Slot.status',
    });
  const [start, end] = [new Date(stated.start), new Date(stated.end)];
  if (!(start < end)) throw fail('field-invalid', 'must be later than start', { field: 'Slot.end' });
  if (end <= now) throw fail('field-invalid', 'must be in the future', { field: 'Slot.end' });
  if (end.getTime() - start.getTime() > LONGEST_DAYS * 86_400_000)
    throw fail('field-invalid', `must not be more than ${LONGEST_DAYS} days after start`, { field: 'Slot.end' });
}

function keptOf({ identifier, schedule, status, start, end, comment }: Slot): Slot {
  const said = { ...(identifier ? { identifier } : {}), ...(comment ? { comment } : {}) };
  return {
    resourceType: 'Slot',
    ...said,
    schedule: { reference: schedule.reference! },
    status,
    start: iso(start),
    end: iso(end),
  };
}

function iso(instant: string): string {
  return new Date(instant).toISOString();
}
