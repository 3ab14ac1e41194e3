import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Lots of contrast media, where they are, and who got of them. Volumes are whole microlitres. */
export class Supplies1700000003100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE supply_lot (
        id text PRIMARY KEY,
        gtin text NOT NULL,
        lot_number text COLLATE "C" NOT NULL,
        expires_on date,
        recalled_at timestamptz,
        recall_reason text,
        UNIQUE (lot_number, gtin)
      )`);
    // What somebody said, under their own number: the same again is the same.
    await runner.query(`
      CREATE TABLE supply_entry (
        id text PRIMARY KEY,
        kind text NOT NULL,
        said jsonb NOT NULL,
        answer jsonb NOT NULL,
        client text NOT NULL,
        recorded_at timestamptz NOT NULL
      )`);
    await runner.query(`
      CREATE TABLE stock_balance (
        lot_id text NOT NULL REFERENCES supply_lot,
        room text NOT NULL,
        sealed integer NOT NULL CONSTRAINT stock_never_negative CHECK (sealed >= 0),
        counted_at timestamptz,
        PRIMARY KEY (lot_id, room)
      )`);
    await runner.query('CREATE INDEX stock_balance_room ON stock_balance (room)');
    await runner.query(`
      CREATE TABLE opened_container (
        id text PRIMARY KEY,
        lot_id text NOT NULL REFERENCES supply_lot,
        room text NOT NULL,
        size bigint NOT NULL,
        used bigint NOT NULL CHECK (used >= 0),
        wasted bigint NOT NULL CHECK (wasted >= 0),
        opened_at timestamptz NOT NULL,
        closed_at timestamptz,
        exam_id text,
        is_implied boolean NOT NULL,
        CHECK (used + wasted <= size),
        CHECK (closed_at IS NULL OR used + wasted = size)
      )`);
    await runner.query('CREATE INDEX opened_container_place ON opened_container (lot_id, room, opened_at)');
    await runner.query('CREATE INDEX opened_container_open ON opened_container (room) WHERE closed_at IS NULL');
    await runner.query(`
      CREATE TABLE stock_movement (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        lot_id text NOT NULL REFERENCES supply_lot,
        room text NOT NULL,
        sealed integer NOT NULL,
        container_id text,
        volume bigint NOT NULL,
        owner text,
        reason text,
        entry_id text REFERENCES supply_entry,
        at timestamptz NOT NULL,
        recorded_at timestamptz NOT NULL,
        settled_at timestamptz
      )`);
    await runner.query('CREATE INDEX stock_movement_place ON stock_movement (lot_id, room)');
    await runner.query('CREATE INDEX stock_movement_owner ON stock_movement (owner) WHERE owner IS NOT NULL');
    await runner.query(
      "CREATE INDEX stock_movement_unaccounted ON stock_movement (room) WHERE kind = 'unaccounted' AND settled_at IS NULL",
    );
    await runner.query('CREATE INDEX stock_movement_at ON stock_movement (at)');
    await runner.query(`
      CREATE TABLE administered_supply (
        administration_id text PRIMARY KEY,
        exam_id text NOT NULL,
        order_id text,
        lot_id text REFERENCES supply_lot,
        lot_number text COLLATE "C" NOT NULL,
        gtin text,
        agent text,
        room text,
        container_id text,
        volume bigint NOT NULL,
        at timestamptz NOT NULL,
        objections jsonb NOT NULL
      )`);
    await runner.query('CREATE INDEX administered_supply_lot ON administered_supply (lot_number, lot_id)');
    await runner.query('CREATE INDEX administered_supply_exam ON administered_supply (exam_id)');
    await runner.query('CREATE INDEX administered_supply_container ON administered_supply (container_id)');
    await runner.query(
      "CREATE INDEX administered_supply_doubtful ON administered_supply (at) WHERE objections <> '[]'::jsonb",
    );
    await runner.query(`
      CREATE TABLE stock_level (
        room text NOT NULL,
        agent text NOT NULL,
        is_low boolean NOT NULL,
        falls integer NOT NULL,
        PRIMARY KEY (room, agent)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP TABLE stock_level, administered_supply, stock_movement, opened_container, stock_balance, supply_entry, supply_lot',
    );
  }
}
