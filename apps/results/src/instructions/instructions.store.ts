import { Inject, Injectable } from '@nestjs/common';
import type { Communication } from 'fhir/r4.js';
import { DataSource } from 'typeorm';

/** What of an instruction a list shows: numbers and times, no text. */
export interface ListedInstruction {
  id: string;
  orderId: string;
  patientId: string;
  /** Its id in the site file. */
  instruction: string;
  language: string;
  status: Communication['status'];
  sent: string | null;
  received: string | null;
  /** Of the version that stands: waiting, parked, skipped, done; none once these are older than the site keeps them. */
  deliveries: { destination: string; state: string; finishedAt: string | null }[];
}

/** Instructions by what became of them. */
export const instructionStates = ['unread', 'read', 'withdrawn', 'undelivered'] as const;

/** Lists instructions with what became of their deliveries. */
@Injectable()
export class Instructions {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** The newest first, 500 at most. */
  async list(state: (typeof instructionStates)[number]): Promise<ListedInstruction[]> {
    const status = { unread: 'in-progress', read: 'completed', withdrawn: 'stopped', undelivered: undefined }[state];
    return this.dataSource.query(
      `SELECT r.id, substr(r.body->'basedOn'->0->>'reference', 16) AS "orderId", r.patient_id AS "patientId",
              r.body->'topic'->'coding'->0->>'code' AS instruction, r.body->>'language' AS language, r.status,
              r.body->>'sent' AS sent, r.body->>'received' AS received, coalesce(d.deliveries, '[]'::jsonb) AS deliveries
         FROM resource AS r LEFT JOIN LATERAL (
           SELECT bool_or(state IN ('waiting', 'parked')) AS open, jsonb_agg(jsonb_build_object(
                    'destination', destination, 'state', state, 'finishedAt', finished_at) ORDER BY destination) AS deliveries
             FROM (SELECT DISTINCT ON (destination) destination, state, finished_at FROM delivery
                    WHERE key = r.patient_id AND idempotency_key LIKE 'instruction/' || r.id || '/%'
                    ORDER BY destination, seq DESC) AS newest) AS d ON true
        WHERE r.type = 'Communication' AND ($1::text IS NULL OR r.status = $1) AND ($2::boolean IS FALSE OR d.open)
        ORDER BY r.last_updated DESC, r.id LIMIT 500`,
      [status ?? null, state === 'undelivered'],
    );
  }
}
