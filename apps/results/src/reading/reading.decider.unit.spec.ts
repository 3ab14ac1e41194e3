import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, ImagingStudy, ServiceRequest, Task } from 'fhir/r4.js';
import { aServiceRequest, given, site } from '#testing';
import { cameBack, changedReading, decideReading } from './reading.decider.js';
import { filedUnder } from '../report/report.decider.js';

const order = aServiceRequest();
const study: ImagingStudy = {
  resourceType: 'ImagingStudy',
  id: 'i1',
  status: 'available',
  subject: order.subject,
  series: [{ uid: '1.2', modality: { code: 'CT' } }],
};
// A Monday, 21:00 in Berlin.
const evening = new Date('2026-03-02T20:00:00Z');
const nights = site({
  remoteReading: [
    {
      organization: 'Night Readers',
      modalities: ['CT'],
      days: ['mon'],
      from: '20:00',
      to: '07:00',
      readWithinMinutes: 60,
    },
  ],
});
const aReport = (status: DiagnosticReport['status'], orders: ServiceRequest[] = [order]) =>
  filedUnder(
    { resourceType: 'DiagnosticReport', id: 'r1', status, code: {}, subject: order.subject },
    { orders, study },
  );
const listed = (
  parts: { orders?: ServiceRequest[]; reports?: DiagnosticReport[] } = {},
  of = site(),
  now = evening,
  known?: Task,
) => decideReading(known, { study, orders: [order], reports: [], ...parts }, of, now);
const reading = listed()!;
const anna = { display: 'Anna' };
const says = (parts: Partial<Task>) => (current: Task) => changedReading(current, { ...current, ...parts }, evening);

describe('A reading', () => {
  it('is as urgent as its most urgent order, and is listed once', () => {
    const orders = [order, aServiceRequest({ placerOrderNumber: 'ORD2', priority: 'stat' })];
    expect(listed({ orders })).toMatchObject({ priority: 'stat', basedOn: [{}, {}], input: [{ valueCode: 'CT' }] });
    expect(listed({}, site(), evening, reading)).toBeUndefined();
  });

  it('is done when every order has a released report, and waits for a signature before', () => {
    const orders = [order, aServiceRequest({ placerOrderNumber: 'ORD2' })];
    expect(listed({ orders, reports: [aReport('final')] })!.status).toBe('requested');
    expect(listed({ orders, reports: [aReport('final', orders)] })!.status).toBe('completed');
    expect(listed({ reports: [aReport('preliminary')] })!.status).toBe('in-progress');
    expect(listed({ orders: [], reports: [aReport('final')] })!.status).toBe('completed');
  });

  it('is to be done again where its report was taken back', () => {
    const done = listed({ reports: [aReport('final')] })!;
    given(done)
      .when((known) => listed({ reports: [aReport('cancelled')] }, site(), evening, known))
      .then({ status: 'requested' });
  });

  it.each<[string, string, boolean]>([
    ['in the evening', '2026-03-02T20:00:00Z', true],
    ['in the night that began that day', '2026-03-03T05:59:00Z', true],
    ['in the morning', '2026-03-03T06:00:00Z', false],
    ['in the night before', '2026-03-02T05:00:00Z', false],
    ['of another day', '2026-03-03T20:00:00Z', false],
  ])('goes to those who read elsewhere by the site’s hours: %s', (_when, now, isRemote) => {
    expect(listed({}, nights, new Date(now))!.owner?.display).toBe(isRemote ? 'Night Readers' : undefined);
  });

  it('comes back once its time is over, unless it was read', () => {
    const remote = listed({}, nights)!;
    const later = new Date(evening.getTime() + 3_600_000);
    expect(cameBack(remote, new Date(later.getTime() - 1))).toBeUndefined();
    expect(cameBack(remote, later)).toMatchObject({ status: 'requested', owner: undefined, restriction: undefined });
    const claimed = changedReading(remote, { ...remote, status: 'accepted', owner: anna }, evening);
    expect(cameBack(claimed, later)).toMatchObject({ status: 'requested', owner: undefined });
    expect(cameBack(listed({ reports: [aReport('preliminary')] }, nights, evening, claimed)!, later)).toBeUndefined();
  });

  it('is claimed by one, who may release it, or by whom it is assigned to', () => {
    const claimed = changedReading(reading, { ...reading, status: 'accepted', owner: anna }, evening);
    given(claimed)
      .when(says({ status: 'accepted', owner: { display: 'Ben' } }))
      .thenFails('state-conflict');
    given(claimed)
      .when(says({ status: 'requested', owner: undefined }))
      .then({ status: 'requested' });
    const assigned = changedReading(reading, { ...reading, status: 'requested', owner: anna }, evening);
    given(assigned)
      .when(says({ status: 'accepted', owner: { display: 'Ben' } }))
      .thenFails('state-conflict');
    given(assigned)
      .when(says({ status: 'accepted', owner: anna }))
      .then({ status: 'accepted', owner: anna });
  });

  it('is refused what no person says of it', () => {
    given(reading)
      .when(says({ status: 'completed' }))
      .thenFails('state-conflict');
    given(reading)
      .when(says({ status: 'accepted', owner: undefined }))
      .thenFails('field-missing');
    given(reading)
      .when(says({ status: 'cancelled' }))
      .thenFails('field-missing');
    const over = changedReading(
      reading,
      { ...reading, status: 'cancelled', statusReason: { text: 'test images' } },
      evening,
    );
    given(over)
      .when(says({ status: 'requested' }))
      .thenFails('state-conflict');
    expect(listed({ reports: [aReport('final')] }, site(), evening, over)).toBeUndefined();
  });
});
