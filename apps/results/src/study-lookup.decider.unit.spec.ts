import { describe, expect, it } from '@jest/globals';
import type { ImagingStudy } from 'fhir/r4.js';
import type { SeriesInPacs } from '#dicom';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { fail } from '#platform';
import { given, site as aSite } from '#testing';
import {
  decideFailedLookup,
  decideLookup,
  instancesOf,
  studyFrom,
  studyWith,
  viewerUrlOf,
  type StudyLookup,
} from './study-lookup.decider.js';

const lookup = { firstAfterSeconds: 1, everySeconds: 10, giveUpAfterSeconds: 600 };
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
const asked = (found: SeriesInPacs[], seconds: number) => (one: StudyLookup) => decideLookup(one, found, site, after(seconds)); // prettier-ignore

describe('A study looked for', () => {
  it('is available when the PACS has all that the modality says it made', () => {
    given(aLookup())
      .when(asked([inPacs('1.2.1', 1, 2)], 5))
      .thenExactly({ state: 'found', event: 'imaging.result.study-available.v1' });
  });

  it('is available with more than that, in whatever series', () => {
    given(aLookup()).when(asked([inPacs('1.2.1', 1, 2, 3), inPacs('1.2.2', 1)], 5)).then({ state: 'found' }); // prettier-ignore
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
      .thenExactly({ state: 'missing', next: after(600 + HOUR), event: 'imaging.result.study-missing.v1' });
    const missing = aLookup({ state: 'missing' });
    given(missing).when(asked([], WEEK - 1)).thenExactly({ state: 'missing', next: after(WEEK - 1 + HOUR) }); // prettier-ignore
    given(missing).when(asked([], WEEK)).thenExactly({ state: 'missing' });
  });

  it('is available even if it comes after it was told missing', () => {
    given(aLookup({ state: 'missing' }))
      .when(asked([inPacs('1.2.1', 1, 2)], 2 * HOUR))
      .thenExactly({ state: 'found', event: 'imaging.result.study-available.v1' });
  });

  it('that was found stays so, and is not told again', () => {
    for (const found of [[], [inPacs('1.2.1', 1, 2)]])
      given(aLookup({ state: 'found' }))
        .when(asked(found, 5))
        .thenExactly({ state: 'found' });
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
        given(aLookup()).when(failed(fail(code, ''), seconds)).thenExactly({ state: 'searching', next: after(seconds + 2) }); // prettier-ignore
    },
  );

  it.each(['peer-refused', 'peer-answer-malformed'] as const)(
    'by %s is tried again as if nothing was found, and then told missing',
    (code) => {
      // prettier-ignore
      given(aLookup()).when(failed(fail(code, ''), 5)).thenExactly({ state: 'searching', next: after(15) });
      given(aLookup()).when(failed(fail(code, ''), 600)).then({ state: 'missing', event: 'imaging.result.study-missing.v1' }); // prettier-ignore
    },
  );

  it('after the study was told missing is tried again in an hour, up to a week', () => {
    const missing = aLookup({ state: 'missing' });
    given(missing).when(failed(fail('peer-unavailable', ''), 700)).thenExactly({ state: 'missing', next: after(700 + HOUR) }); // prettier-ignore
    given(missing)
      .when(failed(fail('peer-unavailable', ''), WEEK))
      .thenExactly({ state: 'missing' });
  });
});

/** What an exam says it made: of each series the instances named. */
const made = (orderId: string, series: Record<string, number[]>, modality = 'MR'): ImagingStudy => ({
  resourceType: 'ImagingStudy',
  id: uuidFrom('ImagingStudy', '1.2'),
  identifier: [dicomUidIdentifier('1.2')],
  status: 'registered',
  subject: { reference: 'Patient/p' },
  basedOn: [{ reference: `ServiceRequest/${orderId}` }],
  series: Object.entries(series).map(([uid, numbers]) => ({
    uid,
    modality: { code: modality },
    description: 'said',
    instance: numbers.map((n) => ({ uid: `${uid}.${n}`, sopClass: { code: 'urn:oid:1.8' } })),
  })),
});

