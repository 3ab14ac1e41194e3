import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, ImagingStudy, Observation, ServiceRequest } from 'fhir/r4.js';
import fc from 'fast-check';
import { aServiceRequest } from '#testing';
import {
  compareStudy,
  compareTold,
  differences,
  type StudyHere,
  type StudyThere,
  type Told,
} from './comparison.decider.js';
import { boundsOf, nightlyDue } from './nightly.decider.js';

const here = (parts: Partial<StudyHere> = {}): StudyHere => ({
  status: 'available',
  instances: 3,
  isSearched: false,
  patientNumbers: ['P1'],
  ...parts,
});
const there = (parts: Partial<StudyThere> = {}): StudyThere => ({ instances: 3, patientId: 'P1', ...parts });

describe('A study compared with the PACS', () => {
  it.each<[string, StudyHere | undefined, StudyThere | undefined, string[]]>([
    ['the same', here(), there(), []],
    ['known to neither', undefined, undefined, []],
    ['known to the PACS alone', undefined, there(), ['in-pacs-not-here there 3']],
    ['known to the PACS without images', undefined, there({ instances: 0 }), []],
    ['given up here', here({ status: 'registered' }), there(), ['in-pacs-not-here there 3']],
    [
      'withdrawn here, with images that nobody rejected',
      here({ status: 'cancelled' }),
      there(),
      ['in-pacs-not-here there 3'],
    ],
    ['withdrawn here, all of it rejected', here({ status: 'cancelled', instances: 0 }), there({ instances: 0 }), []],
    ['looked for still', here({ status: 'registered', isSearched: true }), there(), []],
    ['gone from the PACS', here(), undefined, ['here-not-in-pacs here 3']],
    ['emptied in the PACS', here(), there({ instances: 0 }), ['here-not-in-pacs here 3']],
    ['with more in the PACS', here(), there({ instances: 4 }), ['counts-differ here 3, there 4']],
    ['under another patient', here(), there({ patientId: 'P2' }), ['wrong-patient-id under another Patient ID']],
    ['under a number the patient had before', here({ patientNumbers: ['P1', 'P0'] }), there({ patientId: 'P0' }), []],
    ['of a patient without a number', here({ patientNumbers: [] }), there({ patientId: 'P2' }), []],
    ['of a PACS that does not say whose', here(), there({ patientId: undefined }), []],
    [
      'wrong in two ways',
      here(),
      there({ instances: 1, patientId: 'P2' }),
      ['counts-differ here 3, there 1', 'wrong-patient-id under another Patient ID'],
    ],
  ])('%s', (_, ours, theirs, expected) => {
    expect(compareStudy(ours, theirs).map(({ kind, detail }) => `${kind} ${detail}`)).toEqual(expected);
  });

  it('has no difference exactly where both have the same of the same patient', () => {
    const counts = fc.integer({ min: 0, max: 3 });
    const numbers = fc.constantFrom('P1', 'P2');
    fc.assert(
      fc.property(counts, counts, numbers, (ours, theirs, patientId) => {
        const found = compareStudy(here({ instances: ours }), there({ instances: theirs, patientId }));
        expect(found.length === 0).toBe(ours === theirs && theirs > 0 && patientId === 'P1');
        // Whatever differs can be told, and is of the closed list.
        for (const { kind } of found) expect(Object.keys(differences)).toContain(kind);
      }),
    );
  });
});

const study: ImagingStudy = {
  resourceType: 'ImagingStudy',
  id: 's',
  status: 'available',
  subject: {},
  numberOfInstances: 2,
};
const report: DiagnosticReport = {
  resourceType: 'DiagnosticReport',
  id: 'r',
  status: 'final',
  code: {},
  issued: '2026-03-02T10:00:00+01:00',
};
const dose: Observation = {
  resourceType: 'Observation',
  id: 'd',
  status: 'final',
  code: {},
  valueString: 'DLP: 400 mGy.cm',
};
const order: ServiceRequest = aServiceRequest({ status: 'completed' });

describe('What was told compared with a destination', () => {
  it.each<[string, Told, Partial<Told> | undefined, string[]]>([
    ['a study that it lacks', study, undefined, ['emr-lacks available']],
    ['a study that it has', study, { ...study, id: 'theirs' }, []],
    ['a study with fewer images', study, { ...study, numberOfInstances: 1 }, ['emr-has-older numberOfInstances']],
    ['a study taken back', { ...study, status: 'cancelled' }, study, ['emr-has-withdrawn here cancelled']],
    ['a study taken back that it never had', { ...study, status: 'entered-in-error' }, undefined, []],
    [
      'a study taken back in other words',
      { ...study, status: 'cancelled' },
      { ...study, status: 'entered-in-error' },
      ['emr-has-older status'],
    ],
    ['a report at one instant in two zones', report, { ...report, issued: '2026-03-02T09:00:00Z' }, []],
    ['an older version of a report', report, { ...report, issued: '2026-03-02T08:00:00Z' }, ['emr-has-older issued']],
    ['a preliminary report', report, { ...report, status: 'preliminary' }, ['emr-has-older status']],
    ['an order whose exam is done', order, { ...order, status: 'active' }, ['emr-has-older status']],
    ['a dose with another value', dose, { ...dose, valueString: 'DLP: 40 mGy.cm' }, ['emr-has-older valueString']],
    [
      'a dose of somebody else after all',
      { ...dose, status: 'entered-in-error' },
      dose,
      ['emr-has-withdrawn here entered-in-error'],
    ],
    ['a revoked order', { ...order, status: 'revoked' }, order, ['emr-has-withdrawn here revoked']],
  ])('%s', (_, ours, theirs, expected) => {
    expect(compareTold(ours, theirs).map(({ kind, detail }) => `${kind} ${detail}`)).toEqual(expected);
  });

  it('is never different from itself, and always from one of another status', () => {
    const statuses = fc.constantFrom<DiagnosticReport['status']>(
      'registered',
      'preliminary',
      'final',
      'corrected',
      'cancelled',
    );
    fc.assert(
      fc.property(statuses, statuses, (ours, theirs) => {
        const found = compareTold({ ...report, status: ours }, { ...report, status: theirs });
        expect(found.length === 0).toBe(ours === theirs);
      }),
    );
  });
});

describe('The nightly comparison', () => {
  const site = { timeZone: 'Europe/Berlin', reconciliation: { at: '03:00', days: 2 } };
  it.each<[string, string | undefined]>([
    ['2026-03-02T01:59:00Z', undefined],
    ['2026-03-02T02:00:00Z', '2026-02-28 to 2026-03-01, night 2026-03-02'],
    ['2026-03-02T22:59:00Z', '2026-02-28 to 2026-03-01, night 2026-03-02'],
    // The day on which the clocks go forward has no 02:30, and 03:00 comes an hour sooner.
    ['2026-03-29T01:00:00Z', '2026-03-27 to 2026-03-28, night 2026-03-29'],
  ])('at %s', (now, expected) => {
    const due = nightlyDue(site, new Date(now));
    expect(due && `${due.from} to ${due.to}, night ${due.night}`).toBe(expected);
  });

  it('is none where the site wants none, and looks at days of the zone of the site', () => {
    expect(nightlyDue({ timeZone: 'Europe/Berlin' }, new Date())).toBeUndefined();
    expect(boundsOf({ from: '2026-03-28', to: '2026-03-29' }, 'Europe/Berlin')).toEqual({
      since: new Date('2026-03-27T23:00:00Z'),
      before: new Date('2026-03-29T22:00:00Z'),
    });
  });
});
