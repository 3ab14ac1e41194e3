import { describe, expect, it } from '@jest/globals';
import type { ImagingStudy } from 'fhir/r4.js';
import type { SeriesInPacs } from '#dicom';
import { fail } from '#platform';
import { given, site as aSite } from '#testing';
import {
  alertAfter,
  decideFailedLookup,
  decideLookup,
  tellingAfter,
  type StudyLookup,
} from './study-lookup.decider.js';

const lookup = { firstAfterSeconds: 1, everySeconds: 10, giveUpAfterSeconds: 600, againAfterSeconds: [3600, 300] };
const pacs = { name: 'pacs', qidoUrl: 'http://pacs.example/dicom-web', lookup };
const site = aSite({ pacs });
const completed = new Date('2026-03-02T10:00:00Z');
const after = (seconds: number) => new Date(completed.getTime() + seconds * 1000);
const HOUR = 3600;
const WEEK = 7 * 24 * HOUR;

const aLookup = (parts: Partial<StudyLookup> = {}): StudyLookup => ({
  studyInstanceUid: '1.2',
  state: 'searching',
  attempts: 0,
  since: completed,
  expectedInstances: ['1.2.1.1', '1.2.1.2'],
  ...parts,
});
/** A series as the PACS has it: of `1.2.1` the instances `1.2.1.<n>`. */
const inPacs = (seriesInstanceUid: string, ...instances: number[]): SeriesInPacs => ({
  seriesInstanceUid,
  modality: 'CT',
  instances: instances.map((n) => ({ sopInstanceUid: `${seriesInstanceUid}.${n}`, sopClassUid: '1.9' })),
});
const look = (found: SeriesInPacs[], ...rejected: string[]) => ({
  found,
  rejected: new Map(rejected.map((uid) => [uid, '113001'])),
});
const asked = (found: SeriesInPacs[], seconds: number) => (one: StudyLookup) =>
  decideLookup(one, look(found), site, after(seconds));

describe('A study looked for', () => {
  it('is available when the PACS has all that the modality says it made', () => {
    given(aLookup())
      .when(asked([inPacs('1.2.1', 1, 2)], 5))
      .thenExactly({ state: 'found', next: after(305) });
  });

  it('is available with more than that, in whatever series', () => {
    given(aLookup())
      .when(asked([inPacs('1.2.1', 1, 2, 3), inPacs('1.2.2', 1)], 5))
      .then({ state: 'found' });
  });

  it('is asked for again while there is only a part of it, or nothing', () => {
    for (const found of [[], [inPacs('1.2.1')], [inPacs('1.2.1', 1)]])
      given(aLookup())
        .when(asked(found, 599))
        .thenExactly({ state: 'searching', next: after(609) });
  });

  it('is available with anything where the modality names no image, but not with nothing', () => {
    const unsaid = aLookup({ expectedInstances: [] });
    given(unsaid)
      .when(asked([inPacs('1.2.1')], 5))
      .then({ state: 'searching' });
    given(unsaid)
      .when(asked([inPacs('1.2.1', 1)], 5))
      .then({ state: 'found' });
  });

  it('is told missing once the time is up, and asked for hourly for a week', () => {
    given(aLookup())
      .when(asked([inPacs('1.2.1', 1)], 600))
      .thenExactly({ state: 'missing', next: after(600 + HOUR) });
    const missing = aLookup({ state: 'missing' });
    given(missing)
      .when(asked([], WEEK - 1))
      .thenExactly({ state: 'missing', next: after(WEEK - 1 + HOUR) });
    given(missing).when(asked([], WEEK)).thenExactly({ state: 'missing' });
  });

  it('is available even if it comes after it was told missing', () => {
    given(aLookup({ state: 'missing' }))
      .when(asked([inPacs('1.2.1', 1, 2)], 2 * HOUR))
      .thenExactly({ state: 'found', next: after(2 * HOUR + 300) });
  });

  it('that was found stays so, and is looked at again at the times of the site', () => {
    const found = aLookup({ state: 'found', foundAt: after(10) });
    for (const content of [[], [inPacs('1.2.1', 1, 2)]]) {
      given(found)
        .when(asked(content, 20))
        .thenExactly({ state: 'found', next: after(310) });
      given(found)
        .when(asked(content, 310))
        .thenExactly({ state: 'found', next: after(3610) });
      given(found).when(asked(content, 3610)).thenExactly({ state: 'found' });
    }
  });

  it('does not wait for what was rejected, all of it or some', () => {
    const rejected = (found: SeriesInPacs[], ...uids: string[]) =>
      decideLookup(aLookup(), look(found, ...uids), site, after(5)).state;
    expect(rejected([inPacs('1.2.1', 1)], '1.2.1.2')).toBe('found');
    expect(rejected([], '1.2.1.1', '1.2.1.2')).toBe('found');
    expect(rejected([], '1.2.1.2')).toBe('searching');
  });

  it('that grows is looked for until the PACS has the new images too', () => {
    const grown = aLookup({ expectedInstances: ['1.2.1.1', '1.2.1.2', '1.2.2.1'] });
    given(grown)
      .when(asked([inPacs('1.2.1', 1, 2)], 5))
      .then({ state: 'searching' });
    given(grown)
      .when(asked([inPacs('1.2.1', 1, 2), inPacs('1.2.2', 1)], 5))
      .then({ state: 'found' });
  });
});

