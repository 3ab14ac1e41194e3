import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Module, Post, Req, type INestApplication } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { AuditEvent } from 'fhir/r4.js';
import { clientOf, createLogger, createService, fail, HoldsNoPatient, migrate } from '#platform';
import { dropSchema, site, testDatabaseUrl, testSchema, until } from '#testing';
import { FhirModule, fhirMigrations, recordAccess } from './index.js';

const patient = '0b8f7a51-3c3e-5b6a-9d5a-0a0a0a0a0a0a';

@Controller('lists')
class Lists {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  @Get('waiting')
  waiting() {
    return { waiting: [{ patientId: patient, orderId: 'not-one-of-ours', since: new Date() }, { key: 'topic:1' }] };
  }
  @Get('of-its-own')
  async ofItsOwn(@Req() request: object) {
    const access = { interaction: 'vread' as const, service: 'orders', references: [], patientIds: [patient] };
    await recordAccess(this.dataSource.manager, { ...access, client: clientOf(request) }, new Date());
    return { patientId: patient };
  }
  @HoldsNoPatient('rooms')
  @Get('rooms')
  rooms() {
    return { rooms: [] };
  }
  @Post('hidden')
  hidden() {
    throw fail('forbidden', 'needs a scope');
  }
  @Get('fault')
  fault() {
    throw fail('not-found', 'there is none');
  }
}

/** domain.md, journey 10: every access to patient data is recorded and attributable. */
describe('An access by HTTP', () => {
  const database = { url: testDatabaseUrl(), schema: testSchema(), poolSize: 4 };
  const sha256 = createHash('sha256').update('token-of-the-console').digest('hex');
  let app: INestApplication;
  let url: string;
  beforeAll(async () => {
    await migrate(database, fhirMigrations);
    @Module({ imports: [FhirModule.forService({ Patient: { search: ['_id'] } })], controllers: [Lists] })
    class Root {}
    const infrastructure = {
      service: 'orders',
      database,
      kafka: { brokers: [], topicPrefix: '' },
      siteFile: '-',
      http: { host: '127.0.0.1', port: 0 },
      apiTokens: { console: { sha256, scopes: [] } },
      logLevel: 'silent',
    };
    const logger = createLogger('test', 'silent');
    app = await createService(
      { service: 'orders', module: Root, migrations: fhirMigrations },
      { infrastructure, logger, migrations: fhirMigrations, site: site() },
    );
    await app.listen(0, '127.0.0.1');
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await app?.close();
    await dropSchema(database.schema);
  });
  beforeEach(() => app.get(DataSource).query('TRUNCATE audit_event'));

  const ask = (path: string, init: RequestInit = {}, token = 'token-of-the-console') =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}` } });
  const recorded = async (): Promise<AuditEvent[]> =>
    (await app.get(DataSource).query('SELECT body FROM audit_event')).map(({ body }: { body: AuditEvent }) => body);
  const asked = ({ entity }: AuditEvent) =>
    Buffer.from(entity!.find(({ query }) => query)!.query!, 'base64').toString();

  it('is recorded with its client, what was asked, and whom the answer names, though the handler did nothing for it', async () => {
    expect((await ask('/lists/waiting?state=open')).status).toBe(200);
    const [event, ...others] = await recorded();
    expect(others).toEqual([]);
    expect(event).toMatchObject({ outcome: '0', action: 'R', subtype: [{ code: 'read' }] });
    expect(event!.agent[0]!.who!.display).toBe('console');
    expect(asked(event!)).toBe('GET /lists/waiting?state=open');
    expect(event!.entity!.flatMap(({ what }) => what?.reference ?? [])).toEqual([`Patient/${patient}`]);
  });
  it('is recorded once where the handler does it', async () => {
    expect((await ask('/lists/of-its-own')).status).toBe(200);
    expect((await recorded()).map(({ subtype }) => subtype![0]!.code)).toEqual(['vread']);
  });
  it('of two at one time is recorded for each', async () => {
    await Promise.all(
      ['/lists/of-its-own', '/lists/waiting', '/lists/of-its-own', '/lists/waiting'].map((one) => ask(one)),
    );
    expect((await recorded()).map(({ subtype }) => subtype![0]!.code).sort()).toEqual([
      'read',
      'read',
      'vread',
      'vread',
    ]);
  });
  it('to what holds no patient, or to nothing, is not recorded', async () => {
    expect((await ask('/lists/rooms')).status).toBe(200);
    expect((await ask('/fhir/metadata')).status).toBe(200);
    expect((await ask('/health/live')).status).toBe(200);
    expect((await ask('/lists/fault')).status).toBe(404);
    expect(await recorded()).toEqual([]);
  });
  it('that is not allowed is recorded as refused', async () => {
    expect((await ask('/lists/hidden', { method: 'POST' })).status).toBe(403);
    const [event] = await recorded();
    expect(event).toMatchObject({ outcome: '4', outcomeDesc: 'forbidden', subtype: [{ code: 'operation' }] });
    expect(event!.agent[0]!.who!.display).toBe('console');
  });
  it('without a known token is recorded with where it came from, and counted', async () => {
    expect((await ask('/lists/waiting?of=them', {}, 'guessed')).status).toBe(401);
    const [event] = await until(async () => (await recorded()).length > 0 && recorded(), { what: 'the refusal' });
    expect(event).toMatchObject({
      type: { code: '110114' },
      subtype: [{ code: '110122' }],
      outcome: '4',
      outcomeDesc: 'unauthorized',
    });
    expect(event!.agent[0]).toMatchObject({ who: { display: 'unauthenticated' } });
    expect(event!.agent[0]!.network!.address).toContain('127.0.0.1');
    expect(asked(event!)).toBe('GET /lists/waiting?of=them');
    expect(JSON.stringify(event)).not.toContain('guessed');
    const counted = async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes('collimator_requests_refused_total{recorded="true"} 1');
    await until(counted, { what: 'the count' });
  });
  it('that cannot be recorded is not answered', async () => {
    await app.get(DataSource).query('ALTER TABLE audit_event RENAME TO audit_event_away');
    try {
      const answer = await ask('/lists/waiting');
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain(patient);
      // Who has no token gets no more than before.
      expect((await ask('/lists/waiting', {}, 'guessed')).status).toBe(401);
    } finally {
      await app.get(DataSource).query('ALTER TABLE audit_event_away RENAME TO audit_event');
    }
  });
});
