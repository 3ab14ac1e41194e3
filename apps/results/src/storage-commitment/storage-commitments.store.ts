import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { ReferencedInstance, StorageCommitmentRequest, StorageCommitmentResult } from '#dicom';
import { Retention, SITE, type Failure, type Site } from '#platform';
import type { OpenCommitment } from './storage-commitment.decider.js';

/** One question by who asked it and what it calls it, and its answer once there is one. */
export interface StorageCommitment extends OpenCommitment {
  station: string;
  timesAsked: number;
  failed: StorageCommitmentResult['failed'] | null;
}

const columns = `station, transaction_uid AS "transactionUid", instances, since, attempts, times_asked AS "timesAsked", failed`;

/** The table of modalities' questions whether images are safely stored. */
@Injectable()
export class StorageCommitments {
  /** An answer is kept as long as its delivery: asked after that, the question is a new one. */
  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(Retention) retention: Retention,
    @Inject(SITE) site: Site,
  ) {
    retention.keep({ table: 'storage_commitment', since: 'decided_at', days: site.retention.deliveryDays });
  }

  /** Keeps a question, or counts that it was asked again. @returns it as it stands, locked for the transaction */
  async ask(
    manager: EntityManager,
    station: string,
    { transactionUid, instances }: StorageCommitmentRequest,
    now: Date,
  ): Promise<StorageCommitment> {
    const [row] = await manager.query(
      `INSERT INTO storage_commitment AS known (station, transaction_uid, instances, since, next_attempt_at)
       VALUES ($1, $2, $3, $4, $4)
       ON CONFLICT (station, transaction_uid) DO UPDATE SET times_asked = known.times_asked + 1 RETURNING ${columns}`,
      [station, transactionUid, JSON.stringify(instances), now],
    );
    return row;
  }

  /** Those whose time has come and that are not in work, longest waiting first. */
  async due(now: Date, inWork: string[], limit: number): Promise<StorageCommitment[]> {
    return this.dataSource.query(
      `SELECT ${columns} FROM storage_commitment
        WHERE next_attempt_at <= $1 AND NOT station || ' ' || transaction_uid = ANY($2::text[])
        ORDER BY next_attempt_at LIMIT $3`,
      [now, inWork, limit],
    );
  }

  /** The question as it stands now, locked for the transaction. */
  async forUpdate(manager: EntityManager, { station, transactionUid }: StorageCommitment): Promise<StorageCommitment> {
    const [row] = await manager.query(
      `SELECT ${columns} FROM storage_commitment WHERE station = $1 AND transaction_uid = $2 FOR UPDATE`,
      [station, transactionUid],
    );
    return row;
  }

  /** Notes the answer to a question. */
  async answered(manager: EntityManager, { station, transactionUid }: StorageCommitment, failed: object[], now: Date) {
    await manager.query(
      `UPDATE storage_commitment SET failed = $3, decided_at = $4, attempts = attempts + 1, next_attempt_at = NULL,
              code = NULL, reason = NULL
        WHERE station = $1 AND transaction_uid = $2`,
      [station, transactionUid, JSON.stringify(failed), now],
    );
  }

  /** Notes when the PACS is looked at again, and by which failure if it gave no answer. */
  async postponed(manager: EntityManager, { station, transactionUid }: StorageCommitment, next: Date, why?: Failure) {
    await manager.query(
      `UPDATE storage_commitment SET attempts = attempts + 1, next_attempt_at = $3, code = $4, reason = $5
        WHERE station = $1 AND transaction_uid = $2`,
      [station, transactionUid, next, why?.code ?? null, why?.message ?? null],
    );
  }

  /** Questions that are open, or were answered with a failure, newest first: UIDs, counts and times only. */
  async list(state: 'open' | 'failed'): Promise<object[]> {
    const condition = state === 'open' ? 'failed IS NULL' : 'jsonb_array_length(failed) > 0';
    return this.dataSource.query(
      `SELECT station, transaction_uid AS "transactionUid", since, decided_at AS "decidedAt", attempts,
              next_attempt_at AS "nextAttemptAt", jsonb_array_length(instances) AS instances,
              coalesce(failed, '[]') AS failed, code, reason
         FROM storage_commitment WHERE ${condition} ORDER BY since DESC LIMIT 500`,
    );
  }
}

/** The answer that was found, as it is told. */
export function resultOf({ transactionUid, instances, failed }: StorageCommitment): StorageCommitmentResult {
  const notStored = new Set(failed!.map(({ sopInstanceUid }) => sopInstanceUid));
  const isStored = ({ sopInstanceUid }: ReferencedInstance) => !notStored.has(sopInstanceUid);
  return { transactionUid, committed: instances.filter(isStored), failed: failed! };
}
