import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Identifier } from 'fhir/r4.js';
import type { Lot, Objection } from './lot.js';

/** Which lot an administration is of, how much of it, and what was against giving it. */
export interface AdministeredSupply {
  administrationId: string;
  examId: string;
  orderId: string | undefined;
  /** Undefined for a lot that was never received here. */
  lotId: string | undefined;
  lotNumber: string;
  gtin: string | undefined;
  agent: string | undefined;
  room: string | undefined;
  containerId: string | undefined;
  /** Microlitres; 0 where nothing was given, or its volume is not known. */
  volume: number;
  at: Date;
  objections: readonly Objection[];
}

/** One patient who received of a lot. */
export interface Recipient {
  administrationId: string;
  status: string;
  at: Date;
  volumeMl: number;
  room: string | null;
  containerId: string | null;
  /** `number`: only the lot number agrees; the administration does not say of which package it is. */
  knownBy: 'lot' | 'number';
  patient: { id: string; identifier: Identifier[] };
  order: { id: string | null; identifier: Identifier[]; code: unknown };
}

const COLUMNS = `administration_id AS "administrationId", exam_id AS "examId", order_id AS "orderId", lot_id AS "lotId",
  lot_number AS "lotNumber", gtin, agent, room, container_id AS "containerId", volume, at, objections`;

/** What statuses mean that contrast went into the patient (see `wasGiven`). */
const GIVEN = "('completed', 'stopped', 'in-progress', 'on-hold')";

/** Which lot went into whom. */
@Injectable()
export class AdministeredSupplies {
  async read(manager: EntityManager, administrationId: string): Promise<AdministeredSupply | undefined> {
    const rows: Row[] = await manager.query(`SELECT ${COLUMNS} FROM administered_supply WHERE administration_id = $1`, [
      administrationId,
    ]);
    return rows.map(suppliedOf)[0];
  }

  async put(manager: EntityManager, one: AdministeredSupply): Promise<void> {
    await manager.query(
      `INSERT INTO administered_supply (administration_id, exam_id, order_id, lot_id, lot_number, gtin, agent, room,
         container_id, volume, at, objections) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
       ON CONFLICT (administration_id) DO UPDATE SET lot_id = excluded.lot_id, lot_number = excluded.lot_number,
         gtin = excluded.gtin, agent = excluded.agent, room = excluded.room, container_id = excluded.container_id,
         volume = excluded.volume, at = excluded.at, objections = excluded.objections`,
      [
        one.administrationId,
        one.examId,
        one.orderId ?? null,
        one.lotId ?? null,
        one.lotNumber,
        one.gtin ?? null,
        one.agent ?? null,
        one.room ?? null,
        one.containerId ?? null,
        one.volume,
        one.at,
        JSON.stringify(one.objections),
      ],
    );
  }

  /** Microlitres of a lot that were given in a room during an exam. */
  async volumeOfExam(manager: EntityManager, examId: string, lotId: string, room: string): Promise<number> {
    const [{ volume }] = await manager.query(
      'SELECT coalesce(sum(volume), 0) AS volume FROM administered_supply WHERE exam_id = $1 AND lot_id = $2 AND room = $3',
      [examId, lotId, room],
    );
    return Number(volume);
  }

  /** What was given of a lot before anybody received it: with its number, and of its package or an unknown one of its agent. */
  async unknown(manager: EntityManager, { lotNumber, gtin }: Lot, agent: string): Promise<AdministeredSupply[]> {
    const rows: Row[] = await manager.query(
      `SELECT ${COLUMNS} FROM administered_supply
        WHERE lot_number = $1 AND lot_id IS NULL AND (gtin = $2 OR (gtin IS NULL AND agent = $3)) ORDER BY at, 1`,
      [lotNumber, gtin, agent],
    );
    return rows.map(suppliedOf);
  }

  /** What of a lot in a room is unaccounted for and was given from that time on. */
  async unaccounted(manager: EntityManager, lotId: string, room: string, from: Date): Promise<AdministeredSupply[]> {
    const rows: Row[] = await manager.query(
      `SELECT ${COLUMNS} FROM administered_supply AS s
        WHERE lot_id = $1 AND room = $2 AND at >= $3 AND volume > 0 AND EXISTS (
          SELECT FROM stock_movement AS m
           WHERE m.owner IN (s.administration_id, s.exam_id) AND m.lot_id = s.lot_id AND m.room = s.room
             AND m.kind = 'unaccounted' AND m.settled_at IS NULL
           GROUP BY m.owner HAVING sum(m.volume) > 0)
        ORDER BY at, 1`,
      [lotId, room, from],
    );
    return rows.map(suppliedOf);
  }

  /**
   * Everybody who received of a lot, in one query, in the order of time. Those of whom only the number of the lot is
   * known, and not of which package, are among them: it may have been this one.
   */
  async recipients(manager: EntityManager, { id, lotNumber, gtin }: Lot, limit: number): Promise<Recipient[]> {
    const rows: (Omit<Recipient, 'volumeMl'> & { volume: string })[] = await manager.query(
      `SELECT s.administration_id AS "administrationId", a.status, s.at, s.volume, s.room, s.container_id AS "containerId",
              CASE WHEN s.lot_id = $1 OR s.gtin = $3 THEN 'lot' ELSE 'number' END AS "knownBy",
              jsonb_build_object('id', a.patient_id, 'identifier', coalesce(p.body->'identifier', '[]'::jsonb)) AS patient,
              jsonb_build_object('id', s.order_id, 'identifier', coalesce(o.body->'identifier', '[]'::jsonb), 'code', o.body->'code') AS "order"
         FROM administered_supply AS s
         JOIN resource AS a ON a.type = 'MedicationAdministration' AND a.id = s.administration_id AND a.status IN ${GIVEN}
         LEFT JOIN resource AS p ON p.type = 'Patient' AND p.id = a.patient_id
         LEFT JOIN resource AS o ON o.type = 'ServiceRequest' AND o.id = s.order_id
        WHERE s.lot_number = $2 AND (s.lot_id = $1 OR (s.lot_id IS NULL AND (s.gtin IS NULL OR s.gtin = $3)))
        ORDER BY s.at, s.administration_id LIMIT $4`,
      [id, lotNumber, gtin, limit],
    );
    return rows.map(({ volume, ...row }) => ({ ...row, volumeMl: Number(volume) / 1000 }));
  }
}

interface Row extends Omit<
  AdministeredSupply,
  'volume' | 'orderId' | 'lotId' | 'gtin' | 'agent' | 'room' | 'containerId'
> {
  volume: string;
  orderId: string | null;
  lotId: string | null;
  gtin: string | null;
  agent: string | null;
  room: string | null;
  containerId: string | null;
}

function suppliedOf({ volume, orderId, lotId, gtin, agent, room, containerId, ...rest }: Row): AdministeredSupply {
  return {
    ...rest,
    volume: Number(volume),
    orderId: orderId ?? undefined,
    lotId: lotId ?? undefined,
    gtin: gtin ?? undefined,
    agent: agent ?? undefined,
    room: room ?? undefined,
    containerId: containerId ?? undefined,
  };
}
