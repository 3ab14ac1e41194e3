import { describe, expect, it } from '@jest/globals';
import type { Patient, ServiceRequest } from 'fhir/r4.js';
import { extensions } from '#fhir';
import type { SiteContent } from '#platform';
import { anObservation, aPatient, aServiceRequest, site } from '#testing';
import { doubtsOf, type Known } from './order-doubts.decider.js';

const now = new Date('2026-03-02T08:00:00Z');
type Procedure = SiteContent['procedures'][number];
const snomed = 'http://snomed.info/sct';

/** The doubts about an order of one procedure. */
function doubts(
  procedure: Partial<Procedure>,
  order: Partial<ServiceRequest> = {},
  { review = {}, ...known }: Partial<Omit<Known, 'site' | 'now'>> & { review?: SiteContent['orderReview'] } = {},
) {
  const hospital = site({
    procedures: [
      { code: 'CTHEAD', display: 'It', modality: 'CT', durationMinutes: 15, ...procedure },
      ...site().procedures.slice(0, 1),
    ],
    orderReview: review,
  });
  const context = { patient: aPatient(), observations: [], orders: [], ...known, site: hospital, now };
  return doubtsOf(aServiceRequest(order), context).map(({ code }) => code);
}

describe('An order whose procedure says nothing to check', () => {
  it('has no doubts', () => expect(doubts({}, { reasonCode: [{ text: 'right knee' }] })).toEqual([]));
});

describe('The side of an order', () => {
  it.each<[Procedure['laterality'], Partial<ServiceRequest>, string[]]>([
    ['left', { reasonCode: [{ text: 'Pain in the right knee' }] }, ['laterality']],
    ['left', { reasonCode: [{ text: 'Pain in the left knee' }] }, []],
    ['left', { reasonCode: [{ text: 'Knee rechts geschwollen' }] }, ['laterality']],
    ['left', { reasonCode: [{ text: 'Upright stance' }] }, []],
    ['left', { note: [{ text: 'right more than left' }] }, []],
    ['left', { reasonCode: [{ text: 'right' }], orderDetail: [{ coding: [{ code: 'LT' }] }] }, []],
    ['right', { bodySite: [{ coding: [{ system: snomed, code: '7771000' }] }] }, ['laterality']],
    ['right', {}, []],
    ['either', {}, ['laterality']],
    ['either', { orderDetail: [{ coding: [{ code: 'RT' }] }] }, []],
    ['either', { reasonCode: [{ text: 'both knees' }] }, []],
  ])('of a procedure of %s, where it says %j: %j', (laterality, order, expected) => {
    expect(doubts({ laterality }, order)).toEqual(expected);
  });
});

describe('The body site and modality of an order', () => {
  const bodySite = { system: snomed, code: '69536005', display: 'Head' };
  const site = (system: string, code: string) => ({ bodySite: [{ coding: [{ system, code }] }] });
  it('are those of its procedure, or doubtful', () => {
    expect(doubts({ bodySite }, site(snomed, '72696002'))).toEqual(['body-part']);
    expect(doubts({ bodySite }, site(snomed, '69536005'))).toEqual([]);
    expect(doubts({ bodySite }, site('urn:other', 'KNEE'))).toEqual([]);
    const step = (modality: string) => ({
      extension: [{ url: extensions.scheduledProcedureStep, extension: [{ url: 'modality', valueCode: modality }] }],
    });
    expect(doubts({}, step('MR'))).toEqual(['modality']);
    expect(doubts({}, step('CT'))).toEqual([]);
  });
});

describe('The patient of an order', () => {
  it.each<[Partial<Procedure>, Partial<Patient>, string[]]>([
    [{ sex: 'female' }, { gender: 'male' }, ['sex']],
    [{ sex: 'female' }, { gender: 'female' }, []],
    [{ sex: 'female' }, { gender: 'other' }, []],
    [{ ages: { fromYears: 40 } }, { birthDate: '1990-01-01' }, ['age']],
    [{ ages: { fromYears: 40 } }, { birthDate: '1986-03-02' }, []],
    [{ ages: { toYears: 16 } }, { birthDate: '2009-03-03' }, []],
    [{ ages: { toYears: 16 } }, { birthDate: '2009-03-02' }, ['age']],
    [{ ages: { toYears: 16 } }, { birthDate: '1990' }, []],
  ])('of %j who is %j: %j', (procedure, patient, expected) => {
    expect(doubts(procedure, {}, { patient: aPatient(patient) })).toEqual(expected);
  });

  it('is not pregnant where there are X-rays, unless the site leaves that to others', () => {
    const observations = [
      anObservation('82810-3', {
        effectiveDateTime: '2026-02-01',
        valueCodeableConcept: { coding: [{ code: '77386006' }] },
      }),
    ];
    expect(doubts({}, {}, { observations })).toEqual(['pregnancy']);
    expect(doubts({}, {}, { observations, review: { pregnancy: false } })).toEqual([]);
  });
});

describe('An order that may be there already', () => {
  const review = { duplicateWindowHours: 24 };
  const other = (overrides: Partial<ServiceRequest> = {}) =>
    aServiceRequest({ placerOrderNumber: 'OTHER', authoredOn: '2026-03-01T12:00:00Z', ...overrides });
  const order = { authoredOn: '2026-03-02T07:00:00Z' };
  it.each<[string, Partial<ServiceRequest>, Partial<ServiceRequest>, string[]]>([
    ['the same within the window', {}, {}, ['duplicate']],
    ['of longer ago', { authoredOn: '2026-02-28T12:00:00Z' }, {}, []],
    ['that came after it', { authoredOn: '2026-03-02T07:30:00Z' }, {}, []],
    ['that was cancelled', { status: 'revoked' }, {}, []],
    ['of another procedure', { code: { coding: [{ code: 'XRCHEST2' }] } }, {}, []],
    ['that it replaces', {}, { replaces: [{ reference: `ServiceRequest/${other().id}` }] }, []],
    ['that it is part of', {}, { basedOn: [{ reference: `ServiceRequest/${other().id}` }] }, []],
  ])('by one %s', (_what, earlier, own, expected) => {
    expect(doubts({}, { ...order, ...own }, { review, orders: [other(earlier)] })).toEqual(expected);
  });
  it('is not looked for unless the site says so', () => {
    expect(doubts({}, order, { orders: [other()] })).toEqual([]);
  });
});
