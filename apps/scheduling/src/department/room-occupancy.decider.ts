import type { Location, Procedure } from 'fhir/r4.js';
import { referencedId, wasWrongWorklistEntry } from '#fhir';
import { procedureFor, type Site } from '#platform';
import { deviceIdOf, locationIdOf } from './site-resources.decider.js';

/** An exam of which nothing more is heard is taken to be over: modalities forget to say so. */
export const FORGOTTEN_MS = 24 * 60 * 60_000;

/** How a room is at this moment; names no patient. */
export interface RoomNow {
  locationId: string;
  name: string;
  status?: string;
  /** HL7 table 0116: as it was told, and O for U while an exam or its turnover goes on. */
  operationalStatus?: string;
  /** Since when an exam goes on there. */
  occupiedSince?: Date;
}

/**
 * How a room is now: occupied from when an exam begins at one of its stations until it ends, and for the turnover of its
 * procedure after that. Nobody has to tell it, and it closes nothing; a state that closes the room stays what is said. A
 * unit for the bedside occupies no room.
 *
 * @param exams those of which something was heard within {@link FORGOTTEN_MS}
 */
export function roomNow(room: Location, exams: readonly Procedure[], site: Site, now: Date): RoomNow {
  const own = site.stations.filter((one) => !one.portable && locationIdOf(one.room) === room.id);
  const devices = own.map(({ aeTitle }) => deviceIdOf(aeTitle));
  const isHere = ({ performer = [] }: Procedure) =>
    performer.some(({ actor }) => devices.includes(referencedId(actor.reference, 'Device') ?? ''));
  const [since] = exams
    .filter((exam) => isHere(exam) && isGoingOn(exam, site, now))
    .map(({ performedPeriod, meta }) => new Date(performedPeriod?.start ?? meta!.lastUpdated!))
    .sort((a, b) => a.getTime() - b.getTime());
  const told = room.operationalStatus?.code;
  const isOccupied = since !== undefined && (told === undefined || told === 'U');
  return {
    locationId: room.id!,
    name: room.name!,
    status: room.status,
    operationalStatus: isOccupied ? 'O' : told,
    ...(since ? { occupiedSince: since } : {}),
  };
}

/** The end is when we heard of it: the clock of a modality may be off. */
function isGoingOn(exam: Procedure, site: Site, now: Date): boolean {
  const { status, code, meta } = exam;
  const heard = Date.parse(meta!.lastUpdated!);
  if (status === 'in-progress') return heard + FORGOTTEN_MS > now.getTime();
  if (wasWrongWorklistEntry(exam)) return false;
  const turnover = code?.coding?.map((one) => procedureFor(site, one.code)?.turnoverMinutes ?? 0) ?? [];
  return heard + Math.max(0, ...turnover) * 60_000 > now.getTime();
}
