import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Patient } from 'fhir/r4.js';
import {
  anOruMessage,
  aPatient,
  aServiceRequest,
  dropSchema,
  site,
  siteFile,
  startService,
  testSchema,
  until,
} from '#testing';
import type { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { AResultsService, anExam } from '../a-results-service.spec.js';

let emr: SandboxEmr;
let service: AResultsService;
beforeAll(async () => ({ emr, service } = await AResultsService.tellingEmr('fhir')), 60_000);
afterAll(() => Promise.all([service?.stop(), emr?.stop()]));

/** A patient with an order, both known by one word: patient number, placer order number, accession number. */
function aCase(name: string) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  const report = (parts: Parameters<typeof anOruMessage>[0] = {}) =>
    service.take(anOruMessage({ mrn: name, placerOrderNumber: name, ...parts }));
  return { name, patient, order, report };
}
const bySystem = (reports: DiagnosticReport[], name: string) =>
  reports.filter(({ identifier }) => identifier![0]!.value === `REP-${name}`);
const filed = async ({ patient }: { patient: Patient }) => {
  const bundle = await service.get<{ entry?: { resource: DiagnosticReport }[] }>(
    `/fhir/DiagnosticReport?patient=${patient.id}`,
  );
  return (bundle.entry ?? []).map(({ resource }) => resource);
};
const atEmr = ({ name }: { name: string }) => bySystem(emr.store.all('DiagnosticReport'), name);
const unmatched = async ({ patient }: { patient: Patient }) => {
  const { reports } = await service.get<{ reports: { patientId: string }[] }>('/unmatched-reports');
  return reports.filter(({ patientId }) => patientId === patient.id);
};
const textOf = (report: DiagnosticReport) => Buffer.from(report.presentedForm![0]!.data!, 'base64').toString();

