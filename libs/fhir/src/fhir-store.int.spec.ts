import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import type { FhirResource, Patient, ServiceRequest } from 'fhir/r4.js';
import { aPatient, aServiceRequest, testDatabase, type TestDatabase } from '#testing';
import { FhirStore, fhirMigrations, keepCopies, searchResources, type Searchable } from './index.js';

const at = (minute: number) => new Date(Date.UTC(2026, 2, 2, 8, minute));
const store = new FhirStore();
let database: TestDatabase;
let manager: EntityManager;

beforeAll(async () => {
  database = await testDatabase(fhirMigrations);
  manager = database.dataSource.manager;
});
afterAll(() => database.drop());
beforeEach(() => manager.query('TRUNCATE resource, resource_history, audit_event'));

const versionsOf = async ({ resourceType, id }: FhirResource): Promise<number[]> =>
  (
    await manager.query('SELECT version FROM resource_history WHERE type = $1 AND id = $2 ORDER BY version', [
      resourceType,
      id,
    ])
  ).map((row: { version: number }) => row.version);

describe('FhirStore.save', () => {
  it('stores several resources, gives them their version, and reads them back in one round trip', async () => {
    const saved = await store.save<FhirResource>(manager, [aPatient(), aServiceRequest()], at(0));
    expect(saved.map((one) => one.meta)).toEqual(Array(2).fill({ versionId: '1', lastUpdated: at(0).toISOString() }));
    const keys = [...saved, aPatient({ mrn: 'P2' })].map((one) => ({ type: one.resourceType, id: one.id! }));
    expect(await store.readMany(manager, keys)).toEqual(expect.arrayContaining(saved));
    expect(await store.read(manager, 'Patient', aPatient({ mrn: 'P2' }).id!)).toBeUndefined();
  });

  it('keeps every version', async () => {
    const [first] = await store.save(manager, [aServiceRequest()], at(0));
    const [second] = await store.save(manager, [{ ...first!, status: 'revoked' }], at(1));
    expect(second!.meta).toEqual({ versionId: '2', lastUpdated: at(1).toISOString() });
    expect(await versionsOf(first!)).toEqual([1, 2]);
    expect((await store.read(manager, 'ServiceRequest', first!.id!))?.status).toBe('revoked');
  });

  it('writes nothing for content that is stored already, in whatever order it is written', async () => {
    const [first] = await store.save(manager, [aPatient()], at(0));
    const same = { ...Object.fromEntries(Object.entries(first!).reverse()), meta: undefined } as unknown as Patient;
    const [again, fromStored] = [
      await store.save(manager, [same], at(1)),
      await store.save(manager, [first!], at(2)),
    ].flat();
    expect(again!.meta).toEqual(first!.meta);
    expect(fromStored!.meta).toEqual(first!.meta);
    expect(await versionsOf(first!)).toEqual([1]);
  });

  it('takes a tag on meta for content', async () => {
    const [first] = await store.save(manager, [aPatient()], at(0));
    const security = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' }];
    const [second] = await store.save(manager, [{ ...first!, meta: { ...first!.meta, security } }], at(1));
    expect(second!.meta).toMatchObject({ versionId: '2', security });
  });

  it('stores the changed and leaves the unchanged in one call', async () => {
    const saved = await store.save<FhirResource>(manager, [aPatient(), aServiceRequest()], at(0));
    const [patient, order] = await store.save<FhirResource>(
      manager,
      [saved[0]!, { ...saved[1]!, status: 'on-hold' } as ServiceRequest],
      at(1),
    );
    expect([patient!.meta!.versionId, order!.meta!.versionId]).toEqual(['1', '2']);
  });

  it.each<[string, (first: ServiceRequest) => ServiceRequest]>([
    ['made from an older version', (first) => ({ ...first, priority: 'stat' })],
    ['said to be new', (first) => ({ ...first, meta: undefined, priority: 'stat' })],
    ['made from a version that never was', (first) => ({ ...first, id: 'other', priority: 'stat' })],
  ])('refuses a resource %s, and all that came with it', async (_what, change) => {
    const [first] = await store.save(manager, [aServiceRequest()], at(0));
    await store.save(manager, [{ ...first!, status: 'on-hold' }], at(1));
    const attempt = manager.transaction((tx) => store.save<FhirResource>(tx, [aPatient(), change(first!)], at(2)));
    await expect(attempt).rejects.toMatchObject({ code: 'version-conflict', fate: 'retry' });
    expect(await store.read(manager, 'Patient', aPatient().id!)).toBeUndefined();
    expect(await versionsOf(first!)).toEqual([1, 2]);
  });

  it('refuses a version id that is none', async () => {
    const attempt = store.save(manager, [aPatient({ meta: { versionId: 'x' } })], at(0));
    await expect(attempt).rejects.toMatchObject({ code: 'field-invalid', field: 'Patient.meta.versionId' });
  });

  it('lets exactly one of many writers of a version through', async () => {
    const [first] = await store.save(manager, [aServiceRequest()], at(0));
    const writers = Array.from({ length: 8 }, (_, writer) =>
      database.dataSource.transaction((tx) =>
        store.save(tx, [{ ...first!, note: [{ text: `writer ${writer}` }] }], at(1)),
      ),
    );
    const outcomes = await Promise.allSettled(writers);
    expect(outcomes.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    for (const one of outcomes)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'version-conflict' });
    expect(await versionsOf(first!)).toEqual([1, 2]);
  });
});

