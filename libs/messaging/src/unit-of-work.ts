import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager, type QueryRunner } from 'typeorm';
import { cloudEventHeaders, topicOf, type ImagingEvent } from '#events';
import { asFailure, CLOCK, fail, INFRASTRUCTURE, isRace, type Clock, type Infrastructure } from '#platform';
import type { MergedPatient } from './merged-patients.js';
import { pause } from './pause.js';
import { WakeSignal } from './wake-signal.js';

/** Something to be sent to a system outside, in order per destination and key. */
export interface NewDelivery {
  /** Name of the destination in the site file. */
  destination: string;
  /** What must stay in order: the internal patient id. */
  key: string;
  /** What the sender makes of the body. */
  kind: string;
  /** The same key at the same destination is one delivery, however often it is asked for. */
  idempotencyKey: string;
  body: object;
}

/** What a handler works in: everything it does through this happens, or nothing does. */
export interface Transaction {
  readonly manager: EntityManager;
  readonly now: Date;
  /** Where the patient it is about was merged into another: whom it is about now. */
  readonly merged?: MergedPatient;
  /** True where all of it is rolled back in the end: what a rollback does not bring back must not be used up. */
  readonly isTrial?: boolean;
  /** Waits for other writers of one more patient, and keeps them waiting until the end. */
  lock(patientId: string): Promise<void>;
  /** Puts an event in the outbox; it reaches Kafka after the commit. */
  publish(event: ImagingEvent): void;
  /** Puts a delivery in the queue; it is sent after the commit. */
  deliver(delivery: NewDelivery): void;
}

const ATTEMPTS = 6;
/** Largest event, in bytes of its JSON; topics are made to take a little more. */
export const MAX_EVENT_BYTES = 8 * 1024 * 1024;

/** Runs work in one Postgres transaction, together with the events and deliveries it gives rise to. */
@Injectable()
export class UnitOfWork {
  readonly published = new WakeSignal();
  readonly delivered = new WakeSignal();

  constructor(
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /**
   * Writers of one patient run one after the other, so that a patient's outbox rows are numbered in the order of their
   * commits. Where another writer was first all the same, the work is run again from the start, a few times.
   *
   * @param patientId the patient the work is about; undefined if it is about none
   * @throws Failure as the work throws it, or database-unavailable, version-conflict, unexpected
   */
  async run<T>(patientId: string | undefined, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.attempt(patientId, work);
      } catch (error) {
        const failure = asFailure(error);
        if (!isRace(failure) || attempt === ATTEMPTS) throw failure.code === 'unexpected' ? error : failure;
        await pause(Math.random() * 10 * 2 ** attempt);
      }
    }
  }

  private async attempt<T>(patientId: string | undefined, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const merged = await this.begin(runner, patientId);
      const lock = (other: string) => runner.query(this.locking(other)).then(() => undefined);
      const transaction = new OpenTransaction(runner.manager, this.clock.now(), lock, merged);
      let result: T;
      try {
        result = await work(transaction);
        transaction.open = false;
        if (transaction.events.length > 0) await insertEvents(runner.manager, transaction.events);
        if (transaction.deliveries.length > 0) await insertDeliveries(runner.manager, transaction.deliveries);
        await runner.commitTransaction();
      } catch (error) {
        transaction.open = false;
        await rollBack(runner);
        throw error;
      }
      if (transaction.events.length > 0) this.published.wake();
      if (transaction.deliveries.length > 0) this.delivered.wake();
      return result;
    } finally {
      await runner.release();
    }
  }

  /**
   * Begins, takes the patient's lock and learns whom the work is about now, all in one round trip; TypeORM, whose own
   * start would be a second one, is told of it, so that a nested `manager.transaction` is a savepoint as always.
   *
   * @returns the merge that made another stand for the patient, if there was one; that other is locked as well
   */
  private async begin(runner: QueryRunner, patientId: string | undefined): Promise<MergedPatient | undefined> {
    if (patientId === undefined) return void (await runner.startTransaction());
    Object.assign(runner, { isTransactionActive: true, transactionDepth: 1 });
    const client = (await runner.connect()) as Client;
    const survivor = `SELECT survivor_id FROM merged_patient WHERE patient_id = ${client.escapeLiteral(patientId)}`;
    try {
      // Locks are taken in one order by everybody, so that nobody waits for each other; who stands for the patient is
      // known only behind the patient's own, and may change while theirs is waited for.
      for (let ids = [patientId]; ;) {
        const locks = ids.map((id) => this.locking(id)).join('; ');
        const to = (await client.query(`BEGIN; ${locks}; ${survivor}`)).at(-1)?.rows[0]?.survivor_id;
        if (!to) return undefined;
        if (ids.includes(to)) return { from: patientId, to };
        await client.query('ROLLBACK');
        ids = [patientId, to].sort();
      }
    } catch (error) {
      await rollBack(runner);
      throw error;
    }
  }

  /** A decimal number made from a hash: a statement list takes no parameters. Locks are shared by a whole database. */
  private locking(patientId: string): string {
    const lock = createHash('sha1').update(`${this.infrastructure.database.schema}\n${patientId}`).digest();
    return `SELECT pg_advisory_xact_lock(${lock.readBigInt64BE(0)})`;
  }
}

