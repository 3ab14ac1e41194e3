import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import type { AuditEvent } from 'fhir/r4.js';
import { createLogger, Retention, type Metrics, type Site } from '#platform';
import { testDatabase, type TestDatabase } from '#testing';
import { auditEvent, FhirModule, fhirMigrations, recordRecurringAccess, type Access } from './index.js';

const at = (day: number, minute: number) => new Date(Date.UTC(2026, 2, day, 8, minute, 0, 7));
const asked: Access = {
  interaction: 'RAD-5',
  client: 'CT01',
  address: '192.0.2.1',
  service: 'scheduling',
  references: [],
  patientIds: ['one', 'two'],
  query: 'ScheduledStationAETitle',
};
let database: TestDatabase;
let manager: EntityManager;

beforeAll(async () => {
  database = await testDatabase(fhirMigrations);
  manager = database.dataSource.manager;
});
afterAll(() => database.drop());
beforeEach(() => manager.query('TRUNCATE audit_event, audit_content'));

const recorded = async (): Promise<AuditEvent[]> =>
  (await manager.query('SELECT body FROM audit ORDER BY recorded')).map(({ body }: { body: AuditEvent }) => body);
const contents = async (): Promise<number> =>
  (await manager.query('SELECT count(*)::int AS n FROM audit_content'))[0].n;

describe('An access that comes again', () => {
  it('is a whole AuditEvent each time, of which what is the same is kept once', async () => {
    const times = [at(2, 0), at(2, 1), at(2, 2)];
    for (const time of times) await recordRecurringAccess(manager, asked, time);
    const events = await recorded();
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    expect(events).toEqual(times.map((time) => ({ ...auditEvent(asked, time), id: expect.any(String) })));
    expect(await contents()).toBe(1);
  });

  it('is told apart by whom it saw, who asked, from where and for what', async () => {
    const others: Access[] = [
      { ...asked, patientIds: ['one'] },
      { ...asked, client: 'CT02' },
      { ...asked, address: '192.0.2.2' },
      { ...asked, query: 'PatientID' },
    ];
    for (const [minute, one] of [asked, ...others].entries()) await recordRecurringAccess(manager, one, at(2, minute));
    expect(await recorded()).toEqual(
      [asked, ...others].map((one, minute) => ({ ...auditEvent(one, at(2, minute)), id: expect.any(String) })),
    );
    expect(await contents()).toBe(5);
  });

  it('says it anew each day', async () => {
    await recordRecurringAccess(manager, asked, at(2, 0));
    await recordRecurringAccess(manager, asked, at(3, 0));
    expect(await contents()).toBe(2);
  });

  it('goes when it is as old as the site says, and what it shares not before', async () => {
    for (const [day, minute] of [
      [7, 1],
      [9, -479],
      [9, 1],
    ] as const)
      await recordRecurringAccess(manager, asked, at(day, minute));
    const logger = createLogger('test', 'silent');
    const metrics = { rowsRemoved: { inc: () => {} } } as unknown as Metrics;
    const retention = new Retention(database.dataSource, { now: () => at(19, 0) }, logger, metrics);
    new FhirModule(retention, { retention: { auditDays: 10 } } as unknown as Site);
    await retention.removeAll();
    // The day of what is left began before the time that is kept.
    expect(await recorded()).toEqual([{ ...auditEvent(asked, at(9, 1)), id: expect.any(String) }]);
    expect(await contents()).toBe(1);
  });

  it('is recorded each time by those who ask at once', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, minute) => recordRecurringAccess(manager, asked, at(2, minute))));
    expect((await recorded()).map(({ recorded }) => recorded)).toEqual(
      Array.from({ length: 8 }, (_, minute) => at(2, minute).toISOString()),
    );
    expect(await contents()).toBe(1);
  });
});
