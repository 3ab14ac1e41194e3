import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Location } from 'fhir/r4.js';
import type { Dataset } from '#dicom';
import { extensions } from '#fhir';
import type { SiteContent } from '#platform';
import { aPatient, aServiceRequest, until } from '#testing';
import { ASchedulingService } from '../a-scheduling-service.spec.js';
import { locationIdOf, operationalStatus } from '../department/site-resources.decider.js';

const site: Partial<SiteContent> = {
  stations: [
    { aeTitle: 'CT01', name: 'CT 1', modalities: ['CT'], room: 'CT room 1', backup: 'CT02' },
    { aeTitle: 'CT02', name: 'CT 2', modalities: ['CT'], room: 'CT room 2', backup: 'CT01' },
    { aeTitle: 'CT03', name: 'CT 3', modalities: ['CT'], room: 'CT room 3' },
    { aeTitle: 'DX01', name: 'X-ray 1', modalities: ['DX'], room: 'X-ray room 1' },
  ],
  worklistViews: [
    { aeTitle: 'CTCONSOLE', name: 'CT control room', stations: ['CT01'], rooms: ['CT room 2'] },
    { aeTitle: 'RISVIEW', name: 'RIS viewer', modalities: ['CT'] },
  ],
};
let service: ASchedulingService;
beforeAll(async () => {
  service = await ASchedulingService.start(site);
  for (const aeTitle of ['CT01', 'CT02', 'CT03']) await book(aeTitle, `AT${aeTitle}`, 'CTHEAD');
  await book('DX01', 'ATDX01', 'XRCHEST2');
}, 60_000);
afterAll(() => service?.stop());

async function book(aeTitle: string, name: string, code: string) {
  const patient = aPatient({ mrn: name });
  const steps = [
    { url: 'stepId', valueString: name },
    { url: 'stationAeTitle', valueString: aeTitle },
  ];
  const order = aServiceRequest({
    procedure: { code, display: code },
    occurrenceDateTime: new Date(Date.now() + 36 * 3_600_000).toISOString(),
    extension: [{ url: extensions.scheduledProcedureStep, extension: steps }],
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
  });
  await service.tell('imaging.order.placed.v1', order, patient);
  await service.listed(name);
}
async function set(room: string, code: Parameters<typeof operationalStatus>[0]) {
  const current = await service.get<Location>(`/fhir/Location/${locationIdOf(room)}`);
  const headers = { 'if-match': `W/"${current.meta!.versionId}"` };
  const { status } = await service.send(
    'PUT',
    `Location/${current.id}`,
    { ...current, operationalStatus: operationalStatus(code) },
    headers,
  );
  expect(status).toBe(200);
}
const stepOf = (item: Dataset) => item.items('ScheduledProcedureStepSequence')[0]!;
const namesOf = (items: Dataset[]) => items.map((item) => item.text('AccessionNumber')).sort();
const own = (aeTitle: string) => service.find({}, { ScheduledStationAETitle: aeTitle }, aeTitle);
const byHttp = async (aeTitle: string) => {
  const { items } = await service.get<{ items: { attributes: { AccessionNumber: string } }[] }>(
    `/worklist?aeTitle=${aeTitle}`,
  );
  return items.map(({ attributes }) => attributes.AccessionNumber).sort();
};

describe('An AE title that sees the worklist of several stations', () => {
  it('finds them under its own AE title, each with the station it is scheduled at', async () => {
    const items = await own('CTCONSOLE');
    expect(namesOf(items)).toEqual(['ATCT01', 'ATCT02']);
    expect(items.map((item) => stepOf(item).texts('ScheduledStationAETitle')).sort()).toEqual([
      ['CT01', 'CTCONSOLE'],
      ['CT02', 'CTCONSOLE'],
    ]);
    expect(await byHttp('CTCONSOLE')).toEqual(['ATCT01', 'ATCT02']);
  });

  it('sees no more, whatever it asks for', async () => {
    expect(namesOf(await service.find({}, {}, 'CTCONSOLE'))).toEqual(['ATCT01', 'ATCT02']);
    expect(namesOf(await service.find({}, { ScheduledStationAETitle: 'CT0*' }, 'CTCONSOLE'))).toEqual([
      'ATCT01',
      'ATCT02',
    ]);
    expect(await service.find({}, { ScheduledStationAETitle: 'DX01' }, 'CTCONSOLE')).toEqual([]);
    expect(await service.find({ AccessionNumber: 'ATCT03' }, {}, 'CTCONSOLE')).toEqual([]);
  });

  it('may see all stations, of some modalities', async () => {
    expect(namesOf(await service.find({}, {}, 'RISVIEW'))).toEqual(['ATCT01', 'ATCT02', 'ATCT03']);
    expect(namesOf(await own('RISVIEW'))).toEqual(['ATCT01', 'ATCT02', 'ATCT03']);
  });

  it('changes nothing for stations', async () => {
    const items = await own('CT03');
    expect(items.map((item) => stepOf(item).texts('ScheduledStationAETitle'))).toEqual([['CT03']]);
  });
});

describe('A station that stands in for another', () => {
  it('has its steps while it is closed, as its own, and gives them back', async () => {
    await set('CT room 1', 'C');
    try {
      expect(await own('CT01')).toEqual([]);
      const items = await own('CT02');
      expect(namesOf(items)).toEqual(['ATCT01', 'ATCT02']);
      const taken = stepOf(items.find((item) => item.text('AccessionNumber') === 'ATCT01')!);
      expect(taken.texts('ScheduledStationAETitle')).toEqual(['CT02']);
      expect(await byHttp('CT02')).toEqual(['ATCT01', 'ATCT02']);
      expect(await byHttp('CT01')).toEqual([]);
      expect(namesOf(await own('CTCONSOLE'))).toEqual(['ATCT01', 'ATCT02']);
      // Both closed: nobody stands in, though each is the other's.
      await set('CT room 2', 'C');
      expect(namesOf(await service.find())).toEqual(['ATCT03', 'ATDX01']);
    } finally {
      await set('CT room 1', 'U');
      await set('CT room 2', 'U');
    }
    expect(namesOf(await own('CT01'))).toEqual(['ATCT01']);
    expect(await byHttp('CT02')).toEqual(['ATCT02']);
  });

  it('takes what is ordered at a closed station before others do', async () => {
    await set('CT room 1', 'C');
    try {
      const patient = aPatient({ mrn: 'INSTEAD' });
      const steps = [{ url: 'stationAeTitle', valueString: 'CT01' }];
      const order = aServiceRequest({
        extension: [{ url: extensions.scheduledProcedureStep, extension: steps }],
        placerOrderNumber: 'INSTEAD',
        accessionNumber: 'INSTEAD',
        patient,
      });
      await service.tell('imaging.order.placed.v1', order, patient);
      await until(async () => (await byHttp('CT02')).includes('INSTEAD'), { what: 'the step at its backup' });
    } finally {
      await set('CT room 1', 'U');
    }
    expect(await byHttp('CT02')).toContain('INSTEAD');
  });
});
