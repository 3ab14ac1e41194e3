import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Observation, Patient } from 'fhir/r4.js';
import { sopClasses, type DatasetInput } from '#dicom';
import { systems } from '#fhir';
import { aMerge, aPatient, aServiceRequest, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { fieldOf } from '../../../../test/sandbox/hl7.js';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';
import { aDoseReport, acquisition, ctTotals } from './a-dose-report.spec.js';

const [whole, single, ris] = Array.from({ length: 3 }, () => new SandboxEmr()) as [SandboxEmr, SandboxEmr, SandboxEmr];
const pacs = new APacs();
let service: AResultsService;
beforeAll(async () => {
  await Promise.all([pacs.start(), ...[whole, single, ris].map((emr) => emr.start())]);
  service = await AResultsService.start({
    pacs: {
      name: 'pacs',
      qidoUrl: pacs.qidoUrl,
      aeTitles: ['PACS'],
      lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 60 },
    },
    doseReferenceLevels: [{ procedure: 'CTHEAD', measure: 'dlp', level: 850, unit: 'mGy.cm', source: 'test 2026' }],
    destinations: [
      { name: 'whole', kind: 'fhir', url: whole.fhirUrl },
      { name: 'single', kind: 'fhir', url: single.fhirUrl, by: 'updates', gets: ['results', 'dose'] },
      {
        name: 'ris',
        kind: 'mllp',
        host: '127.0.0.1',
        port: ris.mllpPort,
        application: 'RIS',
        facility: 'SGH',
        gets: ['dose'],
      },
    ],
  });
}, 90_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([pacs.stop(), ...[whole, single, ris].map((emr) => emr.stop())]);
});

/** A CT of a patient, known by one word, whose images the PACS does not have yet. */
function aCase(name: string) {
  const uid = `1.2.840.78.${[...name].map((letter) => letter.charCodeAt(0)).join('.')}`;
  const patient = aPatient({ mrn: name, name: [{ family: 'ZZCANARY' }] });
  const order = aServiceRequest({ placerOrderNumber: name, accessionNumber: name, patient });
  const images = [`${uid}.1.1`];
  const exam = (by: { patient: Patient; order: typeof order }, number: string) =>
    service.tell(
      'imaging.schedule.exam-completed.v1',
      anExam(`${uid}.${number}`, 'completed', by.patient, [by.order]),
      by.patient,
      by.order,
      anExpectedStudy(uid, by.patient, [by.order], images),
    );
  return {
    name,
    uid,
    patient,
    order,
    complete: () => exam({ patient, order }, '9'),
    /** Its images were another's all along. */
    completeAs: (other: { patient: Patient; order: typeof order }) => exam(other, '8'),
    toPacs: () => pacs.studies.set(uid, images),
    /** @param of a study of somebody else, where it is */
    report: (dlp: number, of = uid): DatasetInput =>
      aDoseReport([ctTotals(1, dlp), acquisition(`${uid}.3.1`, 'Head', 50, dlp)], {
        SOPInstanceUID: `${uid}.7`,
        StudyInstanceUID: of,
        PatientID: name,
      }),
    rejectAsWrong: (): DatasetInput => ({
      SOPClassUID: sopClasses.keyObjectSelection,
      SOPInstanceUID: `${uid}.6`,
      StudyInstanceUID: uid,
      ConceptNameCodeSequence: [{ CodeValue: '113038', CodingSchemeDesignator: 'DCM' }],
      ContentSequence: [{ ReferencedSOPSequence: images.map((one) => ({ ReferencedSOPInstanceUID: one })) }],
    }),
  };
}
type Case = ReturnType<typeof aCase>;

/** The doses that an EMR holds of a patient, by DLP and status. */
const heldBy = (emr: SandboxEmr, { name }: { name: string }) => {
  const theirs = emr.store.all('Patient').find(({ identifier }) => identifier!.some(({ value }) => value === name));
  return emr.store
    .all('Observation')
    .filter(({ subject }) => subject!.reference === `Patient/${theirs?.id}`)
    .map((one) => `${dlpOf(one)} ${one.status}`);
};
const dlpOf = ({ component }: Observation) =>
  component!.find(({ code }) => code.coding![0]!.code === '113813')!.valueQuantity!.value;
/** What the RIS was told of the DLP of an order: value, flag and OBX-11 of each message. */
const toldOf = ({ name }: { name: string }) =>
  ris.messages
    .filter((message) => fieldOf(message, 'OBR', 2).startsWith(`${name}^`))
    .map((message) => {
      const obx = message
        .split('\r')
        .find((segment) => segment.includes('|113813^'))!
        .split('|');
      return [obx[5], obx[8], obx[11]].filter(Boolean).join(' ');
    });
