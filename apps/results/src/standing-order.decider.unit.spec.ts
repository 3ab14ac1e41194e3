import { describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from 'fhir/r4.js';
import { newEvent, resourceFrom, type EventType } from '#events';
import { aPatient, aServiceRequest } from '#testing';
import { standingOrder, withOrder } from './standing-order.decider.js';

const order = (status: ServiceRequest['status'], more: Partial<ServiceRequest> = {}) => ({ ...aServiceRequest(), status, ...more }); // prettier-ignore
const told = (type: EventType, serviceRequest: ServiceRequest) =>
  newEvent({
    type,
    patientId: 'p',
    cause: 'c',
    now: new Date(0),
    resources: [
      ...(type.startsWith('imaging.contrast')
        ? [{ resourceType: 'MedicationAdministration' as const, id: 'm', status: 'completed' as const, subject: {} }]
        : []),
      serviceRequest,
      aPatient(),
    ],
  });

describe('the order as it stands', () => {
  it('is as told where it was not known', () => {
    expect(standingOrder(undefined, told('imaging.order.placed.v1', order('active')))?.status).toBe('active');
  });
  it('stays completed when its placed event arrives late', () => {
    expect(standingOrder(order('completed'), told('imaging.order.placed.v1', order('active')))?.status).toBe(
      'completed',
    );
  });
  it('stays completed when contrast is recorded afterwards', () => {
    expect(standingOrder(order('completed'), told('imaging.contrast.administered.v1', order('active')))?.status).toBe(
      'completed',
    );
  });
  it('follows a change of an open order', () => {
    const changed = told('imaging.order.changed.v1', order('active', { priority: 'stat' }));
    expect(standingOrder(order('active'), changed)?.priority).toBe('stat');
  });
  it('takes its place in the event', () => {
    const event = withOrder(told('imaging.order.placed.v1', order('active')), order('completed'));
    expect(resourceFrom(event, 'ServiceRequest').status).toBe('completed');
  });
});
