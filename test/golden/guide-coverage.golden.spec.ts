import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { checkEnvelope, explain, type ExplainedField } from '#mapping';
import { loadSite } from '#platform';
import { coverageReport, type Coverage } from './coverage-report.js';
import { readers } from './readers.js';

/**
 * `libs/mapping/src/tables/ig-coverage.json` says of every row of the guide what we make of it. Here it is held against
 * what the mapping does: in messages that hold every field, taking one away must change what its row says, and must
 * change nothing where the row is left out.
 */
const root = import.meta.dirname;
const library = join(root, '../../libs/mapping');
const coverage = JSON.parse(readFileSync(join(library, 'src/tables/ig-coverage.json'), 'utf8')) as Coverage;
const site = loadSite(join(root, 'site.yaml'));
const full = [
  'admissions/everything-the-guide-maps',
  'admissions/allergies-of-a60-everything',
  'orders-orm/everything-the-guide-maps',
  'orders-orm/everything-where-orc-says-it',
  'orders-orm/everything-where-obr-says-it',
  'orders-orm/start-and-priority-of-obr-27',
  'reports/everything-the-guide-maps',
  'reports/order-named-by-orc',
  'orders-orm/ordering-facility-alone',
  'orders-omg/participants',
  'documents/everything-the-guide-maps',
  'documents/final',
  'appointments/everything-the-guide-maps',
  'appointments/everything-by-offsets',
  'appointments/length-of-the-appointment',
];

const explained: ExplainedField[][] = [];
beforeAll(() => {
  for (const name of full) {
    const message = parseMessage(readFileSync(join(root, `${name}.in.hl7`)));
    const sender = checkEnvelope(message, site, Object.keys(readers));
    explained.push(explain(message, (one) => readers[one.type]?.(one, sender, site)));
  }
});

/** Maps whose rows make, or reach into, other resources than the one they are for. */
const reaches: Record<string, string[]> = {
  'DG1[Encounter]': ['Encounter', 'Condition'],
  'PRT[CareTeam]': ['ServiceRequest', 'Observation', 'Encounter', 'Provenance'],
  'PRT[Device]': ['ServiceRequest', 'Observation'],
};
/** The resource a map is for, and those it reaches into. */
const resourcesOf = (map: string) => {
  const [, resource = ''] = /\[(\w+)/.exec(map) ?? [];
  return reaches[map] ?? [resource];
};
const seen = (place: string) => explained.flat().filter((one) => one.place.replace(/\[\d+\]/, '') === place);
const makesOf = (place: string, map: string) =>
  seen(place).some(({ makes }) => makes.some((path) => resourcesOf(map).includes(path.split('.')[0]!)));
const isRequired = (place: string) => seen(place).some(({ required }) => required !== undefined);
const rows = coverage.maps.flatMap(({ map, fields }) => fields.map((row) => ({ map, ...row })));
const ofFields = rows.filter(({ field }) => /-\d+$/.test(field));

describe('The coverage of the guide', () => {
  it.each(ofFields.filter((row) => row.as !== 'left out').map(({ map, field }) => [map, field]))(
    '%s: %s makes what it says',
    (map, field) => {
      expect(makesOf(field, map) || isRequired(field)).toBe(true);
    },
  );

  it('has nothing made of what it leaves out', () => {
    const made = ofFields.filter(({ map, field, as }) => as === 'left out' && makesOf(field, map));
    expect(made.map(({ map, field }) => `${map} ${field}`)).toEqual([]);
  });

  it('gives a reason for whatever is left out or done otherwise', () => {
    expect(rows.filter(({ as, why }) => (as !== 'mapped') !== Boolean(why && why !== '?'))).toEqual([]);
  });

  it('is in the report of the library (UPDATE_GOLDEN=1 writes it)', () => {
    const file = join(library, 'COVERAGE.md');
    const report = coverageReport(coverage);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, report);
    expect(readFileSync(file, 'utf8')).toBe(report);
  });
});
