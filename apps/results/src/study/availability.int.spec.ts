import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ScuAssociation, sopClasses, type DatasetInput } from '#dicom';
import { aPatient, aServiceRequest, until } from '#testing';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';

// What is not told of is looked for after an hour: whatever happens sooner, a notification made happen.
const lookup = { firstAfterSeconds: 3000, everySeconds: 3000, giveUpAfterSeconds: 7200 };
const iod = sopClasses.instanceAvailabilityNotification;
let pacs: APacs;
let service: AResultsService;
beforeAll(async () => {
  pacs = await new APacs().start();
  service = await AResultsService.start({
    pacs: { name: 'pacs', qidoUrl: pacs.qidoUrl, aeTitles: ['PACS'], lookup },
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await pacs.stop();
});

let studies = 0;
/** A study of these images, and what may happen to it. */
function aStudy(...images: number[]) {
  const uid = `1.2.841.${++studies}`;
  const patient = aPatient({ mrn: `ZZCANARY${studies}` });
  const order = aServiceRequest({ placerOrderNumber: uid, patient });
  const uids = images.map((n) => `${uid}.1.${n}`);
  return {
    uid,
    patient,
    inPacs: () => void pacs.studies.set(uid, uids),
    complete: () =>
      service.tell(
        'imaging.schedule.exam-completed.v1',
        anExam(`${uid}.9`, 'completed', patient, [order]),
        patient,
        order,
        anExpectedStudy(uid, patient, [order], uids),
      ),
    notification: (availability: string, ...numbers: number[]): DatasetInput => ({
      ReferencedPerformedProcedureStepSequence: [],
      StudyInstanceUID: uid,
      ReferencedSeriesSequence: [
        {
          SeriesInstanceUID: `${uid}.1`,
          ReferencedSOPSequence: numbers.map((n) => ({
            ReferencedSOPClassUID: '1.9',
            ReferencedSOPInstanceUID: `${uid}.1.${n}`,
            InstanceAvailability: availability,
            RetrieveAETitle: 'PACS',
          })),
        },
      ],
    }),
    looked: (state: string) =>
      until(() => service.lookup(state, uid), { within: 10_000, what: `the study to be ${state}` }),
    told: async () => (await service.published('imaging.result.study-available.v1', patient.id)).length,
  };
}

/** Notifies as an AE. @returns the status and its comment */
async function notify(uid: string, dataset: DatasetInput, as = 'PACS'): Promise<[number, string | undefined]> {
  const { port } = service.infrastructure.dicom!;
  const to = { host: '127.0.0.1', port, callingAeTitle: as, calledAeTitle: 'COLLIMATOR' };
  const association = await ScuAssociation.open(to, [iod]);
  try {
    const { status, command } = await association.notifyAvailability(uid, dataset);
    return [status, command.text('ErrorComment')];
  } finally {
    await association.release();
  }
}

describe('A notification of the PACS', () => {
  it('has the study looked for at once', async () => {
    const one = aStudy(1, 2);
    await one.complete();
    expect((await one.looked('searching')).attempts).toBe(0);
    one.inPacs();
    expect(await notify(`${one.uid}.8`, one.notification('ONLINE', 1, 2))).toEqual([0, undefined]);
    await one.looked('found');
    expect(await one.told()).toBe(1);
    const recorded = await service.sql(
      "SELECT body->'subtype'->0->>'code' AS code FROM audit_event WHERE agent = 'PACS'",
    );
    expect(recorded).toEqual([{ code: 'RAD-49' }]);
  });

  it('that comes before the exam is known is remembered, through a restart', async () => {
    const one = aStudy(1);
    one.inPacs();
    expect(await notify(`${one.uid}.8`, one.notification('NEARLINE', 1))).toEqual([0, undefined]);
    await service.restart();
    await one.complete();
    await one.looked('found');
  }, 30_000);

  it('of what is unavailable keeps the study from being complete until it is there', async () => {
    const one = aStudy(1, 2);
    one.inPacs();
    await notify(`${one.uid}.7`, one.notification('UNAVAILABLE', 2));
    await one.complete();
    const asked = async () => (await service.lookup('searching', one.uid))?.attempts === 1;
    await until(asked, { within: 10_000, what: 'the study to be asked for' });
    expect(await one.told()).toBe(0);
    await notify(`${one.uid}.8`, one.notification('ONLINE', 2));
    await one.looked('found');
    expect(await one.told()).toBe(1);
  });

  it('is kept once: the same again is a duplicate', async () => {
    const one = aStudy(1);
    expect(await notify(`${one.uid}.8`, one.notification('ONLINE', 1))).toEqual([0, undefined]);
    expect(await notify(`${one.uid}.8`, one.notification('ONLINE', 1))).toEqual([
      0x0111,
      'a notification with this SOP Instance UID is there',
    ]);
  });

  it('with bad content is refused by name, and nothing is kept', async () => {
    const one = aStudy(1);
    expect(await notify(`${one.uid}.8`, { ...one.notification('ONLINE', 1), StudyInstanceUID: '' })).toEqual([
      0x0120,
      'missing StudyInstanceUID',
    ]);
    expect((await notify(`${one.uid}.8`, one.notification('SOMETIME', 1)))[0]).toBe(0x0106);
    expect(
      await service.sql('SELECT FROM availability_notification WHERE sop_instance_uid = $1', [`${one.uid}.8`]),
    ).toEqual([]);
  });

  it('is taken from the PACS of the site file only', async () => {
    const one = aStudy(1);
    expect((await notify(`${one.uid}.8`, one.notification('ONLINE', 1), 'CT01'))[0]).toBe(0x0124);
    await expect(notify(`${one.uid}.8`, one.notification('ONLINE', 1), 'STRANGER')).rejects.toThrow('not accepted');
    expect(await (await fetch(`${service.url}/metrics`)).text()).toMatch(
      /dimse_duration_seconds_count\{peer="PACS",operation="N-CREATE",status="0x0000"\}/,
    );
  });
});
