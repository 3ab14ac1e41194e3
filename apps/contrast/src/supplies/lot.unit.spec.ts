import { describe, expect, it } from '@jest/globals';
import type { Appointment, MedicationAdministration } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { anAdministration, failureOf, site } from '#testing';
import { policy } from '../screening/a-screening.spec.js';
import { unknownAgents } from './check-supply-settings.js';
import { suggestionsFrom, type LotInRoom } from './first-expired-first-out.decider.js';
import { lotObjections, type Given, type Lot } from './lot.js';
import { medicationOf } from './lot-medication.js';
import { followLevel, type StockLevel } from './low-stock.decider.js';
import { packagesOf } from './packages.js';
import { readStatement } from './read-supply-statement.js';
import { lotMeant, roomOfExam, statedSupply } from './stated-supply.js';
import type { OpenedContainer } from './stock.js';
import { microlitresOf, millilitresOf } from './volume.js';

const SINGLE = '09521234000013';
const MULTI = '09521234000020';
const at = new Date('2026-03-02T10:00:00Z');
const later = (hours: number) => new Date(at.getTime() + hours * 60 * 60 * 1000);
const lot = (overrides: Partial<Lot> = {}): Lot => ({
  id: 'L',
  gtin: MULTI,
  lotNumber: 'A1',
  expiresOn: '2026-03-02',
  ...overrides,
});
const multi = { size: 500_000, isSingleDose: false, openHours: 10, openDoses: 5 };
const container = (overrides: Partial<OpenedContainer & { lotId: string; doses: number }> = {}) => ({
  id: 'c',
  lotId: 'L',
  size: 500_000,
  used: 0,
  wasted: 0,
  openedAt: at,
  isImplied: false,
  doses: 0,
  ...overrides,
});

describe('What is against giving', () => {
  it.each<[string, Lot | undefined, Partial<Given>, string[]]>([
    ['nothing on the last day', lot(), {}, []],
    ['nothing a minute before midnight of the site', lot(), { at: new Date('2026-03-02T22:59:00Z') }, []],
    ['a lot whose last day is over at the site', lot(), { at: new Date('2026-03-02T23:00:00Z') }, ['lot-expired']],
    ['a lot nobody received', undefined, {}, ['lot-unknown']],
    ['a lot of which nobody told the expiry', lot({ expiresOn: undefined }), {}, ['expiry-unknown']],
    ['a recalled lot', lot({ recalled: { at, reason: 'particles' } }), {}, ['lot-recalled']],
    ['nothing yet of a lot recalled later', lot({ recalled: { at: later(1), reason: 'particles' } }), {}, []],
    [
      'a recalled lot that is expired, both',
      lot({ expiresOn: '2026-03-01', recalled: { at, reason: 'x' } }),
      {},
      ['lot-recalled', 'lot-expired'],
    ],
    [
      'a lot nobody received, by what its package says',
      undefined,
      { statedExpiry: '2026-03-01' },
      ['lot-unknown', 'lot-expired'],
    ],
    ['nothing of a lot where nobody keeps stock', undefined, { isStockKept: false, statedExpiry: '2026-03-02' }, []],
    ['a number that several packages have', undefined, { isAmbiguous: true }, ['lot-ambiguous']],
    [
      'nothing of a container within its time',
      lot({ expiresOn: '2027-01-01' }),
      { at: later(10), packing: multi, container: container() },
      [],
    ],
    [
      'a container over its time',
      lot({ expiresOn: '2027-01-01' }),
      { at: later(10.01), packing: multi, container: container() },
      ['container-overdue'],
    ],
    [
      'a container with all its doses taken',
      lot(),
      { packing: multi, container: container({ doses: 5 }) },
      ['container-doses'],
    ],
    ['an empty container', lot(), { packing: multi, container: container({ used: 500_000 }) }, ['container-empty']],
    [
      'a container that was thrown away',
      lot(),
      { at: later(2), packing: multi, container: container({ wasted: 500_000, closedAt: later(1) }) },
      ['container-discarded'],
    ],
    [
      'nothing of one thrown away afterwards',
      lot(),
      { at: later(0.5), packing: multi, container: container({ wasted: 500_000, closedAt: later(1) }) },
      [],
    ],
    [
      'a container of another lot',
      lot(),
      { packing: multi, container: container({ lotId: 'M' }) },
      ['container-of-another-lot'],
    ],
    [
      'a single-dose container of another exam',
      lot(),
      { packing: multi, container: container({ examId: 'x' }), examId: 'y' },
      ['container-of-another-exam'],
    ],
    ['nothing of the exam’s own', lot(), { packing: multi, container: container({ examId: 'x' }), examId: 'x' }, []],
    ['a container nobody opened', lot(), { isContainerUnknown: true }, ['container-unknown']],
  ])('%s', (_, of, given, codes) => {
    expect(lotObjections(of, { at, timeZone: 'Europe/Berlin', ...given }).map(({ code }) => code)).toEqual(codes);
  });
});

