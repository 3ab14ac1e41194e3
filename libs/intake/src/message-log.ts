import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { parseMessage, type Hl7Refusal } from '#hl7v2';
import { uuidFrom } from '#fhir';
import type { Delivery } from '#messaging';
import { numbersIn, type ReceivedMessage } from './received-message.js';

/** What a message brought about: versions of resources that it wrote, and what was told. */
export interface Effects {
  /** Such as `ServiceRequest/<id>/_history/2`. */
  resources: string[];
  events: { id: string; type: string }[];
}

/** What is asked of the log; what is left out does not matter. */
export interface MessageQuery {
  direction?: 'in' | 'out';
  controlId?: string;
  outcome?: 'accepted' | 'refused';
  /** Such as `ORM^O01`. */
  messageType?: string;
  /** Any number of a patient, visit, order or exam that the message names, or that was given to its order. */
  number?: string;
  /** Internal id of the patient it is about; messages of those merged into them are theirs. */
  patientId?: string;
  since?: Date;
  until?: Date;
  limit: number;
}

/** A message of the log with its bytes. */
export interface KeptMessage {
  raw: Buffer;
  direction: 'in' | 'out';
  outcome: 'accepted' | 'refused';
  destination: string | null;
  patientId: string | null;
}

/** The table of every message that came in or went out, accepted or refused. */
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
    patientId: string,
    code: string,
    now: Date,
  ): Promise<'stored' | 'same' | 'other'> {
    const { message } = received;
    const stored: unknown[] = await manager.query(
      `INSERT INTO hl7_message (id, sender_application, sender_facility, control_id, sha256, message_type, received_at,
         outcome, numbers, acknowledgement, raw, patient_id)
       SELECT $1::uuid, $2, $3, $4, $5, $6, $7::timestamptz, 'accepted', $8::text[], $9, $10::bytea, $11
        WHERE NOT EXISTS (SELECT 1 FROM hl7_message WHERE outcome = 'accepted' AND direction = 'in'
          AND sender_application = $2 AND sender_facility = $3 AND control_id = $4)
       ON CONFLICT (id) DO UPDATE SET outcome = 'accepted', acknowledgement = excluded.acknowledgement,
         error_code = NULL, error_text = NULL, patient_id = excluded.patient_id, attempts = hl7_message.attempts + 1
       WHERE hl7_message.outcome = 'refused'
       RETURNING 1`,
      [...columnsOf(received, now), code, received.raw, patientId],
    );
    if (stored.length > 0) return 'stored';
    const [earlier] = await manager.query(
      `SELECT sha256 FROM hl7_message WHERE outcome = 'accepted' AND direction = 'in'
          AND sender_application = $1 AND sender_facility = $2 AND control_id = $3`,
      [message?.sendingApplication, message?.sendingFacility, message?.controlId],
    );
    return earlier?.sha256 === received.sha256 ? 'same' : 'other';
  }

  /** Stores a message as refused, with the reason; one that was refused before counts one attempt more. */
  async refuse(received: ReceivedMessage, code: string, refusal: Hl7Refusal, now: Date): Promise<void> {
    await this.dataSource.query(
      `INSERT INTO hl7_message (id, sender_application, sender_facility, control_id, sha256, message_type, received_at,
         outcome, numbers, acknowledgement, error_code, error_text, raw)
       VALUES ($1, $2, $3, $4, $5, $6, $7, 'refused', $8, $9, $10, $11, $12)
       ON CONFLICT (id) DO UPDATE SET attempts = hl7_message.attempts + 1, error_code = excluded.error_code,
         error_text = excluded.error_text WHERE hl7_message.outcome = 'refused'`,
      [...columnsOf(received, now), code, String(refusal.errorCode), describe(refusal), received.raw],
    );
  }

  /** Notes what an accepted message brought about, and the numbers its orders were given, in the same transaction. */
  async note(
    manager: EntityManager,
    { id, message }: ReceivedMessage,
    effects: Effects,
    given: string[],
  ): Promise<void> {
    const named = numbersIn(message);
    const numbers = given.filter((one) => !named.includes(one));
    await manager.query(`UPDATE hl7_message SET effects = $2, numbers = numbers || $3::text[] WHERE id = $1`, [
      id,
      JSON.stringify(effects),
      numbers,
    ]);
  }

  /** Stores an attempt to send a message: the same delivery again is the same entry, with its newest outcome. */
  async sent(delivery: Delivery, raw: Buffer, answer: { code: string; refusal?: string }): Promise<void> {
    const message = parseMessage(raw);
    const row = [
      uuidFrom('hl7-out', delivery.id),
      message.sendingApplication,
      message.sendingFacility,
      message.controlId,
      message.type,
      delivery.destination,
      delivery.key,
      numbersIn(message),
      answer.refusal === undefined ? 'accepted' : 'refused',
      answer.code,
      answer.refusal ?? null,
      raw,
    ];
    await this.dataSource.query(
      `INSERT INTO hl7_message (id, direction, sender_application, sender_facility, control_id, message_type, sha256,
         received_at, destination, patient_id, numbers, outcome, acknowledgement, error_text, raw)
       VALUES ($1, 'out', $2, $3, $4, $5, encode(sha256($12::bytea), 'hex'), clock_timestamp(), $6, $7, $8::text[], $9, $10, $11, $12)
       ON CONFLICT (id) DO UPDATE SET outcome = excluded.outcome, acknowledgement = excluded.acknowledgement,
         error_text = excluded.error_text, raw = excluded.raw, sha256 = excluded.sha256,
         received_at = excluded.received_at, attempts = hl7_message.attempts + 1`,
      row,
    );
  }

  /** Messages, newest first, without their content. */
  async list(query: MessageQuery): Promise<object[]> {
    const { direction, controlId, outcome, messageType, number, patientId, since, until, limit } = query;
    return this.dataSource.query(
      `SELECT id, direction, destination, sender_application AS "sendingApplication",
              sender_facility AS "sendingFacility", control_id AS "controlId", message_type AS "messageType",
              received_at AS "receivedAt", outcome, acknowledgement, error_code AS "errorCode",
              error_text AS "errorText", attempts, patient_id AS "patientId", effects
         FROM hl7_message
        WHERE ($1::text IS NULL OR direction = $1) AND ($2::text IS NULL OR control_id = $2)
          AND ($3::text IS NULL OR outcome = $3) AND ($4::text IS NULL OR message_type = $4)
          AND ($5::text IS NULL OR numbers @> ARRAY[$5])
          AND ($6::text IS NULL OR patient_id = $6
               OR patient_id IN (SELECT m.patient_id FROM merged_patient AS m WHERE m.survivor_id = $6))
          AND ($7::timestamptz IS NULL OR received_at >= $7) AND ($8::timestamptz IS NULL OR received_at < $8)
        ORDER BY received_at DESC, id LIMIT $9`,
      // The driver writes undefined as NULL.
      [direction, controlId, outcome, messageType, number, patientId, since, until, limit],
    );
  }

  /** One message as it is kept, undefined if there is none. */
  async find(id: string): Promise<KeptMessage | undefined> {
    const [row] = await this.dataSource.query(
      `SELECT raw, direction, outcome, destination, patient_id AS "patientId" FROM hl7_message WHERE id = $1`,
      [id],
    );
    return row;
  }
}

function columnsOf({ id, sha256, message }: ReceivedMessage, now: Date): unknown[] {
  const { sendingApplication = '', sendingFacility = '', controlId = '', type = '' } = message ?? {};
  return [id, sendingApplication, sendingFacility, controlId, sha256, type, now, numbersIn(message)];
}

function describe(refusal: Hl7Refusal): string {
  return refusal.place ? `${refusal.place}: ${refusal.message}` : refusal.message;
}
