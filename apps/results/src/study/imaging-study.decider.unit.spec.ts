import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ImagingStudy } from 'fhir/r4.js';
import type { SeriesInPacs } from '#dicom';
import { dicomUidIdentifier, uuidFrom } from '#fhir';
import { aServiceRequest, given, site as aSite } from '#testing';
import { instancesOf, madeBy, studyFrom, studyWith, studyWithoutOrders, viewerUrlOf } from './imaging-study.decider.js';

const pacs = { name: 'pacs', qidoUrl: 'http://pacs.example/dicom-web' };
const site = aSite({ pacs });
const none = new Map<string, string>();

/** A series as the PACS has it: of `1.2.1` the instances `1.2.1.<n>`. */
const inPacs = (seriesInstanceUid: string, ...instances: number[]): SeriesInPacs => ({
  seriesInstanceUid,
  modality: 'CT',
  instances: instances.map((n) => ({ sopInstanceUid: `${seriesInstanceUid}.${n}`, sopClassUid: '1.9' })),
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
      .when((study) => studyFrom(study, [inPacs('1.2.1', 1, 2, 3)], true, none, site))
      .then({
        status: 'available',
        numberOfSeries: 1,
        numberOfInstances: 3,
        basedOn: known.basedOn!,
        series: [{ uid: '1.2.1', modality: { code: 'CT' }, numberOfInstances: 3 }],
      });
  });

  it('keeps what the modality said of what the PACS has not', () => {
    const study = studyFrom(made('o1', { '1.2.1': [1, 2], '1.2.2': [1] }), [inPacs('1.2.1', 2, 3)], false, none, site);
    expect(study).toMatchObject({ status: 'registered', numberOfSeries: 2, numberOfInstances: 4 });
    expect(instancesOf(study)).toEqual(['1.2.1.1', '1.2.1.2', '1.2.1.3', '1.2.2.1']);
  });

  it('says of a series or image what the modality said where the PACS does not say, and makes nothing up', () => {
    const bare = (uid: string): SeriesInPacs => ({
      seriesInstanceUid: uid,
      instances: [{ sopInstanceUid: `${uid}.1` }],
    });
    const [said, unsaid] = studyFrom(known, [bare('1.2.1'), bare('1.2.7')], true, none, site).series!;
    expect(said).toMatchObject({
      modality: { code: 'MR' },
      description: 'said',
      instance: [{ sopClass: { code: 'urn:oid:1.8' } }],
    });
    expect(unsaid).toMatchObject({
      modality: { display: 'unknown' },
      instance: [{ sopClass: { display: 'unknown' } }],
    });
    expect(unsaid!.description).toBeUndefined();
  });

  it('holds no empty list, which FHIR does not know', () => {
    const nothing = { ...known, series: undefined };
    expect(JSON.stringify(studyFrom(nothing, [], false, none, site))).not.toContain('[]');
  });

  it('links to the viewer and to WADO-RS where the site has them, by UID only', () => {
    const whole = aSite({
      pacs: { ...pacs, wadoUrl: 'http://pacs.example/wado/', viewerUrl: 'http://view.example/?s={studyInstanceUid}' },
    });
    const study = studyFrom(known, [inPacs('1.2.1', 1)], true, none, whole);
    expect(study.contained).toMatchObject([
      {
        resourceType: 'Endpoint',
        connectionType: { code: 'dicom-wado-rs' },
        address: 'http://pacs.example/wado/studies/1.2',
      },
      { resourceType: 'Endpoint', connectionType: { code: 'viewer' }, address: 'http://view.example/?s=1.2' },
    ]);
    expect(study.endpoint).toEqual([{ reference: '#wado' }, { reference: '#viewer' }]);
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
    expect(studyWith(known, { ...made('o1', { '1.2.9': [1] }), ...other, basedOn: undefined }).subject).toBe(
      known.subject,
    );
  });

  it('of one that was in error is the other exam alone', () => {
    const wrong: ImagingStudy = {
      ...known,
      status: 'entered-in-error',
      meta: { versionId: '4' },
      note: [{ text: 'x' }],
    };
    const right = { ...made('o2', { '1.2.1': [1] }), subject: { reference: 'Patient/right' } };
    expect(studyWith(wrong, right)).toEqual({ ...right, meta: { versionId: '4' } });
  });

  it('loses the order it was made under by mistake, but not the last one', () => {
    const both = studyWith(known, made('o2', { '1.2.9': [1] }));
    expect(studyWithoutOrders(both, ['o1']).basedOn).toEqual([{ reference: 'ServiceRequest/o2' }]);
    expect(studyWithoutOrders(known, ['o1'])).toBe(known);
  });

  it('says of each series modality, body site, side, start in the zone of the site, station and operator', () => {
    const exam = {
      resourceType: 'Procedure',
      status: 'completed',
      subject: {},
      performer: [{ actor: { reference: 'Device/d', display: 'CT01' } }],
    } as const;
    const whole: SeriesInPacs = {
      ...inPacs('1.2.1', 1),
      number: 2,
      bodyPart: 'chest',
      laterality: 'L',
      startedAt: '2026-03-02T09:30:12',
      operator: 'Tech^Tina',
    };
    const odd: SeriesInPacs = { ...inPacs('1.2.2', 1), number: 1, bodyPart: 'LEFT PINKY', startedAt: '2026-03-01' };
    const study = studyFrom(madeBy(known, exam as never, []), [whole, odd], true, none, site);
    expect(study.series).toMatchObject([
      { uid: '1.2.2', number: 1, bodySite: { display: 'LEFT PINKY' }, started: '2026-03-01' },
      {
        uid: '1.2.1',
        number: 2,
        bodySite: { system: 'http://snomed.info/sct', code: '51185008' },
        laterality: { code: '7771000' },
        started: expect.stringMatching(/^2026-03-02T09:30:12[+-]/),
        performer: [{ actor: { reference: 'Device/d', display: 'CT01' } }, { actor: { display: 'Tina Tech' } }],
      },
    ]);
    expect(study).toMatchObject({ started: '2026-03-01', modality: [{ code: 'CT' }] });
  });

  it('has the body site that was asked for where the PACS says none, and only where it is of one order', () => {
    const bodySite = { system: 's', code: 'b' };
    const order = aServiceRequest({ bodySite: [{ coding: [bodySite] }] });
    const of = (...orders: (typeof order)[]) =>
      studyFrom(madeBy(known, undefined, orders), [inPacs('1.2.1', 1)], true, none, site).series![0]!.bodySite;
    expect(of(order)).toEqual(bodySite);
    expect(of(order, aServiceRequest())).toBeUndefined();
  });

  it('shows nothing of what was rejected, and says how much and why', () => {
    const study = studyFrom(
      known,
      [inPacs('1.2.1', 1, 2), inPacs('1.2.9', 1)],
      true,
      new Map([
        ['1.2.1.1', '113001'],
        ['1.2.9.1', '113001'],
      ]),
      site,
    );
    expect(study).toMatchObject({
      status: 'available',
      numberOfSeries: 1,
      numberOfInstances: 1,
      note: [{ text: 'Not shown: 2 objects: Rejected for Quality Reasons (DCM 113001)' }],
    });
    // Nor while it arrives: what the modality said of it is not kept beside.
    expect(instancesOf(studyFrom(known, [], false, new Map([['1.2.1.1', '113001']]), site))).toEqual(['1.2.1.2']);
    expect(studyFrom(study, [inPacs('1.2.1', 1, 2)], true, none, site).note).toBeUndefined();
  });

  it.each([
    ['113038', 'entered-in-error'],
    ['110514', 'entered-in-error'],
    ['113037', 'entered-in-error'],
    ['113001', 'cancelled'],
    ['113039', 'cancelled'],
  ] as const)('of which all was rejected by %s is %s', (code, status) => {
    const all = new Map([
      ['1.2.1.1', code],
      ['1.2.1.2', code],
    ]);
    const study = studyFrom(known, [inPacs('1.2.1', 1, 2)], true, all, site);
    expect(study).toMatchObject({ status, numberOfInstances: 0 });
    expect(study.series).toBeUndefined();
  });

  it('is the same in whatever order its content came, and however often it was looked at', () => {
    const series = ['1.2.1', '1.2.2', '1.2.3'];
    const all = series.flatMap((uid) => [1, 2, 3].map((n) => ({ uid, n })));
    const content = (some: typeof all) =>
      series
        .map((uid): SeriesInPacs => ({
          ...inPacs(uid, ...some.filter((one) => one.uid === uid).map(({ n }) => n)),
          startedAt: `2026-03-02T09:0${uid.at(-1)}:00`,
        }))
        .filter(({ instances }) => instances.length > 0);
    const exam = made('o1', { '1.2.1': [1, 2, 3], '1.2.2': [1, 2, 3] });
    const end = studyFrom(exam, content(all), true, none, site);
    fc.assert(
      fc.property(
        fc.shuffledSubarray(all, { minLength: all.length }),
        fc.array(fc.nat(all.length)),
        (arriving, looks) => {
          let study = exam;
          for (const count of [...looks].sort((a, b) => a - b)) {
            const found = content(arriving.slice(0, count)).reverse();
            study = studyFrom(study, found, count === all.length, none, site);
          }
          expect(studyFrom(study, content(arriving).reverse(), true, none, site)).toEqual(end);
        },
      ),
    );
  });
});