describe('What to take first', () => {
  const inRoom = (
    overrides: Partial<Lot>,
    sealed: number,
    containers: OpenedContainer[] = [],
    packing: LotInRoom['packing'] = multi,
  ): LotInRoom => ({
    lot: lot({ expiresOn: '2027-01-01', ...overrides }),
    stock: { sealed, containers },
    packing,
    doses: new Map([['full', 5]]),
  });
  it('is what is open and over soonest, then what expires first; never what may not be given', () => {
    const open = (id: string, hours: number, more: Partial<OpenedContainer> = {}) => ({
      ...container({ id, openedAt: later(-hours) }),
      ...more,
    });
    const lots = [
      inRoom({ id: 'late', expiresOn: '2027-06-30' }, 4),
      inRoom({ id: 'soon', expiresOn: '2026-04-30' }, 2, [
        open('one', 2),
        open('two', 5),
        open('over', 11),
        open('full', 1),
        open('gone', 1, { closedAt: at }),
      ]),
      inRoom({ id: 'expired', expiresOn: '2026-01-31' }, 9, [open('no', 1)]),
      inRoom({ id: 'recalled', recalled: { at, reason: 'x' } }, 9),
      inRoom({ id: 'single', expiresOn: '2026-05-31' }, 1, [open('rest', 1)], { size: 100_000, isSingleDose: true }),
    ];
    const taken = suggestionsFrom(lots, at, 'Europe/Berlin').map(({ lot: of, containerId }) => containerId ?? of.id);
    expect(taken).toEqual(['two', 'one', 'soon', 'single', 'late']);
  });
});

describe('Low stock', () => {
  it('is told once for each fall, and not of what was never there', () => {
    let level: StockLevel | undefined;
    const told = [1, 0, 5, 2, 1, 2, 2, 3, 0].map((containers) => {
      const followed = followLevel(level, { containers, volume: containers * 100_000 }, { lowContainers: 2 });
      level = followed?.level;
      return followed?.tell ?? false;
    });
    expect(told).toEqual([false, false, false, true, false, false, false, false, true]);
    expect(level).toEqual({ isLow: true, falls: 2 });
  });
  it('in millilitres counts what is open as well', () => {
    const level = { isLow: false, falls: 0 };
    const onHand = { containers: 0, volume: 250_100 };
    expect(followLevel(level, onHand, { lowMl: 250 })?.tell).toBe(false);
    expect(followLevel(level, onHand, { lowMl: 250.1 })?.tell).toBe(true);
  });
  it('of an agent the policy has no product of is refused with its path', () => {
    const low = [
      { room: 'CT room 1', agent: 'iopromide', lowMl: 1 },
      { room: 'CT room 1', agent: 'iopromid', lowMl: 1 },
    ];
    expect(unknownAgents(site({ supplies: { low } }), policy)).toEqual([
      'supplies.low.1.agent: is the agent of no product of the contrast policy: iopromid',
    ]);
    expect(unknownAgents(site({ supplies: { low } }), undefined)).toEqual([]);
  });
});

describe('A volume', () => {
  it.each([
    [{ value: 78, unit: 'mL' }, 78_000],
    [{ value: 0.1, code: 'mL' }, 100],
    [{ value: 0.078, unit: 'L' }, 78_000],
    [{ value: 78, unit: 'mL', code: 'L' }, undefined],
    [{ value: 78, unit: 'mmol' }, undefined],
    [{ value: 78 }, undefined],
    [{ value: -1, unit: 'mL' }, undefined],
    [{ value: 1, unit: 'constructor' }, undefined],
    [undefined, undefined],
  ])('%j is %s microlitres', (quantity, microlitres) => {
    expect(microlitresOf(quantity)).toBe(microlitres);
  });
  it('comes out even, where sums of fractions would not', () => {
    const sum = [0.1, 0.2].reduce((total, value) => total + microlitresOf({ value, unit: 'mL' })!, 0);
    expect(millilitresOf(sum)).toBe(0.3);
  });
});

