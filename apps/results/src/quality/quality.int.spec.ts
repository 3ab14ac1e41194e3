import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DetectedIssue, ImagingStudy, QuestionnaireResponse } from 'fhir/r4.js';
import { ScuAssociation, sopClasses } from '#dicom';
import { studyInstanceUidOf, uuidFrom } from '#fhir';
import { aPatient, aServiceRequest, until } from '#testing';
import { APacs } from '../a-pacs.spec.js';
import { AResultsService, anExam, anExpectedStudy } from '../a-results-service.spec.js';
import type { Entry } from './exposure-entry.decider.js';
import type { QualityRates } from './quality-rates.js';

const sha256 = (token: string) => createHash('sha256').update(token).digest('hex');
let pacs: APacs;
let service: AResultsService;
beforeAll(async () => {
  pacs = await new APacs().start();
  const tokens = { console: sha256('console'), qa: { sha256: sha256('qa'), scopes: ['quality-by-operator' as const] } };
  service = await AResultsService.start(
    {
      pacs: {
        name: 'pacs',
        aeTitles: ['PACS'],
        qidoUrl: pacs.qidoUrl,
        orthanc: { url: pacs.orthancUrl, everySeconds: 0.2 },
        lookup: { firstAfterSeconds: 0, everySeconds: 0.2, giveUpAfterSeconds: 60 },
      },
      exposures: { deviationIndex: { low: -3, high: 3 } },
      qualityAlarms: [{ measure: 'reject', by: 'detector', windowDays: 30, aboveShare: 0.05, minimumImages: 4 }],
      qualityChecklists: [
        {
          modalities: ['DX'],
          items: [
            { code: 'MARKER', display: 'Side marker in the image' },
            { code: 'ANATOMY', display: 'All of the anatomy' },
          ],
        },
      ],
    },
    tokens,
  );
  await until(async () => (await service.sql('SELECT FROM pacs_changes')).length > 0, {
    what: 'the changes to be followed',
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await pacs.stop();
});

async function call<T>(
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  { body, as = 'console', ifMatch }: { body?: object; as?: string; ifMatch?: string } = {},
) {
  const headers = {
    authorization: `Bearer ${as}`,
    'content-type': 'application/json',
    ...(ifMatch ? { 'if-match': ifMatch } : {}),
  };
  const response = await fetch(service.url + path, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, etag: response.headers.get('etag') ?? '', body: (await response.json()) as T };
}

let cases = 0;
/** An order whose exam makes radiographs, each with the deviation index given, at a detector of its own. */
function prepare(...deviations: (number | undefined)[]) {
  const mrn = `ZZCANARY-Q${++cases}`;
  const detector = `D-${cases}`;
  const patient = aPatient({ mrn });
  const order = aServiceRequest({ placerOrderNumber: mrn, accessionNumber: `Q${cases}`, patient });
  const uid = studyInstanceUidOf(order)!;
  const images = deviations.map((_, index) => `${uid}.1.${index + 1}`);
  pacs.modalities.set(uid, 'DX');
  pacs.studies.set(uid, [...images]);
  const today = new Date(Date.now() - 60_000).toISOString().replaceAll(/[-:]/g, '');
  images.forEach((image, index) =>
    pacs.attributes.set(image, {
      '00185101': { Value: [index % 2 ? 'LL' : 'PA'] },
      '0018700A': { Value: [detector] },
      '00080022': { Value: [today.slice(0, 8)] },
      '00080032': { Value: [today.slice(9, 15)] },
      ...(deviations[index] === undefined ? {} : { '00181413': { Value: [deviations[index]] } }),
    }),
  );
  /** Tells that it was done, and waits until its images were seen in the PACS. */
  const exam = async (modality = 'DX') => {
    const study = anExpectedStudy(uid, patient, [order], images);
    study.series![0]!.modality = { code: modality };
    await service.tell(
      'imaging.schedule.exam-completed.v1',
      anExam(`${uid}.9`, 'completed', patient, [order]),
      patient,
      order,
      study,
    );
    const seen =
      "SELECT FROM acquired_image WHERE study_instance_uid = $1 AND (detector IS NOT NULL OR modality = 'CT')";
    await until(async () => (await service.sql(seen, [uid])).length === images.length, {
      within: 20_000,
      what: 'the exposures',
    });
  };
  return { uid, images, detector, patient, order, exam };
}
async function aRadiograph(...deviations: (number | undefined)[]) {
  const prepared = prepare(...deviations);
  await prepared.exam();
  return prepared;
}
const times = () => {
  const [from, to] = [-2, 2].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
  return `from=${from}&to=${to}`;
};
async function entriesOf(study: string, as = 'console') {
  const { body } = await call<{ entries: (Entry & { operator?: string })[] }>('GET', `/rejects?${times()}`, { as });
  return body.entries.filter(({ studyInstanceUid }) => studyInstanceUid === study);
}
async function ratesBy(by: string, value: string, as = 'console') {
  const { body } = await call<QualityRates>('GET', `/quality/rates?${times()}&by=${by}`, { as });
  const row = body.rows.find((one) => one.value === value);
  return row && { images: row.rejects.of, rejects: row.rejects.count, repeats: row.repeats.count };
}
let numbers = 0;
const aReject = (changes: object = {}) => ({
  identifier: { system: 'urn:oid:2.25.77', value: `R${++numbers}` },
  kind: 'reject',
  reason: '111209',
  operator: 'Tina Tech',
  at: new Date().toISOString(),
  ...changes,
});

describe('An image that was rejected', () => {
  it('at the console and by a note in the PACS is one entry, and counts once', async () => {
    const { uid, images, detector, order } = await aRadiograph(0, 0.4, 0.1);
    const stated = aReject({ sopInstanceUid: images[0], view: 'AP' });
    expect((await call('POST', '/rejects', { body: stated })).status).toBe(201);
    expect((await call('POST', '/rejects', { body: stated })).status).toBe(200);
    expect(await call('POST', '/rejects', { body: { ...stated, reason: '111210' } })).toMatchObject({
      status: 409,
      body: { code: 'duplicate-key' },
    });
    pacs.reject(uid, '113001', [images[0]!, images[1]!], '111211');
    pacs.changed(uid);
    await until(async () => (await entriesOf(uid)).length === 2, { within: 20_000, what: 'the note in the ledger' });
    const found = await entriesOf(uid);
    expect(found.find(({ exposure }) => exposure === images[0])).toMatchObject({
      kind: 'reject',
      reason: '111209',
      view: 'AP',
      detector,
      orderId: order.id,
      deviationIndex: 0,
      sources: ['console', 'kos'],
    });
    expect(found.find(({ exposure }) => exposure === images[1])).toMatchObject({
      reason: '111211',
      reasonDisplay: 'Under exposed',
      view: 'LL',
      sources: ['kos'],
    });
    expect(await ratesBy('detector', detector)).toEqual({ images: 3, rejects: 2, repeats: 0 });
    const { numberOfInstances } = (
      await call<ImagingStudy>('GET', `/fhir/ImagingStudy/${uuidFrom('ImagingStudy', uid)}`)
    ).body;
    expect(numberOfInstances).toBe(1);
  }, 60_000);

  it('by a note and at the console at once, before its exam is known, is one entry all the same', async () => {
    const one = prepare(0);
    const [image] = one.images;
    const note = {
      SOPClassUID: sopClasses.keyObjectSelection,
      SOPInstanceUID: `${one.uid}.5`,
      StudyInstanceUID: one.uid,
      ConceptNameCodeSequence: [{ CodeValue: '113001', CodingSchemeDesignator: 'DCM' }],
      ContentSequence: [{ ReferencedSOPSequence: [{ ReferencedSOPInstanceUID: image! }] }],
    };
    const to = {
      host: '127.0.0.1',
      port: service.infrastructure.dicom!.port,
      calledAeTitle: 'COLLIMATOR',
      callingAeTitle: 'PACS',
    };
    const association = await ScuAssociation.open(to, [sopClasses.keyObjectSelection]);
    const stated = aReject({ sopInstanceUid: image });
    const [stored, answered] = await Promise.all([
      association.store(sopClasses.keyObjectSelection, note.SOPInstanceUID, note),
      call('POST', '/rejects', { body: stated }),
    ]);
    await association.release();
    expect([stored.status, answered.status]).toEqual([0, 201]);
    await one.exam();
    expect(await entriesOf(one.uid)).toMatchObject([
      { exposure: image, reason: '111209', detector: one.detector, orderId: one.order.id, sources: ['console', 'kos'] },
    ]);
    expect(await ratesBy('detector', one.detector)).toEqual({ images: 1, rejects: 1, repeats: 0 });
  }, 60_000);

  it('of a modality that is not counted by exposures is in the ledger, and in no rate', async () => {
    const one = prepare(0);
    pacs.modalities.set(one.uid, 'CT');
    const before = (await call<QualityRates>('GET', `/quality/rates?${times()}&by=modality`)).body.total;
    pacs.reject(one.uid, '113001', one.images);
    await one.exam('CT');
    expect(await entriesOf(one.uid)).toMatchObject([{ kind: 'reject', modality: 'CT', counts: true }]);
    const { total, rows } = (await call<QualityRates>('GET', `/quality/rates?${times()}&by=modality`)).body;
    expect(total).toEqual(before);
    expect(rows.map(({ value }) => value)).not.toContain('CT');
  }, 60_000);

  it('and was made again is a reject and a repeat: two exposures', async () => {
    const { uid, images, detector } = await aRadiograph(0, 0);
    const atConsole = (changes: object) =>
      call('POST', '/rejects', { body: aReject({ studyInstanceUid: uid, ...changes }) });
    // The bad image never left the console.
    await atConsole({ sopInstanceUid: `${uid}.1.9`, detector, modality: 'DX' });
    await atConsole({ kind: 'repeat', reason: undefined, sopInstanceUid: images[1], repeats: `${uid}.1.9` });
    expect(await ratesBy('detector', detector)).toEqual({ images: 3, rejects: 1, repeats: 1 });
  }, 60_000);

  it('is not by who may not correct it from an old version, and counts no more when it was stated in error', async () => {
    const { images, detector } = await aRadiograph(0);
    const stated = aReject({ sopInstanceUid: images[0] });
    const { body, etag } = await call<{ id: string }>('POST', '/rejects', { body: stated });
    const correct = (ifMatch: string | undefined, changes: object) =>
      call('PUT', `/rejects/${body.id}`, { body: { ...stated, ...changes }, ...(ifMatch ? { ifMatch } : {}) });
    expect((await correct(undefined, {})).status).toBe(412);
    expect(await correct(etag, { reason: '111210' })).toMatchObject({ status: 200, etag: 'W/"2"' });
    expect((await correct(etag, { reason: '111212' })).status).toBe(412);
    expect(await ratesBy('detector', detector)).toEqual({ images: 1, rejects: 1, repeats: 0 });
    expect((await correct('W/"2"', { status: 'entered-in-error' })).status).toBe(200);
    expect(await ratesBy('detector', detector)).toEqual({ images: 1, rejects: 0, repeats: 0 });
  }, 60_000);

  it('is refused with every mistake of it', async () => {
    const wrong = {
      identifier: { system: 'urn:x', value: '1' },
      kind: 'reject',
      reason: '113000',
      at: 'now',
      sopInstanceUid: 'x',
      who: 'me',
    };
    expect(await call('POST', '/rejects', { body: wrong })).toMatchObject({
      status: 400,
      body: { code: 'field-invalid' },
    });
    expect(await call('POST', '/rejects', { body: aReject({ reason: undefined }) })).toMatchObject({
      status: 400,
      body: { field: 'reason' },
    });
    expect(await call('POST', '/rejects', { body: aReject({ station: 'NOWHERE' }) })).toMatchObject({
      status: 422,
      body: { field: 'station' },
    });
  });
});

describe('An exposure index out of range', () => {
  it('makes an image doubtful, which counts as neither until it is rejected', async () => {
    const { uid, images, detector } = await aRadiograph(-3.4, 2.9);
    expect(await entriesOf(uid)).toMatchObject([
      { kind: 'doubtful', reason: '111211', deviationIndex: -3.4, exposure: images[0], sources: ['exposure-index'] },
    ]);
    expect(await ratesBy('detector', detector)).toEqual({ images: 2, rejects: 0, repeats: 0 });
    await call('POST', '/rejects', { body: aReject({ sopInstanceUid: images[0] }) });
    expect(await ratesBy('detector', detector)).toEqual({ images: 2, rejects: 1, repeats: 0 });
    expect((await entriesOf(uid)).map(({ kind, counts }) => [kind, counts]).sort()).toEqual([
      ['doubtful', false],
      ['reject', true],
    ]);
  }, 60_000);
});

describe('Who the operator was', () => {
  it('is shown, and counted, only for a client with the scope', async () => {
    const { uid, images } = await aRadiograph(0);
    const operator = `Operator ${cases}`;
    const { body } = await call('POST', '/rejects', { body: aReject({ sopInstanceUid: images[0], operator }) });
    expect(JSON.stringify(body)).not.toContain(operator);
    expect(JSON.stringify(await entriesOf(uid))).not.toContain(operator);
    expect(await entriesOf(uid, 'qa')).toMatchObject([{ operator }]);
    expect(await call('GET', `/quality/rates?${times()}&by=operator`)).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    });
    expect(await ratesBy('operator', operator, 'qa')).toEqual({ images: 1, rejects: 1, repeats: 0 });
  }, 60_000);
});

