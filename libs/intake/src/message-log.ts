import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Hl7Message, Hl7Refusal } from '#hl7v2';
import { uuidFrom } from '#fhir';

/** A message as it came in, with what identifies it. */
export interface ReceivedMessage {
  /** From sender, control id and content: the same bytes again are the same entry. */
  id: string;
  raw: Buffer;
  sha256: string;
  /** Undefined if it could not be read. */
  message: Hl7Message | undefined;
}

/** Gives received bytes their identity. */
export function receivedMessage(raw: Buffer, message: Hl7Message | undefined): ReceivedMessage {
  const sha256 = createHash('sha256').update(raw).digest('hex');
  const { sendingApplication = '', sendingFacility = '', controlId = '' } = message ?? {};
  return { id: uuidFrom('hl7', sendingApplication, sendingFacility, controlId, sha256), raw, sha256, message };
}

/** The table of every message that came in, accepted or refused. */
@Injectable()
export class MessageLog {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /**
   * Stores a message as accepted, in the transaction of its effect. A message of this sender and control id that was
   * accepted before makes it a duplicate, and nothing is stored: `same` if it had the same bytes.
   */
  async accept(
    manager: EntityManager,
    received: ReceivedMessage,
    code: string,
    now: Date,
  ): Promise<'stored' | 'same' | 'other'> {
    const { message } = received;
    const stored: unknown[] = await manager.query(
      `INSERT INTO hl7_message (id, sender_application, sender_facility, control_id, sha256, message_type, received_at,
         outcome, acknowledgement, raw)
       SELECT $1::uuid, $2, $3, $4, $5, $6, $7::timestamptz, 'accepted', $8, $9::bytea
        WHERE NOT EXISTS (SELECT 1 FROM hl7_message WHERE outcome = 'accepted'
          AND sender_application = $2 AND sender_facility = $3 AND control_id = $4)
       ON CONFLICT (id) DO UPDATE SET outcome = 'accepted', acknowledgement = excluded.acknowledgement,
         error_code = NULL, error_text = NULL, attempts = hl7_message.attempts + 1
       WHERE hl7_message.outcome = 'refused'
       RETURNING 1`,
      [...columnsOf(received, now), code, received.raw],
    );
    if (stored.length > 0) return 'stored';
    const [earlier] = await manager.query(
      `SELECT sha256 FROM hl7_message WHERE outcome = 'accepted'
          AND sender_application = $1 AND sender_facility = $2 AND control_id = $3`,
      [message?.sendingApplication, message?.sendingFacility, message?.controlId],
    );
    return earlier?.sha256 === received.sha256 ? 'same' : 'other';
  }

  /** Stores a message as refused, with the reason; one that was refused before counts one attempt more. */
  async refuse(received: ReceivedMessage, code: string, refusal: Hl7Refusal, now: Date): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO hl7_message (id, sender_application, sender_facility, control_id, sha256, message_type, received_at,
         outcome, acknowledgement, error_code, error_text, raw)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'refused', $8, $9, $10, $11)
       ON CONFLICT (id) DO UPDATE SET attempts = hl7_message.attempts + 1, error_code = excluded.error_code,
         error_text = excluded.error_text WHERE hl7_message.outcome = 'refused'`,
      [...columnsOf(received, now), code, String(refusal.errorCode), describe(refusal), received.raw],
    );
  }

  /** Messages, newest first, without their content. */
  async list(filter: { controlId?: string; outcome?: string; limit: number }): Promise<object[]> {
    return this.dataSource.query(
      `SELECT id, sender_application AS "sendingApplication", sender_facility AS "sendingFacility",
              control_id AS "controlId", message_type AS "messageType", received_at AS "receivedAt", outcome,
              acknowledgement, error_code AS "errorCode", error_text AS "errorText", attempts
         FROM hl7_message WHERE ($1::text IS NULL OR control_id = $1) AND ($2::text IS NULL OR outcome = $2)
        ORDER BY received_at DESC LIMIT $3`,
      [filter.controlId ?? null, filter.outcome ?? null, filter.limit],
    );
  }

  /** The bytes of one message, undefined if there is none. */
  async raw(id: string): Promise<Buffer | undefined> {
    const [row] = await this.dataSource.query('SELECT raw FROM hl7_message WHERE id = $1', [id]);
    return row?.raw;
  }
}

function columnsOf({ id, sha256, message }: ReceivedMessage, now: Date): unknown[] {
  const { sendingApplication = '', sendingFacility = '', controlId = '', type = '' } = message ?? {};
  return [id, sendingApplication, sendingFacility, controlId, sha256, type, now];
}

function describe(refusal: Hl7Refusal): string {
  return refusal.place ? `${refusal.place}: ${refusal.message}` : refusal.message;
}