describe('Where what was given came from', () => {
  const packages = packagesOf(policy);
  const plan = { id: 'plan', subject: { reference: 'Patient/p' } };
  const administration = (medication: object, more: Partial<MedicationAdministration> = {}) =>
    anAdministration(plan, {
      contained: [{ resourceType: 'Medication', id: 'm', batch: { lotNumber: ' A1 ' }, ...medication } as never],
      ...more,
    });
  it.each([
    [
      'by its GTIN, in either system',
      { identifier: [{ system: 'urn:oid:1.3.160', value: '9521234000013' }] },
      { gtin: SINGLE, agent: undefined },
    ],
    [
      'by a code of its agent',
      { code: { coding: [{ system: 'http://www.whocc.no/atc', code: 'V08AB05' }] } },
      { gtin: undefined, agent: 'iopromide' },
    ],
    ['by the name of its product', { code: { text: 'Ultravist 370' } }, { gtin: undefined, agent: 'iopromide' }],
    [
      'a number of something else',
      { identifier: [{ system: 'urn:x', value: '9521234000013' }] },
      { gtin: undefined, agent: undefined },
    ],
  ])('is known %s', (_, medication, expected) => {
    expect(statedSupply(administration(medication), policy)).toMatchObject({
      lotNumber: 'A1',
      examId: 'plan',
      volume: 78_000,
      ...expected,
    });
  });
  it('is nothing of what was not given, and not known of a dose that is no volume', () => {
    expect(statedSupply(administration({}, { status: 'not-done' }), policy)?.volume).toBe(0);
    expect(statedSupply(administration({}, { status: 'entered-in-error' }), policy)?.volume).toBe(0);
    expect(
      statedSupply(administration({}, { dosage: { dose: { value: 8, unit: 'mmol' } } }), policy)?.volume,
    ).toBeUndefined();
    expect(statedSupply(administration({ batch: {} }), policy)).toBeUndefined();
  });
  it('without a GTIN is the only lot of that number of the agent', () => {
    const [single, other, iohexol] = [
      lot({ id: 's', gtin: SINGLE }),
      lot({ id: 'm' }),
      lot({ id: 'h', gtin: '09521234000037' }),
    ];
    expect(lotMeant({ gtin: SINGLE, agent: undefined }, [single, other], packages)).toBe(single);
    expect(lotMeant({ gtin: SINGLE, agent: 'iopromide' }, [other], packages)).toBeUndefined();
    expect(lotMeant({ gtin: undefined, agent: 'iopromide' }, [single, iohexol], packages)).toBe(single);
    expect(lotMeant({ gtin: undefined, agent: 'iopromide' }, [single, other], packages)).toBe('ambiguous');
    expect(lotMeant({ gtin: undefined, agent: undefined }, [], packages)).toBeUndefined();
  });
  it('is the room of the step that has begun, else of the one nearest in time', () => {
    const step = (aeTitle: string, status: Appointment['status'], hours: number): Appointment => ({
      resourceType: 'Appointment',
      status,
      start: later(hours).toISOString(),
      participant: [],
      extension: [{ url: extensions.stationAeTitle, valueString: aeTitle }],
    });
    const room = (...steps: Appointment[]) => roomOfExam(steps, at, site());
    expect(room(step('DX01', 'booked', 0), step('CT01', 'arrived', 3))).toBe('CT room 1');
    expect(room(step('DX01', 'booked', 1), step('CT01', 'booked', 3))).toBe('X-ray room 1');
    expect(room(step('CT01', 'cancelled', 0), step('ELSEWHERE', 'booked', 0))).toBeUndefined();
  });
});

describe('A lot', () => {
  it('is a Medication with its strength, and says why it is recalled', () => {
    const of = packagesOf(policy).get(MULTI);
    expect(medicationOf(lot({ recalled: { at, reason: 'particles' } }), of)).toEqual({
      resourceType: 'Medication',
      id: 'L',
      extension: [{ url: extensions.recallReason, valueString: 'particles' }],
      identifier: [{ system: 'https://www.gs1.org/gtin', value: MULTI }],
      code: {
        coding: [{ system: 'http://www.whocc.no/atc', code: 'V08AB05', display: 'iopromide' }],
        text: 'Example iopromide 370',
      },
      status: 'inactive',
      amount: { numerator: { value: 500, unit: 'mL' }, denominator: { value: 1, unit: 'container' } },
      ingredient: [
        {
          itemCodeableConcept: { text: 'iopromide' },
          isActive: true,
          strength: { numerator: { value: 370, unit: 'mg' }, denominator: { value: 1, unit: 'mL' } },
        },
      ],
      batch: { lotNumber: 'A1', expirationDate: '2026-03-02' },
    });
  });
  it('that expires in a month does so on its last day', () => {
    const said = { identifier: { system: 'urn:x', value: '1' }, room: 'r', containers: 1 };
    const expiryOf = (expiresOn: string) => readStatement('receipt', { ...said, expiresOn }).expiresOn;
    expect([expiryOf('2028-02'), expiryOf('2027-02'), expiryOf('2027-12-05')]).toEqual([
      '2028-02-29',
      '2027-02-28',
      '2027-12-05',
    ]);
    for (const wrong of ['2027-13', '2027-02-30', '27-02', '', 7])
      expect(failureOf(() => expiryOf(wrong as string))).toMatchObject({ code: 'field-invalid', field: 'expiresOn' });
  });
  it('keeps no text that a database does not', () => {
    const said = { identifier: { system: 'urn:x', value: '1' }, room: 'r', containers: 1, lotNumber: 'A' };
    for (const wrong of ['a\0', 'a\u001d', '\ud800', 'a'.repeat(201)])
      expect(failureOf(() => readStatement('receipt', { ...said, lotNumber: wrong })).field).toBe('lotNumber');
    expect(readStatement('receipt', { ...said, barcode: 'a\u001db' }).barcode).toBe('a\u001db');
  });
  it.each([[null], [[]], ['text'], [7], [{ identifier: null, gtin: {}, containers: '3' }]])(
    'is not tripped over in %j',
    (body) => {
      expect(failureOf(() => readStatement('receipt', body)).status).toBe(400);
    },
  );
});
