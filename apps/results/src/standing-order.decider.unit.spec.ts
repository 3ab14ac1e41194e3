import { describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from 'fhir/r4.js';
import { findResources, newEvent } from '#events';
import { extensions, madeBySomeoneElse } from '#fhir';
import { aPatient, aServiceRequest, given } from '#testing';
import { standingOrder, withOrders } from './standing-order.decider.js';

type Part = Partial<ServiceRequest> & { version?: number };
const order = ({ version = 1, ...more }: Part = {}) => madeBySomeoneElse({ ...aServiceRequest(), ...more }, version);
const told = (one: ServiceRequest) => (known: ServiceRequest | undefined) => standingOrder(known, one);

describe('The order as it stands', () => {
  it('is as told where it was not known', () => {
    given(undefined).when(told(order())).thenExactly(order());
  });

  it.each(['completed', 'revoked', 'entered-in-error'] as const)('stays %s, whatever is told later', (status) => {
    given(order({ status })).when(told(order())).then({ status });
    given(order({ status }))
      .when(told(order({ version: 2, priority: 'stat' })))
      .then({ status, priority: 'stat' });
  });

  it('is over as soon as anybody says so, though they know an older version of it', () => {
    given(order({ version: 2, priority: 'stat' }))
      .when(told(order({ status: 'completed', priority: 'routine' })))
      .then({ status: 'completed', priority: 'stat' });
  });

  it('follows a change', () => {
    given(order())
      .when(told(order({ version: 2, priority: 'stat', status: 'on-hold' })))
      .then({ priority: 'stat', status: 'on-hold' });
  });

  it('does not go back to an older version that another service tells of', () => {
    given(order({ version: 2, priority: 'stat', status: 'on-hold' }))
      .when(told(order({ priority: 'routine', status: 'active' })))
      .then({ priority: 'stat', status: 'on-hold' });
  });

  it('that was done stays done, also where a cancellation is told last', () => {
    given(order({ status: 'completed' }))
      .when(told(order({ version: 2, status: 'revoked' })))
      .then({ status: 'completed' });
    given(order({ status: 'revoked', version: 2 }))
      .when(told(order({ status: 'completed' })))
      .then({ status: 'completed' });
  });
});

describe('An order whose exam turned out to be another’s', () => {
  const reopened = (day: number) => ({
    extension: [{ url: extensions.reopened, valueInstant: `2026-03-0${day}T10:00:00.000Z` }],
  });
  const done = order({ status: 'completed' });

  it('is to be done still, though it was done as far as is known, and stays so for who tells late', () => {
    given(done)
      .when(told(order({ ...reopened(1) })))
      .then({ status: 'active', ...reopened(1) });
    given(order({ ...reopened(1) }))
      .when(told(done))
      .then({ status: 'active', ...reopened(1) });
  });

  it('is done when its own exam is', () => {
    given(order({ ...reopened(1) }))
      .when(told(order({ status: 'completed', ...reopened(1) })))
      .then({ status: 'completed' });
    given(order({ status: 'completed', ...reopened(1) }))
      .when(told(order({ ...reopened(1) })))
      .then({ status: 'completed' });
  });

  it('can be so again, and a newer version of its owner needs no mark to be cancelled', () => {
    given(order({ status: 'completed', ...reopened(1) }))
      .when(told(order({ ...reopened(2) })))
      .then({ status: 'active', ...reopened(2) });
    given(order({ ...reopened(1) }))
      .when(told(order({ version: 2, status: 'revoked' })))
      .then({ status: 'revoked', ...reopened(1) });
  });
});

describe('An event of several orders', () => {
  const [one, two, unknown] = ['ORD1', 'ORD2', 'ORD3'].map((placerOrderNumber) =>
    aServiceRequest({ placerOrderNumber }),
  );
  const procedure = { resourceType: 'Procedure' as const, id: 'p', status: 'completed' as const, subject: {} };
  const event = newEvent({
    type: 'imaging.schedule.exam-completed.v1',
    patientId: 'p',
    cause: 'c',
    now: new Date(0),
    resources: [procedure, aPatient(), one!, two!],
  });

  it('is told with each of them as it stands', () => {
    const standing = withOrders(event, [{ ...two!, status: 'revoked' }, unknown!]);
    expect(findResources(standing, 'ServiceRequest')).toEqual([one, { ...two, status: 'revoked' }]);
    expect(standing.data.entry).toHaveLength(event.data.entry!.length);
    expect(findResources(event, 'ServiceRequest')[1]!.status).toBe('active');
  });
});
