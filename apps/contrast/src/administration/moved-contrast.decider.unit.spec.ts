import { describe, expect, it } from '@jest/globals';
import type { MedicationAdministration, Procedure } from 'fhir/r4.js';
import { anAdministration, aPatient, aServiceRequest, site } from '#testing';
import { planContrast } from '../contrast-plan.decider.js';
import { administrationsOfPlan } from './administrations-of-plan.js';
import { givenInExam, movedTo, planOfMoved, takenBack } from './moved-contrast.decider.js';
import type { Statement } from './same-injection.decider.js';

const procedure = { code: 'CTCHESTC', display: 'CT chest with contrast' };
const orderOf = (mrn: string) => aServiceRequest({ placerOrderNumber: mrn, patient: aPatient({ mrn }), procedure });
const [wrongOrder, rightOrder] = [orderOf('WRONG'), orderOf('RIGHT')];
const [wrong, right] = [wrongOrder, rightOrder].map((one) => planContrast(undefined, one, site()).plan!) as [
  ReturnType<typeof planOfMoved>,
  ReturnType<typeof planOfMoved>,
];
const stated = (id: string, changes: Partial<MedicationAdministration> = {}): Statement => ({
  id,
  planId: wrong.id!,
  by: 'person',
  settles: [],
  administration: { ...anAdministration(wrong, { effectiveDateTime: '2026-03-02T10:00:00Z', ...changes }), id },
});
const exam = (start?: string): Procedure => ({
  resourceType: 'Procedure',
  status: 'stopped',
  subject: {},
  ...(start ? { performedPeriod: { start } } : {}),
});

describe('Contrast recorded under the wrong worklist entry', () => {
  it('is what was given from shortly before its exam began; all of it where that is not known', () => {
    const [before, ahead, during] = [
      stated('1', { effectiveDateTime: '2026-03-02T09:00:00Z' }),
      stated('2', { effectiveDateTime: '2026-03-02T09:55:00Z' }),
      stated('3'),
    ];
    expect(givenInExam([before, ahead, during], exam('2026-03-02T10:00:00Z'))).toEqual([ahead, during]);
    expect(givenInExam([before, ahead, during], exam())).toEqual([before, ahead, during]);
  });

  it('is not what was never given', () => {
    const never = (['not-done', 'entered-in-error'] as const).map((status) => stated(status, { status }));
    expect(givenInExam(never, exam())).toEqual([]);
  });

  it('was not given there, and was given here, with all that was said of it but whose it was', () => {
    const subject = { ...wrong.subject, identifier: { value: 'WRONG' } };
    const one = stated('1', { subject, supportingInformation: wrong.basedOn });
    const [there] = administrationsOfPlan([takenBack(one)], wrong, undefined);
    expect(there!.administration).toMatchObject({ id: '1', status: 'entered-in-error', subject: wrong.subject });
    const moved = movedTo(one, right);
    const [here] = administrationsOfPlan([moved], right, undefined);
    expect(here!.administration).toMatchObject({
      id: moved.id,
      status: 'completed',
      subject: right.subject,
      request: { reference: `MedicationRequest/${right.id}` },
      supportingInformation: right.basedOn,
      dosage: one.administration.dosage,
      effectiveDateTime: one.administration.effectiveDateTime,
    });
    expect(JSON.stringify(here)).not.toContain(wrong.id);
    expect(here!.administration.subject.identifier).toBeUndefined();
    // The EMR knows the first by its number: the second must not be taken for it.
    expect(here!.administration.identifier).not.toEqual(there!.administration.identifier);
    expect(movedTo(one, right)).toEqual(moved);
  });

  it('keeps what was settled of it together', () => {
    const [first, second] = [stated('1'), { ...stated('2'), settles: ['1'] }];
    const [a, b] = [movedTo(first, right), movedTo(second, right)];
    expect(b.settles).toEqual([a.id]);
  });

  it('is of a plan of its own where the right order was to have none', () => {
    const made = planOfMoved({ ...wrong, status: 'completed', meta: { versionId: '3' } }, rightOrder);
    expect(made).toEqual(right);
  });
});
