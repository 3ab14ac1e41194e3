import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Dataset, type DatasetInput } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDataset } from './dataset-encoder.js';
import { DicomServer } from './dicom-server.js';
import { DicomStatus } from './dicom-status.js';
import { tagOf } from './dictionary.js';
import { instanceAvailabilityFrom, type InstanceAvailability } from './instance-availability.js';
import { ScuAssociation } from './scu.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';
import { sopClasses } from './uids.js';

const ct = '1.2.840.10008.5.1.4.1.1.2';
const instance = (changes: DatasetInput = {}): DatasetInput => ({
  ReferencedSOPClassUID: ct,
  ReferencedSOPInstanceUID: '2.25.3',
  InstanceAvailability: 'ONLINE',
  RetrieveAETitle: 'PACS',
  ...changes,
});
const series = (...instances: DatasetInput[]): DatasetInput => ({
  SeriesInstanceUID: '2.25.2',
  ReferencedSOPSequence: instances,
});
const notification = (changes: DatasetInput = {}): DatasetInput => ({
  ReferencedPerformedProcedureStepSequence: [],
  StudyInstanceUID: '2.25.1',
  ReferencedSeriesSequence: [series(instance())],
  ...changes,
});
const statusOf = (input: DatasetInput) => {
  try {
    return instanceAvailabilityFrom(Dataset.of(input));
  } catch (error) {
    const { status, message } = error as DicomStatus;
    return [status, message];
  }
};

describe('an Instance Availability Notification', () => {
  it('is read: the study, and how soon each instance of each series can be had', () => {
    const other = instance({ ReferencedSOPInstanceUID: '2.25.4', InstanceAvailability: 'UNAVAILABLE' });
    const read = statusOf(
      notification({
        ReferencedSeriesSequence: [
          series(instance(), other),
          series(instance({ ReferencedSOPInstanceUID: '2.25.5', InstanceAvailability: 'NEARLINE' })),
        ],
      }),
    );
    expect(read).toEqual({
      studyInstanceUid: '2.25.1',
      instances: [
        { sopInstanceUid: '2.25.3', availability: 'ONLINE' },
        { sopInstanceUid: '2.25.4', availability: 'UNAVAILABLE' },
        { sopInstanceUid: '2.25.5', availability: 'NEARLINE' },
      ],
    });
  });

  it('is read where its Series Instance UID is labelled CS, as by ianscu of dcm4che', () => {
    const labelled = Dataset.of(series(instance()));
    labelled.put({ tag: tagOf('SeriesInstanceUID'), vr: 'CS', values: ['2.25.2'] });
    const bytes = encodeDataset(
      Dataset.of(notification({ ReferencedSeriesSequence: [labelled] })),
      explicitVrLittleEndian,
    );
    expect(bytes.includes(Buffer.from('CS\x06\x002.25.2', 'latin1'))).toBe(true);
    expect(instanceAvailabilityFrom(decodeDataset(bytes, explicitVrLittleEndian)).instances).toHaveLength(1);
  });

  it.each<[string, DatasetInput, number, string]>([
    ['no study', { StudyInstanceUID: '' }, 0x0120, 'missing StudyInstanceUID'],
    ['a study that is no UID', { StudyInstanceUID: 'Beispiel^Berta' }, 0x0106, 'StudyInstanceUID is no UID'],
    ['no series', { ReferencedSeriesSequence: [] }, 0x0120, 'missing ReferencedSeriesSequence'],
    ['no instances', { ReferencedSeriesSequence: [series()] }, 0x0120, 'missing ReferencedSOPSequence'],
    [
      'an instance without UID',
      { ReferencedSeriesSequence: [series(instance({ ReferencedSOPInstanceUID: '' }))] },
      0x0120,
      'missing ReferencedSOPInstanceUID',
    ],
    [
      'an instance without availability',
      { ReferencedSeriesSequence: [series(instance({ InstanceAvailability: '' }))] },
      0x0120,
      'missing InstanceAvailability',
    ],
    [
      'an availability of nobody',
      { ReferencedSeriesSequence: [series(instance({ InstanceAvailability: 'SOON' }))] },
      0x0106,
      'InstanceAvailability is none of PS3.3 C.4.23.1.1',
    ],
  ])('with %s is refused by the name of the attribute, without its value', (_, changes, status, comment) => {
    expect(statusOf(notification(changes))).toEqual([status, comment]);
  });
});

describe('a server of Instance Availability Notifications', () => {
  let server: DicomServer;
  let scu: ScuAssociation;
  const told = new Map<string, InstanceAvailability & { by: string }>();
  beforeEach(async () => {
    told.clear();
    server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'] });
    server.provideInstanceAvailability({
      async notify(uid, availability, by) {
        if (told.has(uid)) throw new DicomStatus(0x0111, 'the notification is there already');
        told.set(uid, { ...availability, by });
      },
    });
    const port = await server.start();
    scu = await ScuAssociation.open({ host: '127.0.0.1', port, callingAeTitle: 'PACS', calledAeTitle: 'COLLIMATOR' }, [
      sopClasses.instanceAvailabilityNotification,
    ]);
  });
  afterEach(async () => {
    scu.destroy();
    await server.stop();
  });

  it('answers success, a duplicate, and what is wrong', async () => {
    expect((await scu.notifyAvailability('2.25.9', notification())).status).toBe(0);
    expect(told.get('2.25.9')).toMatchObject({ studyInstanceUid: '2.25.1', by: 'PACS' });
    expect((await scu.notifyAvailability('2.25.9', notification())).status).toBe(0x0111);
    const refused = await scu.notifyAvailability('2.25.10', notification({ ReferencedSeriesSequence: [] }));
    expect([refused.status, refused.command.text('ErrorComment')]).toEqual([
      0x0120,
      'missing ReferencedSeriesSequence',
    ]);
    expect(told.size).toBe(1);
  });
});
