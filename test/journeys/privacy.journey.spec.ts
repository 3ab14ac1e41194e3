import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import type { AdverseEvent, AuditEvent, Bundle, FhirResource, MedicationRequest } from 'fhir/r4.js';
import { anAdministration, testBrokers, until, type RunningService } from '#testing';
import { acknowledgedAs, type Department } from '../department.js';
import { sandboxJourney } from '../journey.js';
import { routesOf, type Ask } from '../privacy/every-route.js';
import { linesWithSentinels, messageOf, sentinels, sentinelsIn } from '../privacy/sentinels.js';
import { acknowledgementOf } from '../sandbox/hl7.js';
import { newUid, type WorklistLine } from '../sandbox/scanner.js';

/**
 * domain.md, journey 10: every access to patient data is recorded and attributable; nothing about a patient is in a log, a
 * metric or a URL. One patient of sentinels goes through the routine and the contrast journey, and through everything that
 * can go wrong on the way.
 */
sandboxJourney('a patient nobody may read of', (start) => {
  const hash = (token: string) => createHash('sha256').update(token).digest('hex');
  const tokens = { console: 'token-of-console', sweeper: 'token-of-sweeper' };
  let department: Department;
  /** What was answered to whoever has no business with the patient, headers included. */
  const answers: string[] = [];
  beforeAll(async () => {
    const API_TOKENS = JSON.stringify({
      console: hash(tokens.console),
      sweeper: { sha256: hash(tokens.sweeper), scopes: ['staff-dose'] },
    });
    department = await start(undefined, {
      site: {
        staffDose: {
          services: [{ name: 'dosimetry', personSystem: 'urn:oid:2.25.1401', badgeSystem: 'urn:oid:2.25.1402' }],
          limits: [],
        },
      },
      env: { API_TOKENS, LOG_LEVEL: 'trace', CONTRAST_POLICY_FILE: resolve('deploy/local/contrast-policy.yaml') },
    });
  }, 120_000);
  afterAll(() => department?.stop());

  const services = () => Object.values(department.services);
  const as =
    (token: string): Ask =>
    ({ url }, path, init = {}) =>
      fetch(url + path, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } });
  const ask = as(tokens.console);
  const post = (body: unknown, type = 'application/json'): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const found = async <R extends FhirResource>(
    service: RunningService,
    type: string,
    params: Record<string, string>,
  ) => {
    const form = post(new URLSearchParams(params).toString(), 'application/x-www-form-urlencoded');
    const { entry = [] } = (await (await ask(service, `/fhir/${type}/_search`, form)).json()) as Bundle<R>;
    return entry.map(({ resource }) => resource!);
  };
  /** Keeps an answer that must say nothing of the patient. @returns its status */
  const keep = async (response: Promise<Response>): Promise<number> => {
    const answer = await response;
    answers.push(await answer.text(), ...[...answer.headers].map((one) => one.join(': ')));
    return answer.status;
  };

  it('goes through the routine and the contrast journey, to the EMR', async () => {
    expect(acknowledgedAs(await department.send(messageOf('ADT^A04')))).toBe('AA');
    expect(acknowledgedAs(await department.send(messageOf('ORM^O01')))).toBe('AA');
    const exam = await department.scanner().start(await department.onWorklist(sentinels.order));
    expect(exam.line.patientName).toContain(sentinels.family);
    const plan = await until(
      async () => (await found<MedicationRequest>(department.contrast, 'MedicationRequest', { status: 'active' }))[0],
      { what: 'the contrast record' },
    );
    const administration = anAdministration(plan, { effectiveDateTime: new Date().toISOString() });
    const given = await ask(department.contrast, '/fhir/MedicationAdministration', post(administration));
    expect(given.status).toBe(201);
    const { id } = (await given.json()) as { id: string };
    const reaction: AdverseEvent = {
      resourceType: 'AdverseEvent',
      identifier: { system: 'urn:test:reactions', value: 'R1' },
      actuality: 'actual',
      event: { coding: [{ system: 'urn:collimator:reaction-kind', code: 'allergic-like' }], text: sentinels.allergy },
      subject: plan.subject,
      date: new Date().toISOString(),
      severity: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adverse-event-severity', code: 'mild' }],
      },
      recorder: { display: 'Tara Technologist' },
      suspectEntity: [{ instance: { reference: `MedicationAdministration/${id}` } }],
      extension: [{ url: 'urn:collimator:extension:manifestation', valueCodeableConcept: { text: 'bronchospasm' } }],
    };
    const told = await ask(department.contrast, '/fhir/AdverseEvent', post(reaction));
    expect([told.status, told.status === 201 ? '' : await told.text()]).toEqual([201, '']);
    await department.scanner().storeImages(exam, department.pacsAddress);
    await department.scanner().complete(exam);
    expect(acknowledgedAs(await department.send(messageOf('ORU^R01'), department.results))).toBe('AA');
    await until(() => department.emr.store.all('ImagingStudy')[0]?.status === 'available', {
      what: 'the study at the EMR',
      within: 20_000,
    });
    await until(() => department.emr.store.all('DiagnosticReport').length > 0, { what: 'the report at the EMR' });
    // The sentinels did go all the way.
    for (const type of ['Patient', 'ServiceRequest', 'DiagnosticReport'] as const)
      await until(() => sentinelsIn(JSON.stringify(department.emr.store.all(type))).length > 0, { what: type });
  }, 90_000);

  it('goes wrong in every message', async () => {
    const wrong: ((text: string) => string)[] = [
      (text) => text.replace(sentinels.birthDate, sentinels.family),
      (text) => text.replace('|F|||Quux', `|${sentinels.allergy}|||Quux`),
      (text) => text.replace('CTCHESTC^CT^L', `${sentinels.reason}^${sentinels.reason}^L`),
      (text) => text.replace('MSH|^~\\&|EMR', `MSH|^~\\&|${sentinels.family}`),
      (text) => text.replace('^^^SGH^MR', `^^^${sentinels.allergy}^MR`),
      (text) => text.replace('ORC|NW', `ORC|${sentinels.given}`),
      (text) => text.replace('ORM^O01', `${sentinels.given}^${sentinels.family}`),
      (text) => text.replace('|P|2.5.1', `|P|${sentinels.family}`),
      (text) => text.replace('UNICODE UTF-8', sentinels.family),
      (text) => text.replace(/OBR[^]*/, ''),
      (text) => text.replace(/^MSH/, 'XSH'),
    ];
    for (const change of wrong) {
      const answer = await department.send(messageOf('ORM^O01', { order: 'WRONG', change }));
      expect(acknowledgedAs(answer)).not.toBe('AA');
      answers.push(answer.replace(/^MSH.*$/m, '').replace(/^MSA\|.*$/m, ''));
    }
    // A frame that never ends, from somebody who hangs up.
    await new Promise<void>((resolve) => {
      const socket = connect(department.orders.mllpPort, '127.0.0.1', () =>
        socket.end(Buffer.concat([Buffer.from([0x0b]), messageOf('ORM^O01').subarray(0, 300)])),
      );
      socket.on('close', () => resolve()).on('error', () => resolve());
      socket.resume();
    });
  });

  it('goes wrong in every request', async () => {
    const { mrn, family, given, allergy } = sentinels;
    const { orders, scheduling, contrast, results } = department;
    const patient = { resourceType: 'Patient', identifier: [{ value: mrn }], name: family, birthDate: given };
    const asked: [RunningService, string, RequestInit?][] = [
      [orders, `/fhir/Patient/${mrn}`],
      [orders, `/fhir/Patient?identifier=${mrn}x&name=${given}`],
      [orders, `/fhir/${family}?identifier=${mrn}`],
      [orders, `/patients/${mrn}?name=${family}`],
      [orders, `/fhir/Patient/%E0${mrn}`],
      [orders, '/fhir/ServiceRequest', post(`{"subject": "${family}`)],
      [orders, '/fhir/ServiceRequest', post({ resourceType: 'ServiceRequest', status: family, intent: mrn })],
      [orders, '/fhir', post({ resourceType: 'Bundle', type: 'transaction', entry: [{ resource: patient }] })],
      [orders, '/fhir', post({ resourceType: family })],
      [orders, '/hl7-messages/search', post({ named: family, number: mrn })],
      [orders, '/hl7-messages/try', post(messageOf('ORM^O01', { application: family }).toString(), 'text/plain')],
      [orders, `/hl7-messages/${mrn}`],
      [scheduling, `/worklist?aeTitle=${mrn}`],
      [scheduling, `/worklist?date=${sentinels.birthDate}`],
      [scheduling, '/worklist/query', post({ '00100010': { vr: 'PN', Value: family } })],
      [scheduling, `/unscheduled/${mrn}/link`, post({ orderId: mrn, reason: family })],
      [scheduling, '/quality-control/import', post(`station,test\n${family},${mrn}`, 'text/csv')],
      [contrast, '/fhir/MedicationAdministration', post({ resourceType: 'MedicationAdministration', status: family })],
      [contrast, '/fhir/AdverseEvent', post({ resourceType: 'AdverseEvent', actuality: allergy })],
      [contrast, '/fhir/AdverseEvent', post(patient)],
      [contrast, `/injector-reports?injector=${family}`, post(`number\n${mrn}`, 'text/csv')],
      [results, '/fhir/DiagnosticReport', post({ resourceType: 'DiagnosticReport', status: family })],
      [results, `/studies/${mrn}/priors`],
      [results, `/deliveries?state=${family}`],
      [results, `/parked?key=${mrn}`],
      [results, `/deliveries/${mrn}/skip`, post({ reason: family })],
      [results, '/rejects', post({ kind: family, reason: allergy })],
    ];
    for (const [service, path, init] of asked) {
      const headers = { ...init?.headers, traceparent: family, 'if-none-exist': `identifier=${mrn}` };
      // What is refused, or found empty, says nothing of who was asked for.
      if (!path.endsWith('/try')) await keep(ask(service, path, { ...init, headers }));
      else await ask(service, path, { ...init, headers });
      expect(await keep(as(mrn)(service, path, init))).toBe(401);
      expect(await keep(fetch(service.url + path, { ...init, headers: { authorization: `Basic ${mrn}` } }))).toBe(401);
    }
  });

  it('goes wrong at the scanner', async () => {
    const scanner = department.scanner();
    const line: WorklistLine = {
      patientId: sentinels.mrn,
      patientName: `${sentinels.family}^${sentinels.given}`,
      accessionNumber: `${sentinels.order}-far-too-long`,
      studyInstanceUid: sentinels.family,
      placerOrderNumber: sentinels.order,
      stepId: sentinels.allergy,
      procedure: sentinels.reason,
      start: '',
      elements: {},
    };
    const attempts = [
      () => scanner.start(line, `${sentinels.mrn}`),
      () => scanner.start({ ...line, studyInstanceUid: newUid() }),
      () => scanner.complete({ line, mppsUid: newUid(), images: { seriesInstanceUid: newUid(), sopInstanceUids: [] } }),
      () => department.scanner(sentinels.family).askWorklist(),
      () =>
        scanner.askWorklist({ PatientName: `${sentinels.family}*`, PatientID: `${sentinels.mrn}\\\\${sentinels.mrn}` }),
      () => scanner.askWorklist({ AccessionNumber: sentinels.family }),
    ];
    for (const attempt of attempts) await attempt().catch((error: Error) => answers.push(error.message));
  });

  it('goes wrong at the EMR, which says so in its answers, and in the PACS', async () => {
    department.emr.fhirFault = { kind: 'status', status: 422, times: 1 };
    department.emr.acknowledges = (message) =>
      acknowledgementOf(message, 'AE', new Date()).replace('\rMSA', `\rERR||PID^1^5|102|E||||${sentinels.family}\rMSA`);
    department.pacs.qidoFault = 500;
    await department.send(messageOf('ORM^O01', { order: 'AGAIN' }));
    const exam = await department.scanner().start(await department.onWorklist('AGAIN'));
    await department.scanner().complete(exam);
    const parked = async () => {
      const { deliveries } = (await (await ask(department.results, '/deliveries?state=parked')).json()) as {
        deliveries: { destination: string; reason: string }[];
      };
      answers.push(JSON.stringify(deliveries));
      return new Set(deliveries.map(({ destination }) => destination)).size === 2;
    };
    await until(parked, { what: 'both destinations to park what they refused', within: 20_000, every: 100 });
    department.emr.acknowledges = 'AA';
    department.pacs.qidoFault = undefined;
    // One that is still to come.
    await department.send(messageOf('ORM^O01', { order: 'LATER' }));
    await department.onWorklist('LATER');
  }, 60_000);

  it('goes wrong on Kafka', async () => {
    const kafka = new Kafka({ brokers: testBrokers(), logLevel: logLevel.NOTHING });
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const { mrn, family } = sentinels;
    const headers = (type: string, id: string) => ({
      ce_id: id,
      ce_type: type,
      ce_specversion: '1.0',
      ce_source: family,
      ce_subject: mrn,
      ce_time: new Date().toISOString(),
    });
    await producer.send({
      topic: `${department.env.TOPIC_PREFIX}imaging.order`,
      messages: [
        { key: mrn, value: `{"name": "${family}"`, headers: headers('imaging.order.placed.v1', mrn) },
        {
          key: mrn,
          value: JSON.stringify({ resourceType: family }),
          headers: headers('imaging.order.placed.v1', family),
        },
        { key: family, value: JSON.stringify({ resourceType: 'Bundle', type: family }), headers: {} },
        { key: mrn, value: family, headers: headers(family, 'x') },
      ],
    });
    await producer.disconnect();
    const parked = async () => {
      const answer = (await (await ask(department.scheduling, '/parked')).json()) as { parked: { reason: string }[] };
      answers.push(...answer.parked.map(({ reason }) => reason));
      return answer.parked.length >= 3;
    };
    await until(parked, { what: 'what is no event to be set aside', within: 20_000 });
  }, 40_000);

  it('is in no answer to whoever has no business with them', () => {
    expect(answers.length).toBeGreaterThan(200);
    expect(answers.filter((one) => sentinelsIn(one).length > 0)).toEqual([]);
  });

  it('is in no log, at no level', () => {
    for (const { name, output } of services()) {
      expect(output().split('\n').length).toBeGreaterThan(50);
      expect({ name, lines: linesWithSentinels(output()) }).toEqual({ name, lines: [] });
    }
  });

  it('is in no metric, and in nothing that says how a service is', async () => {
    for (const service of services())
      for (const path of ['/metrics', '/health/live', '/health/ready', '/openapi.json', '/docs', '/fhir/metadata']) {
        const text = await (await ask(service, path)).text();
        expect({ path, lines: linesWithSentinels(text) }).toEqual({ path, lines: [] });
      }
  });

  it('is in no URL that we ask of others', () => {
    expect(department.pacs.urls.length).toBeGreaterThan(0);
    expect(department.pacs.urls.filter((one) => sentinelsIn(one).length > 0)).toEqual([]);
    expect(department.emr.fhirRequests.length).toBeGreaterThan(5);
    expect(department.emr.fhirRequests.map(({ path }) => path).filter((one) => sentinelsIn(one).length > 0)).toEqual(
      [],
    );
  });

  it('is in no key or header of what we tell', async () => {
    for (const { name } of services()) {
      const told = await department.rows<{ key: string; headers: object; topic: string }>(
        name,
        'SELECT aggregateid AS key, headers, aggregatetype AS topic FROM outbox',
      );
      expect(told.length).toBeGreaterThan(0);
      expect(told.filter((one) => sentinelsIn(JSON.stringify(one)).length > 0)).toEqual([]);
    }
  });

  it('is looked at by nobody who is not recorded, whatever is asked', async () => {
    const sweep = as(tokens.sweeper);
    /** In results those of staff doses are in the schema beside. */
    const records = ({ name, env }: RunningService) =>
      department.rows<{ body: AuditEvent }>(
        name,
        ['', ...(name === 'results' ? [`${env.DATABASE_SCHEMA}_staff_dose.`] : [])]
          .map((schema) => `SELECT body FROM ${schema}audit WHERE agent = 'sweeper'`)
          .join(' UNION ALL '),
      );
    const unrecorded: string[] = [];
    const failed: string[] = [];
    const asked = new Set<string>();
    const answered = new Set<string>();
    for (const service of services()) {
      let before = (await records(service)).length;
      for (const { method, path } of await routesOf(service, sweep)) {
        const name = `${method} ${path}`;
        if (method === 'GET') asked.add(name);
        const example = await exampleOf(service, path);
        const init = method === 'GET' ? {} : post(bodies[name] ?? (path.endsWith('_search') ? '' : {}), formOf(path));
        const { status } = await sweep(service, example, { ...init, method });
        if (status >= 500) failed.push(`${name}: ${status}`);
        if (status >= 300) continue;
        answered.add(name);
        const after = (await records(service)).length;
        const isExempt = Object.keys(needsNoRecord).some((one) => path.startsWith(one));
        if (after > before === isExempt) unrecorded.push(`${name} on ${service.name}`);
        before = after;
        expect(await keep(fetch(service.url + example, { ...init, method }))).toBe(401);
      }
    }
    const unanswered = [...asked].filter((one) => !answered.has(one) && !emptyHere.has(one.slice('GET '.length)));
    // Where a route is new and wants an id or a query, name one below.
    expect({ unrecorded, unanswered, failed }).toEqual({ unrecorded: [], unanswered: [], failed: [] });
    expect(answered.size).toBeGreaterThan(80);
    // What a record says of the request itself is base64, so that a trail can be read over a shoulder.
    for (const service of services()) expect(linesWithSentinels(JSON.stringify(await records(service)))).toEqual([]);
  }, 120_000);

  it('was refused to whoever had no token, which is recorded with where it was tried from', async () => {
    for (const { name } of services()) {
      const refused = await department.rows<{ body: AuditEvent }>(
        name,
        `SELECT body FROM audit_event WHERE agent = 'unauthenticated'`,
      );
      expect(refused.length).toBeGreaterThan(10);
      for (const { body } of refused) {
        expect(body).toMatchObject({ outcome: '4', outcomeDesc: 'unauthorized', type: { code: '110114' } });
        expect(body.agent[0]!.network!.address).toContain('127.0.0.1');
      }
    }
  });

  it('is known by what the department did of them, step by step', async () => {
    const agents = async (service: 'orders' | 'scheduling' | 'contrast' | 'results') =>
      new Set(
        (
          await department.rows<{ what: string }>(
            service,
            `SELECT agent || ' ' || (body->'subtype'->0->>'code') || ' ' || (body->'type'->>'code') AS what FROM audit`,
          )
        ).map(({ what }) => what),
      );
    expect([...(await agents('scheduling'))]).toEqual(
      expect.arrayContaining(['CT01 RAD-5 110112', 'CT01 RAD-6 110111', 'CT01 RAD-7 110111']),
    );
    expect([...(await agents('contrast'))]).toEqual(expect.arrayContaining(['console create rest']));
    expect([...(await agents('results'))]).toEqual(expect.arrayContaining(['emr-fhir transaction 110106']));
    // Messages are a record themselves: who sent what, about whom, and what was sent to whom.
    const taken = await department.rows<{ sender: string; patient: string | null }>(
      'orders',
      `SELECT sender_application AS sender, patient_id AS patient FROM hl7_message WHERE direction = 'in' AND outcome = 'accepted'`,
    );
    expect(taken.length).toBeGreaterThanOrEqual(3);
    expect(taken.every(({ sender, patient }) => sender === 'EMR' && patient !== null)).toBe(true);
    const sent = await department.rows<{ destination: string; patient: string | null }>(
      'results',
      `SELECT destination, patient_id AS patient FROM hl7_message WHERE direction = 'out'`,
    );
    expect(sent.length).toBe(department.emr.messages.length);
    expect(sent.every(({ destination, patient }) => destination === 'emr-hl7' && patient !== null)).toBe(true);
  });

  /** Routes that say nothing of a patient, and what they say instead. */
  const needsNoRecord: Record<string, string> = {
    '/fhir/CodeSystem': 'codes we use',
    '/fhir/StructureDefinition': 'how our resources are formed',
    '/fhir/ValueSet': 'which codes go where',
    '/barcodes/read': 'what a barcode of a package says',
    '/hl7-messages/explain': 'fields and rows of the message sent along',
    '/rooms': 'the state of each room',
    '/screening/try': 'what the facts sent along come to',
    '/stations/{aeTitle}/readiness': 'the state of a room and its equipment',
  };
  /** Routes whose subject this day has none of; their own tests say what they record. */
  const emptyHere = new Set([
    '/injector-reports/{sopInstanceUid}',
    '/injector-reports/{sopInstanceUid}/object',
    '/supplies/containers/{id}',
    '/supplies/lots/{id}/recipients',
    '/supplies/suggestion',
    '/reconciliations/{id}',
    '/reconciliations/{id}/differences',
    '/staff-dose/persons/{id}',
    '/staff-dose/persons/{id}/record',
  ]);
  const bodies: Record<string, unknown> = {
    'POST /hl7-messages/try': messageOf('ORM^O01', { order: 'TRY' }).toString(),
    'POST /hl7-messages/explain': messageOf('ORM^O01', { order: 'TRY' }).toString(),
    'POST /hl7-messages/search': { number: sentinels.order },
    'POST /worklist/query': { '00100010': { vr: 'PN', Value: [{ Alphabetic: '*' }] } },
  };
  const formOf = (path: string) =>
    path.endsWith('_search')
      ? 'application/x-www-form-urlencoded'
      : /\/(try|explain)$/.test(path) && path.startsWith('/hl7')
        ? 'text/plain'
        : 'application/json';
  const day = new Date().toISOString().slice(0, 10);
  const year = `${new Date().getUTCFullYear()}`;
  const queries: Record<string, string> = {
    '/dose/statistics': `?from=${day}&to=${day}`,
    '/dose/export': `?from=${day}&to=${day}`,
    '/quality/rates': `?from=${day}&to=${day}&by=room`,
    '/quality/checklists': `?from=${day}&to=${day}`,
    '/rejects': `?from=${day}&to=${day}`,
    '/staff-dose/statistics': `?from=${day}&to=${day}`,
    '/statistics/contrast': `?from=${year}-01-01&to=${year}-12-31`,
    '/supplies/waste': `?from=${day}&to=${day}`,
    '/deliveries': '?state=done',
  };
  /** A path with ids of what there is. */
  async function exampleOf({ name }: RunningService, path: string): Promise<string> {
    const one = async (sql: string) => (await department.rows<{ id: string }>(name, sql))[0]?.id ?? 'none';
    const id = {
      '/hl7-messages/{id}': () => one('SELECT id FROM hl7_message LIMIT 1'),
      '/parked/{id}': () => one('SELECT id FROM parked_event LIMIT 1'),
      '/deliveries/{id}/attempts': () => one('SELECT id FROM delivery LIMIT 1'),
      '/studies/{study}/priors': () => one("SELECT id FROM resource WHERE type = 'ImagingStudy' LIMIT 1"),
      '/appointments/{id}/free-times': () =>
        one("SELECT id FROM resource WHERE type = 'Appointment' AND status = 'booked' LIMIT 1"),
      '/administrations/{id}/statements': () =>
        one("SELECT id FROM resource WHERE type = 'MedicationAdministration' LIMIT 1"),
      '/stations/{aeTitle}/readiness': () => Promise.resolve('CT01'),
    }[path];
    return path.replace(/\{[^}]+\}/, id ? await id() : 'none').replace(/\{[^}]+\}/g, '1') + (queries[path] ?? '');
  }
});
