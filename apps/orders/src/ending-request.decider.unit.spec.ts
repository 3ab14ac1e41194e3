import { describe, expect, it } from '@jest/globals';
import { extensions } from '#fhir';
import { aServiceRequest } from '#testing';
import { requestOf, withRequest } from './ending-request.decider.js';
import type { OrderCommand } from './order.decider.js';

const active = aServiceRequest();
const noted = (control: OrderCommand['control'], status: (typeof active)['status'], before = active) =>
  withRequest(before, { ...before, status }, control);

describe('The request that ended an order', () => {
  it.each<[OrderCommand['control'], (typeof active)['status'], string | undefined]>([
    ['CA', 'revoked', 'CA'],
    ['DC', 'revoked', 'DC'],
    ['RP', 'revoked', 'RP'],
    ['XO', 'revoked', 'CA'],
    ['SC', 'revoked', undefined],
    ['HD', 'on-hold', 'HD'],
    ['XO', 'on-hold', undefined],
    ['XO', 'active', undefined],
  ])('%s to %s is noted as %s', (control, status, request) => {
    expect(requestOf(noted(control, status))).toBe(request);
  });

  it('is forgotten when the order goes on, and nothing else with it', () => {
    const reason = { url: extensions.statusReason, valueCodeableConcept: { text: 'why' } };
    const held = noted('HD', 'on-hold', { ...active, extension: [reason] });
    expect(noted('RL', 'active', held)).toEqual({ ...active, extension: [reason] });
    expect(noted('RL', 'active', noted('HD', 'on-hold'))).toEqual(active);
  });

  it('is the later one', () => {
    expect(requestOf(noted('DC', 'revoked', noted('HD', 'on-hold')))).toBe('DC');
  });
});
