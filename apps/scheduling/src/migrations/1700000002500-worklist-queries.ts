import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Component groups of a name, as DICOM names them. */
const groups = ['letters', 'ideographic', 'phonetic'];

/** Each component group of a name is found by an index of its own, and so is a day of all stations. */
export class WorklistQueries1700000002500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const [index, group] of groups.entries()) {
      // Two letters beyond ASCII are ASCII in lower case; what the database makes of them depends on its locale.
      const lower = "lower(replace(replace(attributes->>'PatientName', U&'\\0130', U&'i\\0307'), U&'\\212A', 'k'))";
      await runner.query(
        `ALTER TABLE worklist_item ADD patient_name_${group} text
           GENERATED ALWAYS AS (rtrim(btrim(split_part(${lower}, '=', ${index + 1})), '^')) STORED`,
      );
      await runner.query(
        `CREATE INDEX worklist_item_name_${group} ON worklist_item (patient_name_${group} text_pattern_ops)`,
      );
    }
    // Its column stays for the version before this one, which runs beside it during an upgrade.
    await runner.query('DROP INDEX worklist_item_patient_name');
    await runner.query(
      "CREATE INDEX worklist_item_start ON worklist_item (start_date, start_time) WHERE status IN ('SCHEDULED', 'STARTED')",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX worklist_item_start');
    await runner.query('CREATE INDEX worklist_item_patient_name ON worklist_item (patient_name text_pattern_ops)');
    for (const group of groups) await runner.query(`ALTER TABLE worklist_item DROP patient_name_${group}`);
  }
}
