import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Patient, Procedure } from 'fhir/r4.js';
import { aMerge, anOruMessage, aPatient, aServiceRequest, until } from '#testing';
import type { SandboxEmr } from '../../../test/sandbox/emr.js';
import { acknowledgementOf, fieldOf } from '../../../test/sandbox/hl7.js';
import { AResultsService, anExam } from './a-results-service.spec.js';

let emr: SandboxEmr;
let service: AResultsService;
beforeAll(async () => ({ emr, service } = await AResultsService.tellingEmr('mllp')), 60_000);
afterAll(() => Promise.all([service?.stop(), emr?.stop()]));

/** A patient known by one word, with an order of the same word. */
function someone(mrn: string) {
  const patient = aPatient({ mrn });
  return { patient, order: aServiceRequest({ placerOrderNumber: mrn, accessionNumber: mrn, patient }) };
}
const exam = ({ patient, order }: ReturnType<typeof someone>, status: Procedure['status']) =>
  [anExam(`1.2.3.${order.id}`.slice(0, 60), status, patient, [order]), patient, order] as const;
const merge = (prior: Patient, survivor: Patient) =>
  service.tell('imaging.patient.merged.v1', ...aMerge(prior, survivor));
/** Patient numbers the EMR was told of an order under, in the order it took them. */
const toldUnder = (number: string) =>
  emr.messages
    .filter((one) => fieldOf(one, 'OBR', 2).startsWith(`${number}^`))
    .map((one) => fieldOf(one, 'PID', 3).split('^')[0]);
const reportsOf = async (patient: Patient) =>
  (await service.get<{ entry?: { resource: DiagnosticReport }[] }>(`/fhir/DiagnosticReport?patient=${patient.id}`))
    .entry ?? [];

describe('After a merge', () => {
  it('what waits for the EMR, and what comes late, is told of the survivor, in its order', async () => {
    const [trauma, real] = [someone('TRAUMA1'), someone('REAL1')];
    emr.acknowledges = () => undefined;
    await service.tell('imaging.schedule.exam-started.v1', ...exam(trauma, 'in-progress'));
    await until(async () => (await service.deliveries('waiting', trauma.patient)).length === 1, {
      what: 'a delivery that waits',
    });
    await merge(trauma.patient, real.patient);
    await until(async () => (await service.deliveries('waiting', real.patient)).length === 1, {
      what: 'it to be moved',
    });
    emr.acknowledges = (message) => acknowledgementOf(message, 'AA', new Date());
    await service.tell('imaging.schedule.exam-completed.v1', ...exam(trauma, 'completed'));
    await service.delivered(real.patient, 2);
    expect(toldUnder('TRAUMA1').at(-1)).toBe('REAL1');
    expect(toldUnder('TRAUMA1').at(-2)).toBe('REAL1');
  });

  it.each([
    ['the number of before', 'TRAUMA2', 'REAL2', 'TRAUMA2'],
    ['the survivor’s', 'TRAUMA3', 'REAL3', 'REAL3'],
  ])('a report under %s is filed under its order', async (_what, prior, survivor, mrn) => {
    const [trauma, real] = [someone(prior), someone(survivor)];
    await service.tell('imaging.order.placed.v1', trauma.order, trauma.patient);
    await service.handled(trauma.patient);
    await merge(trauma.patient, real.patient);
    await service.handled(trauma.patient);
    expect((await service.take(anOruMessage({ mrn, placerOrderNumber: prior, accessionNumber: prior })))[1]).toMatch(
      /^MSA\|AA/,
    );
    const [report] = await reportsOf(real.patient);
    expect(report?.resource.basedOn).toEqual([{ reference: `ServiceRequest/${trauma.order.id}` }]);
  });

  it('a report that waited for an order of the other patient finds it', async () => {
    const [trauma, real] = [someone('TRAUMA4'), someone('REAL4')];
    await service.take(anOruMessage({ mrn: 'REAL4', placerOrderNumber: 'TRAUMA4', accessionNumber: 'TRAUMA4' }));
    await service.tell('imaging.order.placed.v1', trauma.order, trauma.patient);
    await service.handled(trauma.patient);
    expect((await reportsOf(real.patient))[0]?.resource.basedOn).toBeUndefined();
    await merge(trauma.patient, real.patient);
    await service.handled(trauma.patient);
    expect((await reportsOf(real.patient))[0]?.resource.basedOn).toHaveLength(1);
  });
});
