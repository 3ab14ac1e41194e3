import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';

/** A patient whose record was merged into another's. */
export interface MergedPatient {
  /** The internal patient id that is no more. */
  from: string;
  /** The one that stands for it. */
  to: string;
}

/** Which patient stands for which since their records were merged: one look-up, however long the chain of merges was. */
@Injectable()
export class MergedPatients {
  /** Undefined for a patient who stands for themself. */
  async survivorOf(manager: EntityManager, patientId: string): Promise<string | undefined> {
    const [row] = await manager.query('SELECT survivor_id FROM merged_patient WHERE patient_id = $1', [patientId]);
    return row?.survivor_id;
  }

  /** From now on one stands for the other, and for whomever that one stood for. */
  async put(manager: EntityManager, { from, to }: MergedPatient): Promise<void> {
    await manager.query('UPDATE merged_patient SET survivor_id = $2 WHERE survivor_id = $1 AND patient_id <> $2', [
      from,
      to,
    ]);
    await manager.query(
      `INSERT INTO merged_patient (patient_id, survivor_id) VALUES ($1, $2)
         ON CONFLICT (patient_id) DO UPDATE SET survivor_id = excluded.survivor_id`,
      [from, to],
    );
  }

  /** From now on a patient stands for themself. */
  async clear(manager: EntityManager, patientId: string): Promise<void> {
    await manager.query('DELETE FROM merged_patient WHERE patient_id = $1', [patientId]);
  }
}
