import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';

/** Accession numbers in use. One may name several orders, but of one patient only. */
@Injectable()
export class AccessionNumbers {
  constructor(@Inject(SITE) private readonly site: Site) {}

  /**
   * Takes a number the placer gave.
   *
   * @throws Failure duplicate-key if it is another patient's
   */
  async claim(manager: EntityManager, value: string, patientId: string): Promise<void> {
    if (!(await this.tryClaim(manager, value, patientId)))
      throw fail('duplicate-key', "the accession number belongs to another patient's order: give this order its own", {
        field: 'accessionNumber',
      });
  }

  /**
   * Assigns the next free number of the site's pattern; unique however many ask at once. What is only tried gets the
   * number it would get now, which stays to be given.
   */
  async assign({ manager, isTrial }: Transaction, patientId: string): Promise<string> {
    const { prefix, digits } = this.site.accession;
    for (let ahead = 0; ; ahead++) {
      // A sequence goes on also where its transaction is rolled back.
      const number = isTrial
        ? 'SELECT (last_value + is_called::int + $4)::text AS next FROM accession_number_sequence'
        : `SELECT nextval('accession_number_sequence')::text AS next WHERE $4::int IS NOT NULL`;
      const [{ next, value }] = await manager.query(
        `WITH one AS (${number}),
           taken AS (
             INSERT INTO accession_number (value, patient_id)
             SELECT $1 || lpad(next, $2, '0'), $3 FROM one WHERE length(next) <= $2
             ON CONFLICT DO NOTHING RETURNING value)
         SELECT next, (SELECT value FROM taken) AS value FROM one`,
        [prefix, digits, patientId, ahead],
      );
      if (value) return value;
      if (next.length > digits)
        throw fail('state-conflict', 'the accession numbers of this site are used up: raise accession.digits');
    }
  }

  /** Gives the numbers of a patient who was merged to the one who stands for them. */
  async move(manager: EntityManager, { from, to }: { from: string; to: string }): Promise<void> {
    await manager.query('UPDATE accession_number SET patient_id = $2 WHERE patient_id = $1', [from, to]);
  }

  private async tryClaim(manager: EntityManager, value: string, patientId: string): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      `INSERT INTO accession_number AS known (value, patient_id) VALUES ($1, $2)
         ON CONFLICT (value) DO UPDATE SET patient_id = known.patient_id WHERE known.patient_id = excluded.patient_id
         RETURNING 1`,
      [value, patientId],
    );
    return rows.length > 0;
  }
}
