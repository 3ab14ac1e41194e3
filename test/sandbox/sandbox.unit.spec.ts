import { afterEach, describe, expect, it } from '@jest/globals';
import dcmjsDimse from 'dcmjs-dimse';
import { Dataset, DicomServer } from '#dicom';
import { exchange } from './dimse.js';
import { FhirMemory } from './fhir-memory.js';
import { SandboxEmr, startSandboxEmr } from './emr.js';
import { fieldOf } from './hl7.js';
import { sampleNow } from './messages.js';
import { sendMllp } from './mllp.js';

const patient = (value: string) => ({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value }] });
const order = (value: string, subject: string) => ({
  resourceType: 'ServiceRequest',
  identifier: [{ system: 'urn:order', value }],
  status: 'active',
  intent: 'order',
  subject: { reference: subject },
});
const transaction = {
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    {
      fullUrl: 'urn:uuid:a',
      resource: patient('P1'),
      request: { method: 'POST', url: 'Patient', ifNoneExist: 'identifier=urn:mrn|P1' },
    },
    { resource: order('O1', 'urn:uuid:a'), request: { method: 'PUT', url: 'ServiceRequest?identifier=urn:order|O1' } },
  ],
};

describe('The sandbox EMR by FHIR', () => {
  it('takes a transaction twice as once, with references by fullUrl resolved', () => {
    const store = new FhirMemory();
    expect(store.handle('POST', '', transaction).status).toBe(200);
    expect(store.handle('POST', '', transaction).status).toBe(200);
    const [known] = store.all('Patient');
    expect(store.all('Patient')).toHaveLength(1);
    expect(store.all('ServiceRequest')).toMatchObject([{ subject: { reference: `Patient/${known!.id}` } }]);
  });

  it('stores nothing of a transaction that fails in part', () => {
    const store = new FhirMemory();
    const broken = {
      ...transaction,
      entry: [
        transaction.entry[0],
        { resource: order('O1', 'urn:uuid:nobody'), request: { method: 'POST', url: 'ServiceRequest' } },
      ],
    };
    expect(store.handle('POST', '', broken).status).toBe(400);
    expect(store.all('Patient')).toEqual([]);
  });

  it('creates, then updates by condition, and refuses a condition that matches two', () => {
    const store = new FhirMemory();
    const path = 'ServiceRequest?identifier=urn:order|O1';
    expect(store.handle('PUT', path, order('O1', 'Patient/1')).status).toBe(201);
    expect(store.handle('PUT', path, { ...order('O1', 'Patient/1'), status: 'completed' }).status).toBe(200);
    expect(store.all('ServiceRequest')).toMatchObject([{ status: 'completed', meta: { versionId: '2' } }]);
    store.handle('POST', 'ServiceRequest', order('O1', 'Patient/1'));
    expect(store.handle('PUT', path, order('O1', 'Patient/1')).status).toBe(412);
  });

  it('is searched by subject', () => {
    const store = new FhirMemory();
    store.handle('POST', 'ServiceRequest', order('O1', 'Patient/1'));
    store.handle('POST', 'ServiceRequest', order('O2', 'Patient/2'));
    expect(store.handle('GET', 'ServiceRequest?subject=Patient/2', undefined).body).toMatchObject({
      entry: [{ resource: { subject: { reference: 'Patient/2' } } }],
    });
  });

  it('says 404, 400 and 422 where a real server does', () => {
    const store = new FhirMemory();
    expect(store.handle('GET', 'Patient/none', undefined).status).toBe(404);
    expect(store.handle('POST', 'Patient', order('O1', 'Patient/1')).status).toBe(400);
    const linked = { ...patient('P1'), link: [{ type: 'replaces' }] };
    expect(store.handle('POST', 'Patient', linked).status).toBe(422);
  });
});

describe('The sandbox EMR over the wire', () => {
  let emr: SandboxEmr;
  afterEach(() => emr.stop());
  const put = () =>
    fetch(`${emr.fhirUrl}/Patient?identifier=urn:mrn|P1`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(patient('P1')),
    });

  it('misbehaves as told, for as often as told, and writes down what came', async () => {
    emr = await startSandboxEmr();
    emr.fhirFault = { kind: 'status', status: 409, times: 2 };
    expect([(await put()).status, (await put()).status, (await put()).status]).toEqual([409, 409, 201]);
    expect(emr.fhirRequests.map(({ status }) => status)).toEqual([409, 409, 201]);
  });

  it('goes down and comes back on its port', async () => {
    emr = await startSandboxEmr();
    await emr.stopFhir();
    await expect(put()).rejects.toThrow();
    await emr.startFhir();
    expect((await put()).status).toBe(201);
  });

  it('acknowledges HL7 by the control id it got', async () => {
    emr = await startSandboxEmr();
    const answer = await sendMllp({ port: emr.mllpPort }, sampleNow('order-ct-chest', 'CTRL1', 'ORD9'));
    expect([fieldOf(answer, 'MSA', 1), fieldOf(answer, 'MSA', 2)]).toEqual(['AA', 'CTRL1']);
    expect(fieldOf(emr.messages[0]!, 'OBR', 2)).toBe('ORD9^EMR');
    emr.acknowledges = 'never';
    await expect(sendMllp({ port: emr.mllpPort }, sampleNow('order-ct-chest', 'CTRL2'), 50)).rejects.toThrow('50 ms');
  });
});

describe('The scanner', () => {
  it('is told of a worklist query of dcmjs as it comes that all of it is supported', async () => {
    const server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'] });
    const items = ['A', 'B', 'C'].map((PatientID) =>
      Dataset.of({ PatientID, ScheduledProcedureStepSequence: [{ Modality: 'CT' }] }),
    );
    server.provideWorklist({ find: async () => items });
    try {
      const query = dcmjsDimse.requests.CFindRequest.createWorklistFindRequest({});
      const [answers] = await exchange('CT01', { port: await server.start(), aeTitle: 'COLLIMATOR' }, [query]);
      // It takes 0xFF01 for the last answer; and it writes an empty Pregnancy Status as 0.
      expect(answers!.map(({ status }) => status)).toEqual([0xff00, 0xff00, 0xff00, 0]);
      expect(answers!.slice(0, 3).map(({ elements }) => elements.PatientID)).toEqual(['A', 'B', 'C']);
    } finally {
      await server.stop();
    }
  });
});
