import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { FhirResource, Location, Procedure, Slot, Task } from 'fhir/r4.js';
import { FhirStore } from '#fhir';
import { CLOCK, SITE, type Clock, type Site, type Station } from '#platform';
import type { Roster } from './certification.decider.js';
import { isCleaning, UNFINISHED_TASK } from './cleaning.decider.js';
import { isClosedAt, type CausedClosure, type Closure } from './closure.js';
import type { KnownClosure } from './closure-news.decider.js';
import { QualityResults } from './quality-results.store.js';
import { FORGOTTEN_MS, roomNow, type RoomNow } from './room-occupancy.decider.js';
import { locationIdOf } from './site-resources.decider.js';
import { closuresOf, type DepartmentState } from './station-closures.decider.js';

/**
 * When no exam may begin at which station. It is worked out from what is stored at the time of asking, so that a test
 * that becomes overdue closes its station to the second, and a restart changes nothing.
 */
@Injectable()
export class StationClosures {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(QualityResults) private readonly quality: QualityResults,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Every closure of these stations that is not over at a time, of whatever cause, as things stand now. */
  async of(manager: EntityManager, aeTitles: string[], from: Date): Promise<Closure[]> {
    const now = this.clock.now();
    const reckonedUntil = new Date(now.getTime() + this.site.rebookAheadHours * 3_600_000);
    const closures = await this.caused(manager, aeTitles, now);
    return closures.flatMap((one) => (one.end === undefined ? { ...one, reckonedUntil } : one.end > from ? one : []));
  }

  /** Those that are closed at this moment. */
  async closedNow(manager: EntityManager, aeTitles: string[]): Promise<Closure[]> {
    const now = this.clock.now();
    return (await this.caused(manager, aeTitles, now)).filter((one) => isClosedAt(one, now));
  }

  /** Every closure of these stations that is not over now, with its cause. */
  async caused(manager: EntityManager, aeTitles: readonly string[], now: Date): Promise<CausedClosure[]> {
    const stations = this.site.stations.filter(({ aeTitle }) => aeTitles.includes(aeTitle));
    if (stations.length === 0) return [];
    return closuresOf(stations, await this.state(manager, stations, now, this.site.requireCertified), this.site, now);
  }

  /** Everything that may close these stations. @param withRoster the roster too, which is asked for more rarely */
  async state(
    manager: EntityManager,
    stations: readonly Station[],
    now: Date,
    withRoster: boolean,
  ): Promise<DepartmentState> {
    const resources = await bodies(
      manager,
      `SELECT body FROM resource WHERE type = 'Location' AND id = ANY($1)
       UNION ALL
       SELECT body FROM resource WHERE type = 'Task' AND status IN (${UNFINISHED_TASK.map((one) => `'${one}'`).join(', ')})
       UNION ALL
       SELECT body FROM resource WHERE type = 'Slot' AND status = 'busy-unavailable' AND body->>'end' > $2`,
      [stations.map(({ room }) => locationIdOf(room)), now.toISOString()],
    );
    const ofType = <R extends FhirResource>(type: R['resourceType']) =>
      resources.filter((one): one is R => one.resourceType === type);
    return {
      rooms: ofType<Location>('Location'),
      cleaning: ofType<Task>('Task').filter(isCleaning),
      downtime: ofType<Slot>('Slot'),
      quality: await this.quality.known(
        manager,
        stations.map(({ aeTitle }) => aeTitle),
      ),
      roster: withRoster ? await this.roster(manager) : { practitioners: [], roles: [] },
    };
  }

  /** Every room of the site as it is now. */
  async rooms(manager: EntityManager, now: Date): Promise<RoomNow[]> {
    const ids = [...new Set(this.site.stations.map(({ room }) => locationIdOf(room)))];
    const found = await bodies(
      manager,
      `SELECT body FROM resource WHERE type = 'Location' AND id = ANY($1)
       UNION ALL
       SELECT body FROM resource WHERE type = 'Procedure' AND last_updated > $2`,
      [ids, new Date(now.getTime() - FORGOTTEN_MS)],
    );
    const exams = found.filter((one): one is Procedure => one.resourceType === 'Procedure');
    const rooms = ids.flatMap(
      (id) => found.find((one): one is Location => one.resourceType === 'Location' && one.id === id) ?? [],
    );
    return rooms.map((room) => roomNow(room, exams, this.site, now));
  }

  /** True if a patient has an exam under way at a station, or one that begins there within so many minutes. */
  async hasExamWithin(
    manager: EntityManager,
    aeTitle: string,
    patientId: string,
    minutes: number,
    now: Date,
  ): Promise<boolean> {
    const [{ has }] = await manager.query(
      `SELECT EXISTS (
         SELECT FROM worklist_item AS w LEFT JOIN station_booking AS b USING (appointment_id)
          WHERE w.patient_id = $1 AND w.station_ae_title = $2 AND (w.status = 'STARTED' OR w.status = 'SCHEDULED'
            AND b.during && tstzrange($3::timestamptz, $3::timestamptz + $4 * interval '1 minute'))) AS has`,
      [patientId, aeTitle, now, minutes],
    );
    return has;
  }

  /** The closures whose exams were asked to be booked anew, until the transaction ends nobody else's. */
  async known(manager: EntityManager): Promise<KnownClosure[]> {
    await manager.query("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' station closures', 0))");
    return manager.query(
      'SELECT ae_title AS "aeTitle", cause, start_at AS start, rebooked_until AS "rebookedUntil" FROM station_closure',
    );
  }

  async remember(manager: EntityManager, { aeTitle, cause, start, rebookedUntil }: KnownClosure): Promise<void> {
    await manager.query(
      `INSERT INTO station_closure (ae_title, cause, start_at, rebooked_until) VALUES ($1, $2, $3, $4)
       ON CONFLICT (ae_title, cause) DO UPDATE SET start_at = excluded.start_at, rebooked_until = excluded.rebooked_until`,
      [aeTitle, cause, start, rebookedUntil],
    );
  }

  async forget(manager: EntityManager, { aeTitle, cause }: KnownClosure): Promise<void> {
    await manager.query('DELETE FROM station_closure WHERE ae_title = $1 AND cause = $2', [aeTitle, cause]);
  }

  private async roster(manager: EntityManager): Promise<Roster> {
    return {
      practitioners: await this.store.allOf(manager, 'Practitioner'),
      roles: await this.store.allOf(manager, 'PractitionerRole'),
    };
  }
}

async function bodies(manager: EntityManager, query: string, parameters: unknown[]): Promise<FhirResource[]> {
  const rows: { body: FhirResource }[] = await manager.query(query, parameters);
  return rows.map(({ body }) => body);
}
