import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Observation } from 'fhir/r4.js';
import { aServiceRequest, site } from '#testing';
import { openEscalation } from '#tasks';
import { criticalRowOf, decideCriticalResult, planOf } from './critical-result.decider.js';

const levels = [
  { ask: 'orderer', acknowledgeWithinMinutes: 60 },
  { ask: 'On duty', acknowledgeWithinMinutes: 10 },
];
const hospital = site({
  criticalResults: [
    {
      category: '1',
      display: 'Minutes',
      flags: ['AA', 'HH'],
      codes: [{ system: 'http://radlex.org', code: 'RID49480' }],
      levels,
    },
    { category: '2', display: 'Hours', from: ['RIS-REPORTS'], flags: ['A'], priority: 'urgent', levels },
  ],
});
const order = aServiceRequest({ requester: { display: 'Rita Referrer' } });
const aReport = (parts: Partial<DiagnosticReport>): DiagnosticReport => ({
  resourceType: 'DiagnosticReport',
  id: 'r1',
  status: 'final',
  code: {},
  subject: order.subject,
  meta: { versionId: '1' },
  ...parts,
});
const flagged = (code: string, parts: Partial<Observation> = {}) => {
  const observation: Observation = {
    resourceType: 'Observation',
    id: 'o',
    status: 'final',
    code: {},
    interpretation: [{ coding: [{ code }] }],
    ...parts,
  };
  return aReport({ contained: [observation] as never });
};
const rowOf = (report: DiagnosticReport, from = 'RIS-REPORTS') => criticalRowOf(report, from, hospital)?.category;

describe('A critical result', () => {
  it('is flagged by rows of the site, by sender, the first that fits', () => {
    expect([rowOf(flagged('HH')), rowOf(flagged('A')), rowOf(flagged('A'), 'OTHER'), rowOf(flagged('N'))]).toEqual([
      '1',
      '2',
      undefined,
      undefined,
    ]);
    const coding = [{ system: 'http://radlex.org', code: 'RID49480' }];
    expect(rowOf(aReport({ conclusionCode: [{ coding }] }))).toBe('1');
    expect(
      rowOf(aReport({ conclusionCode: [{ coding: [{ system: 'http://snomed.info/sct', code: 'RID49480' }] }] })),
    ).toBeUndefined();
    expect(
      rowOf(aReport({ extension: [{ url: 'urn:collimator:extension:actionable-category', valueCode: 'AA' }] })),
    ).toBe('1');
    expect(rowOf(flagged('AA', { status: 'entered-in-error' }))).toBeUndefined();
    expect(rowOf({ ...flagged('AA'), status: 'cancelled' })).toBeUndefined();
  });

  it('that becomes one of another category is asked about anew, and the other no more', () => {
    const { open } = decideCriticalResult(flagged('A'), 'RIS-REPORTS', [order], [], hospital);
    const asked = openEscalation(open[0]!, planOf(open[0]!, [order], hospital), new Date(0));
    expect(asked.restriction?.recipient).toEqual([{ display: 'Rita Referrer' }]);
    const next = decideCriticalResult(flagged('AA'), 'RIS-REPORTS', [order], [asked], hospital);
    expect(next.open.map(({ reasonCode }) => reasonCode?.text)).toEqual(['Minutes']);
    expect(next.withdraw).toEqual([{ task: asked, why: 'the report is of category 1 now' }]);
    expect(decideCriticalResult(flagged('A'), 'RIS-REPORTS', [order], [asked], hospital)).toEqual({
      open: [],
      withdraw: [],
    });
  });

  it('asks on where the row is gone from the site file, or its order is not known', () => {
    const [matter] = decideCriticalResult(flagged('A'), 'RIS-REPORTS', [], [], hospital).open;
    const asked = openEscalation(matter!, planOf(matter!, [], hospital), new Date(0));
    expect(asked.restriction?.recipient).toEqual([{ display: 'Ordering provider' }]);
    expect(planOf(asked, [], site()).levels.map(({ ask }) => ask)).toEqual([{ display: 'Ordering provider' }]);
  });
});
