import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { ImagingStudy } from 'fhir/r4.js';
import { studyInstanceUidOf } from '#fhir';
import { aPatient, aServiceRequest, freePort, peerSuite, until } from '#testing';
import { AResultsService, anExam, anExpectedStudy } from '../../apps/results/src/a-results-service.spec.js';
import { startDcmqrscp, type Dcmqrscp } from './dcmqrscp.js';
import { dcmtk, storescu } from './dcmtk.js';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';
import { writeImage, writeRejectionNote, type Whose } from './stored-objects.js';

const folder = mkdtempSync(join(tmpdir(), 'collimator-followed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const eventually = <T>(condition: () => Promise<T | false | undefined>, what: string) =>
  until(condition, { within: 30_000, what });

/** A patient with an order and its exam, whose images are in series 1 of its study. */
function aCase(mrn: string) {
  const patient = aPatient({ mrn });
  const order = aServiceRequest({ placerOrderNumber: mrn, accessionNumber: mrn, patient });
  const uid = studyInstanceUidOf(order)!;
  const whose: Whose = { patientId: mrn, accessionNumber: mrn, studyInstanceUid: uid };
  return {
    uid,
    patient,
    order,
    whose,
    image: (n: number) => writeImage(folder, whose, 1, `${uid}.1.${n}`),
    complete: (service: AResultsService, ...images: number[]) =>
      service.tell(
        'imaging.schedule.exam-completed.v1',
        anExam(`${uid}.9`, 'completed', patient, [order]),
        patient,
        order,
        anExpectedStudy(
          uid,
          patient,
          [order],
          images.map((n) => `${uid}.1.${n}`),
        ),
      ),
    told: async (service: AResultsService, what: 'available' | 'withdrawn') =>
      (await service.published(`imaging.result.study-${what}.v1`, patient.id)).map(([one]) => one as ImagingStudy),
  };
}

peerSuite('Orthanc, followed by its changes', [orthancPeer, dcmtk('storescu')], () => {
  let orthanc: Orthanc;
  let service: AResultsService;
  beforeAll(async () => {
    orthanc = await startOrthanc();
    // What was there before is nothing new.
    await storescu(orthanc, [aCase('BEFORE').image(1)]);
    await eventually(() => hasChange('StableStudy'), 'the study of before to be stable');
    service = await AResultsService.start({
      pacs: {
        name: 'orthanc',
        qidoUrl: orthanc.dicomWebUrl,
        orthanc: { url: orthanc.url, everySeconds: 0.2 },
        // So long that only news of the PACS can be why a study is looked at.
        lookup: { firstAfterSeconds: 0, everySeconds: 3600, giveUpAfterSeconds: 7200, withoutExamAfterSeconds: 0 },
      },
    });
    await eventually(
      async () => (await service.sql('SELECT FROM pacs_changes')).length > 0,
      'the changes to be followed',
    );
  }, 120_000);
  afterAll(async () => {
    await service?.stop();
    await orthanc?.stop();
  });
  const hasChange = async (kind: string) => {
    const { Changes } = (await (await fetch(`${orthanc.url}/changes`)).json()) as { Changes: { ChangeType: string }[] };
    return Changes.some(({ ChangeType }) => ChangeType === kind);
  };
  const alerts = async (uid: string) => {
    const { alerts: all } = await service.get<{ alerts: { kind: string; studyInstanceUid: string }[] }>(
      '/study-alerts',
    );
    return all.filter(({ studyInstanceUid }) => studyInstanceUid === uid).map(({ kind }) => kind);
  };

  it('has a study found as its images arrive, grown ones told again, rejected ones hidden', async () => {
    const one = aCase('ORTHANC1');
    await one.complete(service, 1, 2);
    await eventually(async () => (await service.lookup('searching', one.uid))?.attempts === 1, 'the first look');
    await storescu(orthanc, [one.image(1), one.image(2)]);
    const [found] = await eventually(async () => {
      const told = await one.told(service, 'available');
      return told.length > 0 && told;
    }, 'the study');
    expect(found).toMatchObject({
      status: 'available',
      numberOfInstances: 2,
      modality: [{ code: 'CT' }],
      series: [{ bodySite: { code: '51185008' }, number: 1, started: expect.stringMatching(/^2026-03-02T09:31:00/) }],
    });
    await storescu(orthanc, [one.image(3)]);
    await eventually(
      async () => (await one.told(service, 'available')).at(-1)?.numberOfInstances === 3,
      'the grown study',
    );
    await storescu(orthanc, [writeRejectionNote(folder, one.whose, '113001', 1, [`${one.uid}.1.2`])]);
    await eventually(
      async () => (await one.told(service, 'available')).at(-1)?.numberOfInstances === 2,
      'the rejection',
    );
    const last = (await one.told(service, 'available')).at(-1)!;
    expect(last.series!.map(({ instance }) => instance!.map(({ uid }) => uid))).toEqual([
      [`${one.uid}.1.1`, `${one.uid}.1.3`],
    ]);
  }, 120_000);

  it('has a study withdrawn of which all is rejected for the wrong worklist entry', async () => {
    const one = aCase('ORTHANC2');
    await one.complete(service, 1);
    await storescu(orthanc, [one.image(1)]);
    await eventually(async () => (await one.told(service, 'available')).length > 0, 'the study');
    await storescu(orthanc, [writeRejectionNote(folder, one.whose, '113038', 1, [`${one.uid}.1.1`])]);
    const told = await eventually(async () => {
      const withdrawn = await one.told(service, 'withdrawn');
      return withdrawn.length > 0 && withdrawn;
    }, 'the withdrawal');
    expect(told).toMatchObject([{ status: 'entered-in-error', numberOfInstances: 0 }]);
  }, 120_000);

  it('shows images of no order, and of an order no modality reported; a restart misses nothing', async () => {
    const [nobody, unreported] = [aCase('ORTHANC3'), aCase('ORTHANC4')];
    await service.tell('imaging.order.placed.v1', unreported.order, unreported.patient);
    await service.handled(unreported.patient);
    await storescu(orthanc, [nobody.image(1)]);
    await eventually(async () => (await alerts(nobody.uid)).includes('images-without-order'), 'the alert');
    await service.app.close();
    await storescu(orthanc, [unreported.image(1)]);
    await service.restart();
    await eventually(async () => (await one(unreported)).length > 0, 'the study that came meanwhile');
    expect(await alerts(unreported.uid)).toEqual(['order-without-mpps']);
    expect(await alerts(aCase('BEFORE').uid)).toEqual([]);
  }, 120_000);
  const one = (of: ReturnType<typeof aCase>) => of.told(service, 'available');
});

peerSuite("DCMTK's dcmqrscp as a PACS without DICOMweb", [dcmtk('dcmqrscp'), dcmtk('storescu')], () => {
  let pacs: Dcmqrscp;
  let service: AResultsService;
  beforeAll(async () => {
    [pacs] = await Promise.all([startDcmqrscp(), freePort()]);
    service = await AResultsService.start({
      pacs: {
        name: 'dcmqrscp',
        find: { host: '127.0.0.1', port: pacs.dicomPort, aeTitle: pacs.aeTitle },
        priors: true,
        lookup: { firstAfterSeconds: 0, everySeconds: 0.3, giveUpAfterSeconds: 60 },
      },
    });
  }, 120_000);
  afterAll(async () => {
    await service?.stop();
    await pacs?.stop();
  });

  it('has a study found by C-FIND when all of it is there, and says what else it has of the patient', async () => {
    const one = aCase('QRSCP1');
    await storescu(pacs, [one.image(1)]);
    await one.complete(service, 1, 2);
    await eventually(async () => ((await service.lookup('searching', one.uid))?.attempts ?? 0) > 1, 'two looks');
    expect(await one.told(service, 'available')).toEqual([]);
    const prior = { ...one.whose, studyInstanceUid: '2.25.815', accessionNumber: 'OLD' };
    await storescu(pacs, [one.image(2), writeImage(folder, prior, 1, '2.25.815.1.1', { StudyDate: '20200101' })]);
    await eventually(async () => (await one.told(service, 'available')).length > 0, 'the study');
    expect(await one.told(service, 'available')).toMatchObject([{ numberOfInstances: 2, modality: [{ code: 'CT' }] }]);
    expect(await service.get(`/studies/${one.uid}/priors`)).toMatchObject({
      pacs: 'answered',
      priors: [{ studyInstanceUid: '2.25.815', onlyInPacs: true }],
    });
  }, 120_000);
});
