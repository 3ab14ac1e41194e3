import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Booking, Slot } from './slot.decider.js';

/** The times taken at the stations. Two times we found ourselves can never overlap: a constraint of the database. */
@Injectable()
export class StationBookings {
  /** What is taken from a time on, the step's own booking left out. */
  async taken(manager: EntityManager, aeTitles: string[], from: Date, except: string): Promise<Booking[]> {
    return manager.query(
      `SELECT station_ae_title AS "aeTitle", lower(during) AS start, upper(during) AS "end" FROM station_booking
        WHERE station_ae_title = ANY($1) AND upper(during) > $2 AND appointment_id <> $3`,
      [aeTitles, from, except],
    );
  }

  /**
   * Takes a slot for a step, instead of the one it had.
   *
   * @throws a Postgres exclusion violation (23P01, version-conflict to a unit of work) if another took it first
   */
  async take(manager: EntityManager, appointmentId: string, slot: Slot): Promise<void> {
    await manager.query(
      `INSERT INTO station_booking (appointment_id, station_ae_title, during, is_ours)
       VALUES ($1, $2, tstzrange($3, $4), $5)
       ON CONFLICT (appointment_id) DO UPDATE SET station_ae_title = excluded.station_ae_title,
         during = excluded.during, is_ours = excluded.is_ours`,
      [appointmentId, slot.station.aeTitle, slot.start, slot.end, slot.isOurs],
    );
  }

  /** Gives a step's time back. */
  async release(manager: EntityManager, appointmentIds: string[]): Promise<void> {
    await manager.query('DELETE FROM station_booking WHERE appointment_id = ANY($1)', [appointmentIds]);
  }
}