describe('The ImagingStudy', () => {
  const known = made('o1', { '1.2.1': [1, 2] });

  it('is available as the PACS has it', () => {
    given(known)
      .when((study) => studyFrom(study, [inPacs('1.2.1', 1, 2, 3)], 'found', site))
      .then({ status: 'available', numberOfSeries: 1, numberOfInstances: 3, basedOn: known.basedOn!, series: [{ uid: '1.2.1', modality: { code: 'CT' }, numberOfInstances: 3 }] }); // prettier-ignore
  });

  it('keeps what the modality said of what the PACS has not', () => {
    const study = studyFrom(made('o1', { '1.2.1': [1, 2], '1.2.2': [1] }), [inPacs('1.2.1', 2, 3)], 'missing', site);
    expect(study).toMatchObject({ status: 'registered', numberOfSeries: 2, numberOfInstances: 4 });
    expect(instancesOf(study)).toEqual(['1.2.1.2', '1.2.1.3', '1.2.1.1', '1.2.2.1']);
  });

  it('says of a series or image what the modality said where the PACS does not say, and makes nothing up', () => {
    const bare = (uid: string): SeriesInPacs => ({
      seriesInstanceUid: uid,
      instances: [{ sopInstanceUid: `${uid}.1` }],
    });
    const [said, unsaid] = studyFrom(known, [bare('1.2.1'), bare('1.2.7')], 'found', site).series!;
    expect(said).toMatchObject({ modality: { code: 'MR' }, description: 'said', instance: [{ sopClass: { code: 'urn:oid:1.8' } }] }); // prettier-ignore
    expect(unsaid).toMatchObject({ modality: { display: 'unknown' }, instance: [{ sopClass: { display: 'unknown' } }] }); // prettier-ignore
    expect(unsaid!.description).toBeUndefined();
  });

  it('holds no empty list, which FHIR does not know', () => {
    const nothing = { ...known, series: undefined };
    expect(JSON.stringify(studyFrom(nothing, [], 'missing', site))).not.toContain('[]');
  });

  it('links to the viewer and to WADO-RS where the site has them, by UID only', () => {
    const whole = aSite({ pacs: { ...pacs, wadoUrl: 'http://pacs.example/wado/', viewerUrl: 'http://view.example/?s={studyInstanceUid}' } }); // prettier-ignore
    const study = studyFrom(known, [], 'found', whole);
    expect(study.contained).toMatchObject([{ resourceType: 'Endpoint', address: 'http://pacs.example/wado/studies/1.2' }]); // prettier-ignore
    expect(study.extension).toMatchObject([{ valueUrl: 'http://view.example/?s=1.2' }]);
    expect(viewerUrlOf('1.2', site)).toBeUndefined();
  });

  it('of a second exam has the images and the orders of both, and is not available any more', () => {
    given({ ...known, status: 'available' as const, meta: { versionId: '2' } })
      .when((study) => studyWith(study, made('o2', { '1.2.1': [2, 3], '1.2.5': [1] })))
      .then({
        status: 'registered',
        meta: { versionId: '2' },
        basedOn: [{ reference: 'ServiceRequest/o1' }, { reference: 'ServiceRequest/o2' }],
        numberOfSeries: 2,
        numberOfInstances: 4,
      });
  });

  it('is the same where an exam adds nothing', () => {
    const found = { ...known, status: 'available' as const };
    expect(studyWith(found, made('o1', { '1.2.1': [2] }))).toBe(found);
    expect(studyWith(undefined, { ...known, meta: { versionId: '7' } })).toEqual({ ...known, meta: undefined });
  });

  it('is whose an exam with an order says, and not whose one without says', () => {
    const other = { subject: { reference: 'Patient/other' } };
    expect(studyWith(known, { ...made('o2', { '1.2.9': [1] }), ...other }).subject).toEqual(other.subject);
    expect(studyWith(known, { ...made('o1', { '1.2.9': [1] }), ...other, basedOn: undefined }).subject).toBe(known.subject); // prettier-ignore
  });
});
