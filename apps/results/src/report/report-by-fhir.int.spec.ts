import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, OperationOutcome } from 'fhir/r4.js';
import { systems } from '#fhir';
import { anOruMessage, aPatient, aServiceRequest } from '#testing';
import type { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { AResultsService } from '../a-results-service.spec.js';

let emr: SandboxEmr;
let service: AResultsService;
beforeAll(async () => ({ emr, service } = await AResultsService.tellingEmr('fhir')), 60_000);
afterAll(() => Promise.all([service?.stop(), emr?.stop()]));

const PATIENTS = 'urn:oid:2.25.1001';
/** A patient with an order, both known by one word, and what a reporting system says of it. */
function aCase(name: string) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  const report = (parts: Partial<DiagnosticReport> = {}): DiagnosticReport => ({
    resourceType: 'DiagnosticReport',
    identifier: [{ system: 'urn:oid:2.25.1003', value: `REP-${name}` }],
    status: 'final',
    code: { text: 'CT head' },
    subject: { identifier: { system: PATIENTS, value: name } },
    basedOn: [{ identifier: { system: systems.accessionNumber, value: name } }],
    presentedForm: [{ contentType: 'application/pdf', data: Buffer.from('%PDF-1.4').toString('base64') }],
    ...parts,
  });
  const post = (parts?: Partial<DiagnosticReport>, headers = {}) =>
    service.send('POST', 'DiagnosticReport', report(parts), headers);
  return { name, patient, order, report, post };
}
const told = async ({ patient }: ReturnType<typeof aCase>) =>
  (await service.published('imaging.result.reported.v1', patient.id)).map(
    ([report]) => (report as DiagnosticReport).status,
  );

describe('A report by FHIR', () => {
  it('is filed under its order with its document, its findings and what it concludes, which the EMR gets', async () => {
    const one = aCase('FHIR');
    await service.place(one);
    const contained = [
      {
        resourceType: 'Observation',
        id: 'o',
        status: 'final',
        code: { text: 'Nodule' },
        valueQuantity: { value: 8, unit: 'mm' },
      },
    ] as unknown as DiagnosticReport['contained'];
    const conclusionCode = [{ coding: [{ system: 'http://radlex.org', code: 'RID3875' }] }];
    const { status, headers, body } = await one.post({
      contained: contained!,
      result: [{ reference: '#o' }],
      conclusionCode,
    });
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe('W/"1"');
    expect(body).toMatchObject({ basedOn: [{ reference: `ServiceRequest/${one.order.id}` }], conclusionCode });
    await service.delivered(one.patient, 1);
    const [atEmr] = emr.store.all('DiagnosticReport').filter(({ identifier }) => identifier![0]!.value === 'REP-FHIR');
    expect(atEmr).toMatchObject({ presentedForm: [{ contentType: 'application/pdf' }], contained: [{ id: 'o' }] });
    const audited = await service.sql(
      `SELECT FROM audit_event WHERE body @> '{"subtype":[{"code":"create"}]}' AND body::text LIKE '%' || $1 || '%'`,
      [(body as DiagnosticReport).id],
    );
    expect(audited).toHaveLength(1);
  });

  it('sent again is the same; a newer version is filed; a late one changes nothing', async () => {
    const one = aCase('AGAIN');
    await service.place(one);
    const statuses = [];
    for (const status of ['preliminary', 'preliminary', 'final', 'preliminary'] as const) {
      const answer = await one.post({ status });
      statuses.push([answer.status, (answer.body as DiagnosticReport).status]);
    }
    expect(statuses).toEqual([
      [201, 'preliminary'],
      [200, 'preliminary'],
      [200, 'final'],
      [200, 'final'],
    ]);
    expect(await told(one)).toEqual(['preliminary', 'final']);
    expect((await one.post({ status: 'corrected' }, { 'if-none-exist': 'x' })).body).toMatchObject({ status: 'final' });
  });

  it('is the same report as one by HL7 v2 of that number', async () => {
    const one = aCase('BOTH');
    await service.take(anOruMessage({ mrn: 'BOTH', placerOrderNumber: 'BOTH', status: 'P' }));
    expect((await one.post()).status).toBe(200);
    expect(await told(one)).toEqual(['preliminary', 'final']);
  });

  it('is updated at the version its client names, and never goes back', async () => {
    const one = aCase('PUT');
    const made = (await one.post({ status: 'preliminary' })).body as DiagnosticReport;
    const put = async (parts: Partial<DiagnosticReport>, ifMatch?: string) =>
      service.send(
        'PUT',
        `DiagnosticReport/${made.id}`,
        { ...one.report(), id: made.id, ...parts },
        ifMatch ? { 'if-match': ifMatch } : {},
      );
    expect((await put({})).status).toBe(412);
    expect((await put({}, 'W/"1"')).status).toBe(200);
    expect((await put({ conclusion: 'Other.' }, 'W/"1"')).status).toBe(412);
    expect((await put({ status: 'preliminary' }, 'W/"2"')).status).toBe(409);
    expect((await put({ conclusion: 'Other.' }, 'W/"2"')).body).toMatchObject({ status: 'corrected' });
    expect(await told(one)).toEqual(['preliminary', 'final', 'corrected']);
    const history = await service.get<{ total: number }>(`/fhir/DiagnosticReport/${made.id}/_history`);
    expect(history.total).toBe(3);
    expect(
      (await service.send('PUT', 'DiagnosticReport/none', { ...one.report(), id: 'none' }, { 'if-match': 'W/"1"' }))
        .status,
    ).toBe(404);
  });

  it('is filed or updated by its number', async () => {
    const one = aCase('WHERE');
    const put = (number: string) =>
      service.send('PUT', `DiagnosticReport?identifier=urn:oid:2.25.1003|${number}`, one.report());
    expect([(await put('REP-WHERE')).status, (await put('REP-WHERE')).status, (await put('OTHER')).status]).toEqual([
      201, 200, 400,
    ]);
  });

  it('is refused where it names what is not known, or is of another patient', async () => {
    const [one, other] = [aCase('MINE'), aCase('THEIRS')];
    await service.place(other);
    const refused = async (parts: Partial<DiagnosticReport>) => {
      const { status, body } = await one.post(parts);
      return [status, (body as OperationOutcome).issue?.[0]?.expression?.[0]];
    };
    expect(await refused({ basedOn: other.report().basedOn! })).toEqual([404, 'DiagnosticReport.basedOn']);
    expect(await refused({ basedOn: [{ reference: `ServiceRequest/${other.order.id}` }] })).toEqual([
      404,
      'DiagnosticReport.basedOn',
    ]);
    expect(await refused({ basedOn: [{ reference: 'ServiceRequest/none' }] })).toEqual([
      404,
      'DiagnosticReport.basedOn',
    ]);
    expect(await refused({ subject: { reference: 'Patient/none' } })).toEqual([404, 'DiagnosticReport.subject']);
    await other.post();
    expect((await one.post({ identifier: other.report().identifier!, basedOn: [] })).status).toBe(409);
  });

  it('may bring a document of megabytes', async () => {
    const data = Buffer.alloc(3 * 1024 * 1024, 'x').toString('base64');
    expect((await aCase('LARGE').post({ presentedForm: [{ contentType: 'application/pdf', data }] })).status).toBe(201);
  });
});