describe('FhirStore.save in a large table', () => {
  it('reads only what it is about', async () => {
    await manager.query(`
      INSERT INTO resource (type, id, version, last_updated, body)
      SELECT 'Patient', 'id-' || n, 1, now(), '{}' FROM generate_series(1, 5000) AS n`);
    const asked: [string, unknown[]?][] = [];
    const listening = {
      query: (sql: string, values?: unknown[]) => (asked.push([sql, values]), manager.query(sql, values)),
    };
    await store.save(listening as EntityManager, [aPatient(), aServiceRequest()] as FhirResource[], at(0));
    expect(asked).toHaveLength(1);
    const [sql, values] = asked[0]!;
    for (const first of ['SELECT 1', 'ANALYZE resource']) {
      await manager.query(first);
      const plan = JSON.stringify(await manager.query(`EXPLAIN ${sql}`, values));
      expect(plan).toContain('resource_pkey');
      expect(plan).not.toContain('Seq Scan');
    }
  });
});

describe('keepCopies', () => {
  it('gives copies version numbers of their own and writes nothing twice', async () => {
    const copy = aPatient({ meta: { versionId: '7', lastUpdated: at(0).toISOString() } });
    await keepCopies(store, manager, [copy], at(1));
    await keepCopies(store, manager, [copy], at(2));
    expect(await versionsOf(copy)).toEqual([1]);
    await keepCopies(store, manager, [{ ...copy, active: false }], at(3));
    expect(await versionsOf(copy)).toEqual([1, 2]);
  });
});

describe('Look-ups', () => {
  it('find by identifier and by reference', async () => {
    const order = aServiceRequest({ placerOrderNumber: 'A|1' });
    const part = aServiceRequest({ placerOrderNumber: 'A-2', basedOn: [{ reference: `ServiceRequest/${order.id}` }] });
    await store.save(manager, [order, part], at(0));
    const ids = (found: FhirResource[]) => found.map(({ id }) => id);
    expect(ids(await store.withIdentifier(manager, 'ServiceRequest', 'urn:oid:2.25.1002', 'A|1'))).toEqual([order.id]);
    expect(ids(await store.withIdentifier(manager, 'ServiceRequest', undefined, 'A|1'))).toEqual([order.id]);
    expect(await store.withIdentifier(manager, 'ServiceRequest', 'urn:other', 'A|1')).toEqual([]);
    expect(ids(await store.referringTo(manager, 'ServiceRequest', `ServiceRequest/${order.id}`))).toEqual([part.id]);
  });
});