describe('A checklist', () => {
  it('is kept with its study, corrected, and listed where something failed', async () => {
    const study = `2.25.${Date.now()}`;
    const stated = (answer: string) => ({
      identifier: { system: 'urn:oid:2.25.78', value: study },
      studyInstanceUid: study,
      modality: 'DX',
      items: ['MARKER', 'ANATOMY'].map((code) => ({ code, answer })),
      at: new Date().toISOString(),
    });
    const first = stated('failed');
    const { status, body, etag } = await call<QuestionnaireResponse>('POST', '/quality/checklists', { body: first });
    expect(status).toBe(201);
    expect((await call('POST', '/quality/checklists', { body: first })).status).toBe(200);
    const listed = async (query: string) =>
      (await call<{ checklists: QuestionnaireResponse[] }>('GET', `/quality/checklists?${query}`)).body.checklists.map(
        ({ id }) => id,
      );
    expect(await listed(`study=${study}`)).toEqual([body.id]);
    expect(await listed(`${times()}&failed=true`)).toEqual([body.id]);
    const path = `/quality/checklists/${body.id}`;
    expect((await call('PUT', path, { body: stated('passed') })).status).toBe(412);
    expect(await call('PUT', path, { body: stated('passed'), ifMatch: etag })).toMatchObject({
      status: 200,
      body: { status: 'amended' },
    });
    expect(await listed(`${times()}&failed=true`)).toEqual([]);
    expect((await call('GET', `/fhir/QuestionnaireResponse/${body.id}`)).status).toBe(200);
  });
});

