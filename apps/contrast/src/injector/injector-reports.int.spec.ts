import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Appointment, Bundle, MedicationAdministration, Procedure } from 'fhir/r4.js';
import { newUid, ScuAssociation, sopClasses, type DatasetInput } from '#dicom';
import { dicomUidIdentifier, studyInstanceUidOf, systems, uuidFrom } from '#fhir';
import { aPatient, aServiceRequest, until } from '#testing';
import { AContrastService } from '../a-contrast-service.spec.js';
import { anInjectorReport, code, container, contrastAgent, num } from './an-injector-report.spec.js';

const iod = sopClasses.performedImagingAgentAdministrationSr;
let service: AContrastService;
beforeAll(async () => {
  service = await AContrastService.start(undefined, {
    injectors: [{ name: 'injector1', system: 'urn:test:injector1', aeTitle: 'INJECTOR1' }],
  });
}, 60_000);
afterAll(() => service?.stop());

interface Shown {
  sopInstanceUid: string;
  state: string;
  reason: string | null;
  refusedCopies: number;
}

/** An order with contrast of a patient of its own, and a report of its injection. */
function anInjection(name: string) {
  const patient = aPatient({ mrn: `MRN-${name}` });
  const order = aServiceRequest({
    placerOrderNumber: name,
    accessionNumber: name,
    patient,
    procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' },
  });
  const uid = newUid();
  const of = {
    SOPInstanceUID: uid,
    PatientID: `MRN-${name}`,
    AccessionNumber: name,
    StudyInstanceUID: studyInstanceUidOf(order)!,
  };
  const report = (changes: DatasetInput = {}, ...content: DatasetInput[]) =>
    anInjectorReport({ ...of, ...changes }, ...content);
  const given = async () => {
    const found = await service.get<Bundle<MedicationAdministration>>(
      `/fhir/MedicationAdministration?patient=${patient.id}`,
    );
    return (found.entry ?? []).map(({ resource }) => resource!);
  };
  const place = () => service.tell('imaging.order.placed.v1', order, patient);
  return { patient, order, uid, report, given, place };
}

async function store(object: DatasetInput, as = 'INJECTOR1'): Promise<[number, string | undefined]> {
  const to = {
    host: '127.0.0.1',
    port: service.infrastructure.dicom!.port,
    callingAeTitle: as,
    calledAeTitle: 'COLLIMATOR',
  };
  const injector = await ScuAssociation.open(to, [iod]);
  try {
    const { status, command } = await injector.store(iod, object.SOPInstanceUID as string, object);
    return [status, command.text('ErrorComment')];
  } finally {
    injector.destroy();
  }
}

const kept = async (uid: string, state: string) =>
  (await service.get<{ reports: Shown[] }>(`/injector-reports?state=${state}`)).reports.find(
    (one) => one.sopInstanceUid === uid,
  );

