import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Patient, Procedure } from 'fhir/r4.js';
import { aMerge, anAllergy, aPatient, aServiceRequest, until } from '#testing';
import { ASchedulingService } from './a-scheduling-service.spec.js';

let service: ASchedulingService;
beforeAll(async () => (service = await ASchedulingService.start()), 60_000);
afterAll(() => service?.stop());

const nameOf = (mrn: string): Partial<Patient> => ({ name: [{ family: `Family${mrn}`, given: ['G'] }] });
/** A patient known by one word, with an order of the same word. */
function someone(mrn: string) {
  const patient = aPatient({ mrn, ...nameOf(mrn) });
  const order = aServiceRequest({ placerOrderNumber: mrn, accessionNumber: mrn, patient });
  return { patient, order, place: () => service.tell('imaging.order.placed.v1', order, patient) };
}
const merge = (prior: Patient, survivor: Patient) =>
  service.tell('imaging.patient.merged.v1', ...aMerge(prior, survivor));
/** As they were in that version of their own service. */
const versions = (patients: Patient[], versionId: string) =>
  patients.map((patient) => ({ ...patient, meta: { versionId } }));
const listedAs = (accession: string, mrn: string) =>
  service.listed(accession, (item) => item.text('PatientID') === mrn);

describe('The worklist after a merge', () => {
  it('shows what is planned under the surviving patient, with the allergies of both', async () => {
    const [trauma, real] = [someone('TRAUMA1'), someone('REAL1')];
    await trauma.place();
    await service.listed('TRAUMA1');
    await service.tell('imaging.patient.registered.v1', real.patient, anAllergy('Latex', { patient: real.patient }));
    await service.tell('imaging.patient.updated.v1', trauma.patient, anAllergy('Iodine', { patient: trauma.patient }));
    await service.listed('TRAUMA1', (item) => item.text('Allergies') === 'Iodine');
    await merge(trauma.patient, real.patient);
    const item = await listedAs('TRAUMA1', 'REAL1');
    expect(item.text('PatientName')).toBe('FamilyREAL1^G');
    expect(item.texts('Allergies').sort()).toEqual(['Iodine', 'Latex']);
  });

  it('shows what is told late of the patient who is no more under the survivor', async () => {
    const [trauma, real] = [someone('TRAUMA2'), someone('REAL2')];
    await merge(trauma.patient, real.patient);
    await trauma.place();
    expect((await listedAs('TRAUMA2', 'REAL2')).text('PatientName')).toBe('FamilyREAL2^G');
    await service.tell('imaging.patient.updated.v1', { ...trauma.patient, name: [{ family: 'Wrong' }] });
    await service.tell('imaging.order.cancelled.v1', { ...trauma.order, status: 'revoked' }, trauma.patient);
    await service.unlisted('TRAUMA2');
  });

  it('comes to the same end where a chain of merges is told the wrong way round', async () => {
    const [one, two, three] = [someone('CH1'), someone('CH2'), someone('CH3')];
    await one.place();
    await two.place();
    await service.listed('CH1');
    await service.listed('CH2');
    await service.tell('imaging.patient.merged.v1', ...versions(aMerge(two.patient, three.patient), '900012'));
    await listedAs('CH2', 'CH3');
    await service.tell('imaging.patient.merged.v1', ...versions(aMerge(one.patient, two.patient), '900011'));
    await listedAs('CH1', 'CH3');
  });

  it('does not follow an older merge told after the newer one that turned it round', async () => {
    const [one, two] = [someone('RV1'), someone('RV2')];
    await one.place();
    await service.listed('RV1');
    const [second, first] = aMerge(one.patient, two.patient);
    const [back, gone] = aMerge(second, first, true);
    await service.tell('imaging.patient.merged.v1', ...versions([back, gone], '900002'));
    await service.tell('imaging.patient.merged.v1', ...versions([second, first], '900001'));
    await two.place();
    await listedAs('RV2', 'RV1');
    await listedAs('RV1', 'RV1');
  });
});

describe('An exam that began under the number of before', () => {
  it('is the survivor’s, and its end is told of them', async () => {
    const [trauma, real] = [someone('TRAUMA4'), someone('REAL4')];
    await trauma.place();
    const item = await service.listed('TRAUMA4');
    await merge(trauma.patient, real.patient);
    await listedAs('TRAUMA4', 'REAL4');
    // The modality fetched its worklist before.
    const uid = `1.2.826.0.1.3680043.9.4.${process.pid}`;
    expect((await service.create(uid, [item])).status).toBe(0);
    const [procedure] = await service.procedures(uid);
    expect(procedure?.subject.reference).toBe(`Patient/${real.patient.id}`);
    expect(procedure?.basedOn).toHaveLength(1);
    const told = await service.published('imaging.schedule.exam-started.v1', real.patient.id);
    expect(told).toHaveLength(1);
  });

  it('and is merged while it goes on, ends as theirs', async () => {
    const [trauma, real] = [someone('TRAUMA5'), someone('REAL5')];
    await trauma.place();
    const uid = `1.2.826.0.1.3680043.9.5.${process.pid}`;
    await service.create(uid, [await service.listed('TRAUMA5')]);
    await merge(trauma.patient, real.patient);
    const isMoved = async () => (await service.procedures(uid))[0]?.subject.reference === `Patient/${real.patient.id}`;
    await until(isMoved, { what: 'the exam to be moved' });
    expect((await service.set(uid, { PerformedProcedureStepStatus: 'COMPLETED' })).status).toBe(0);
    expect((await service.procedures(uid))[0]).toMatchObject({ status: 'completed' } satisfies Partial<Procedure>);
    expect(await service.published('imaging.schedule.exam-completed.v1', real.patient.id)).toHaveLength(1);
  });

  it('and was never ordered is the survivor’s too', async () => {
    const [trauma, real] = [someone('TRAUMA6'), someone('REAL6')];
    await merge(trauma.patient, real.patient);
    const known = async () => (await service.read<Patient>('Patient', `_id=${trauma.patient.id}`)).length === 1;
    await until(known, { what: 'the merge to be handled' });
    const uid = `1.2.826.0.1.3680043.9.6.${process.pid}`;
    expect((await service.create(uid, [], { PatientID: 'TRAUMA6' })).status).toBe(0);
    expect((await service.procedures(uid))[0]?.subject.reference).toBe(`Patient/${real.patient.id}`);
  });
});
