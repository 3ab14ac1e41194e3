import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The exams of an operator who is not certified for them, or is nobody we know, are found among all exams. */
export class UncertifiedExams1700000002700 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX resource_uncertified_exam ON resource ((body->'performedPeriod'->>'start') DESC NULLS LAST, id)
        WHERE type = 'Procedure' AND ${uncertified}`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX resource_uncertified_exam');
  }
}

/** A condition of SQL on the body of a Procedure; the index serves queries with the same. */
const uncertified = `jsonb_path_exists(body, '$.performer[*].extension[*] ? (@.url == "urn:collimator:extension:certification" && @.valueCode != "certified")')`;
