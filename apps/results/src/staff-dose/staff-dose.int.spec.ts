import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuditEvent, Bundle, DetectedIssue, Observation, OperationOutcome } from 'fhir/r4.js';
import { Client } from 'pg';
import { migrateService, Retention, SITE, type Site } from '#platform';
import { until } from '#testing';
import { AResultsService } from '../a-results-service.spec.js';
import { resultsBeside, resultsMigrations } from '../results.module.js';
import { aService, someLimits } from './a-dosimetry-service.spec.js';
import { StaffDoseDesk, type TakenFile } from './staff-dose-desk.js';
import type { StaffDoseStatistic } from './staff-dose-statistics.decider.js';
import type { ShownAlert, ShownPerson } from './staff-dose-views.js';

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');
const YEAR = new Date().getFullYear() - 1;
const HEADER = 'person,name,badge,location,start,end,hp10,hp007,hp3';
let service: AResultsService;
let database: Client;
beforeAll(async () => {
  service = await AResultsService.start(
    { staffDose: { services: [{ ...aService, unit: 'mSv' }], limits: someLimits }, retention: { auditDays: 30 } },
    {
      emr: sha256('emr'),
      quality: { sha256: sha256('quality'), scopes: ['quality-by-operator'] },
      officer: { sha256: sha256('officer'), scopes: ['staff-dose'] },
    },
  );
  const { url, schema } = service.infrastructure.database;
  database = new Client({ connectionString: url, options: `-c search_path=${schema}_staff_dose` });
  await database.connect();
}, 60_000);
afterAll(async () => {
  await database?.end();
  await service?.stop();
});

