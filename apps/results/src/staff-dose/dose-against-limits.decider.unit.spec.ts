import { describe, expect, it } from '@jest/globals';
import type { DoseLimit, SiteContent, StaffDoseSettings } from '#platform';
import { site } from '#testing';
import { aService } from './a-dosimetry-service.spec.js';
import { againstLimits, currentOf, stateOf, type LimitStanding } from './dose-against-limits.decider.js';
import type { SummedReading } from './dose-of-person.decider.js';
import { staffDoseStatistics } from './staff-dose-statistics.decider.js';

const TODAY = '2026-03-15';
/** Settings as the site file would have them. */
const settings = (
  limits: Partial<DoseLimit>[] = [{}],
  doses: NonNullable<SiteContent['staffDose']>['doses'] = [],
): StaffDoseSettings => {
  const limit: DoseLimit = {
    dose: 'effective',
    level: 'limit',
    millisieverts: 20,
    window: 'calendar-year',
    source: 'test',
  };
  return site({ staffDose: { services: [aService], doses, limits: limits.map((one) => ({ ...limit, ...one })) } })
    .staffDose!;
};
const period = (month: string): Pick<SummedReading, 'start' | 'end'> => ({ start: `${month}-01`, end: `${month}-28` });
const measured = (mSv: number): SummedReading['value'] => ({ kind: 'measured', nanosieverts: Math.round(mSv * 1e6) });
const below = (mSv: number): SummedReading['value'] => ({ kind: 'below', nanosieverts: Math.round(mSv * 1e6) });
const chest = (month: string, value: SummedReading['value']): SummedReading => ({
  ...period(month),
  location: 'chest',
  quantity: 'hp10',
  value,
});
const standings = (readings: SummedReading[], of = settings(), pregnancies: { from: string; until?: string }[] = []) =>
  againstLimits(readings, pregnancies, of, TODAY);
const brief = (all: LimitStanding[]) => all.map(({ period, lower, upper, state }) => [period, lower, upper, state]);

