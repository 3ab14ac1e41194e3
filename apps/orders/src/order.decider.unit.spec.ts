import { describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from 'fhir/r4.js';
import { identifierOf, systems, typedIdentifier } from '#fhir';
import { aPatient, aServiceRequest, given } from '#testing';
import { completeOrder, decideOrder, type OrderCommand, type OrderDecision } from './order.decider.js';

type Status = ServiceRequest['status'];
/** The order as its placer states it: without the numbers we assign. */
const stated = (overrides: Parameters<typeof aServiceRequest>[0] = {}): ServiceRequest => {
  const order = aServiceRequest(overrides);
  return { ...order, identifier: [identifierOf(order, 'PLAC')!] };
};
const stored = (overrides: Parameters<typeof aServiceRequest>[0] = {}): ServiceRequest => ({
  ...aServiceRequest(overrides),
  meta: { versionId: '3' },
});
const asks =
  (control: OrderCommand['control'], serviceRequest = stated()) =>
  (current: ServiceRequest | undefined) =>
    decideOrder(current, { control, serviceRequest });
const nothing: OrderDecision = {};

describe('NW', () => {
  it('places a new order', () => {
    given<ServiceRequest | undefined>(undefined)
      .when(asks('NW'))
      .thenExactly({ serviceRequest: stated(), event: 'imaging.order.placed.v1' });
  });
  it('places one that is on hold', () => {
    given<ServiceRequest | undefined>(undefined)
      .when(asks('NW', stated({ status: 'on-hold' })))
      .then({ event: 'imaging.order.placed.v1' });
  });
  it.each<Status>(['revoked', 'completed', 'entered-in-error', 'draft', 'unknown'])(
    'does not place one that is %s',
    (status) =>
      given<ServiceRequest | undefined>(undefined)
        .when(asks('NW', stated({ status })))
        .thenFails('field-invalid'),
  );
  it('said twice changes nothing', () => {
    given(stored()).when(asks('NW')).thenExactly(nothing);
  });
  it('is refused for a number in use with other content', () => {
    given(stored())
      .when(asks('NW', stated({ priority: 'stat' })))
      .thenFails('duplicate-key');
  });
  it.each<Status>(['revoked', 'completed'])('is refused for the number of an order that is %s', (status) => {
    given(stored({ status })).when(asks('NW')).thenFails('duplicate-key');
  });
});

describe('XO', () => {
  it('changes what is stated, keeps what is not, and keeps our numbers and the time it was placed', () => {
    const before = stored({ reasonCode: [{ text: 'Headache' }], priority: 'routine' });
    const change = { ...stated({ priority: 'stat' }), authoredOn: undefined };
    const { serviceRequest, event } = asks('XO', change)(before);
    expect(event).toBe('imaging.order.changed.v1');
    expect(serviceRequest).toEqual({ ...before, priority: 'stat' });
  });
  it('takes away what is stated to be no more', () => {
    const before = stored({ reasonCode: [{ text: 'Headache' }] });
    const { serviceRequest, event } = asks('XO', { ...stated(), reasonCode: undefined })(before);
    expect([event, serviceRequest?.reasonCode]).toEqual(['imaging.order.changed.v1', undefined]);
  });
  it('replaces a number by a newer one of its kind, in its place', () => {
    const change = { ...stated(), identifier: [...stated().identifier!, typedIdentifier('ACSN', systems.accessionNumber, 'NEW1')] }; // prettier-ignore
    const { serviceRequest } = asks('XO', change)(stored());
    expect(serviceRequest?.identifier?.map((one) => one.value)).toEqual([
      'ORD1',
      'NEW1',
      stored().identifier![2]!.value,
    ]);
  });
  it('that says what is so already changes nothing', () => {
    given(stored()).when(asks('XO')).thenExactly(nothing);
  });
  it.each<Status>(['revoked', 'entered-in-error'])('to %s is told as a cancellation', (status) => {
    given(stored())
      .when(asks('XO', stated({ status })))
      .then({ event: 'imaging.order.cancelled.v1' });
  });
  it.each<Status>(['revoked', 'completed', 'entered-in-error'])('is refused for an order that is %s', (status) => {
    given(stored({ status }))
      .when(asks('XO', stated({ priority: 'stat' })))
      .thenFails('state-conflict');
  });
  it('is refused for an order never placed', () => {
    given<ServiceRequest | undefined>(undefined).when(asks('XO')).thenFails('unknown-key');
  });
});

describe.each(['CA', 'DC'] as const)('%s', (control) => {
  it.each<Status>(['active', 'on-hold'])(
    'ends an order that is %s, and takes nothing else of what it states',
    (status) => {
      const before = stored({ status });
      given(before)
        .when(asks(control, stated({ priority: 'stat' })))
        .thenExactly({ serviceRequest: { ...before, status: 'revoked' }, event: 'imaging.order.cancelled.v1' });
    },
  );
  it.each<Status>(['revoked', 'entered-in-error'])('of an order that is %s changes nothing', (status) => {
    given(stored({ status })).when(asks(control)).thenExactly(nothing);
  });
  it('is refused once the exam is done', () => {
    given(stored({ status: 'completed' }))
      .when(asks(control))
      .thenFails('state-conflict');
  });
  it('is refused for an order never placed', () => {
    given<ServiceRequest | undefined>(undefined).when(asks(control)).thenFails('unknown-key');
  });
});

describe('Any command', () => {
  it.each(['NW', 'XO', 'CA', 'DC'] as const)('%s is refused for the number of another patient', (control) => {
    const other = stated({ patient: aPatient({ mrn: 'P2' }) });
    given(stored()).when(asks(control, other)).thenFails('duplicate-key');
  });
});

describe('An exam that is done', () => {
  it('completes its order', () => {
    expect(completeOrder(stored())).toEqual({ ...stored(), status: 'completed' });
    expect(completeOrder(stored({ status: 'on-hold' }))?.status).toBe('completed');
  });
  it.each<Status>(['revoked', 'completed', 'entered-in-error'])('leaves an order that is %s', (status) => {
    expect(completeOrder(stored({ status }))).toBeUndefined();
  });
});