describe('A report of an injector', () => {
  it('is recorded for the exam it names, told once, and again is the same', async () => {
    const { patient, order, uid, report, given, place } = anInjection('REPORTED');
    await place();
    await service.planOf(order);
    const object = report();
    expect(await store(object)).toEqual([0, undefined]);
    expect(await store(object)).toEqual([0, undefined]);
    expect(await kept(uid, 'recorded')).toMatchObject({ refusedCopies: 0, orderId: order.id });
    const [administration, second] = await given();
    expect(second).toBeUndefined();
    expect(administration).toMatchObject({ status: 'completed', dosage: { dose: { value: 80, code: 'mL' } } });
    expect(await service.published('imaging.contrast.administered.v1', patient.id!)).toHaveLength(1);
    await service.planOf(order, 'completed');
    // What is kept is what came.
    const [row] = (await service.sql(
      'SELECT length(object) AS bytes FROM injector_report WHERE sop_instance_uid = $1',
      [uid],
    )) as { bytes: number }[];
    expect(row!.bytes).toBeGreaterThan(500);
  });

  it('of other content under a UID that is known is refused and counted, and changes nothing', async () => {
    const { order, uid, report, given, place } = anInjection('OTHER');
    await place();
    await service.planOf(order);
    await store(report());
    const other = report({}, contrastAgent(), container('130202', num('130240', 500, 'mL')));
    expect((await store(other))[0]).toBe(0x0111);
    expect(await kept(uid, 'recorded')).toMatchObject({ refusedCopies: 1 });
    expect((await given())[0]!.dosage!.dose!.value).toBe(80);
  });

  it('that comes before its order waits for it', async () => {
    const { uid, report, given, place } = anInjection('EARLY');
    expect((await store(report()))[0]).toBe(0);
    expect(await kept(uid, 'unmatched')).toMatchObject({ state: 'waiting' });
    await place();
    await until(async () => (await given()).length === 1, { what: 'the report to find its order' });
    expect(await kept(uid, 'recorded')).toBeDefined();
  });

  it('and its order at the same moment find each other, however they race', async () => {
    const injections = Array.from({ length: 12 }, (_, n) => anInjection(`RACE${n}`));
    await Promise.all(injections.flatMap(({ place, report }) => [place(), store(report())]));
    for (const { given } of injections)
      await until(async () => (await given()).length === 1, { what: 'each to be recorded' });
  });

  it('with a number of another patient is kept, listed, and recorded only by a person', async () => {
    const right = anInjection('RIGHT');
    const wrong = anInjection('WRONG');
    await Promise.all([right.place(), wrong.place()]);
    await Promise.all([service.planOf(right.order), service.planOf(wrong.order)]);
    // The technologist took the line above on the injector: accession number and study are the other patient's.
    expect((await store(right.report({ PatientID: 'MRN-WRONG' })))[0]).toBe(0);
    expect(await kept(right.uid, 'unmatched')).toMatchObject({
      state: 'disagrees',
      reason: 'not those of its exam: patient id',
    });
    expect([await right.given(), await wrong.given()]).toEqual([[], []]);
    const match = (orderId: string) =>
      fetch(`${service.url}/injector-reports/${right.uid}/match`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ orderId }),
      });
    expect((await match('nobody')).status).toBe(404);
    expect(await (await match(wrong.order.id!)).json()).toMatchObject({ state: 'recorded', orderId: wrong.order.id });
    expect([(await right.given()).length, (await wrong.given()).length]).toEqual([0, 1]);
    expect((await match(right.order.id!)).status).toBe(409);
  });

  it('that names its exam only by its steps, scheduled or performed, is of it', async () => {
    const byStep = anInjection('BYSTEP');
    const byExam = anInjection('BYEXAM');
    await Promise.all([byStep.place(), byExam.place()]);
    await Promise.all([service.planOf(byStep.order), service.planOf(byExam.order)]);
    const alone = { AccessionNumber: '', StudyInstanceUID: '' };
    expect(
      (
        await store(byStep.report({ ...alone, ReferencedRequestSequence: [{ ScheduledProcedureStepID: 'STEP-A' }] }))
      )[0],
    ).toBe(0);
    expect(
      (
        await store(
          byExam.report({
            ...alone,
            ReferencedPerformedProcedureStepSequence: [
              { ReferencedSOPClassUID: '2.25.3', ReferencedSOPInstanceUID: '2.25.71' },
            ],
          }),
        )
      )[0],
    ).toBe(0);
    expect((await kept(byStep.uid, 'waiting'))?.state).toBe('waiting');
    const appointment: Appointment = {
      resourceType: 'Appointment',
      id: uuidFrom('Appointment', 'STEP-A'),
      identifier: [{ system: systems.scheduledProcedureStepId, value: 'STEP-A' }],
      status: 'booked',
      basedOn: [{ reference: `ServiceRequest/${byStep.order.id}` }],
      participant: [{ actor: { reference: `Patient/${byStep.patient.id}` }, status: 'accepted' }],
    };
    await service.tell('imaging.schedule.booked.v1', appointment, byStep.order, byStep.patient);
    const exam: Procedure = {
      resourceType: 'Procedure',
      id: uuidFrom('Procedure', '2.25.71'),
      identifier: [dicomUidIdentifier('2.25.71')],
      status: 'in-progress',
      subject: byExam.order.subject,
      basedOn: [{ reference: `ServiceRequest/${byExam.order.id}` }],
    };
    await service.tell('imaging.schedule.exam-started.v1', exam, byExam.order, byExam.patient);
    for (const { given } of [byStep, byExam])
      await until(async () => (await given()).length === 1, { what: 'the report to be recorded' });
  });

  it('is shown to who is to decide on it, as it was read, and as the object that came', async () => {
    const { uid, report } = anInjection('SHOWN');
    const object = report();
    await store(object);
    const shown = await service.get<{ report: object; state: string }>(`/injector-reports/${uid}`);
    expect(shown).toMatchObject({
      state: 'waiting',
      report: { references: { patientId: 'MRN-SHOWN' }, phases: [{}, {}, {}] },
    });
    const file = Buffer.from(await (await fetch(`${service.url}/injector-reports/${uid}/object`)).arrayBuffer());
    expect(file.toString('latin1', 128, 132)).toBe('DICM');
    expect(file.includes('MRN-SHOWN')).toBe(true);
    const audits = await service.sql('SELECT 1 FROM audit_event WHERE body::text LIKE $1', [`%${uid}%`]);
    expect(audits).toHaveLength(2);
    expect((await fetch(`${service.url}/injector-reports/2.25.404`)).status).toBe(404);
  });

  it('that does not say how much was given is kept and listed, and nothing is made up', async () => {
    const { order, uid, report, given, place } = anInjection('INCOMPLETE');
    await place();
    await service.planOf(order);
    expect((await store(report({}, contrastAgent(), code('130211', 'SCT|255594003'))))[0]).toBe(0);
    expect(await kept(uid, 'incomplete')).toMatchObject({ reason: 'does not say: volume of contrast, time' });
    expect(await given()).toEqual([]);
  });

  it('of another kind, or from one who is no injector here, is refused', async () => {
    const { report } = anInjection('ALIEN');
    expect(await store(report({ ValueType: 'TEXT' }))).toEqual([
      0xc000,
      'ValueType: the root of an SR document must be a container',
    ]);
    await expect(store(report(), 'STRANGER')).rejects.toMatchObject({ code: 'peer-denied' });
  });

  it('leaves no word of its patient in the log', () => {
    expect(service.log.join('')).not.toMatch(/Beispiel|MRN-/);
  });
});
