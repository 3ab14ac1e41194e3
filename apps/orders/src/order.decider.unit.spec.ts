import { describe, expect, it } from '@jest/globals';
import type { ServiceRequest } from 'fhir/r4.js';
import { extensions, identifierOf, systems, typedIdentifier } from '#fhir';
import { aPatient, aServiceRequest, given } from '#testing';
import {
  completeOrder,
  completeParent,
  decideOrder,
  reopenOrder,
  type OrderCommand,
  type OrderDecision,
} from './order.decider.js';

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
    const change = {
      ...stated(),
      identifier: [...stated().identifier!, typedIdentifier('ACSN', systems.accessionNumber, 'NEW1')],
    };
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

describe('The reason of a request', () => {
  const reason = (text: string) => ({ extension: [{ url: extensions.statusReason, valueCodeableConcept: { text } }] });
  it.each(['CA', 'DC', 'RP', 'HD'] as const)('%s is kept, instead of an earlier one', (control) => {
    const { serviceRequest } = asks(control, stated(reason('new')))(stored(reason('old')));
    expect(serviceRequest?.extension).toEqual(reason('new').extension);
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

describe('HD and RL', () => {
  it('hold an order and release it, each told as a change', () => {
    given(stored())
      .when(asks('HD'))
      .thenExactly({ serviceRequest: stored({ status: 'on-hold' }), event: 'imaging.order.changed.v1' });
    given(stored({ status: 'on-hold' }))
      .when(asks('RL'))
      .thenExactly({ serviceRequest: stored(), event: 'imaging.order.changed.v1' });
  });
  it('change nothing where it is so already', () => {
    given(stored({ status: 'on-hold' }))
      .when(asks('HD'))
      .thenExactly(nothing);
    given(stored()).when(asks('RL')).thenExactly(nothing);
  });
  it.each<Status>(['revoked', 'completed', 'entered-in-error', 'draft'])(
    'are refused for an order that is %s',
    (status) => {
      given(stored({ status })).when(asks('HD')).thenFails('state-conflict');
      given(stored({ status })).when(asks('RL')).thenFails('state-conflict');
    },
  );
  it('outlast a change that names no status, and not one that does', () => {
    const change = (status: Status) => asks('XO', stated({ status, priority: 'stat' }))(stored({ status: 'on-hold' }));
    expect(change('unknown').serviceRequest?.status).toBe('on-hold');
    expect(change('active').serviceRequest?.status).toBe('active');
  });
});

describe('SC', () => {
  it.each<[Status, OrderDecision['event']]>([
    ['completed', 'imaging.order.changed.v1'],
    ['on-hold', 'imaging.order.changed.v1'],
    ['revoked', 'imaging.order.cancelled.v1'],
    ['entered-in-error', 'imaging.order.cancelled.v1'],
  ])('of %s is followed, and nothing else of it taken', (status, event) => {
    given(stored())
      .when(asks('SC', stated({ status, priority: 'stat' })))
      .thenExactly({ serviceRequest: stored({ status }), event });
  });
  it('that says what is so changes nothing, also at the end', () => {
    given(stored()).when(asks('SC')).thenExactly(nothing);
    given(stored({ status: 'completed' }))
      .when(asks('SC', stated({ status: 'completed' })))
      .thenExactly(nothing);
  });
  it('does not begin again what is over', () => {
    given(stored({ status: 'completed' }))
      .when(asks('SC'))
      .thenFails('state-conflict');
  });
});

describe('SN', () => {
  const draft = stated({ status: 'draft' });
  it('takes a number for an order to come, which nobody is told of', () => {
    given<ServiceRequest | undefined>(undefined).when(asks('SN')).thenExactly({ serviceRequest: draft });
  });
  it('for an order that has its number changes nothing', () => {
    given(stored())
      .when(asks('SN', stated({ priority: 'stat' })))
      .thenExactly(nothing);
  });
  it('is followed by NW, which places the order under the number it got', () => {
    given(stored({ status: 'draft', accessionNumber: 'A9' }))
      .when(asks('NW'))
      .thenExactly({ serviceRequest: stored({ accessionNumber: 'A9' }), event: 'imaging.order.placed.v1' });
  });
  it('is followed by CA, which nobody is told of', () => {
    given(stored({ status: 'draft' }))
      .when(asks('CA'))
      .thenExactly({ serviceRequest: stored({ status: 'revoked' }) });
  });
  it('alone is no order that could be changed', () => {
    given(stored({ status: 'draft' }))
      .when(asks('XO'))
      .thenFails('state-conflict');
  });
});

describe('RP and RO', () => {
  it('end the old order and place the new one', () => {
    given(stored()).when(asks('RP')).then({ event: 'imaging.order.cancelled.v1' });
    given<ServiceRequest | undefined>(undefined).when(asks('RO')).then({ event: 'imaging.order.placed.v1' });
  });
  it('are refused where the old one is done, or the new one takes its number', () => {
    given(stored({ status: 'completed' }))
      .when(asks('RP'))
      .thenFails('state-conflict');
    given(stored({ status: 'revoked' }))
      .when(asks('RO'))
      .thenFails('duplicate-key');
  });
});

describe('PA and CH', () => {
  const parent = stated({ intent: 'original-order' });
  it('make an order that is known the parent of others', () => {
    given(stored())
      .when(asks('PA', parent))
      .thenExactly({ serviceRequest: stored({ intent: 'original-order' }), event: 'imaging.order.changed.v1' });
  });
  it('place a parent that is not known, and its children', () => {
    given<ServiceRequest | undefined>(undefined)
      .when(asks('PA', parent))
      .thenExactly({ serviceRequest: parent, event: 'imaging.order.placed.v1' });
    given<ServiceRequest | undefined>(undefined).when(asks('CH')).then({ event: 'imaging.order.placed.v1' });
  });
  it.each<[Status[], Status | undefined]>([
    [['completed', 'revoked'], 'completed'],
    [['completed', 'active'], undefined],
    [['revoked', 'revoked'], undefined],
  ])('with children %j make the parent %s', (statuses, status) => {
    const children = statuses.map((one) => stored({ status: one }));
    expect(completeParent(stored({ intent: 'original-order' }), children)?.status).toBe(status);
    expect(completeParent(stored(), children)).toBeUndefined();
  });
});

describe('Any command', () => {
  it.each(['NW', 'XO', 'CA', 'DC', 'HD', 'RL', 'RP', 'RO', 'SN', 'SC', 'PA', 'CH'] as const)(
    '%s is refused for the number of another patient',
    (control) => {
      const other = stated({ patient: aPatient({ mrn: 'P2' }) });
      given(stored()).when(asks(control, other)).thenFails('duplicate-key');
    },
  );
});

describe('An exam that is done', () => {
  it('completes its order', () => {
    expect(completeOrder(stored())).toEqual({ ...stored(), status: 'completed' });
    expect(completeOrder(stored({ status: 'on-hold' }))?.status).toBe('completed');
  });
  it('completes an order that was cancelled meanwhile: it was done', () => {
    expect(completeOrder(stored({ status: 'revoked' }))?.status).toBe('completed');
  });
  it.each<Status>(['completed', 'entered-in-error'])('leaves an order that is %s', (status) => {
    expect(completeOrder(stored({ status }))).toBeUndefined();
  });
});

describe('An order whose exam turned out to be another’s', () => {
  const mark = (day: number) => ({ url: extensions.reopened, valueInstant: `2026-03-0${day}T10:00:00.000Z` });
  const done = stored({ status: 'completed' });
  const told = (day: number, status: ServiceRequest['status'] = 'active') => stored({ status, extension: [mark(day)] });

  it('is as it was before that exam', () => {
    expect(reopenOrder(done, told(1))).toEqual({
      ...done,
      status: 'active',
      extension: [...(done.extension ?? []), mark(1)],
    });
    expect(reopenOrder(done, told(1, 'revoked'))?.status).toBe('revoked');
  });

  it('is not reopened by what was heard before, nor without the mark, nor where it is open', () => {
    const again = { ...reopenOrder(done, told(1))!, status: 'completed' as const };
    expect(reopenOrder(again, told(1))).toBeUndefined();
    expect(reopenOrder(again, told(2))?.status).toBe('active');
    expect(reopenOrder(done, stored())).toBeUndefined();
    expect(reopenOrder(stored(), told(1))).toBeUndefined();
  });
});
