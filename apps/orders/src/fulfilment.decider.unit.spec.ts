import { describe, expect, it } from '@jest/globals';
import type { Appointment, Procedure, ServiceRequest, Task } from 'fhir/r4.js';
import { systems } from '#fhir';
import { aServiceRequest, failureOf } from '#testing';
import {
  commandOfTask,
  fulfilmentBooked,
  fulfilmentExamined,
  fulfilmentFollowing,
  isFulfilment,
} from './fulfilment.decider.js';

const now = new Date('2026-03-02T08:00:00Z');
const order = aServiceRequest();
const as = (status: ServiceRequest['status']) => aServiceRequest({ status });
const appointment = (overrides: Partial<Appointment> = {}): Appointment => ({
  resourceType: 'Appointment',
  id: 'a',
  status: 'booked',
  start: '2026-03-02T09:00:00Z',
  end: '2026-03-02T09:15:00Z',
  participant: [],
  ...overrides,
});
const exam = (status: Procedure['status'], period = {}, reason?: string): Procedure => ({
  resourceType: 'Procedure',
  status,
  subject: {},
  performedPeriod: period,
  ...(reason ? { statusReason: { coding: [{ system: systems.dicomCode, code: reason }] } } : {}),
});
const said = (task: Task | undefined) => task && [task.status, task.businessStatus?.coding?.[0]?.code];
const booked = fulfilmentBooked(order, undefined, appointment(), now)!;
const started = fulfilmentExamined(order, booked, order, exam('in-progress', { start: '2026-03-02T09:01:00Z' }), now)!;
const completed = fulfilmentExamined(
  order,
  started,
  as('completed'),
  exam('completed', { start: '2026-03-02T09:01:00Z', end: '2026-03-02T09:10:00Z' }),
  now,
)!;
const failed = fulfilmentExamined(
  order,
  started,
  order,
  exam('stopped', { end: '2026-03-02T09:05:00Z' }, '110513'),
  now,
)!;

describe('The Task that says how far an order is', () => {
  it('begins when the order is booked', () => {
    const self = { reference: `ServiceRequest/${order.id}` };
    expect(booked).toMatchObject({
      resourceType: 'Task',
      status: 'accepted',
      intent: 'order',
      priority: 'routine',
      focus: self,
      basedOn: [self],
      for: order.subject,
      authoredOn: now.toISOString(),
    });
    expect([isFulfilment(booked), said(booked)]).toEqual([true, ['accepted', 'scheduled']]);
    expect(booked.input).toMatchObject([{ id: 'a', valuePeriod: { start: '2026-03-02T09:00:00Z' } }]);
  });

  it('says when each step is, where one was moved as well, and nothing new twice', () => {
    const two = fulfilmentBooked(order, booked, appointment({ id: 'b', start: '2026-03-02T10:00:00Z' }), now)!;
    const moved = fulfilmentBooked(order, two, appointment({ start: '2026-03-02T11:00:00Z' }), now)!;
    expect(moved.input!.map(({ id, valuePeriod }) => [id, valuePeriod!.start])).toEqual([
      ['b', '2026-03-02T10:00:00Z'],
      ['a', '2026-03-02T11:00:00Z'],
    ]);
    expect(fulfilmentBooked(order, booked, appointment(), new Date())).toBeUndefined();
    expect(fulfilmentBooked(as('revoked'), undefined, appointment(), now)).toBeUndefined();
    expect(fulfilmentBooked(order, undefined, appointment({ status: 'cancelled' }), now)).toBeUndefined();
  });

  it('follows the exam', () => {
    expect([said(started), started.executionPeriod]).toEqual([
      ['in-progress', 'started'],
      { start: '2026-03-02T09:01:00Z' },
    ]);
    expect([said(completed), completed.executionPeriod]).toEqual([
      ['completed', 'completed'],
      { start: '2026-03-02T09:01:00Z', end: '2026-03-02T09:10:00Z' },
    ]);
    expect([said(failed), failed.statusReason?.coding?.[0]?.code]).toEqual([['failed', 'discontinued'], '110513']);
    expect(said(fulfilmentExamined(order, undefined, order, exam('in-progress'), now))).toEqual([
      'in-progress',
      'started',
    ]);
  });

  it.each<[string, Task | undefined, (string | undefined)[] | undefined]>([
    ['one step of several is done', fulfilmentExamined(order, started, order, exam('completed'), now), undefined],
    ['it is told late that it began', fulfilmentExamined(order, completed, order, exam('in-progress'), now), undefined],
    [
      'it was begun by mistake',
      fulfilmentExamined(order, started, order, exam('stopped', {}, '110514'), now),
      ['accepted', 'scheduled'],
    ],
    [
      'it was begun by mistake, of an order on hold',
      fulfilmentExamined(as('on-hold'), started, order, exam('stopped', {}, '110514'), now),
      ['on-hold', 'scheduled'],
    ],
    [
      'it is booked again after it was given up',
      fulfilmentBooked(order, failed, appointment({ start: '2026-03-03T09:00:00Z' }), now),
      ['accepted', 'scheduled'],
    ],
    [
      'a step is moved while another is under way',
      fulfilmentBooked(order, started, appointment({ start: '2026-03-03T09:00:00Z' }), now),
      ['in-progress', 'started'],
    ],
    [
      'it is done though cancelled',
      fulfilmentExamined(as('revoked'), { ...started, status: 'cancelled' }, as('completed'), exam('completed'), now),
      ['completed', 'completed'],
    ],
  ])('when %s', (_what, task, expected) => expect(said(task)).toEqual(expected));

  it.each<[ServiceRequest['status'], Task, string | undefined]>([
    ['revoked', booked, 'cancelled'],
    ['revoked', started, 'cancelled'],
    ['revoked', completed, undefined],
    ['entered-in-error', booked, 'entered-in-error'],
    ['on-hold', booked, 'on-hold'],
    ['on-hold', started, undefined],
    ['active', { ...booked, status: 'on-hold' }, 'accepted'],
    ['active', booked, undefined],
    ['active', failed, undefined],
    ['completed', started, 'completed'],
  ])('follows its order that is %s', (status, before, expected) => {
    expect(fulfilmentFollowing(as(status), before, new Date())?.status).toBe(expected);
  });

  it('takes over what is new of the order, and is none where none began', () => {
    expect(fulfilmentFollowing(aServiceRequest({ priority: 'stat' }), booked, now)?.priority).toBe('stat');
    expect(fulfilmentFollowing(aServiceRequest({ priority: undefined as never }), booked, now)).not.toBeUndefined();
    expect(fulfilmentFollowing(as('revoked'), undefined, now)).toBeUndefined();
  });
});

describe('By its Task an order', () => {
  it.each([
    ['cancelled', 'CA'],
    ['on-hold', 'HD'],
    ['accepted', undefined],
  ] as const)('is %s', (status, control) => {
    expect(commandOfTask(booked, status, order)?.control).toBe(control);
  });
  it('is released', () =>
    expect(commandOfTask({ ...booked, status: 'on-hold' }, 'accepted', order)?.control).toBe('RL'));
  it.each(['completed', 'in-progress', 'failed'] as const)('is not %s: the exam says that', (status) => {
    expect(failureOf(() => commandOfTask(booked, status, order))).toMatchObject({
      code: 'state-conflict',
      field: 'Task.status',
    });
  });
});