describe('A look-up that failed', () => {
  const failed = (failure: ReturnType<typeof fail>, seconds: number) => (one: StudyLookup) =>
    decideFailedLookup(one, failure, 2000, site, after(seconds));

  it.each(['peer-unavailable', 'peer-timeout', 'peer-error', 'peer-busy'] as const)(
    'by %s is tried again after the wait, for as long as it takes, and says nothing of the study',
    (code) => {
      for (const seconds of [5, 600, 2 * WEEK])
        given(aLookup())
          .when(failed(fail(code, ''), seconds))
          .thenExactly({ state: 'searching', next: after(seconds + 2) });
    },
  );

  it.each(['peer-refused', 'peer-answer-malformed'] as const)(
    'by %s is tried again as if nothing was found, and then told missing',
    (code) => {
      given(aLookup())
        .when(failed(fail(code, ''), 5))
        .thenExactly({ state: 'searching', next: after(15) });
      given(aLookup())
        .when(failed(fail(code, ''), 600))
        .then({ state: 'missing' });
    },
  );

  it('after the study was told missing is tried again in an hour, up to a week', () => {
    const missing = aLookup({ state: 'missing' });
    given(missing)
      .when(failed(fail('peer-unavailable', ''), 700))
      .thenExactly({ state: 'missing', next: after(700 + HOUR) });
    given(missing)
      .when(failed(fail('peer-unavailable', ''), WEEK))
      .thenExactly({ state: 'missing' });
  });
});

describe('What is told after a look', () => {
  const study = (status: ImagingStudy['status'], images: number): ImagingStudy => ({
    resourceType: 'ImagingStudy',
    status,
    subject: { reference: 'Patient/p' },
    numberOfInstances: images,
  });

  it('is that it is available when it was found, and whenever there is something else in it', () => {
    expect(tellingAfter(aLookup(), 'found', study('registered', 2), study('available', 2))).toBe(
      'imaging.result.study-available.v1',
    );
    const told = aLookup({ state: 'found', toldAt: after(5) });
    expect(tellingAfter(told, 'found', study('available', 2), study('available', 3))).toBe(
      'imaging.result.study-available.v1',
    );
    expect(tellingAfter(told, 'found', study('available', 2), study('available', 2))).toBeUndefined();
  });

  it('is nothing while it arrives, and missing once', () => {
    expect(tellingAfter(aLookup(), 'searching', study('registered', 1), study('registered', 2))).toBeUndefined();
    expect(tellingAfter(aLookup(), 'missing', study('registered', 1), study('registered', 1))).toBe(
      'imaging.result.study-missing.v1',
    );
    expect(
      tellingAfter(aLookup({ state: 'missing' }), 'missing', study('registered', 1), study('registered', 2)),
    ).toBeUndefined();
  });

  it('is that it was withdrawn, only where it was told before', () => {
    const [before, after_] = [study('available', 2), study('entered-in-error', 0)];
    expect(tellingAfter(aLookup({ state: 'found', toldAt: after(5) }), 'found', before, after_)).toBe(
      'imaging.result.study-withdrawn.v1',
    );
    expect(tellingAfter(aLookup(), 'found', study('registered', 2), after_)).toBeUndefined();
  });

  it('is that it was withdrawn once, however many documents reject it, and again where it was in error', () => {
    const told = aLookup({ state: 'found', toldAt: after(5) });
    const [before, noted] = [study('cancelled', 0), { ...study('cancelled', 0), note: [{ text: '3 objects' }] }];
    expect(tellingAfter(told, 'found', before, noted)).toBeUndefined();
    expect(tellingAfter(told, 'found', before, study('entered-in-error', 0))).toBe('imaging.result.study-withdrawn.v1');
  });
});

describe('What is wrong between an exam and its images', () => {
  const wrong = (state: StudyLookup['state'], found: SeriesInPacs[], ...rejected: string[]) =>
    alertAfter(aLookup(), state, look(found, ...rejected));

  it('is nothing as long as it is looked for, nor when all is there or rejected', () => {
    expect(wrong('searching', [])).toBeUndefined();
    expect(wrong('found', [inPacs('1.2.1', 1, 2, 3)])).toBeUndefined();
    expect(wrong('found', [inPacs('1.2.1', 1)], '1.2.1.2')).toBeUndefined();
    expect(wrong('found', [], '1.2.1.1', '1.2.1.2')).toBeUndefined();
  });

  it('is that there are no images, or fewer than performed, also where they went after it was found', () => {
    expect(wrong('missing', [])).toBe('completed-without-images');
    expect(wrong('missing', [inPacs('1.2.1', 1)])).toBe('fewer-images-than-performed');
    expect(wrong('found', [])).toBe('completed-without-images');
    expect(wrong('found', [inPacs('1.2.1', 1, 3)])).toBe('fewer-images-than-performed');
  });
});
