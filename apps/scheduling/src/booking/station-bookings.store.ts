import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Booking, UpcomingBooking } from './calendar.js';
import type { Lane } from './lane.decider.js';
import type { Slot } from './slot.decider.js';

/** The times taken at the stations. Two times that we found or a person chose can never overlap: a constraint of the database. */
@Injectable()
export class StationBookings {
  /**
   * What is taken from a time on at these stations, and by the patient wherever they are; bookings that touch come as
   * one. Until the transaction ends no other takes a time at these stations.
   *
   * @param except steps whose own bookings are left out
   */
  async taken(
    manager: EntityManager,
    aeTitles: string[],
    patientId: string,
    from: Date,
    except: string[],
  ): Promise<Booking[]> {
    await lockStations(manager, aeTitles);
    const rows: { aeTitle: string | null; start: Date; end: Date }[] = await manager.query(
      `SELECT ae_title AS "aeTitle", lower(part) AS start, upper(part) AS "end"
         FROM (SELECT station_ae_title AS ae_title, range_agg(during) AS parts FROM station_booking
                WHERE station_ae_title = ANY($1) AND upper(during) > $2 AND appointment_id <> ALL($3) GROUP BY 1
               UNION ALL
               SELECT NULL, range_agg(during) FROM station_booking
                WHERE patient_id = $4 AND upper(during) > $2 AND appointment_id <> ALL($3)) AS taken,
              unnest(parts) AS part`,
      [aeTitles, from, except, patientId],
    );
    return rows.map(({ aeTitle, ...during }) => (aeTitle === null ? during : { aeTitle, ...during }));
  }

  /**
   * The bookings of these stations from now until then, one by one; whoever asks has called {@link taken}, so that they
   * stay as they are until the transaction ends.
   */
  async upcoming(
    manager: EntityManager,
    aeTitles: string[],
    from: Date,
    until: Date,
    except: string[],
  ): Promise<UpcomingBooking[]> {
    return manager.query(
      `SELECT station_ae_title AS "aeTitle", appointment_id AS "appointmentId", lower(during) AS start,
              upper(during) AS "end", lane, is_ours AND NOT is_chosen AS "isOurs",
              EXISTS (SELECT FROM worklist_item AS w
                       WHERE w.appointment_id = b.appointment_id AND w.status <> 'SCHEDULED') AS "hasBegun"
         FROM station_booking AS b
        WHERE station_ae_title = ANY($1) AND during && tstzrange($2, $3) AND appointment_id <> ALL($4)
        ORDER BY start, appointment_id`,
      [aeTitles, from, until, except],
    );
  }

  /**
   * Takes a slot for a step, instead of the one it had; the station is taken for its turnover as well.
   *
   * @throws a Postgres exclusion violation (23P01, version-conflict to a unit of work) if another took it first
   */
  async take(
    manager: EntityManager,
    { appointmentId, patientId, lane }: { appointmentId: string; patientId: string; lane: Lane },
    { station, start, end, turnoverMinutes = 0, isOurs, isChosen = false }: Slot,
  ): Promise<void> {
    const until = new Date(end.getTime() + turnoverMinutes * 60_000);
    await manager.query(
      `INSERT INTO station_booking (appointment_id, station_ae_title, during, is_ours, patient_id, lane, is_chosen)
       VALUES ($1, $2, tstzrange($3, $4), $5, $6, $7, $8)
       ON CONFLICT (appointment_id) DO UPDATE SET station_ae_title = excluded.station_ae_title,
         during = excluded.during, is_ours = excluded.is_ours, patient_id = excluded.patient_id, lane = excluded.lane,
         is_chosen = excluded.is_chosen`,
      [appointmentId, station.aeTitle, start, until, isOurs || isChosen, patientId, lane, isChosen],
    );
  }

  /** Gives the times of a patient who was merged to the one who stands for them. */
  async move(manager: EntityManager, from: string, to: string): Promise<void> {
    await manager.query('UPDATE station_booking SET patient_id = $2 WHERE patient_id = $1', [from, to]);
  }

  /** Gives a step's time back. */
  async release(manager: EntityManager, appointmentIds: string[]): Promise<void> {
    await manager.query('DELETE FROM station_booking WHERE appointment_id = ANY($1)', [appointmentIds]);
  }
}

/**
 * Until the transaction ends no other takes a time at these stations: whoever is next sees what this transaction takes,
 * instead of running into the constraint and starting again.
 */
export async function lockStations(manager: EntityManager, aeTitles: readonly string[]): Promise<void> {
  // Sorted, so that two that want the same stations do not wait for each other.
  await manager.query(
    `SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' station ' || ae_title, 0))
       FROM unnest($1::text[]) AS ae_title`,
    [[...aeTitles].sort()],
  );
}