describe('searchResources', () => {
  const all = { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] } as Searchable;
  const search = (query: Record<string, string | string[]>, served = all) =>
    searchResources(
      manager,
      'ServiceRequest',
      Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [value].flat()])),
      served,
    );
  const numbers = async (query: Record<string, string | string[]>) =>
    (await search(query)).matches.map((one) => (one as ServiceRequest).identifier![0]!.value);

  beforeEach(async () => {
    for (const [minute, status] of ['active', 'revoked', 'completed'].entries())
      await store.save(
        manager,
        [
          aServiceRequest({
            placerOrderNumber: `ORD${minute}`,
            accessionNumber: `A${minute}`,
            status: status as 'active',
            patient: aPatient({ mrn: `P${minute % 2}` }),
          }),
        ],
        at(minute),
      );
  });

  it.each<[Record<string, string | string[]>, string[]]>([
    [{}, ['ORD0', 'ORD1', 'ORD2']],
    [{ identifier: 'urn:oid:2.25.1002|ORD1' }, ['ORD1']],
    [{ identifier: 'urn:other|ORD1' }, []],
    [{ identifier: 'A2,ORD0' }, ['ORD0', 'ORD2']],
    [{ identifier: ['A2', 'ORD0'] }, []],
    [{ status: 'active,revoked' }, ['ORD0', 'ORD1']],
    [{ patient: aPatient({ mrn: 'P0' }).id! }, ['ORD0', 'ORD2']],
    [{ subject: `Patient/${aPatient({ mrn: 'P1' }).id}` }, ['ORD1']],
    [{ _id: aServiceRequest({ placerOrderNumber: 'ORD2' }).id! }, ['ORD2']],
    [{ _lastUpdated: 'ge2026-03-02T08:01:00Z' }, ['ORD1', 'ORD2']],
    [{ _lastUpdated: ['ge2026-03-02T08:01:00Z', 'lt2026-03-02T08:02:00Z'] }, ['ORD1']],
    [{ _lastUpdated: 'le2026-03-02' }, ['ORD0', 'ORD1', 'ORD2']],
    [{ _lastUpdated: 'gt2026-03-02' }, []],
    [{ _lastUpdated: 'ne2026-03-02T08:01' }, ['ORD0', 'ORD2']],
    [{ status: "active' OR '1'='1" }, []],
  ])('%j finds %j', async (query, found) => {
    expect(await numbers(query)).toEqual(found);
  });

  it('gives pages that neither repeat nor leave out, also where times are equal and new ones arrive', async () => {
    const equal = Array.from({ length: 5 }, (_, n) => aServiceRequest({ placerOrderNumber: `EQ${n}` }));
    await store.save(manager, equal, at(5));
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await search({ _count: '2', ...(cursor ? { _cursor: cursor } : {}) });
      found.push(...page.matches.map(({ id }) => id!));
      cursor = page.next;
      if (found.length === 2) await store.save(manager, [aServiceRequest({ placerOrderNumber: 'LATE' })], at(9));
    } while (cursor);
    expect(found).toHaveLength(9);
    expect(new Set(found).size).toBe(9);
  });

  it('counts without matches for _count=0', async () => {
    expect(await search({ _count: '0' })).toMatchObject({ matches: [], included: [], total: 3 });
  });

  it.each([
    [{ birthdate: '1970' }, 'birthdate'],
    [{ 'identifier:exact': 'x' }, 'identifier:exact'],
    [{ '^ZZ CANARY': 'x' }, 'parameter'],
    [{ _count: 'many' }, '_count'],
    [{ _cursor: Buffer.from('1|x|y').toString('base64url') }, '_cursor'],
    [{ _cursor: Buffer.from('99999999999999999999|x').toString('base64url') }, '_cursor'],
    [{ _lastUpdated: 'yesterday' }, '_lastUpdated'],
    [{ identifier: 'a\0b' }, 'identifier'],
    [{ patient: '' }, 'patient'],
  ])('refuses %j, naming %s', async (query, field) => {
    await expect(search(query as unknown as Record<string, string>)).rejects.toMatchObject({
      code: 'field-invalid',
      field,
    });
  });

  it('stays on an index for every parameter once there is much', async () => {
    await manager.query(`
      INSERT INTO resource (type, id, version, last_updated, patient_id, status, identifiers, refs, body)
      SELECT 'ServiceRequest', 'id-' || n, 1, now(), 'patient-' || n, 'active', ARRAY['urn:a|' || n],
             ARRAY['ServiceRequest/' || n], '{}' FROM generate_series(1, 5000) AS n`);
    await manager.query('ANALYZE resource');
    const plan = async (where: string) =>
      JSON.stringify(
        await manager.query(`EXPLAIN SELECT body FROM resource WHERE type = 'ServiceRequest' AND ${where}`),
      );
    expect(await plan(`identifiers && '{urn:a|7}'`)).toContain('resource_identifiers');
    expect(await plan(`refs && '{ServiceRequest/7}'`)).toContain('resource_refs');
    expect(await plan(`patient_id = ANY('{patient-7}')`)).toContain('resource_patient');
    expect(await plan(`(last_updated, id) > (now(), '') ORDER BY last_updated, id LIMIT 51`)).toContain(
      'resource_updated',
    );
  });
});