describe('Rates', () => {
  it.each(['view', 'room', 'reason', 'modality', 'day', 'week', 'month'])(
    'are told by %s, of the same images',
    async (by) => {
      const { status, body } = await call<QualityRates>('GET', `/quality/rates?${times()}&by=${by}`);
      expect(status).toBe(200);
      expect(body.total.rejects.count).toBeGreaterThan(0);
      const sum = (counts: number[]) => counts.reduce((all, one) => all + one, 0);
      expect(sum(body.rows.map(({ rejects }) => rejects.count))).toBe(body.total.rejects.count);
      if (by !== 'reason') expect(sum(body.rows.map(({ rejects }) => rejects.of))).toBe(body.total.rejects.of);
      expect(JSON.stringify(body)).not.toContain('ZZCANARY');
    },
  );

  it.each([
    '',
    'by=view',
    `by=patient&from=2026-01-01&to=2026-01-02`,
    'by=view&from=2026-01-02&to=2026-01-01',
    'by=view&from=x&to=y',
  ])('are refused for %s', async (query) => {
    expect((await call('GET', `/quality/rates?${query}`)).status).toBe(400);
  });
});

describe('An alarm', () => {
  it('is told once when too many images of a detector are rejected, and taken back', async () => {
    const { images, detector } = await aRadiograph(0, 0, 0, 0);
    const told = async () => {
      const all = await service.published('imaging.result.quality-alarm.v1');
      return all.map(([issue]) => issue as DetectedIssue).filter(({ detail }) => detail!.includes(`${detector}:`));
    };
    const stated = images.slice(0, 3).map((sopInstanceUid) => aReject({ sopInstanceUid }));
    const kept = [];
    for (const body of stated) kept.push(await call<{ id: string }>('POST', '/rejects', { body }));
    await until(async () => (await told()).length > 0, { within: 20_000, what: 'the alarm' });
    const isOpen = async () =>
      (await call<{ alarms: { about: string }[] }>('GET', '/quality/alarms')).body.alarms.some(
        ({ about }) => about === `reject/detector/30/${detector}`,
      );
    expect(await isOpen()).toBe(true);
    for (const [index, { body, etag }] of kept.entries())
      await call('PUT', `/rejects/${body.id}`, {
        body: { ...stated[index], status: 'entered-in-error' },
        ifMatch: etag,
      });
    await until(async () => (await told()).length > 1, { within: 20_000, what: 'the alarm to be taken back' });
    expect((await told()).map(({ status }) => status)).toEqual(['final', 'cancelled']);
    expect(await isOpen()).toBe(false);
  }, 60_000);
});
