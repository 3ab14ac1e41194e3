import type { DosimetryService, SiteContent } from '#platform';

/** A dosimetry service that writes as we do; what specs share, no spec. */
export const aService: DosimetryService = {
  name: 'dosimetry',
  personSystem: 'urn:test:person',
  badgeSystem: 'urn:test:badge',
  columns: {},
  decimal: '.',
  dateFormat: 'yyyy-MM-dd',
  locations: {},
  belowReportable: ['M'],
  minimumReportable: { hp10: 0.1, hp007: 0.1, hp3: 0.1 },
  notRead: ['NR'],
};

/** Limits of a department, with levels to look into. */
export const someLimits: NonNullable<NonNullable<SiteContent['staffDose']>['limits']> = [
  { dose: 'effective', level: 'limit', millisieverts: 20, window: 'calendar-year', source: 'test' },
  { dose: 'effective', level: 'investigation', millisieverts: 0.5, window: 'calendar-month', source: 'test' },
  { dose: 'extremities', level: 'limit', millisieverts: 500, window: 'calendar-year', source: 'test' },
  { dose: 'unborn-child', level: 'limit', millisieverts: 1, window: 'pregnancy', source: 'test' },
];
