import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Dataset, type DatasetInput } from './dataset.js';
import { encodeDataset } from './dataset-encoder.js';
import { DicomServer } from './dicom-server.js';
import { DicomStatus } from './dicom-status.js';
import { ScuAssociation } from './scu.js';
import type { StoredObject } from './storage-scp.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';
import { sopClasses } from './uids.js';

const injectorReport = sopClasses.performedImagingAgentAdministrationSr;
const doseReport = sopClasses.xRayRadiationDoseSr;
const object = (changes: DatasetInput = {}): DatasetInput => ({
  SOPClassUID: injectorReport,
  SOPInstanceUID: '2.25.9',
  PatientName: 'Beispiel^Berta',
  PatientID: '700001',
  StudyInstanceUID: '2.25.1',
  ...changes,
});

describe('a server that takes objects', () => {
  let server: DicomServer;
  let scu: ScuAssociation;
  let kept: (StoredObject & { by: string })[];
  let refusal: Error | undefined;
  beforeEach(async () => {
    [kept, refusal] = [[], undefined];
    server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'], maxDatasetBytes: 1024 * 1024 });
    server.provideStorage([injectorReport], {
      async store(stored, by) {
        if (refusal) throw refusal;
        kept.push({ ...stored, by });
      },
    });
    const port = await server.start();
    const to = { host: '127.0.0.1', port, callingAeTitle: 'INJECTOR1', calledAeTitle: 'COLLIMATOR' };
    scu = await ScuAssociation.open(to, [injectorReport, doseReport, sopClasses.verification]);
  });
  afterEach(async () => {
    scu.destroy();
    await server.stop();
  });
  const answer = async (uid: string, sent: Parameters<ScuAssociation['store']>[2]) => {
    const { status, command } = await scu.store(injectorReport, uid, sent);
    return { status, comment: command.text('ErrorComment') };
  };

  it('keeps the bytes that were sent and answers success, by the UIDs of the request', async () => {
    const bytes = encodeDataset(Dataset.of(object()), explicitVrLittleEndian);
    const { status, command } = await scu.store(injectorReport, '2.25.9', bytes);
    expect([status, command.text('AffectedSOPClassUID'), command.text('AffectedSOPInstanceUID')]).toEqual([
      0,
      injectorReport,
      '2.25.9',
    ]);
    expect(kept).toHaveLength(1);
    expect(kept[0]).toMatchObject({ sopClassUid: injectorReport, sopInstanceUid: '2.25.9', by: 'INJECTOR1' });
    expect(kept[0]!.bytes.equals(bytes)).toBe(true);
    expect(kept[0]!.dataset.text('PatientID')).toBe('700001');
  });

  it('accepts no context for a class that nobody here takes', async () => {
    await expect(scu.store(doseReport, '2.25.9', object({ SOPClassUID: doseReport }))).rejects.toMatchObject({
      code: 'peer-refused',
    });
  });

  it.each<[string, string, Parameters<ScuAssociation['store']>[2], number, string]>([
    [
      'of another class',
      '2.25.9',
      object({ SOPClassUID: doseReport }),
      0xa900,
      'SOPClassUID is missing or another than was negotiated',
    ],
    [
      'without a class',
      '2.25.9',
      object({ SOPClassUID: '' }),
      0xa900,
      'SOPClassUID is missing or another than was negotiated',
    ],
    ['of another instance', '2.25.8', object(), 0xa900, 'SOPInstanceUID is missing or not that of the command'],
    [
      'without an instance',
      '2.25.9',
      object({ SOPInstanceUID: '' }),
      0xa900,
      'SOPInstanceUID is missing or not that of the command',
    ],
    ['under no UID', '', object(), 0x0117, 'the Affected SOP Instance UID is missing or no UID'],
    [
      'cut off',
      '2.25.9',
      encodeDataset(Dataset.of(object()), explicitVrLittleEndian).subarray(0, -3),
      0xc000,
      'the data set cannot be read',
    ],
    ['that is none', '2.25.9', Buffer.alloc(64, 0xff), 0xc000, 'the data set cannot be read'],
  ])('refuses an object %s, and says why without patient data', async (_, uid, sent, status, comment) => {
    expect(await answer(uid, sent)).toEqual({ status, comment });
    expect(kept).toEqual([]);
    expect(await scu.echo()).toBe(0);
  });

  it('refuses one nested without end, and goes on', async () => {
    const levels = 10_000;
    const open = Buffer.from('400030a75351' + '0000ffffffff' + 'feff00e0ffffffff', 'hex');
    const nested = Buffer.concat(Array.from({ length: levels }, () => open));
    expect(await answer('2.25.9', nested)).toMatchObject({ status: 0xc000 });
    expect(await answer('2.25.9', object())).toEqual({ status: 0, comment: undefined });
  });

  it('answers what its provider refuses, and asks to try again where it failed otherwise', async () => {
    refusal = new DicomStatus(0xc000, 'there is other content under this UID');
    expect(await answer('2.25.9', object())).toEqual({
      status: 0xc000,
      comment: 'there is other content under this UID',
    });
    refusal = new Error('Beispiel^Berta');
    expect(await answer('2.25.9', object())).toEqual({ status: 0xa700, comment: 'cannot be stored now' });
    refusal = undefined;
    expect((await answer('2.25.9', object())).status).toBe(0);
  });

  it('ends the association for an object longer than it takes', async () => {
    const large = object({ PatientComments: 'x'.repeat(2 * 1024 * 1024) } as DatasetInput);
    await expect(scu.store(injectorReport, '2.25.9', large)).rejects.toMatchObject({ code: /^peer-/ });
    expect(kept).toEqual([]);
  });
});