describe('A report', () => {
  it('is filed under its order, told, and at the EMR under the order there', async () => {
    const one = aCase('FILED');
    await service.place(one);
    expect((await one.report())[1]).toMatch(/^MSA\|AA\|/);
    expect(await filed(one)).toMatchObject([
      { status: 'final', basedOn: [{ reference: `ServiceRequest/${one.order.id}` }] },
    ]);
    const [told] = await service.published('imaging.result.reported.v1', one.patient.id);
    expect(told!.map(({ resourceType }) => resourceType)).toEqual(['DiagnosticReport', 'Patient', 'ServiceRequest']);
    await service.delivered(one.patient, 1);
    const [order] = emr.store.all('ServiceRequest').filter(({ identifier }) => identifier![0]!.value === 'FILED');
    expect(atEmr(one)).toMatchObject([{ status: 'final', basedOn: [{ reference: `ServiceRequest/${order!.id}` }] }]);
    expect(await unmatched(one)).toEqual([]);
  });

  it('of an order and a patient not known here is kept, listed, and at the EMR all the same', async () => {
    const one = aCase('UNKNOWN');
    expect((await one.report())[1]).toMatch(/^MSA\|AA\|/);
    expect(await unmatched(one)).toHaveLength(1);
    await service.delivered(one.patient, 1);
    const [report] = atEmr(one);
    expect(report!.basedOn).toBeUndefined();
    expect(textOf(report!)).toBe('No abnormality.');
    expect(emr.store.all('Patient').filter(({ identifier }) => identifier![0]!.value === 'UNKNOWN')).toHaveLength(1);
  });

  it.each<[string, string, (one: ReturnType<typeof aCase>) => Promise<void>]>([
    ['is placed', 'PLACED', (one) => service.tell('imaging.order.placed.v1', one.order, one.patient)],
    ['is changed', 'CHANGED', (one) => service.tell('imaging.order.changed.v1', one.order, one.patient)],
    [
      'is heard of by its exam first',
      'EXAM',
      (one) =>
        service.tell(
          'imaging.schedule.exam-started.v1',
          anExam('1.2.7', 'in-progress', one.patient, [one.order]),
          one.patient,
          one.order,
        ),
    ],
  ])('that comes before its order is matched when the order %s', async (_how, name, tell) => {
    const one = aCase(name);
    await one.report();
    expect(await unmatched(one)).toHaveLength(1);
    await tell(one);
    await until(async () => (await unmatched(one)).length === 0, { what: 'the report to be matched' });
    expect(await filed(one)).toMatchObject([{ basedOn: [{ reference: `ServiceRequest/${one.order.id}` }] }]);
    const told = await service.published('imaging.result.reported.v1', one.patient.id);
    expect(told.map((resources) => resources.some(({ id }) => id === one.order.id))).toEqual([false, true]);
    await until(() => atEmr(one)[0]?.basedOn, { what: 'the EMR to know the order of the report' });
    expect(atEmr(one)).toHaveLength(1);
  });

  it('that comes before its order is matched once, whatever else is told of the order', async () => {
    const one = aCase('ONCE');
    await one.report();
    await service.place(one);
    await service.tell('imaging.order.changed.v1', { ...one.order, priority: 'stat' }, one.patient);
    await service.handled(one.patient);
    expect(await service.published('imaging.result.reported.v1', one.patient.id)).toHaveLength(2);
  });

  it('by accession number alone is matched when the order gets it', async () => {
    const one = aCase('ACCESSION');
    await one.report({ placerOrderNumber: 'other', accessionNumber: 'ACCESSION' });
    await service.place({ ...one, order: { ...one.order, identifier: one.order.identifier!.slice(0, 1) } });
    expect(await unmatched(one)).toHaveLength(1);
    await service.tell('imaging.order.changed.v1', one.order, one.patient);
    await until(async () => (await unmatched(one)).length === 0, { what: 'the report to be matched' });
  });

  it("stays unmatched where the number is of another patient's order", async () => {
    const [one, other] = [aCase('MINE'), aCase('THEIRS')];
    await one.report({ accessionNumber: 'THEIRS' });
    await service.place(other);
    expect(await unmatched(one)).toHaveLength(1);
    expect(await filed(other)).toEqual([]);
  });

  it('goes on from preliminary to final to corrected, and never back', async () => {
    const one = aCase('VERSIONS');
    await service.place(one);
    for (const [status, text] of [
      ['P', 'one'],
      ['F', 'two'],
      ['P', 'late'],
      ['F', 'three'],
      ['F', 'four'],
      ['F', 'four'],
    ] as const)
      expect((await one.report({ status, text }))[1]).toMatch(/^MSA\|AA\|/);
    const told = (await service.published('imaging.result.reported.v1', one.patient.id)).map(
      ([report]) => report as DiagnosticReport,
    );
    expect(told.map((report) => `${report.status} ${textOf(report)}`)).toEqual([
      'preliminary one',
      'final two',
      'corrected three',
      'corrected four',
    ]);
    await service.delivered(one.patient, 4);
    expect(atEmr(one).map((report) => `${report.status} ${textOf(report)}`)).toEqual(['corrected four']);
  });

  it('sent again is acknowledged again and told once', async () => {
    const one = aCase('AGAIN');
    const message = { controlId: 'AGAIN' };
    expect([(await one.report(message))[1], (await one.report(message))[1]]).toEqual(['MSA|AA|AGAIN', 'MSA|AA|AGAIN']);
    expect(await service.published('imaging.result.reported.v1', one.patient.id)).toHaveLength(1);
  });
});

/** A further report in a message, of an order of its own. */
const secondReport = (name: string) => [
  `OBR|2|${name}2^EMR|REP-${name}2^RIS|CTHEAD^CTHEAD^L|||||||||||||||||||||F`,
  'OBX|1|TX|59776-5^Findings^LN||Two.||||||F',
  'OBX|2|CWE|59776-5^Findings^LN||RID3875^Nodule^RADLEX||||||F',
];

describe('Several reports in one message', () => {
  it('are filed each under its own order, with sections and findings, which the EMR gets', async () => {
    const one = aCase('SEVERAL');
    await service.place(one);
    await service.place({
      ...one,
      order: aServiceRequest({ placerOrderNumber: 'SEVERAL2', accessionNumber: 'SEVERAL2', patient: one.patient }),
    });
    expect((await one.report({ extra: secondReport('SEVERAL') }))[1]).toMatch(/^MSA\|AA\|/);
    const reports = (await filed(one)).sort((a, b) => a.identifier![0]!.value!.localeCompare(b.identifier![0]!.value!));
    expect(reports.map(({ identifier, basedOn }) => [identifier![0]!.value, basedOn?.length])).toEqual([
      ['REP-SEVERAL', 1],
      ['REP-SEVERAL2', 1],
    ]);
    expect(reports[0]!.basedOn).not.toEqual(reports[1]!.basedOn);
    expect(reports[1]!.contained).toMatchObject([
      { valueString: 'Two.' },
      { valueCodeableConcept: { text: 'Nodule' } },
    ]);
    await service.delivered(one.patient, 2);
    const [second] = emr.store
      .all('DiagnosticReport')
      .filter(({ identifier }) => identifier![0]!.value === 'REP-SEVERAL2');
    expect(second).toMatchObject({ result: [{}, {}], contained: [{ id: 'finding-1' }, { id: 'finding-2' }] });
  });
});