async function call<T>(
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  { body, as = 'officer', ...headers }: { body?: object | string; as?: string; 'if-match'?: string } = {},
) {
  const response = await fetch(`${service.url}/staff-dose${path}`, {
    method,
    headers: {
      authorization: `Bearer ${as}`,
      'content-type': typeof body === 'string' ? 'text/csv' : 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text;
  return { status: response.status, headers: response.headers, body: answer as T };
}
const upload = async (...lines: string[]) =>
  (await call<TakenFile>('POST', '/readings', { body: [HEADER, ...lines].join('\n') })).body;
const audits = async (): Promise<AuditEvent[]> =>
  (await database.query('SELECT body FROM audit_event ORDER BY recorded, id')).rows.map(({ body }) => body);

let people = 0;
/** Somebody nobody else speaks of. */
function somebody() {
  const number = `ZZCANARY-P${++people}`;
  const name = `Zzcanary Person ${people}`;
  const month = (n: number, badge = `ZZCANARY-B${number.slice(10)}`) => {
    const mm = String(n).padStart(2, '0');
    return `${number},${name},${badge},chest,${YEAR}-${mm}-01,${YEAR}-${mm}-28`;
  };
  const found = async () => {
    const { body } = await call<Bundle>('POST', '/fhir/Practitioner/_search', { body: { identifier: number } });
    return body.entry?.[0]?.resource?.id;
  };
  const observations = async () => {
    const { body } = await call<Bundle<Observation>>('GET', `/fhir/Observation?subject=Practitioner/${await found()}`);
    return (body.entry ?? []).map(({ resource }) => resource!);
  };
  return { number, name, month, id: found, observations };
}
const alertsOf = async (id: string | undefined, state: string) =>
  (await call<{ alerts: ShownAlert[] }>('GET', `/alerts?state=${state}`)).body.alerts.filter(
    ({ practitionerId }) => practitionerId === id,
  );

describe('Doses of staff', () => {
  it.each<['GET' | 'POST' | 'PUT', string]>([
    ['POST', '/readings'],
    ['GET', '/persons'],
    ['GET', '/persons/x'],
    ['GET', '/persons/x/record?from=2026-01-01&to=2026-12-31'],
    ['GET', '/statistics?from=2026-01-01&to=2026-12-31'],
    ['GET', '/alerts'],
    ['POST', '/alerts/x/acknowledge'],
    ['GET', '/fhir/Observation'],
    ['POST', '/fhir/Observation/_search'],
    ['GET', '/fhir/Observation/x'],
    ['GET', '/fhir/Observation/x/_history'],
    ['GET', '/fhir/Observation/_history'],
    ['POST', '/fhir/Observation'],
    ['PUT', '/fhir/Observation/x'],
    ['GET', '/fhir/Practitioner'],
    ['GET', '/fhir/metadata'],
  ])('are shown to nobody without the scope: %s %s', async (method, path) => {
    for (const as of ['emr', 'quality']) {
      const { status } = await call(method, path, { as, ...(method === 'GET' ? {} : { body: {} }) });
      expect(status).toBe(403);
    }
  });

  it('are taken line by line: what cannot be read is told by number and column, and by nothing else', async () => {
    const one = somebody();
    const answer = await upload(
      `${one.month(1)},0.2,0.3,`,
      `${one.month(2)},zz-secret,0.3,`,
      `${one.month(3)},M,<0.05,NR`,
      `${one.number},,B,elbow,${YEAR}-04-01,${YEAR}-04-30,1,,`,
    );
    expect(answer).toEqual({
      accepted: 2,
      corrected: 0,
      unchanged: 0,
      refused: [
        { line: 3, column: 'hp10', code: 'field-invalid', reason: expect.stringContaining('must be a number') },
        { line: 5, column: 'location', code: 'value-unknown', reason: expect.stringContaining('must be one of chest') },
      ],
      remarks: [],
      alertsRaised: 0,
    });
    expect(JSON.stringify(answer)).not.toMatch(/zz/i);
    const [first, ...rest] = (await one.observations()).sort((a, b) =>
      JSON.stringify([a.effectivePeriod, a.code]) < JSON.stringify([b.effectivePeriod, b.code]) ? -1 : 1,
    );
    expect(first).toMatchObject({
      status: 'final',
      code: { coding: [{ system: 'urn:collimator:personal-dose-equivalent', code: 'hp007' }] },
      subject: { reference: `Practitioner/${await one.id()}` },
      effectivePeriod: { start: `${YEAR}-01-01`, end: `${YEAR}-01-28` },
      valueQuantity: { value: 0.3, code: 'mSv', system: 'http://unitsofmeasure.org' },
      device: { identifier: { system: 'urn:test:badge' } },
    });
    expect(
      rest.map(({ valueQuantity, dataAbsentReason }) => [
        valueQuantity?.comparator,
        valueQuantity?.value,
        dataAbsentReason?.coding?.[0]?.code,
      ]),
    ).toEqual([
      [undefined, 0.2, undefined],
      ['<', 0.05, undefined],
      ['<', 0.1, undefined],
      [undefined, undefined, 'not-performed'],
    ]);
  });

  it('change nothing when a file comes again, and are corrected, with their history, by another value', async () => {
    const one = somebody();
    expect(await upload(`${one.month(1)},0.2,,`)).toMatchObject({ accepted: 1 });
    expect(await upload(`${one.month(1)},0.2,,`)).toMatchObject({ accepted: 0, corrected: 0, unchanged: 1 });
    const [known] = await one.observations();
    expect(known!.meta!.versionId).toBe('1');
    expect(await upload(`${one.month(1)},0.25,,`)).toMatchObject({ accepted: 0, corrected: 1, unchanged: 0 });
    const { body } = await call<Bundle<Observation>>('GET', `/fhir/Observation/${known!.id}/_history`);
    expect(body.entry!.map(({ resource }) => [resource!.status, resource!.valueQuantity!.value])).toEqual([
      ['corrected', 0.25],
      ['final', 0.2],
    ]);
  });

  it('of a dosimeter that is somebody else’s are refused until a person takes the reading back', async () => {
    const [one, other] = [somebody(), somebody()];
    await upload(`${one.month(1, 'ZZCANARY-SWAP')},0.7,,`);
    const swapped = `${other.month(1, 'ZZCANARY-SWAP')},0.7,,`;
    expect((await upload(swapped)).refused).toEqual([
      expect.objectContaining({ line: 2, column: 'person', code: 'duplicate-key' }),
    ]);
    const [wrong] = await one.observations();
    const path = `/fhir/Observation/${wrong!.id}`;
    const body = { ...wrong, status: 'entered-in-error' };
    expect((await call('PUT', path, { body })).status).toBe(412);
    expect((await call('PUT', path, { body, 'if-match': 'W/"1"' })).status).toBe(200);
    expect(await alertsOf(await one.id(), 'resolved')).toHaveLength(1);
    // The file that said it does not bring it back by itself.
    expect((await upload(`${one.month(1, 'ZZCANARY-SWAP')},0.7,,`)).refused).toHaveLength(1);
    expect(await upload(swapped)).toMatchObject({ corrected: 1 });
    expect(await alertsOf(await other.id(), 'open')).toHaveLength(1);
    expect((await call<ShownPerson>('GET', `/persons/${await one.id()}`)).body.standings).toEqual([]);
  });

  it('above a level are an alert, raised once, acknowledged by name and resolved by a correction', async () => {
    const one = somebody();
    expect(await upload(`${one.month(1)},12,,`, `${one.month(2)},9,,`)).toMatchObject({ alertsRaised: 3 });
    const id = await one.id();
    expect(await upload(`${one.month(1)},12,,`, `${one.month(3)},0.1,,`)).toMatchObject({ alertsRaised: 0 });
    const open = await alertsOf(id, 'open');
    expect(open.map(({ level, about }) => [level, about]).sort()).toEqual([
      ['investigation', `effective/investigation/calendar-month/${YEAR}-01`],
      ['investigation', `effective/investigation/calendar-month/${YEAR}-02`],
      ['limit', `effective/limit/calendar-year/${YEAR}`],
    ]);
    const limit = open.find(({ level }) => level === 'limit')!;
    expect(limit.detail).toBe(`effective dose of 21 mSv or more, limit 20 mSv (calendar-year ${YEAR}; test)`);
    expect((await call('POST', `/alerts/${limit.detectedIssueId}/acknowledge`, { body: {} })).status).toBe(400);
    const { body } = await call<ShownAlert>('POST', `/alerts/${limit.detectedIssueId}/acknowledge`, {
      body: { name: 'Rad Officer', note: 'Spoke with them' },
    });
    expect(body).toMatchObject({
      state: 'acknowledged',
      acknowledged: [{ by: 'Rad Officer', note: 'Spoke with them' }],
    });
    expect(await alertsOf(id, 'acknowledged')).toHaveLength(1);
    await upload(`${one.month(1)},1.2,,`);
    expect((await alertsOf(id, 'resolved')).map(({ level }) => level)).toEqual(['limit']);
    const versions = await call<Bundle<DetectedIssue>>('GET', `/fhir/DetectedIssue/${limit.detectedIssueId}/_history`);
    expect(versions.body.entry!.map(({ resource }) => resource!.status)).toEqual(['cancelled', 'final', 'final']);
    const again = `/alerts/${limit.detectedIssueId}/acknowledge`;
    expect((await call('POST', again, { body: { name: 'Rad Officer' } })).status).toBe(409);
  });

  it('tell paging how many alerts are open, by level, and nothing more', async () => {
    const one = somebody();
    await upload(`${one.month(1)},30,,`);
    const metrics = async () => (await fetch(`${service.url}/metrics`)).text();
    await until(async () => /staff_dose_open_alerts\{level="limit"\} [1-9]/.test(await metrics()), {
      within: 30_000,
      what: 'the alerts to be counted',
    });
    expect(await metrics()).not.toMatch(/zzcanary/i);
    const { schema } = service.infrastructure.database;
    expect(await service.sql("SELECT FROM outbox WHERE payload::text ~* 'dose|practitioner'")).toEqual([]);
    const tables = await service.sql<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 AND table_type = 'BASE TABLE'",
      [schema],
    );
    for (const { name } of tables)
      expect([
        name,
        await service.sql(`SELECT FROM "${name}" AS t WHERE t::text ~* 'zzcanary|${await one.id()}'`),
      ]).toEqual([name, []]);
    const apart = await database.query(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1',
    );
    expect(apart.rows.map(({ name }) => name)).toEqual([
      'audit',
      'audit_content',
      'audit_event',
      'migration',
      'resource',
      'resource_history',
    ]);
  });

  it('are recorded with who was at whose, whichever way they were asked for', async () => {
    const one = somebody();
    await upload(`${one.month(1)},0.2,,`);
    const id = await one.id();
    const [observation] = await one.observations();
    const asked: [string, string, string][] = [
      [`/persons/${id}`, 'read', `Practitioner/${id}`],
      [`/persons`, 'search-type', `Practitioner/${id}`],
      [`/persons/${id}/record?from=${YEAR}-01-01&to=${YEAR}-12-31`, 'read', `Observation/${observation!.id}`],
      [`/fhir/Observation/${observation!.id}`, 'read', `Observation/${observation!.id}`],
      [`/fhir/Observation/${observation!.id}/_history/1`, 'vread', `Observation/${observation!.id}`],
      [`/fhir/Practitioner/${id}`, 'read', `Practitioner/${id}`],
    ];
    for (const [path, interaction, reference] of asked) {
      const before = (await audits()).length;
      expect((await call('GET', path)).status).toBe(200);
      const [audit] = (await audits()).slice(before);
      expect(audit).toMatchObject({ subtype: [{ code: interaction }], agent: [{ who: { display: 'officer' } }, {}] });
      expect(audit!.entity!.map(({ what }) => what?.reference)).toContain(reference);
    }
    expect((await call<string>('GET', `/persons/${id}/record?from=${YEAR}-01-01&to=${YEAR}-12-31`)).body).toBe(
      `person,name,badge,location,start,end,hp10,hp007,hp3,unit\r\n${one.month(1)},0.2,,,mSv\r\n`,
    );
  });

  it('come by FHIR as well, and are refused where they are no reading', async () => {
    const one = somebody();
    await upload(`${one.month(1)},0.2,,`);
    const [known] = await one.observations();
    const next = {
      ...known!,
      id: undefined,
      meta: undefined,
      effectivePeriod: { start: `${YEAR}-02-01`, end: `${YEAR}-02-28` },
    };
    const made = await call<Observation>('POST', '/fhir/Observation', { body: next });
    expect([made.status, made.headers.get('location')]).toEqual([201, `/staff-dose/fhir/Observation/${made.body.id}`]);
    expect((await call('POST', '/fhir/Observation', { body: next })).status).toBe(200);
    const other = {
      ...next,
      valueQuantity: { value: 250, unit: 'µSv', system: 'http://unitsofmeasure.org', code: 'uSv' },
    };
    expect((await call('POST', '/fhir/Observation', { body: other })).status).toBe(409);
    const put = { body: { ...other, id: made.body.id }, 'if-match': 'W/"1"' };
    const corrected = await call<Observation>('PUT', `/fhir/Observation/${made.body.id}`, put);
    expect(corrected.body).toMatchObject({
      status: 'corrected',
      valueQuantity: { value: 0.25, code: 'mSv' },
      meta: { versionId: '2' },
    });
    const refused = await call<OperationOutcome>('POST', '/fhir/Observation', {
      body: { ...next, bodySite: { text: 'ZZCANARY' } },
    });
    expect([refused.status, refused.body.issue[0]!.expression]).toEqual([422, ['Observation.bodySite']]);
    expect(JSON.stringify(refused.body)).not.toMatch(/zzcanary/i);
    const nobody = { ...next, subject: { identifier: { system: 'urn:else', value: 'ZZCANARY' } } };
    expect((await call('POST', '/fhir/Observation', { body: nobody })).status).toBe(422);
  });

  it('of a declared pregnancy are summed from then on', async () => {
    const one = somebody();
    const abdomen = (n: number) => one.month(n).replace(',chest,', ',abdomen,');
    await upload(`${abdomen(1)},5,,`, `${abdomen(2)},0.6,,`, `${abdomen(3)},0.5,,`);
    const declared = {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '82810-3' }] },
      subject: { identifier: { system: 'urn:test:person', value: one.number } },
      effectivePeriod: { start: `${YEAR}-01-29` },
      valueCodeableConcept: { coding: [{ system: 'http://snomed.info/sct', code: '77386006' }] },
    };
    expect((await call('POST', '/fhir/Observation', { body: declared })).status).toBe(201);
    const { body } = await call<ShownPerson>('GET', `/persons/${await one.id()}`);
    expect(body.standings).toEqual([
      expect.objectContaining({
        dose: 'unborn-child',
        window: 'pregnancy',
        lower: 1.1,
        limit: 1,
        state: 'above',
        read: 2,
      }),
    ]);
    expect(body.state).toBe('limit-exceeded');
  });

  it('are told of all together without anything of whom', async () => {
    const { body } = await call<{ statistics: StaffDoseStatistic[] }>(
      'GET',
      `/statistics?from=${YEAR}-01-01&to=${YEAR}-12-31`,
    );
    const chest = body.statistics.find(({ location, quantity }) => location === 'chest' && quantity === 'hp10')!;
    expect(chest.persons).toBeGreaterThan(3);
    expect(Object.values(chest.bands).reduce((a, b) => a + b)).toBe(chest.persons);
    expect(JSON.stringify(body)).not.toMatch(/zzcanary/i);
  });

  it('are shown nearest to a limit first, and say that nobody signed the limits', async () => {
    const { body } = await call<{ limitsSignedBy: null; persons: ShownPerson[] }>('GET', '/persons?aboveShare=0.5');
    expect(body.limitsSignedBy).toBeNull();
    const shares = body.persons.map(({ highestShare }) => highestShare);
    expect(shares.length).toBeGreaterThan(1);
    expect(shares).toEqual([...shares].sort((a, b) => b - a).filter((share) => share >= 0.5));
  });

  it('are looked at anew when the site file has other limits', async () => {
    const one = somebody();
    await upload(`${one.month(1)},0.4,,`);
    const id = await one.id();
    const { limits } = service.app.get<Site>(SITE).staffDose!;
    limits.push({ dose: 'effective', level: 'limit', millisieverts: 0.3, window: 'calendar-year', source: 'new' });
    limits.splice(0, 1);
    await service.app.get(StaffDoseDesk).followEverybody();
    expect((await alertsOf(id, 'open')).map(({ detail }) => detail)).toEqual([
      `effective dose of 0.4 mSv or more, limit 0.3 mSv (calendar-year ${YEAR}; new)`,
    ]);
    limits.pop();
    await service.app.get(StaffDoseDesk).followEverybody();
    expect((await alertsOf(id, 'resolved')).map(({ level }) => level)).toEqual(['limit']);
  });

  it('leave a record of who was at them for as long as the site says', async () => {
    const old = await database.query("UPDATE audit_event SET recorded = recorded - interval '31 days' RETURNING 1");
    expect(old.rows.length).toBeGreaterThan(10);
    await call('GET', '/persons');
    await service.app.get(Retention).removeAll();
    expect(await audits()).toHaveLength(1);
  });

  it('are in no log', async () => {
    await call('GET', '/persons/ZZCANARY-P1');
    await call('GET', '/fhir/Observation?zzcanary=ZZCANARY');
    expect(service.log.length).toBeGreaterThan(50);
    expect(service.log.filter((line) => /zzcanary/i.test(line))).toEqual([]);
  });

  it('can be dropped by themselves: the service goes on, and --migrate makes their schema anew, empty', async () => {
    await database.query('SELECT set_config($1, $2, false)', ['search_path', 'public']);
    const { database: own } = service.infrastructure;
    await database.query(`DROP SCHEMA "${own.schema}_staff_dose" CASCADE`);
    const studies = await fetch(`${service.url}/studies`, { headers: { authorization: 'Bearer emr' } });
    expect(studies.status).toBe(200);
    expect((await call('GET', '/persons')).status).toBe(500);
    const done = await migrateService(own, { migrations: resultsMigrations, beside: resultsBeside });
    expect(done.at(-1)).toBe('StaffDose1700000004800');
    expect((await call<{ persons: ShownPerson[] }>('GET', '/persons')).body.persons).toEqual([]);
  });
});
