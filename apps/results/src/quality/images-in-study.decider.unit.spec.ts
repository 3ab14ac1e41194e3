import { describe, expect, it } from '@jest/globals';
import type { ImagingStudy } from 'fhir/r4.js';
import { sopClasses, type SeriesInPacs } from '#dicom';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { site as aSite } from '#testing';
import { imagesIn } from './images-in-study.decider.js';

const site = aSite();
const study = (...orders: string[]): ImagingStudy => ({
  resourceType: 'ImagingStudy',
  status: 'registered',
  subject: { reference: 'Patient/p' },
  identifier: [dicomUidIdentifier('1.2')],
  basedOn: orders.map((id) => ({ reference: `ServiceRequest/${id}` })),
  series: [
    {
      uid: '1.2.1',
      modality: { code: 'DX' },
      started: '2026-03-02T09:00:00+01:00',
      performer: [{ actor: { reference: `Device/${uuidFrom('Device', 'DX01')}` } }],
      instance: ['1.2.1.1', '1.2.1.2'].map((uid) => ({ uid, sopClass: {} })),
    },
  ],
});
const inPacs: SeriesInPacs = {
  seriesInstanceUid: '1.2.1',
  modality: 'DX',
  bodyPart: 'CHEST',
  operator: 'Tech^Tina',
  instances: [
    { sopInstanceUid: '1.2.1.1', exposure: { view: 'PA', detector: 'D-1', acquiredAt: '2026-03-02T09:30:00' } },
    { sopInstanceUid: '1.2.1.3' },
    { sopInstanceUid: '1.2.1.4', sopClassUid: sopClasses.keyObjectSelection },
  ],
};

describe('The images of a study', () => {
  it('are those of the exam and those of the PACS, each once, at the station of the exam; documents are none', () => {
    const common = { studyInstanceUid: '1.2', orderId: 'o1', modality: 'DX', station: 'DX01', room: 'X-ray room 1' };
    const seen = { ...common, bodyPart: 'CHEST', operator: 'Tech^Tina' };
    expect(imagesIn(study('o1'), [inPacs], site)).toEqual([
      { ...seen, sopInstanceUid: '1.2.1.1', view: 'PA', detector: 'D-1', at: '2026-03-02T09:30:00+01:00' },
      { ...common, sopInstanceUid: '1.2.1.2', at: '2026-03-02T09:00:00+01:00' },
      { ...seen, sopInstanceUid: '1.2.1.3', at: '2026-03-02T09:00:00+01:00' },
    ]);
  });

  it('are of its order only where it has one', () => {
    expect(imagesIn(study('o1', 'o2'), [], site).map(({ orderId }) => orderId)).toEqual([undefined, undefined]);
  });
});