/** What is used of a `pg` client: a list of statements gives a list of results. */
interface Client {
  escapeLiteral(text: string): string;
  query(statements: string): Promise<{ rows: { survivor_id?: string }[] }[]>;
}

class OpenTransaction implements Transaction {
  readonly events: ImagingEvent[] = [];
  readonly deliveries: NewDelivery[] = [];
  open = true;

  constructor(
    readonly manager: EntityManager,
    readonly now: Date,
    readonly lock: (patientId: string) => Promise<void>,
    readonly merged?: MergedPatient,
  ) {}

  publish(event: ImagingEvent): void {
    this.assertOpen();
    this.events.push(event);
  }
  deliver(delivery: NewDelivery): void {
    this.assertOpen();
    this.deliveries.push(delivery);
  }
  private assertOpen(): void {
    // A promise nobody awaited: what it publishes would silently be lost.
    if (!this.open) throw new Error('the unit of work has ended already');
  }
}

/** A connection whose transaction cannot be ended must not be lent to the next one. */
async function rollBack(runner: QueryRunner): Promise<void> {
  try {
    await runner.rollbackTransaction();
  } catch (error) {
    await (runner as unknown as { releasePostgresConnection(error: unknown): Promise<void> }).releasePostgresConnection(
      error,
    );
  }
}

/** An event id already there is the same fact told again: it stays one row. */
async function insertEvents(manager: EntityManager, events: ImagingEvent[]): Promise<void> {
  const rows = events.map((event) => {
    const payload = JSON.stringify(event.data);
    if (Buffer.byteLength(payload) > MAX_EVENT_BYTES)
      throw fail('too-large', `an event may hold ${MAX_EVENT_BYTES} bytes; send large content by reference`);
    return [
      event.id,
      topicOf(event.type),
      event.patientId,
      event.type,
      payload,
      JSON.stringify(cloudEventHeaders(event)),
    ];
  });
  await insert(manager, 'outbox (id, aggregatetype, aggregateid, type, payload, headers)', rows, '(id)');
}

async function insertDeliveries(manager: EntityManager, deliveries: NewDelivery[]): Promise<void> {
  const rows = deliveries.map(({ destination, key, kind, idempotencyKey, body }) => [
    randomUUID(),
    destination,
    key,
    kind,
    idempotencyKey,
    JSON.stringify(body),
  ]);
  const columns = 'delivery (id, destination, key, kind, idempotency_key, body)';
  await insert(manager, columns, rows, '(destination, idempotency_key)');
}

/** One statement for all rows, in their order; Postgres takes 65,535 parameters, far more than a unit of work needs. */
async function insert(manager: EntityManager, into: string, rows: string[][], key: string): Promise<void> {
  const width = rows[0]!.length;
  const places = rows.map((row, r) => `(${row.map((_, c) => `$${r * width + c + 1}`).join(',')})`);
  await manager.query(`INSERT INTO ${into} VALUES ${places.join(',')} ON CONFLICT ${key} DO NOTHING`, rows.flat());
}
