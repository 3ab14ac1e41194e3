import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';

/** The steps that have to be booked anew. */
@Injectable()
export class Rebookings {
  /** Asks for every step that has not begun and is booked at a station in that time to be booked anew. */
  async request(
    manager: EntityManager,
    { aeTitle, from, until, reason }: { aeTitle: string; from: Date; until?: Date; reason: string },
    now: Date,
  ): Promise<void> {
    // Whoever books there at this moment is waited for: what they take is seen then.
    await manager.query(
      "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || ' station ' || $1::text, 0))",
      [aeTitle],
    );
    await manager.query(
      `INSERT INTO rebooking (appointment_id, reason, requested_at)
       SELECT b.appointment_id, $4, $5 FROM station_booking AS b JOIN worklist_item AS w USING (appointment_id)
        WHERE b.station_ae_title = $1 AND w.status = 'SCHEDULED' AND b.during && tstzrange($2, $3)
       ON CONFLICT (appointment_id) DO NOTHING`,
      [aeTitle, from, until ?? null, reason, now],
    );
  }
}