/** Waits until everybody has been told so of a patient. */
async function known(one: { name: string }, atFhir: string[], byHl7: string[]): Promise<void> {
  const state = () => JSON.stringify([heldBy(whole, one), heldBy(single, one), toldOf(one)]);
  const wanted = JSON.stringify([atFhir, atFhir, byHl7]);
  try {
    await until(() => state() === wanted, { within: 25_000, what: 'everybody to know the dose' });
  } catch {
    expect(state()).toBe(wanted);
  }
}

describe('Who gets doses', () => {
  it('is told of one before and after its study, flagged, corrected, and each only once', async () => {
    const one = aCase('COURSE');
    await one.complete();
    await service.handled(one.patient);
    expect([await service.store(one.report(900)), await service.store(one.report(900))]).toEqual([0, 0]);
    await known(one, ['900 final'], ['900 H F']);
    // The images are not there: the study is named by its UID.
    const [before] = whole.store.all('Observation').filter((dose) => dlpOf(dose) === 900);
    expect(before).toMatchObject({ partOf: [{ identifier: { value: `urn:oid:${one.uid}` } }] });
    expect(JSON.stringify(before)).not.toContain('"ImagingStudy/');

    one.toPacs();
    for (const emr of [whole, single])
      await until(
        () => {
          const study = emr.store.all('ImagingStudy')[0];
          const [dose] = emr.store.all('Observation');
          return study && dose!.focus?.[0]?.reference === `ImagingStudy/${study.id}` && dose!.basedOn?.length === 1;
        },
        { within: 20_000, what: 'the dose to refer to its study' },
      );
    await service.store(one.report(400));
    await known(one, ['400 corrected'], ['900 H F', '400 C']);
    expect(whole.store.all('Observation')[0]!.identifier).toContainEqual(
      expect.objectContaining({ system: systems.dose }),
    );
  }, 90_000);

  it('hears that it was wrong where a rejection note of the PACS says so', async () => {
    const one = aCase('NOTED');
    one.toPacs();
    await one.complete();
    await service.store(one.report(305));
    await known(one, ['305 final'], ['305 F']);
    expect(await service.store(one.rejectAsWrong(), 'PACS')).toBe(0);
    await known(one, ['305 entered-in-error'], ['305 F', '305 W']);
  }, 90_000);

  it('hears that it was wrong, and of whom it is, where the exam of another says that it made the images, under each patient in order', async () => {
    const [wrong, right] = [aCase('FIRST'), aCase('SECOND')];
    await wrong.complete();
    await service.handled(wrong.patient);
    await service.store(wrong.report(310));
    await known(wrong, ['310 final'], ['310 F']);
    await wrong.completeAs(right);
    await known(wrong, ['310 entered-in-error'], ['310 F', '310 W']);
    await known(right, ['310 final'], ['310 F']);
    const told = await service.published('imaging.result.dose-recorded.v1', wrong.patient.id);
    expect(told.map(([dose]) => (dose as Observation).status)).toEqual(['final', 'entered-in-error']);
  }, 90_000);

  it('hears that there is none where its only report turns out to be of another study', async () => {
    const [here, there] = [aCase('HERE'), aCase('THERE')];
    for (const one of [here, there]) {
      await one.complete();
      await service.handled(one.patient);
    }
    await service.store(here.report(320));
    await known(here, ['320 final'], ['320 F']);
    await service.store({ ...here.report(320, there.uid), PatientID: there.name });
    await known(here, ['320 entered-in-error'], ['320 F', '320 W']);
    await known(there, ['320 final'], ['320 F']);
  }, 90_000);

  it('is told under the same number after the patient was merged into another', async () => {
    const [prior, survivor] = [aCase('PRIOR'), aCase('SURVIVOR')];
    await prior.complete();
    await service.handled(prior.patient);
    await service.store(prior.report(330));
    await known(prior, ['330 final'], ['330 F']);
    await service.tell('imaging.patient.merged.v1', ...aMerge(prior.patient, survivor.patient));
    await service.handled(prior.patient);
    await service.store(prior.report(340));
    // The EMR moved its record itself, or did not: it is one dose.
    await known({ name: 'SURVIVOR' } as Case, ['340 corrected'], []);
    expect(heldBy(whole, prior)).toEqual([]);
    expect(toldOf(prior)).toEqual(['330 F', '340 C']);
    expect(service.log.join('')).not.toContain('ZZCANARY');
  }, 90_000);
});
