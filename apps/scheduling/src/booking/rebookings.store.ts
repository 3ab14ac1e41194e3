import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Failure } from '#platform';
import { lockStations } from './station-bookings.store.js';

/** A step that has to be booked anew, and why. */
export interface Rebooking {
  appointmentId: string;
  reason: string;
  attempts: number;
}

/** Steps that lost their time to somebody who goes first, or whose station is closed, until they have another. */
@Injectable()
export class Rebookings {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** These steps have to be booked anew. The reason is for people and names no patient. */
  async displace(manager: EntityManager, appointmentIds: string[], reason: string, now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO rebooking (appointment_id, reason, requested_at, next_attempt_at)
       SELECT id, $2, $3, $3 FROM unnest($1::text[]) AS id
       ON CONFLICT (appointment_id) DO UPDATE SET reason = excluded.reason, next_attempt_at = excluded.next_attempt_at`,
      [appointmentIds, reason, now],
    );
  }

  /** The steps that have not begun and are booked at a station in that time have to be booked anew. */
  async request(
    manager: EntityManager,
    { aeTitle, from, until, reason }: { aeTitle: string; from: Date; until?: Date; reason: string },
    now: Date,
  ): Promise<number> {
    // A step that is being booked there is waited for, and one that comes later sees the closure.
    await lockStations(manager, [aeTitle]);
    const booked: { appointmentId: string }[] = await manager.query(
      `SELECT b.appointment_id AS "appointmentId" FROM station_booking AS b
         JOIN worklist_item AS w ON w.appointment_id = b.appointment_id AND w.status = 'SCHEDULED'
        WHERE b.station_ae_title = $1 AND b.during && tstzrange($2, $3)`,
      [aeTitle, from, until ?? null],
    );
    if (booked.length > 0)
      await this.displace(
        manager,
        booked.map((one) => one.appointmentId),
        reason,
        now,
      );
    return booked.length;
  }

  /** Why these steps have to be booked anew, by their ids; those that need not are not in it. */
  async of(manager: EntityManager, appointmentIds: string[]): Promise<Map<string, string>> {
    if (appointmentIds.length === 0) return new Map();
    const rows: Rebooking[] = await manager.query(
      'SELECT appointment_id AS "appointmentId", reason FROM rebooking WHERE appointment_id = ANY($1)',
      [appointmentIds],
    );
    return new Map(rows.map(({ appointmentId, reason }) => [appointmentId, reason]));
  }

  /** These steps are booked anew, or need it no more. */
  async done(manager: EntityManager, appointmentIds: string[]): Promise<void> {
    await manager.query('DELETE FROM rebooking WHERE appointment_id = ANY($1)', [appointmentIds]);
  }

  /** Those whose time has come, the longest waiting first. */
  async due(now: Date, limit: number): Promise<Rebooking[]> {
    return this.dataSource.query(
      `SELECT appointment_id AS "appointmentId", reason, attempts FROM rebooking
        WHERE next_attempt_at <= $1 ORDER BY next_attempt_at, appointment_id LIMIT $2`,
      [now, limit],
    );
  }

  /** It could not be booked anew, and is tried again then. */
  async postponed(appointmentId: string, failure: Failure, next: Date): Promise<void> {
    await this.dataSource.query(
      `UPDATE rebooking SET attempts = attempts + 1, failure = $2, next_attempt_at = $3 WHERE appointment_id = $1`,
      [appointmentId, `${failure.code}: ${failure.message}`, next],
    );
  }

  /** All that wait, the longest first: ids, times and reasons only. */
  async list(): Promise<object[]> {
    return this.dataSource.query(
      `SELECT appointment_id AS "appointmentId", reason, requested_at AS "requestedAt", attempts, failure
         FROM rebooking ORDER BY requested_at LIMIT 500`,
    );
  }
}
