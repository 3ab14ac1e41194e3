import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What makes delivery exact: outbox, inbox, parked events, deliveries. */
export class Messaging1700000000200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // json, not jsonb: what is only carried is not taken apart, and a header may hold what jsonb refuses.
    // Columns as Debezium's outbox event router expects them, so that change data capture can take the relay's place.
    await runner.query(`
      CREATE TABLE outbox (
        seq bigint GENERATED ALWAYS AS IDENTITY,
        id uuid PRIMARY KEY,
        aggregatetype text NOT NULL,
        aggregateid text NOT NULL,
        type text NOT NULL,
        payload json NOT NULL,
        headers json NOT NULL,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        published_at timestamptz
      )`);
    await runner.query('CREATE INDEX outbox_unpublished ON outbox (seq) WHERE published_at IS NULL');
    await runner.query('CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL');
    await runner.query(`
      CREATE TABLE inbox (
        consumer text NOT NULL,
        event_id text NOT NULL,
        handled_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (consumer, event_id)
      )`);
    await runner.query('CREATE INDEX inbox_handled ON inbox (handled_at)');
    await runner.query(`
      CREATE TABLE parked_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        consumer text NOT NULL,
        event_id text NOT NULL,
        key text NOT NULL,
        type text NOT NULL,
        topic text NOT NULL,
        kafka_partition int NOT NULL,
        kafka_offset bigint NOT NULL,
        headers json NOT NULL,
        value bytea,
        state text NOT NULL CHECK (state IN ('parked', 'waiting', 'replayed', 'skipped')),
        code text,
        reason text,
        attempts int NOT NULL DEFAULT 1,
        parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        resolved_at timestamptz,
        resolved_by text,
        note text,
        UNIQUE (consumer, event_id)
      )`);
    await runner.query(
      "CREATE INDEX parked_event_open ON parked_event (consumer, key, id) WHERE state IN ('parked', 'waiting')",
    );
    await runner.query(`
      CREATE TABLE delivery (
        seq bigint GENERATED ALWAYS AS IDENTITY,
        id uuid PRIMARY KEY,
        destination text NOT NULL,
        key text NOT NULL,
        kind text NOT NULL,
        idempotency_key text NOT NULL,
        body json NOT NULL,
        state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'parked', 'done', 'skipped')),
        attempts int NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        finished_at timestamptz,
        code text,
        reason text,
        resolved_by text,
        note text,
        UNIQUE (destination, idempotency_key)
      )`);
    await runner.query(
      "CREATE INDEX delivery_open ON delivery (destination, key, seq) WHERE state IN ('waiting', 'parked')",
    );
    await runner.query("CREATE INDEX delivery_waiting ON delivery (destination, seq) WHERE state = 'waiting'");
    await runner.query(`
      CREATE TABLE delivery_attempt (
        delivery_id uuid NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
        at timestamptz NOT NULL,
        outcome text NOT NULL,
        milliseconds int NOT NULL
      )`);
    await runner.query('CREATE INDEX delivery_attempt_delivery ON delivery_attempt (delivery_id, at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE delivery_attempt, delivery, parked_event, inbox, outbox');
  }
}
