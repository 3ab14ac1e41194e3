import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { site } from '#testing';
import { databaseBeside } from './database.js';
import { loadSite, type SiteContent } from './site-file.js';

type Settings = NonNullable<SiteContent['staffDose']>;
const services: Settings['services'] = [
  { name: 'service', personSystem: 'urn:test:person', badgeSystem: 'urn:test:badge' },
];
const limit: NonNullable<Settings['limits']>[number] = {
  dose: 'effective',
  level: 'limit',
  millisieverts: 20,
  window: 'calendar-year',
  source: 'test',
};
const settings = (changes: Partial<Settings> = {}) => site({ staffDose: { services, ...changes } }).staffDose!;
const mistakes = (changes: Partial<Settings>) => {
  try {
    settings(changes);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('Doses of staff in the site file', () => {
  it('are told by the dosimeter under the apron alone unless the site says otherwise', () => {
    const { doses, limits, signedBy } = settings();
    expect(doses.find(({ dose }) => dose === 'effective')).toEqual({
      dose: 'effective',
      quantity: 'hp10',
      wornAt: ['chest'],
      combine: 'each',
    });
    expect(doses).toHaveLength(5);
    expect([limits, signedBy]).toEqual([[], undefined]);
  });

  it('are told as the site says of one dose, and of the others as before', () => {
    const given = { dose: 'effective', quantity: 'hp10', wornAt: ['chest', 'collar'], combine: 'highest' } as const;
    const { doses } = settings({ doses: [{ ...given, wornAt: [...given.wornAt] }] });
    expect(doses.filter(({ dose }) => dose === 'effective')).toEqual([given]);
    expect(doses).toHaveLength(5);
  });

  it('have an example beside the local run, with the limits of the directive, that nobody signed', () => {
    const { signedBy, limits } = loadSite(resolve(import.meta.dirname, '../../../deploy/local/site.yaml')).staffDose!;
    expect(signedBy).toBeUndefined();
    expect(
      limits
        .filter(({ level }) => level === 'limit')
        .map(({ dose, millisieverts, window }) => [dose, millisieverts, window]),
    ).toEqual([
      ['effective', 20, 'calendar-year'],
      ['eye-lens', 20, 'calendar-year'],
      ['skin', 500, 'calendar-year'],
      ['extremities', 500, 'calendar-year'],
      ['unborn-child', 1, 'pregnancy'],
    ]);
  });

  const effective = { dose: 'effective', quantity: 'hp10', wornAt: ['chest', 'collar'] } as const;
  const source = (changes: object) => ({ doses: [{ ...effective, wornAt: [...effective.wornAt], ...changes }] });
  it.each<[string, Partial<Settings>, string]>([
    ['no service', { services: [] }, 'staffDose.services'],
    [
      'a service twice',
      { services: [...services, ...services] },
      'staffDose.services.1: must not be there twice: name',
    ],
    [
      'a place nobody knows',
      { services: [{ ...services[0]!, locations: { Knie: 'knee' as never } }] },
      'staffDose.services.0.locations.Knie',
    ],
    [
      'a column nobody knows',
      { services: [{ ...services[0]!, columns: { dose: 'x' } as never }] },
      'staffDose.services.0.columns',
    ],
    ['a limit twice', { limits: [limit, limit] }, 'staffDose.limits.1: must not be there twice'],
    ['no source of a limit', { limits: [{ ...limit, source: '' }] }, 'staffDose.limits.0.source'],
    ['an unborn child over a year', { limits: [{ ...limit, dose: 'unborn-child' }] }, 'staffDose.limits.0.window'],
    ['a pregnancy of everybody', { limits: [{ ...limit, window: 'pregnancy' }] }, 'staffDose.limits.0.window'],
    ['weights that are missing', source({ combine: 'weighted' }), 'staffDose.doses.0.weights'],
    ['weights that nothing takes', source({ weights: { chest: 1, collar: 1 } }), 'staffDose.doses.0.weights'],
    ['a place without weight', source({ combine: 'weighted', weights: { chest: 1 } }), 'staffDose.doses.0.weights'],
    ['a dose twice', { doses: [...source({}).doses, ...source({}).doses] }, 'staffDose.doses.1'],
  ])('must not have %s', (_, changes, said) => expect(mistakes(changes)).toContain(said));
});

describe('A schema beside the service’s own', () => {
  const database = { url: 'postgres://x', schema: 'results', poolSize: 10 };
  it('is named after it, and has few connections of its own', () =>
    expect(databaseBeside(database, 'staff_dose')).toEqual({
      url: 'postgres://x',
      schema: 'results_staff_dose',
      poolSize: 3,
    }));
  it('is refused where Postgres would cut its name', () =>
    expect(() => databaseBeside({ ...database, schema: 'r'.repeat(53) }, 'staff_dose')).toThrow('DATABASE_SCHEMA'));
});
