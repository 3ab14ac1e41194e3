import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, DocumentReference, FhirResource, Patient } from 'fhir/r4.js';
import { anMdmMessage, anOruMessage, aPatient, aServiceRequest } from '#testing';
import type { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { AResultsService } from '../a-results-service.spec.js';

let emr: SandboxEmr;
let service: AResultsService;
beforeAll(async () => ({ emr, service } = await AResultsService.tellingEmr('fhir')), 60_000);
afterAll(() => Promise.all([service?.stop(), emr?.stop()]));

/** A patient with an order, and documents of it, all known by one word. */
function aCase(name: string) {
  const patient = aPatient({ mrn: name });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  const document = (parts: Parameters<typeof anMdmMessage>[0] = {}) =>
    service.take(anMdmMessage({ mrn: name, placerOrderNumber: name, number: `DOC-${name}`, ...parts }));
  return { name, patient, order, document };
}
const stored = async <R extends FhirResource>(type: R['resourceType'], query: string) => {
  const bundle = await service.get<{ entry?: { resource: R }[] }>(`/fhir/${type}?${query}`);
  return (bundle.entry ?? []).map(({ resource }) => resource);
};
const reportsOf = ({ patient }: { patient: Patient }) =>
  stored<DiagnosticReport>('DiagnosticReport', `patient=${patient.id}`);
const textOf = ({ presentedForm = [] }: DiagnosticReport) =>
  presentedForm.map(({ data }) => Buffer.from(data ?? '', 'base64').toString());
const told = async ({ patient }: { patient: Patient }) =>
  (await service.published('imaging.result.reported.v1', patient.id)).map(([report]) => report as DiagnosticReport);
const atEmr = ({ name }: { name: string }) =>
  emr.store.all('DiagnosticReport').filter(({ identifier }) => identifier![0]!.value === `DOC-${name}`);

describe('A document of a dictation system', () => {
  it('is filed as a report under its order, told, and at the EMR', async () => {
    const one = aCase('MDMFILED');
    await service.place(one);
    expect((await one.document())[1]).toMatch(/^MSA\|AA\|/);
    expect(await reportsOf(one)).toMatchObject([
      { status: 'final', basedOn: [{ reference: `ServiceRequest/${one.order.id}` }] },
    ]);
    const [event] = await service.published('imaging.result.reported.v1', one.patient.id);
    expect(event!.map(({ resourceType }) => resourceType)).toEqual(['DiagnosticReport', 'Patient', 'ServiceRequest']);
    await service.delivered(one.patient, 1);
    expect(atEmr(one)).toMatchObject([{ status: 'final', basedOn: [{ reference: expect.any(String) }] }]);
    const [report] = await reportsOf(one);
    const documents = await stored<DocumentReference>('DocumentReference', 'identifier=DOC-MDMFILED');
    expect(documents).toMatchObject([
      {
        status: 'current',
        docStatus: 'final',
        context: { related: [{ reference: `DiagnosticReport/${report!.id}` }] },
      },
    ]);
  });

  it('waits for its order where that is not known, and is matched when it comes', async () => {
    const one = aCase('MDMEARLY');
    await one.document();
    expect(await reportsOf(one)).toMatchObject([{ status: 'final' }]);
    await service.place(one);
    expect(await reportsOf(one)).toMatchObject([{ basedOn: [{ reference: `ServiceRequest/${one.order.id}` }] }]);
  });

  it('names its order by the filler order number alone: that is its accession number', async () => {
    const one = aCase('MDMFILLER');
    await service.place(one);
    await one.document({ placerOrderNumber: 'other', accessionNumber: 'MDMFILLER' });
    expect(await reportsOf(one)).toMatchObject([{ basedOn: [{ reference: `ServiceRequest/${one.order.id}` }] }]);
  });

  it('goes on to authenticated, addendum, correction and cancellation, and each is told', async () => {
    const one = aCase('MDMVERSIONS');
    await service.place(one);
    const addendum = { event: 'T06', number: 'ADD-MDMVERSIONS', parent: 'DOC-MDMVERSIONS', text: 'Compared.' };
    for (const parts of [
      { status: 'DI', text: 'Draft.' },
      { event: 'T04', text: 'Normal.' },
      addendum,
      { event: 'T08', text: 'Normal, left.' },
      { status: 'DI', text: 'Late.' },
      { event: 'T11', text: '' },
    ])
      expect((await one.document(parts))[1]).toMatch(/^MSA\|AA\|/);
    expect((await told(one)).map((report) => [report.status, ...textOf(report)])).toEqual([
      ['preliminary', 'Draft.'],
      ['final', 'Normal.'],
      ['appended', 'Normal.', 'Compared.'],
      ['corrected', 'Normal, left.', 'Compared.'],
      ['cancelled'],
    ]);
    await service.delivered(one.patient, 5);
    expect(atEmr(one)).toMatchObject([{ status: 'cancelled' }]);
    expect(await reportsOf(one)).toHaveLength(1);
  });

  it('sent again, under the same or another control id, is told once', async () => {
    const one = aCase('MDMAGAIN');
    await one.document({ controlId: 'MDMAGAIN' });
    await one.document({ controlId: 'MDMAGAIN' });
    await one.document({ controlId: 'MDMAGAIN2' });
    expect(await told(one)).toHaveLength(1);
  });

  it('as a PDF is what the report presents', async () => {
    const one = aCase('MDMPDF');
    const pdf = Buffer.from('%PDF-1.4').toString('base64');
    await one.document({ text: '', extra: [`OBX|1|ED|PDF^Report^L||RIS^AP^PDF^Base64^${pdf}||||||F`] });
    expect(await reportsOf(one)).toMatchObject([{ presentedForm: [{ contentType: 'application/pdf', data: pdf }] }]);
    await service.delivered(one.patient, 1);
    expect(atEmr(one)).toMatchObject([{ presentedForm: [{ contentType: 'application/pdf', data: pdf }] }]);
  });

  it("is refused where it names another patient's order, or has another patient's number", async () => {
    const [mine, theirs] = [aCase('MDMMINE'), aCase('MDMTHEIRS')];
    await service.place(mine);
    await mine.document();
    const place204 = async (parts: Parameters<typeof anMdmMessage>[0]) =>
      (await theirs.document(parts))[2]!.split('|').slice(2, 4);
    expect(await place204({ accessionNumber: 'MDMMINE' })).toEqual(['TXA^1^15', '204^Unknown key identifier^HL70357']);
    expect(await place204({ placerOrderNumber: 'MDMMINE' })).toEqual([
      'TXA^1^14',
      '204^Unknown key identifier^HL70357',
    ]);
    expect(await place204({ number: 'DOC-MDMMINE' })).toEqual(['TXA^1^12', '205^Duplicate key identifier^HL70357']);
    expect(await place204({ event: 'T06', parent: 'DOC-MDMMINE' })).toEqual([
      'TXA^1^13',
      '205^Duplicate key identifier^HL70357',
    ]);
    expect(await reportsOf(theirs)).toEqual([]);
    expect(await told(mine)).toHaveLength(1);
  });

  it('and a report by ORU of another number stand beside each other', async () => {
    const one = aCase('MDMORU');
    await one.document();
    await service.take(anOruMessage({ mrn: 'MDMORU', placerOrderNumber: 'MDMORU' }));
    expect(await reportsOf(one)).toHaveLength(2);
  });
});
