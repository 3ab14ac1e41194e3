import { describe, expect, it } from '@jest/globals';
import { aServiceRequest } from '#testing';
import { asPlaced, clarify, confirm, isAsked } from './clarification.decider.js';
import type { Doubt } from './order-doubts.decider.js';

const now = new Date('2026-03-02T08:00:00Z');
const later = new Date('2026-03-02T09:00:00Z');
const side: Doubt = { code: 'laterality', text: 'which side?' };
const sex: Doubt = { code: 'sex', text: 'whose?' };
const asked = clarify(aServiceRequest(), undefined, [side], now);

describe('An order with a doubt', () => {
  it('waits on hold, with a Task that says why', () => {
    expect([asked.order.status, isAsked(asked.order), asked.asked]).toEqual(['on-hold', true, [side]]);
    expect(asked.task).toMatchObject({
      status: 'requested',
      focus: { reference: `ServiceRequest/${aServiceRequest().id}` },
      for: aServiceRequest().subject,
      authoredOn: now.toISOString(),
      input: [{ type: { coding: [{ code: 'laterality' }] }, valueString: 'which side?' }],
    });
  });
  it('does not wait where it is STAT, and is asked about all the same', () => {
    const { order, task } = clarify(aServiceRequest({ priority: 'stat' }), undefined, [side], now);
    expect([order.status, isAsked(order), task?.status]).toEqual(['active', true, 'requested']);
  });
  it('stays held by its placer where they hold it', () => {
    expect(clarify(aServiceRequest({ status: 'on-hold' }), undefined, [side], now).order.status).toBe('on-hold');
  });
  it('is not asked the same twice', () => {
    const again = clarify(asPlaced(asked.order)!, asked.task, [side], later);
    expect([again.order.status, again.task, again.asked]).toEqual(['on-hold', undefined, []]);
  });
  it('is asked what is new', () => {
    const more = clarify(asPlaced(asked.order)!, asked.task, [side, sex], later);
    expect([more.asked, more.task?.input?.length, more.task?.authoredOn]).toEqual([[side, sex], 2, now.toISOString()]);
  });
  it('goes on when it is mended', () => {
    const { order, task } = clarify(asPlaced(asked.order)!, asked.task, [], later);
    expect([order, task?.status]).toEqual([aServiceRequest(), 'completed']);
  });
  it('goes on when it is confirmed, and is not asked that again', () => {
    const { order, task } = confirm(asked.order, asked.task, later);
    expect([order.status, isAsked(order), task?.status]).toEqual(['active', false, 'completed']);
    expect(clarify(order, task, [side], later)).toMatchObject({ order: { status: 'active' }, asked: [] });
    expect(clarify(order, task, [side, sex], later).asked).toEqual([sex]);
  });
  it('needs no answer once it is over', () => {
    const { order, task, asked: nothing } = clarify({ ...asked.order, status: 'revoked' }, asked.task, [side], later);
    expect([order.status, task?.status, nothing]).toEqual(['revoked', 'cancelled', []]);
  });
});