describe('A report that is refused', () => {
  const refused = async (one: ReturnType<typeof aCase>, parts: Parameters<typeof anOruMessage>[0], before = 0) => {
    const [, msa, err] = await one.report(parts);
    // Nothing came of it, and the reason is on record.
    expect(await filed(one)).toHaveLength(before);
    const controlId = msa!.split('|')[2]!;
    const { messages } = await service.get<{ messages: object[] }>(`/hl7-messages?controlId=${controlId}`);
    expect(messages).toMatchObject([{ outcome: 'refused', errorText: expect.any(String) }]);
    return [msa!.split('|')[1], ...err!.split('|').slice(2)].map((field) => field!.split('^^')[0]);
  };

  it('is of a sender the site does not have, or one that may send no reports', async () => {
    const one = aCase('SENDER');
    expect(await refused(one, { application: 'NOBODY' })).toEqual([
      'AR',
      'MSH^1^3',
      '207^Application internal error^HL70357',
      'E',
      '',
      '',
      '',
      'MSH-3 and MSH-4 name no sender of the site file: add it under senders',
    ]);
    expect((await refused(one, { application: 'EMR' })).slice(0, 2)).toEqual(['AR', 'MSH^1^3']);
  });

  it('is one of several of which one is at fault: none is filed', async () => {
    const one = aCase('ONEWRONG');
    const [first] = secondReport('ONEWRONG');
    const wrong = first!.replace(/\|F$/, '|Q');
    expect((await refused(one, { extra: [wrong] })).slice(0, 2)).toEqual(['AE', 'OBR^2^25']);
  });

  it("names another patient's order", async () => {
    await service.place(aCase('OWNER'));
    const [accession, placer] = [aCase('WRONGACC'), aCase('WRONGPLAC')];
    expect((await refused(accession, { accessionNumber: 'OWNER' })).slice(0, 3)).toEqual([
      'AE',
      'OBR^1^18',
      '204^Unknown key identifier^HL70357',
    ]);
    expect((await refused(placer, { placerOrderNumber: 'OWNER' })).slice(0, 3)).toEqual([
      'AE',
      'OBR^1^2',
      '204^Unknown key identifier^HL70357',
    ]);
  });

  it("has the number of another patient's report, which stays as it is", async () => {
    const one = aCase('FIRST');
    await one.report();
    const other = aCase('SECOND');
    expect((await refused(other, { placerOrderNumber: 'FIRST', text: 'Other.' })).slice(0, 3)).toEqual([
      'AE',
      'OBR^1^3',
      '205^Duplicate key identifier^HL70357',
    ]);
    expect((await filed(one)).map(textOf)).toEqual(['No abnormality.']);
  });

  it('is acknowledged only if it was committed', async () => {
    const one = aCase('COMMIT');
    await service.sql(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '53100'; END $$`,
    );
    await service.sql(
      'CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON delivery DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()',
    );
    expect((await refused(one, { controlId: 'COMMIT' }))[0]).toBe('AR');
    await service.sql('DROP TRIGGER refuse ON delivery');
    expect((await one.report({ controlId: 'COMMIT' }))[1]).toBe('MSA|AA|COMMIT');
    expect(await filed(one)).toHaveLength(1);
  });
});

describe('The service', () => {
  it('does not start where the token of a destination is not in its environment', async () => {
    const destination = {
      name: 'emr',
      kind: 'fhir',
      url: emr.fhirUrl,
      timeoutSeconds: 2,
      bearerTokenEnv: 'NO_SUCH_TOKEN',
    } as const;
    const DATABASE_SCHEMA = testSchema();
    const SITE_FILE = siteFile(site({ destinations: [destination] }));
    await expect(startService('results', { env: { SITE_FILE, DATABASE_SCHEMA } })).rejects.toThrow(
      `${SITE_FILE} cannot be used:\n  destinations.0.bearerTokenEnv: the environment variable NO_SUCH_TOKEN is not set`,
    );
    await dropSchema(DATABASE_SCHEMA);
  });
});
