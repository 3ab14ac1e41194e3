import { describe, expect, it } from '@jest/globals';
import type { FhirResource, Observation, ServiceRequest } from 'fhir/r4.js';
import { aPatient, aServiceRequest } from '#testing';
import type { Asked } from './request-from-bundle.js';
import { requestOf } from './transaction.decider.js';

const order = aServiceRequest() as ServiceRequest;
const known: ServiceRequest = { ...order, priority: 'stat', meta: { versionId: '3' } };
const weight: Observation = { resourceType: 'Observation', id: 'w', status: 'final', code: {} };
const entry = (resource: Asked['resource'], how: Partial<Asked> = {}): Asked => ({
  resource,
  keepsOther: false,
  isUpdate: false,
  mustExist: false,
  ...how,
});
const create = (one: Asked, current?: FhirResource) => requestOf(aPatient(), [one], [current]);

describe('An entry of a transaction', () => {
  it('that creates is a new order, also where one is known: that it is the same, its decider sees', () => {
    for (const current of [undefined, known])
      expect(create(entry(order), current).orders).toEqual([{ control: 'NW', serviceRequest: order }]);
  });

  it('that creates if there is none says nothing of what is known', () => {
    expect(create(entry(order, { keepsOther: true }), known).orders).toEqual([]);
    expect(create(entry(order, { keepsOther: true })).orders).toHaveLength(1);
    expect(create(entry(weight, { keepsOther: true }), weight).clinical).toEqual([]);
    expect(create(entry(weight, { keepsOther: true })).clinical).toEqual([weight]);
    const before = { ...aPatient(), active: false };
    expect(create(entry(aPatient(), { keepsOther: true }), before).patient).toBe(before);
    expect(create(entry(aPatient()), before).patient).toEqual(aPatient());
  });

  it('that updates says what an order is from now on, and places one that is not known', () => {
    const asked = create(entry(order, { isUpdate: true }), known).orders[0];
    expect(asked).toMatchObject({ control: 'XO' });
    expect(create(entry({ ...order, status: 'revoked' }, { isUpdate: true }), known).orders[0]?.control).toBe('CA');
    expect(create(entry(order, { isUpdate: true })).orders[0]?.control).toBe('NW');
  });

  it('that updates an id is refused where there is none, or another version', () => {
    const update = { isUpdate: true, mustExist: true };
    expect(() => create(entry(order, update))).toThrow('there is no ServiceRequest with this id');
    expect(() => create(entry(order, { ...update, ifMatch: 'W/"2"' }), known)).toThrow('If-Match');
    expect(create(entry(order, { ...update, ifMatch: 'W/"3"' }), known).orders).toHaveLength(1);
  });
});
