import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Extension, MedicationAdministration } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { anAdministration, aServiceRequest, site } from '#testing';
import { planContrast } from '../contrast-plan.decider.js';
import { loadPolicy } from '../policy/load-policy.js';
import { administrationsOfPlan } from './administrations-of-plan.js';
import { readAdministration } from './read-administration.js';
import { injectionsOf, type Statement } from './same-injection.decider.js';

const policy = loadPolicy('deploy/local/contrast-policy.yaml')!;
const order = aServiceRequest({ procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' } });
const plan = planContrast(undefined, order, site()).plan!;
const at = (minute: number) => new Date(Date.UTC(2026, 2, 2, 10, 0) + minute * 60_000).toISOString();
const mL = (value: number) => ({ value, unit: 'mL' });
const drug = (text: string, lot?: string) => [
  { resourceType: 'Medication', id: 'm', code: { text }, ...(lot ? { batch: { lotNumber: lot } } : {}) } as never,
];
function said(
  by: 'person' | 'injector',
  number: string,
  minute: number,
  ml: number,
  overrides: Partial<MedicationAdministration> = {},
): Statement {
  const dosage = { ...(by === 'person' ? { route: { text: 'IV' } } : {}), dose: mL(ml) };
  const contained = by === 'person' ? drug('iopromide', 'LOT7') : drug('contrast');
  const body = anAdministration(plan, {
    identifier: [{ system: 'urn:test', value: number }],
    effectiveDateTime: at(minute),
    dosage,
    contained,
    ...overrides,
  });
  const { administration } = readAdministration(body, by);
  return { id: administration.id!, planId: plan.id!, by, settles: [], administration };
}
const numbers = (statements: readonly Statement[], by = policy) =>
  administrationsOfPlan(statements, plan, by)
    .map(({ administration }) =>
      administration
        .identifier!.map(({ value }) => value)
        .sort()
        .join('+'),
    )
    .sort();
const deviations = ({ extension = [] }: MedicationAdministration) =>
  extension.filter(({ url }) => url === extensions.deviation).map((one) => one.extension![0]!.valueCode);
const only = (...statements: Statement[]) => {
  const [one, ...more] = administrationsOfPlan(statements, plan, policy);
  expect(more).toEqual([]);
  return one!.administration;
};

describe('statements of one plan', () => {
  const [testP, mainP] = [said('person', 'P1', 0, 20), said('person', 'P2', 4, 80)];
  const [testI, mainI] = [said('injector', 'I1', 0.5, 20), said('injector', 'I2', 3.5, 79)];
  it.each<[string, Statement[], string[]]>([
    ['of a person and an injector are one', [testP, testI], ['I1+P1']],
    ['of two injections stay two', [testP, testI, mainP, mainI], ['I1+P1', 'I2+P2']],
    ['of two injections, one of which the person did not write down', [testI, mainP, mainI], ['I1', 'I2+P2']],
    ['of one that differ in volume are one', [testP, mainI], ['I2+P1']],
    ['of two persons stay two', [testP, said('person', 'P3', 0, 20)], ['P1', 'P3']],
    ['of two injectors stay two', [testI, said('injector', 'I3', 0, 20)], ['I1', 'I3']],
    ['as far apart as the policy lets them', [testP, said('injector', 'I3', 15, 20)], ['I3+P1']],
    ['farther apart', [testP, said('injector', 'I3', 15.1, 20)], ['I3', 'P1']],
    [
      'that overlap by their periods',
      [
        testP,
        said('injector', 'I3', 0, 20, {
          effectiveDateTime: undefined,
          effectivePeriod: { start: at(-40), end: at(-10) },
        }),
      ],
      ['I3+P1'],
    ],
    ['of a day only', [testP, said('injector', 'I3', 0, 20, { effectiveDateTime: '2026-03-02' })], ['I3', 'P1']],
    ['of different agents', [testP, said('injector', 'I3', 0, 20, { contained: drug('iohexol') })], ['I3', 'P1']],
    ['of one that did not happen', [testP, said('injector', 'I3', 0, 20, { status: 'not-done' })], ['I3', 'P1']],
    ['of one in error', [testP, said('injector', 'I3', 0, 20, { status: 'entered-in-error' })], ['I3', 'P1']],
    ['that were settled', [{ ...testP, settles: [testI.id] }, testI, mainI], ['I2', 'P1']],
  ])('%s', (_, statements, wanted) => expect(numbers(statements)).toEqual(wanted));

  it('are as many administrations without a policy', () => {
    expect(numbers([testP, testI], { ...policy, administration: undefined } as typeof policy)).toEqual(['I1', 'P1']);
  });

  const some = fc.array(
    fc.record({
      by: fc.constantFrom('person' as const, 'injector' as const),
      minute: fc.integer({ min: 0, max: 40 }),
      ml: fc.constantFrom(20, 78, 80),
    }),
    { maxLength: 7 },
  );
  const stated = some.map((all) => all.map(({ by, minute, ml }, index) => said(by, `${by[0]}${index}`, minute, ml)));
  const shuffled = stated.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
  it('come out the same in whatever order they came', () => {
    // All but the identity, and the order of what both listed.
    const contentOf = (statements: readonly Statement[]) =>
      administrationsOfPlan(statements, plan, policy)
        .map(({ administration }) =>
          JSON.stringify({
            ...administration,
            id: undefined,
            identifier: administration.identifier!.map(({ value }) => value).sort(),
            extension: deviations(administration),
          }),
        )
        .sort();
    fc.assert(fc.property(shuffled, ([one, other]) => expect(contentOf(one)).toEqual(contentOf(other))));
  });
  it('are each of one injection, and none is lost', () => {
    fc.assert(
      fc.property(stated, (all) => {
        const of = injectionsOf(all, policy).flatMap(({ person, injector }) =>
          [person, injector].filter((one) => one !== undefined),
        );
        expect(of.map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort());
      }),
    );
  });
});

describe('what both say', () => {
  const phase = (number: number, content: string, ...parts: Extension[]): Extension => ({
    url: extensions.injectionPhase,
    extension: [{ url: 'number', valuePositiveInt: number }, { url: 'content', valueCode: content }, ...parts],
  });
  const part = (url: string, value: number, unit = 'mL'): Extension => ({ url, valueQuantity: { value, unit } });
  const site = {
    url: extensions.extravasation,
    extension: [{ url: 'site', valueCodeableConcept: { text: 'left arm' } }],
  };
  it('has amounts, time and phases of the injector, lot, route and site of the person, and the numbers of both', () => {
    const phases = [phase(1, 'contrast', part('volume', 61)), phase(2, 'saline', part('volume', 30))];
    const device = [{ actor: { type: 'Device', display: 'CT1' } }];
    const merged = only(
      said('person', 'P', 0, 60, { extension: [site], status: 'stopped' }),
      said('injector', 'I', 1, 61, { extension: phases, performer: device }),
    );
    expect(merged).toMatchObject({
      status: 'stopped',
      dosage: { dose: mL(61), route: { text: 'IV' } },
      effectiveDateTime: at(1),
      contained: [{ code: { text: 'iopromide' }, batch: { lotNumber: 'LOT7' } }],
      performer: [{ actor: { display: 'Technologist on duty' } }, { actor: { display: 'CT1' } }],
    });
    expect(merged.extension!.filter(({ url }) => url !== extensions.deviation)).toEqual([site, ...phases]);
    expect(deviations(merged)).toEqual(['dose']);
  });
  it('is flagged where it contradicts itself, within what the policy lets pass it is not', () => {
    expect(deviations(only(said('person', 'P', 0, 80), said('injector', 'I', 0, 75)))).toEqual([]);
    expect(deviations(only(said('person', 'P', 0, 80), said('injector', 'I', 0, 74.9)))).toEqual(['stated-dose']);
    const other = said('injector', 'I', 0, 80, { contained: drug('iopromide', 'LOT8') });
    expect(deviations(only(said('person', 'P', 0, 80), other))).toEqual(['stated-lot']);
  });
  it.each<[string, Partial<MedicationAdministration>, number, string[]]>([
    ['as planned', {}, 80, []],
    ['a tenth less', {}, 72, []],
    ['more than a tenth less', {}, 71.9, ['dose']],
    ['faster', { dosage: { dose: mL(80), rateQuantity: { value: 3.7, unit: 'mL/s' } } }, 80, ['rate']],
    ['as fast, by the minute', { dosage: { dose: mL(80), rateQuantity: { value: 180, unit: 'mL/min' } } }, 80, []],
    [
      'not as the injector was set to',
      { extension: [phase(1, 'contrast', part('volume', 80), part('plannedVolume', 100))] },
      80,
      ['phase'],
    ],
    [
      'to the limit of pressure, in other units',
      {
        extension: [
          phase(
            1,
            'contrast',
            part('volume', 80),
            part('peakPressure', 300, 'psi'),
            part('pressureLimit', 2000, 'kPa'),
          ),
        ],
      },
      80,
      ['pressure'],
    ],
    [
      'of other phases than the dose',
      { extension: [phase(1, 'contrast', part('volume', 60)), phase(2, 'saline', part('volume', 20))] },
      80,
      ['phases-dose'],
    ],
    [
      'of a mixed phase',
      {
        extension: [
          phase(1, 'contrast', part('volume', 60)),
          phase(2, 'mixed', { url: 'contrastPercent', valueDecimal: 40 }, part('volume', 50)),
        ],
      },
      80,
      [],
    ],
  ])('and given %s is compared with the plan', (_, overrides, ml, wanted) => {
    expect(deviations(only(said('injector', 'I', 0, ml, overrides)))).toEqual(wanted);
  });
  it('is compared in sum, at the last of them', () => {
    const all = administrationsOfPlan([said('injector', 'I1', 0, 20), said('injector', 'I2', 5, 80)], plan, policy);
    expect(all.map(({ administration }) => deviations(administration))).toEqual([[], ['dose']]);
  });
  it('has its dose from its phases where none is stated', () => {
    const phases = [
      phase(2, 'mixed', { url: 'contrastPercent', valueDecimal: 40 }, part('volume', 50)),
      phase(1, 'contrast', part('volume', 60)),
    ];
    expect(only(said('injector', 'I', 0, 1, { dosage: {}, extension: phases })).dosage!.dose).toMatchObject({
      value: 80,
    });
  });
  it.each<[string, Extension, string]>([
    ['a phase without number', { url: extensions.injectionPhase, extension: [] }, 'extension[0].number'],
    ['a phase of something else', phase(1, 'juice'), 'extension[0].content'],
    ['a mixed phase without its part', phase(1, 'mixed'), 'extension[0].contrastPercent'],
    ['a volume in another unit', phase(1, 'contrast', part('volume', 1, 'mg')), 'extension[0].volume'],
    ['a rate below 0', phase(1, 'contrast', part('rate', -1, 'mL/s')), 'extension[0].rate'],
    [
      'an extravasation nowhere',
      { url: extensions.extravasation, extension: [part('volume', 5)] },
      'extension[0].site',
    ],
    [
      'an extravasation of nothing',
      { ...site, extension: [...site.extension, part('volume', 0)] },
      'extension[0].volume',
    ],
  ])('is refused with %s', (_, extension, path) => {
    expect(() => said('injector', 'I', 0, 80, { extension: [extension] })).toThrow(
      expect.objectContaining({ field: `MedicationAdministration.${path}` }),
    );
  });
});
