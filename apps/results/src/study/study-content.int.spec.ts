import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DetectedIssue, FhirResource, ImagingStudy } from 'fhir/r4.js';
import { ScuAssociation, sopClasses, type DatasetInput } from '#dicom';
import type { EventType } from '#events';
import { dicomUidIdentifier, studyInstanceUidOf, uuidFrom } from '#fhir';
import { aMerge, anOrmMessage, aPatient, aServiceRequest, until } from '#testing';
import { SandboxEmr } from '../../../../test/sandbox/emr.js';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';

let emr: SandboxEmr;
let pacs: APacs;
let service: AResultsService;
beforeAll(async () => {
  [emr, pacs] = await Promise.all([new SandboxEmr().start(), new APacs().start()]);
  service = await AResultsService.start({
    senders: [{ application: 'PACS-HL7', facility: 'SGH', sends: ['images'] }],
    pacs: {
      name: 'pacs',
      aeTitles: ['PACS'],
      qidoUrl: pacs.qidoUrl,
      orthanc: { url: pacs.orthancUrl, everySeconds: 0.2 },
      priors: true,
      viewerUrl: 'http://viewer/?study={studyInstanceUid}',
      lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 2, withoutExamAfterSeconds: 0 },
    },
    destinations: [{ name: 'emr', kind: 'fhir', url: emr.fhirUrl, timeoutSeconds: 2 }],
  });
  // From now on it is new.
  await until(async () => (await service.sql('SELECT FROM pacs_changes')).length > 0, {
    what: 'the changes to be followed',
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([emr.stop(), pacs.stop()]);
});

let cases = 0;
/** A patient whose exam made these images, numbered within the study. */
function aCase(...images: number[]) {
  const mrn = `ZZCANARY-C${++cases}`;
  const patient = aPatient({ mrn });
  const order = aServiceRequest({ placerOrderNumber: mrn, accessionNumber: `C${cases}`, patient });
  const uid = studyInstanceUidOf(order)!;
  const named = (numbers: number[]) => numbers.map((n) => `${uid}.1.${n}`);
  const study = (numbers = images, of = order, whose = patient) => anExpectedStudy(uid, whose, [of], named(numbers));
  const told = async (type: EventType) => (await service.published(type, patient.id)).map(([one]) => one!);
  return {
    uid,
    mrn,
    patient,
    order,
    study,
    inPacs: (...numbers: number[]) => {
      pacs.studies.set(uid, named(numbers));
      pacs.listed.set(uid, { patientId: mrn, accessionNumber: `C${cases}` });
    },
    changed: () => pacs.changed(uid),
    place: () => service.tell('imaging.order.placed.v1', order, patient),
    complete: (made = images, mpps = 1) =>
      service.tell(
        'imaging.schedule.exam-completed.v1',
        anExam(`${uid}.9.${mpps}`, 'completed', patient, [order]),
        patient,
        order,
        study(made),
      ),
    stored: async () => await service.get<ImagingStudy>(`/fhir/ImagingStudy/${uuidFrom('ImagingStudy', uid)}`),
    available: async (count: number) => {
      const all = () => told('imaging.result.study-available.v1') as Promise<ImagingStudy[]>;
      await until(async () => (await all()).length >= count, { within: 20_000, what: `${count} times available` });
      return all();
    },
    alerts: async (type: 'raised' | 'resolved') =>
      ((await told(`imaging.result.alert-${type}.v1`)) as DetectedIssue[]).map(({ code }) => code!.coding![0]!.code),
    told,
  };
}
const eventually = (condition: () => Promise<boolean>, what: string) => until(condition, { within: 20_000, what });
const atEmr = (uid: string) =>
  emr.store.all('ImagingStudy').filter(({ identifier }) => identifier![0]!.value === `urn:oid:${uid}`);
const openAlerts = async (uid: string) => {
  const { alerts } = await service.get<{ alerts: { kind: string; studyInstanceUid: string }[] }>('/study-alerts');
  return alerts.filter((one) => one.studyInstanceUid === uid).map(({ kind }) => kind);
};

describe('A study', () => {
  it('is updated as its images arrive, and is told when all are there', async () => {
    const one = aCase(1, 2);
    one.inPacs(1);
    await one.complete();
    await eventually(async () => (await one.stored()).modality !== undefined, 'the first image in the ImagingStudy');
    expect(await one.stored()).toMatchObject({ status: 'registered', numberOfInstances: 2 });
    one.inPacs(1, 2);
    const [told] = await one.available(1);
    expect(told).toMatchObject({ status: 'available', endpoint: [{ reference: '#viewer' }] });
  });

  it('that grows after it was found is told again, each content once', async () => {
    const one = aCase(1);
    one.inPacs(1);
    await one.complete();
    await one.available(1);
    one.inPacs(1, 2);
    for (let n = 0; n < 3; n++) one.changed();
    const told = await one.available(2);
    expect(told.map(({ numberOfInstances }) => numberOfInstances)).toEqual([1, 2]);
    await eventually(async () => atEmr(one.uid)[0]?.numberOfInstances === 2, 'the grown study at the EMR');
    // Looked at again, with nothing new, it is not told again.
    const asked = pacs.asked.get(one.uid)!;
    one.changed();
    await eventually(async () => pacs.asked.get(one.uid)! > asked, 'another look');
    await service.handled(one.patient);
    expect(await one.available(2)).toHaveLength(2);
  }, 60_000);

  it('of which the PACS suddenly has nothing stays as it is, and somebody is told', async () => {
    const one = aCase(1);
    one.inPacs(1);
    await one.complete();
    await one.available(1);
    pacs.studies.delete(one.uid);
    one.changed();
    await eventually(async () => (await openAlerts(one.uid)).length > 0, 'an alert');
    expect(await openAlerts(one.uid)).toEqual(['completed-without-images']);
    expect(await one.stored()).toMatchObject({ status: 'available', numberOfInstances: 1 });
    one.inPacs(1);
    one.changed();
    await eventually(async () => (await openAlerts(one.uid)).length === 0, 'the alert to be taken back');
    expect(await one.available(1)).toHaveLength(1);
  }, 60_000);
});

describe('An alert', () => {
  it('is raised once for an exam without images, then for fewer, and is taken back when all are there', async () => {
    const one = aCase(1, 2);
    await one.complete();
    await eventually(async () => (await one.alerts('raised')).length > 0, 'the first alert');
    one.inPacs(1);
    one.changed();
    await eventually(async () => (await one.alerts('raised')).length > 1, 'the second alert');
    expect(await openAlerts(one.uid)).toEqual(['fewer-images-than-performed']);
    one.inPacs(1, 2);
    one.changed();
    await one.available(1);
    expect(await one.alerts('raised')).toEqual(['completed-without-images', 'fewer-images-than-performed']);
    expect(await one.alerts('resolved')).toEqual(['completed-without-images', 'fewer-images-than-performed']);
    expect(await openAlerts(one.uid)).toEqual([]);
  }, 60_000);

  it('is raised for images of an order that no modality reported; they are its study all the same, until the MPPS comes', async () => {
    const one = aCase(1);
    await one.place();
    await service.handled(one.patient);
    one.inPacs(1);
    one.changed();
    const [told] = await one.available(1);
    expect(told).toMatchObject({ numberOfInstances: 1, basedOn: [{ reference: `ServiceRequest/${one.order.id}` }] });
    expect(await openAlerts(one.uid)).toEqual(['order-without-mpps']);
    await eventually(async () => atEmr(one.uid).length === 1, 'the study at the EMR');
    await one.complete();
    await eventually(async () => (await openAlerts(one.uid)).length === 0, 'the alert to be taken back');
    expect(await one.alerts('resolved')).toEqual(['order-without-mpps']);
  }, 60_000);

  it('is raised for images of no order, and taken back when the order comes', async () => {
    const one = aCase(1);
    one.inPacs(1);
    one.changed();
    await eventually(async () => (await openAlerts(one.uid)).length > 0, 'an alert');
    expect(await openAlerts(one.uid)).toEqual(['images-without-order']);
    await one.place();
    await service.handled(one.patient);
    await service.sql('UPDATE study_watch SET next_look_at = now() WHERE study_instance_uid = $1', [one.uid]);
    await one.available(1);
    expect(await openAlerts(one.uid)).toEqual(['order-without-mpps']);
  }, 60_000);

  it('is raised for an exam without an order, until the exam is linked to one', async () => {
    const one = aCase(1);
    one.inPacs(1);
    const unordered = { ...one.study(), basedOn: undefined };
    await service.tell(
      'imaging.schedule.exam-completed.v1',
      anExam(`${one.uid}.9.1`, 'completed', one.patient, []),
      one.patient,
      unordered,
    );
    await eventually(async () => (await openAlerts(one.uid)).length > 0, 'an alert');
    expect(await openAlerts(one.uid)).toEqual(['images-without-order']);
    await one.complete();
    await eventually(async () => (await openAlerts(one.uid)).length === 0, 'the alert to be taken back');
    await eventually(async () => atEmr(one.uid).length === 1, 'the study at the EMR');
  }, 60_000);

  it('is raised for images under another patient’s number, which become nobody’s study', async () => {
    const one = aCase(1);
    await one.place();
    await service.handled(one.patient);
    one.inPacs(1);
    pacs.listed.set(one.uid, { patientId: 'SOMEBODY', accessionNumber: 'X' });
    one.changed();
    await eventually(async () => (await openAlerts(one.uid)).length > 0, 'an alert');
    expect(await openAlerts(one.uid)).toEqual(['images-without-order']);
    expect(await one.told('imaging.result.study-available.v1')).toEqual([]);
  }, 60_000);

  it('about images that no modality reported is raised without changes too, once the exam should be over', async () => {
    const one = aCase(1);
    const appointment = {
      resourceType: 'Appointment',
      id: uuidFrom('Appointment', one.uid),
      status: 'booked',
      participant: [],
      end: '2026-03-02T09:00:00Z',
    } as FhirResource;
    one.inPacs(1);
    await one.place();
    await service.tell('imaging.schedule.booked.v1', appointment, one.order, one.patient);
    await one.available(1);
    expect(await openAlerts(one.uid)).toEqual(['order-without-mpps']);
  }, 60_000);
});

describe('Rejected images', () => {
  it('are hidden by a rejection note found in the PACS, and the EMR is told', async () => {
    const one = aCase(1, 2);
    one.inPacs(1, 2);
    await one.complete();
    await one.available(1);
    pacs.reject(one.uid, '113001', [`${one.uid}.1.2`]);
    one.changed();
    const told = await one.available(2);
    expect(told[1]).toMatchObject({ numberOfInstances: 1, note: [{ text: expect.stringContaining('113001') }] });
    await eventually(async () => atEmr(one.uid)[0]?.numberOfInstances === 1, 'the EMR to see one image');
    expect(await openAlerts(one.uid)).toEqual([]);
  }, 60_000);

  it('that are all there is take the study back, as entered in error for the wrong worklist entry', async () => {
    const one = aCase(1);
    one.inPacs(1);
    await one.complete();
    await one.available(1);
    pacs.reject(one.uid, '113038', [`${one.uid}.1.1`]);
    one.changed();
    await eventually(
      async () => (await one.told('imaging.result.study-withdrawn.v1')).length > 0,
      'the study withdrawn',
    );
    await eventually(async () => atEmr(one.uid)[0]?.status === 'entered-in-error', 'the EMR to know');
    expect(await one.told('imaging.result.study-withdrawn.v1')).toHaveLength(1);
  }, 60_000);

  it('are no others: a key object of another kind rejects nothing, and is read once', async () => {
    const one = aCase(1);
    one.inPacs(1);
    const document = pacs.reject(one.uid, '113000', [`${one.uid}.1.1`]);
    await one.complete();
    const [told] = await one.available(1);
    expect(told).toMatchObject({ numberOfInstances: 2 });
    one.changed();
    await eventually(async () => pacs.asked.get(one.uid)! > 1, 'another look');
    expect(pacs.read.get(document)).toBe(1);
  }, 60_000);

  it('made under the wrong worklist entry (MPPS 110514) leave that order and are the right one’s', async () => {
    const [wrong, right] = [aCase(1), aCase(1)];
    await wrong.place();
    await service.handled(wrong.patient);
    wrong.inPacs(1);
    wrong.changed();
    await wrong.available(1);
    await eventually(async () => atEmr(wrong.uid).length === 1, 'the study at the EMR');
    const exam = anExam(`${wrong.uid}.9.1`, 'stopped', wrong.patient, [wrong.order]);
    const statusReason = { coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110514' }] };
    await service.tell(
      'imaging.schedule.exam-discontinued.v1',
      { ...exam, statusReason },
      wrong.patient,
      wrong.order,
      wrong.study(),
    );
    await eventually(
      async () => atEmr(wrong.uid)[0]?.status === 'entered-in-error',
      'the wrong study in error at the EMR',
    );
    // The technologist takes the right entry, and the same images are that exam's.
    const moved = { ...wrong.study([1], right.order, right.patient), identifier: [dicomUidIdentifier(wrong.uid)] };
    await service.tell(
      'imaging.schedule.exam-completed.v1',
      anExam(`${right.uid}.9.1`, 'completed', right.patient, [right.order]),
      right.patient,
      right.order,
      moved,
    );
    const [told] = await right.available(1);
    expect(told).toMatchObject({
      subject: { reference: `Patient/${right.patient.id}` },
      basedOn: [{ reference: `ServiceRequest/${right.order.id}` }],
      numberOfInstances: 1,
    });
  }, 60_000);
});

describe('The status of an order', () => {
  it('by ORM^O01 of a PACS or RIS has the study looked at; of a number that is nobody’s it changes nothing', async () => {
    const one = aCase(1);
    await one.complete([1, 2]);
    await eventually(async () => (await openAlerts(one.uid)).length > 0, 'the study to be given up');
    const status = { application: 'PACS-HL7', facility: 'SGH', mrn: one.mrn, control: 'SC', orderStatus: 'CM' };
    one.inPacs(1, 2);
    expect((await service.take(anOrmMessage({ ...status, placerOrderNumber: 'NOBODYS' })))[1]).toContain('|AA|');
    expect(await service.lookup('missing', one.uid)).toBeDefined();
    expect((await service.take(anOrmMessage({ ...status, placerOrderNumber: one.mrn })))[1]).toContain('|AA|');
    const [told] = await one.available(1);
    expect(told).toMatchObject({ numberOfInstances: 2 });
    const order = anOrmMessage({ ...status, control: 'NW', placerOrderNumber: 'NEW1' });
    expect((await service.take(order))[1]).toContain('|AE|');
  }, 60_000);
});

describe('Prior studies', () => {
  it('are those of the patient, under merged records and in the PACS too', async () => {
    const [old, now] = [aCase(1), aCase(1)];
    for (const one of [old, now]) {
      one.inPacs(1);
      await one.complete();
      await one.available(1);
    }
    const prior = `${now.uid}.77`;
    pacs.listed.set(prior, { patientId: old.mrn, accessionNumber: '' });
    await service.tell('imaging.patient.merged.v1', ...aMerge(old.patient, now.patient));
    const priors = () =>
      service.get<{ priors: { studyInstanceUid: string; onlyInPacs: boolean }[]; pacs: string }>(
        `/studies/${now.uid}/priors`,
      );
    await eventually(async () => (await priors()).priors.length === 2, 'the prior studies of both records');
    expect(await priors()).toMatchObject({
      pacs: 'answered',
      priors: expect.arrayContaining([
        expect.objectContaining({ studyInstanceUid: old.uid, onlyInPacs: false }),
        expect.objectContaining({ studyInstanceUid: prior, onlyInPacs: true }),
      ]),
    });
    expect((await fetch(`${service.url}/studies/1.2.3.4/priors`)).status).toBe(404);
  }, 60_000);

  it('leave no patient data in the log', () => expect(service.log.join('')).not.toContain('ZZCANARY'));
});

describe('A rejection note stored here by C-STORE', () => {
  const noteOf = (uid: string, title: string): DatasetInput => ({
    SOPClassUID: sopClasses.keyObjectSelection,
    SOPInstanceUID: `${uid}.8.1`,
    StudyInstanceUID: uid,
    ConceptNameCodeSequence: [{ CodeValue: title, CodingSchemeDesignator: 'DCM' }],
    ContentSequence: [{ ReferencedSOPSequence: [{ ReferencedSOPInstanceUID: `${uid}.1.2` }] }],
  });
  const store = async (caller: string, note: DatasetInput) => {
    const to = {
      host: '127.0.0.1',
      port: service.infrastructure.dicom!.port,
      callingAeTitle: caller,
      calledAeTitle: 'COLLIMATOR',
    };
    const association = await ScuAssociation.open(to, [sopClasses.keyObjectSelection]);
    const { status } = await association.store(sopClasses.keyObjectSelection, String(note.SOPInstanceUID), note);
    await association.release();
    return status;
  };

  it('hides what it rejects, also where it came before the study was known', async () => {
    const one = aCase(1, 2);
    one.inPacs(1, 2);
    expect(await store('PACS', noteOf(one.uid, '113037'))).toBe(0);
    expect(await store('PACS', noteOf(one.uid, '113037'))).toBe(0);
    await one.complete();
    const [told] = await one.available(1);
    expect(told).toMatchObject({ numberOfInstances: 1, series: [{ instance: [{ uid: `${one.uid}.1.1` }] }] });
    expect(await one.available(1)).toHaveLength(1);
  }, 60_000);

  it('is acted upon at once where the study was found, and is taken of nobody unknown', async () => {
    const one = aCase(1, 2);
    one.inPacs(1, 2);
    await one.complete();
    await one.available(1);
    await expect(store('STRANGER', noteOf(one.uid, '113001'))).rejects.toMatchObject({ code: 'peer-denied' });
    expect(await store('PACS', noteOf(one.uid, '113000'))).toBe(0);
    expect(await store('CT01', noteOf(one.uid, '113001'))).toBe(0);
    const told = await one.available(2);
    expect(told.map(({ numberOfInstances }) => numberOfInstances)).toEqual([2, 1]);
  }, 60_000);
});
