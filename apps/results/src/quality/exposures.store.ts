import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { Entry, EntryKind, ExposureFacts, Statement } from './exposure-entry.decider.js';

/** An image that was acquired, by its SOP Instance UID. */
export interface AcquiredImage extends ExposureFacts {
  sopInstanceUid: string;
  studyInstanceUid: string;
}

/** What is kept of what a source said. */
export interface KeptStatement {
  statement: Statement;
  version: number;
  operator: string | undefined;
}

const imageColumns = {
  sopInstanceUid: 'sop_instance_uid text',
  studyInstanceUid: 'study_instance_uid text',
  orderId: 'order_id text',
  modality: 'modality text',
  bodyPart: 'body_part text',
  view: 'view text',
  laterality: 'laterality text',
  room: 'room text',
  station: 'station text',
  detector: 'detector text',
  exposureIndex: 'exposure_index float8',
  targetExposureIndex: 'target_exposure_index float8',
  deviationIndex: 'deviation_index float8',
  at: 'acquired_at timestamptz',
} as const satisfies Record<Exclude<keyof AcquiredImage, 'accessionNumber'>, string>;
const names = Object.values(imageColumns).map((column) => column.split(' ')[0]!);

/** The tables of exposures: what was acquired, what was said of it, and what that comes to. */
@Injectable()
export class Exposures {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Lets one after the other write the ledger. It is taken last of all locks, so that nobody waits for each other. */
  async lock(manager: EntityManager): Promise<void> {
    await manager.query("SELECT pg_advisory_xact_lock(hashtextextended('exposure ledger', 0))");
  }

  /** Keeps images, once each; what is not said now stays as it was said before. One without a time has this one's. */
  async keepImages(manager: EntityManager, images: readonly AcquiredImage[], now: Date): Promise<void> {
    if (images.length === 0) return;
    const updates = names.slice(1).map((name) => `${name} = coalesce(excluded.${name}, known.${name})`);
    const rows = JSON.stringify(
      images.map((image) =>
        Object.fromEntries(
          Object.entries(imageColumns).map(([key, column]) => [
            column.split(' ')[0],
            image[key as keyof AcquiredImage] ?? null,
          ]),
        ),
      ),
    );
    await manager.query(
      `INSERT INTO acquired_image AS known (${names.join(', ')})
       SELECT ${names.slice(0, -1).join(', ')}, coalesce(acquired_at, (SELECT acquired_at FROM acquired_image AS k WHERE k.sop_instance_uid = r.sop_instance_uid), $2)
         FROM jsonb_to_recordset($1::jsonb) AS r (${Object.values(imageColumns).join(', ')})
       ON CONFLICT (sop_instance_uid) DO UPDATE SET ${updates.join(', ')}`,
      [rows, now],
    );
  }

  /** The images of these exposures that are known, by SOP Instance UID. */
  async imagesOf(manager: EntityManager, exposures: readonly string[]): Promise<Map<string, ExposureFacts>> {
    const columns = Object.entries(imageColumns).map(([key, column]) => `${column.split(' ')[0]} AS "${key}"`);
    const rows: (AcquiredImage & { at: Date })[] = await manager.query(
      `SELECT ${columns.join(', ')} FROM acquired_image WHERE sop_instance_uid = ANY($1)`,
      [exposures],
    );
    return new Map(
      rows.map(({ sopInstanceUid, ...facts }) => [
        sopInstanceUid,
        withoutNull({ ...facts, at: facts.at.toISOString() }),
      ]),
    );
  }

  /** Keeps what a source says; a console may correct itself, a document or an image never says something else. */
  async keepStatement(manager: EntityManager, statement: Statement, client: string, now: Date): Promise<void> {
    await manager.query(
      `INSERT INTO quality_statement AS known (id, exposure, said, client, stated_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET exposure = excluded.exposure, said = excluded.said, client = excluded.client,
         stated_at = excluded.stated_at, version = known.version + 1 WHERE excluded.said ->> 'source' = 'console'`,
      [statement.id, statement.exposure, JSON.stringify(statement), client, now],
    );
  }

  /** Keeps who made exposures: by the console's word before the image's. */
  async keepOperators(
    manager: EntityManager,
    operators: ReadonlyMap<string, string>,
    isStated: boolean,
  ): Promise<void> {
    if (operators.size === 0) return;
    await manager.query(
      `INSERT INTO quality_operator AS known (exposure, operator, is_stated) SELECT e, o, $3 FROM unnest($1::text[], $2::text[]) AS r (e, o)
       ON CONFLICT (exposure) DO UPDATE SET operator = excluded.operator, is_stated = excluded.is_stated
         WHERE excluded.is_stated OR NOT known.is_stated`,
      [[...operators.keys()], [...operators.values()], isStated],
    );
  }

  /** The console said whom it named in error. */
  async dropOperator(manager: EntityManager, exposure: string): Promise<void> {
    await manager.query('DELETE FROM quality_operator WHERE exposure = $1 AND is_stated', [exposure]);
  }

  async statement(manager: EntityManager, id: string): Promise<KeptStatement | undefined> {
    const [row] = await manager.query(
      `SELECT said AS statement, version, operator FROM quality_statement AS s
         LEFT JOIN quality_operator AS o ON o.exposure = s.exposure AND is_stated WHERE s.id = $1`,
      [id],
    );
    return row && { ...row, operator: row.operator ?? undefined };
  }

  /** All that was said of these exposures, by exposure. */
  async statementsOf(manager: EntityManager, exposures: readonly string[]): Promise<Map<string, Statement[]>> {
    const rows: { said: Statement }[] = await manager.query(
      'SELECT said FROM quality_statement WHERE exposure = ANY($1) ORDER BY id',
      [exposures],
    );
    const found = new Map<string, Statement[]>();
    for (const { said } of rows) found.set(said.exposure, [...(found.get(said.exposure) ?? []), said]);
    return found;
  }

  /** The rows of one exposure are these now. */
  async put(manager: EntityManager, exposure: string, entries: readonly Entry[], now: Date): Promise<void> {
    await manager.query('DELETE FROM quality_entry WHERE exposure = $1', [exposure]);
    for (const entry of entries)
      await manager.query(
        `INSERT INTO quality_entry (exposure, kind, counts, at, modality, body_part, view, room, detector, reason, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
        [
          exposure,
          entry.kind,
          entry.counts,
          entry.at ?? now,
          entry.modality,
          entry.bodyPart,
          entry.view,
          entry.room,
          entry.detector,
          entry.reason,
          JSON.stringify(entry),
        ],
      );
  }

  /** The rows of a time, newest first; with the operator where that is asked for. */
  async list(
    { from, to, kind }: { from: Date; to: Date; kind: EntryKind | undefined },
    withOperator: boolean,
  ): Promise<(Entry & { operator?: string })[]> {
    const rows: { body: Entry; operator: string | null }[] = await this.dataSource.query(
      `SELECT e.body, ${withOperator ? 'o.operator' : 'NULL'} AS operator FROM quality_entry AS e
         ${withOperator ? 'LEFT JOIN quality_operator AS o USING (exposure)' : ''}
        WHERE e.at >= $1 AND e.at < $2 AND ($3::text IS NULL OR e.kind = $3) ORDER BY e.at DESC, e.exposure, e.kind LIMIT 2000`,
      [from, to, kind ?? null],
    );
    return rows.map(({ body, operator }) => ({ ...body, ...(operator ? { operator } : {}) }));
  }
}

function withoutNull<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T;
}