describe('doses against limits', () => {
  it('are summed exactly, and above a limit only where they are more than it', () => {
    const tenth = Array.from({ length: 12 }, (_, at) =>
      chest(`2025-${String(at + 1).padStart(2, '0')}`, measured(0.1)),
    );
    const of = (millisieverts: number) => brief(standings(tenth, settings([{ millisieverts }])));
    expect(of(1.2)).toEqual([['2025', 1.2, 1.2, 'below']]);
    expect(of(1.199999)).toEqual([['2025', 1.2, 1.2, 'above']]);
  });

  it('lie between nothing and the most they can be where they were below what is reported', () => {
    const readings = [chest('2026-01', measured(0.5)), chest('2026-02', below(0.1))];
    expect(standings(readings, settings([{ millisieverts: 0.55 }]))).toEqual([
      expect.objectContaining({
        lower: 0.5,
        upper: 0.6,
        state: 'not-excluded',
        read: 2,
        belowReportable: 1,
        notRead: 0,
        isOver: false,
      }),
    ]);
  });

  it('count a dosimeter that was not read, and no dose of it', () =>
    expect(standings([chest('2026-01', { kind: 'not-read' })])).toEqual([
      expect.objectContaining({ lower: 0, upper: 0, read: 0, notRead: 1, state: 'below' }),
    ]));

  it('are of every year there are readings of, the newest first; one that is over stays above', () => {
    const found = standings([chest('2025-12', measured(21)), chest('2026-01', measured(1))]);
    expect(brief(found)).toEqual([
      ['2026', 1, 1, 'below'],
      ['2025', 21, 21, 'above'],
    ]);
    expect(found.map(({ isOver }) => isOver)).toEqual([false, true]);
    expect(stateOf(found)).toBe('limit-exceeded');
    expect(currentOf(found)).toHaveLength(2);
    expect(currentOf(standings([chest('2025-12', measured(1)), chest('2026-01', measured(1))]))).toHaveLength(1);
  });

  it('are of the time in which the wearing period ends', () =>
    expect(brief(standings([{ ...chest('2025-12', measured(3)), start: '2025-12-15', end: '2026-01-14' }]))).toEqual([
      ['2026', 3, 3, 'below'],
    ]));

  it.each<[DoseLimit['window'], unknown[]]>([
    ['wearing-period', ['2025-01-01/2025-01-28', '2025-02-01/2025-02-28', '2026-02-01/2026-02-28']],
    ['calendar-month', ['2025-01', '2025-02', '2026-02']],
    ['calendar-quarter', ['2025-Q1', '2026-Q1']],
    ['calendar-year', ['2025', '2026']],
    ['rolling-12-months', ['latest']],
    ['rolling-5-years', ['latest']],
  ])('over a %s are of %j', (window, periods) => {
    const readings = ['2025-01', '2025-02', '2026-02'].map((month) => chest(month, measured(1)));
    expect(
      standings(readings, settings([{ window }]))
        .map(({ period }) => period)
        .sort(),
    ).toEqual(periods);
  });

  it('that roll end with the newest reading, whatever day it is', () => {
    const readings = [chest('2025-01', measured(1)), chest('2025-02', measured(2)), chest('2026-01', measured(4))];
    const [found] = standings(readings, settings([{ window: 'rolling-12-months' }]));
    expect(found).toMatchObject({ from: '2025-01-29', to: '2026-01-28', lower: 6 });
  });

  it('of hands and feet are summed each alone, and the highest counts', () => {
    const at = (location: SummedReading['location'], mSv: number): SummedReading => ({
      ...chest('2026-01', measured(mSv)),
      location,
      quantity: 'hp007',
    });
    const [found] = standings(
      [at('finger-left', 300), at('finger-right', 250), at('wrist-left', 100), at('chest', 900)],
      settings([{ dose: 'extremities', millisieverts: 500 }]),
    );
    expect(found).toMatchObject({ lower: 300, location: 'finger-left', state: 'below' });
  });

  describe('of two dosimeters', () => {
    const collar = (month: string, mSv: number): SummedReading => ({
      ...chest(month, measured(mSv)),
      location: 'collar',
    });
    const both = [chest('2026-01', measured(1)), collar('2026-01', 8)];
    it('are those under the apron alone unless the site says otherwise', () =>
      expect(standings(both)[0]).toMatchObject({ lower: 1, location: 'chest' }));
    it('are nothing where only the collar was worn', () => expect(standings([collar('2026-01', 8)])).toEqual([]));
    it('are the highest of each period where the site says so', () => {
      const of = settings(
        [{}],
        [{ dose: 'effective', quantity: 'hp10', wornAt: ['chest', 'collar'], combine: 'highest' }],
      );
      expect(standings([...both, chest('2026-02', measured(2))], of)[0]).toMatchObject({ lower: 10, read: 3 });
    });
    it('are weighted where both were read, else the one that was stands as it is, and is counted', () => {
      const of = settings(
        [{}],
        [
          {
            dose: 'effective',
            quantity: 'hp10',
            wornAt: ['chest', 'collar'],
            combine: 'weighted',
            weights: { chest: 0.5, collar: 0.025 },
          },
        ],
      );
      expect(standings(both, of)[0]).toMatchObject({ lower: 0.7, unweighted: 0 });
      expect(standings([...both, collar('2026-02', 2)], of)[0]).toMatchObject({ lower: 2.7, unweighted: 1 });
    });
    it('of one place and period are added: each was worn a part of it', () =>
      expect(standings([chest('2026-01', measured(1)), chest('2026-01', measured(2))])[0]).toMatchObject({ lower: 3 }));
  });

  describe('of an unborn child', () => {
    const of = settings([{ dose: 'unborn-child', millisieverts: 1, window: 'pregnancy' }]);
    const abdomen = (month: string, mSv: number): SummedReading => ({
      ...chest(month, measured(mSv)),
      location: 'abdomen',
    });
    const readings = [abdomen('2025-12', 5), abdomen('2026-01', 0.4), abdomen('2026-02', 0.3), abdomen('2026-03', 5)];
    it('are summed from the declaration, of a period it falls into all, until it is over', () =>
      expect(brief(standings(readings, of, [{ from: '2026-01-20', until: '2026-02-27' }]))).toEqual([
        ['2026-01-20', 0.7, 0.7, 'below'],
      ]));
    it('are none without a declaration', () => expect(standings(readings, of)).toEqual([]));
  });
});

describe('statistics of staff doses', () => {
  it('have persons, sums and bands by place and quantity', () => {
    const of = (practitionerId: string, value: SummedReading['value']) => ({
      ...chest('2026-01', value),
      practitionerId,
    });
    expect(
      staffDoseStatistics([
        of('a', measured(0.5)),
        of('a', measured(0.7)),
        of('b', below(0.1)),
        of('c', { kind: 'not-read' }),
        of('d', measured(20)),
      ]),
    ).toEqual([
      {
        location: 'chest',
        quantity: 'hp10',
        persons: 4,
        readings: 5,
        belowReportable: 1,
        notRead: 1,
        collective: 21.2,
        collectiveUpper: 21.3,
        median: 0.6,
        highest: 20,
        bands: { '0-1': 2, '1-6': 1, '6-20': 0, '20+': 1 },
      },
    ]);
  });
});
