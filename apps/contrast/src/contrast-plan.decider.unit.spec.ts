import { describe, expect, it } from '@jest/globals';
import type { MedicationAdministration, MedicationRequest, ServiceRequest } from 'fhir/r4.js';
import { aServiceRequest, given, site } from '#testing';
import { planAfter, planContrast } from './contrast-plan.decider.js';

const withContrast = { code: 'CTCHESTC', display: 'CT chest with contrast' };
const order = (overrides: Partial<ServiceRequest> = {}) => aServiceRequest({ procedure: withContrast, ...overrides });
const plan = (overrides: Partial<MedicationRequest> = {}): MedicationRequest => ({
  ...planContrast(undefined, order(), site()).plan!,
  meta: { versionId: '1', lastUpdated: '2026-03-02T08:00:00Z' },
  ...overrides,
});
const nothing: MedicationRequest | undefined = undefined;

describe('the contrast record of an order', () => {
  it('is opened with the agent, volume, rate and route the site plans', () => {
    given(nothing)
      .when((current) => planContrast(current, order(), site()))
      .then({
        event: 'imaging.contrast.planned.v1',
        plan: {
          status: 'active',
          intent: 'plan',
          subject: order().subject,
          basedOn: [{ reference: `ServiceRequest/${order().id}` }],
          medicationCodeableConcept: {
            coding: [{ system: 'http://www.whocc.no/atc', code: 'V08AB05', display: 'iopromide' }],
            text: 'iopromide',
          },
          dosageInstruction: [
            {
              route: { coding: [{ code: '47625008' }] },
              doseAndRate: [
                {
                  doseQuantity: { value: 80, code: 'mL' },
                  rateQuantity: { value: 3, code: 'mL/s' },
                },
              ],
            },
          ],
        },
      });
  });
  it('plans no rate where the site plans none', () => {
    const [procedure] = site().procedures.filter(({ code }) => code === withContrast.code);
    const withoutRate = { ...procedure!, contrast: { ...procedure!.contrast!, rateMlPerSecond: undefined } };
    const decided = planContrast(undefined, order(), { ...site(), procedures: [withoutRate] });
    expect(decided.plan!.dosageInstruction![0]!.doseAndRate![0]).not.toHaveProperty('rateQuantity');
  });
  it('is not opened for an exam without contrast', () => {
    given(nothing)
      .when((current) => planContrast(current, aServiceRequest(), site()))
      .thenExactly({});
  });
  it('stays as it is where the change of the order is none of its', () => {
    given(plan())
      .when((current) => planContrast(current, order({ priority: 'stat' }), site()))
      .thenExactly({});
  });
  it('is cancelled with its order', () => {
    given(plan())
      .when((current) => planContrast(current, order({ status: 'revoked' }), site()))
      .then({ event: 'imaging.contrast.cancelled.v1', plan: plan({ status: 'cancelled' }) });
  });
  it('is cancelled when the order becomes an exam without contrast', () => {
    given(plan())
      .when((current) => planContrast(current, aServiceRequest(), site()))
      .then({ event: 'imaging.contrast.cancelled.v1' });
  });
  it('is cancelled once only, and opened again with the order', () => {
    const cancelled = plan({ status: 'cancelled' });
    given(cancelled)
      .when((current) => planContrast(current, order({ status: 'revoked' }), site()))
      .thenExactly({});
    given(cancelled)
      .when((current) => planContrast(current, order(), site()))
      .then({ event: 'imaging.contrast.planned.v1', plan: plan() });
  });
  it('stays open when the exam is completed: what was given may be written down after it', () => {
    given(plan())
      .when((current) => planContrast(current, order({ status: 'completed' }), site()))
      .thenExactly({});
  });
  it('stays as it was carried out, whatever becomes of the order', () => {
    const done = plan({ status: 'completed' });
    given(done)
      .when((current) => planContrast(current, order({ status: 'revoked' }), site()))
      .thenExactly({});
    given(done)
      .when((current) => planContrast(current, aServiceRequest(), site()))
      .thenExactly({});
  });
});

describe('the contrast record after an administration', () => {
  const after = (...statuses: MedicationAdministration['status'][]) => {
    const all = statuses.map((status) => ({ status }));
    return (current: MedicationRequest) => planAfter(current, all, order());
  };
  const done = plan({ status: 'completed' });
  it('is carried out when contrast was given, in part too', () => {
    given(plan()).when(after('completed')).thenExactly(done);
    given(plan()).when(after('not-done', 'stopped')).thenExactly(done);
  });
  it('stays open while it is being given, and when it was not', () => {
    for (const status of ['in-progress', 'not-done', 'entered-in-error'] as const)
      given(plan()).when(after(status)).thenExactly(undefined);
  });
  it('opens again when what was recorded was an error', () => {
    given(done).when(after('entered-in-error')).thenExactly(plan());
  });
  it('stays carried out while another administration stands', () => {
    given(done).when(after('entered-in-error', 'completed')).thenExactly(undefined);
  });
  it('is not opened again for an order that was revoked', () => {
    given(done)
      .when((current) => planAfter(current, [{ status: 'entered-in-error' }], { status: 'revoked' }))
      .thenExactly(plan({ status: 'cancelled' }));
  });
});
