import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { until } from '#testing';
import { QidoClient, type QidoOptions } from './qido-client.js';

const study = '2.25.1';
const json =
  (body: unknown): RequestListener =>
  (_request, response) =>
    response.end(JSON.stringify(body));
const status =
  (code: number): RequestListener =>
  (_request, response) =>
    response.writeHead(code).end('sorry');

describe('a QIDO client', () => {
  let pacs: Server;
  let asked: string[];
  const against = async (answer: RequestListener, timeoutMs = 5_000, more: Partial<QidoOptions> = {}) => {
    asked = [];
    pacs = createServer((request, response) => {
      asked.push(`${request.headers.accept} ${request.headers.authorization ?? '-'} ${request.url}`);
      answer(request, response);
    });
    await new Promise<void>((resolve) => pacs.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(pacs.address() as AddressInfo).port}/dicom-web/`;
    return new QidoClient({ url, timeoutMs, ...more });
  };
  afterEach(async () => {
    pacs.closeAllConnections();
    await new Promise((resolve) => pacs.close(resolve));
  });

  it('gives the study of an instance, and none where the PACS has others only', async () => {
    const instance = (uid: string, of: string) => ({
      '00080018': { vr: 'UI', Value: [uid] },
      '0020000D': { vr: 'UI', Value: [of] },
    });
    const client = await against(json([instance('2.25.4', '2.25.9'), instance('2.25.3', '2.25.1')]));
    expect(await client.studyOf('2.25.3')).toBe('2.25.1');
    expect(await client.studyOf('2.25.5')).toBeUndefined();
    expect(asked[0]).toMatch(/\/dicom-web\/instances\?SOPInstanceUID=2\.25\.3&includefield=0020000D$/);
  });

  it('gives how a radiograph was exposed, and asks for it of radiographs only', async () => {
    const seriesOf = (uid: string, modality: string) => ({
      '0020000E': { Value: [uid] },
      '00080060': { Value: [modality] },
    });
    const instance = {
      '00080018': { Value: ['2.25.3'] },
      '00185101': { Value: ['PA'] },
      '00200062': { Value: ['L'] },
      '0018700A': { Value: ['D-1'] },
      '00181411': { Value: [412] },
      '00181412': { Value: ['400.5'] },
      '00181413': { Value: ['much'] },
      '00080022': { Value: ['20260302'] },
      '00080032': { Value: ['0930'] },
    };
    const client = await against((request, response) =>
      response.end(
        JSON.stringify(
          /\/instances/.test(request.url!) ? [instance] : [seriesOf('2.25.2', 'DX'), seriesOf('2.25.4', 'CT')],
        ),
      ),
    );
    const [radiograph, slice] = (await client.seriesOf(study)).map(({ instances }) => instances[0]!.exposure);
    const exposure = {
      view: 'PA',
      laterality: 'L',
      detector: 'D-1',
      exposureIndex: 412,
      targetExposureIndex: 400.5,
      acquiredAt: '2026-03-02T09:30:00',
    };
    expect([radiograph, slice]).toEqual([exposure, undefined]);
    expect(asked.filter((one) => one.includes('/instances?')).map((one) => /series\/([\d.]+)/.exec(one)![1])).toEqual([
      '2.25.2',
    ]);
  });

  it('gives the series of a study with their instances', async () => {
    const series = [
      {
        '0020000E': { vr: 'UI', Value: ['2.25.2'] },
        '00080060': { vr: 'CS', Value: ['CT'] },
        '0008103E': { vr: 'LO' },
        '00200011': { vr: 'IS', Value: [4] },
        '00180015': { vr: 'CS', Value: ['CHEST'] },
        '00200060': { vr: 'CS', Value: ['L'] },
        '00080021': { vr: 'DA', Value: ['20260302'] },
        '00080031': { vr: 'TM', Value: ['093012.123'] },
        '00081070': { vr: 'PN', Value: [{ Alphabetic: 'Tech^Tina' }] },
      },
    ];
    const instances = [
      {
        '00080018': { vr: 'UI', Value: ['2.25.3'] },
        '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.2'] },
        '00200013': { vr: 'IS', Value: ['7'] },
      },
      { '00080018': { vr: 'UI', Value: ['2.25.4'] } },
    ];
    const client = await against(
      (request, response) => response.end(JSON.stringify(request.url!.endsWith('/instances') ? instances : series)),
      5_000,
      { headers: { Authorization: 'Bearer token' } },
    );
    expect(await client.seriesOf(study)).toEqual([
      {
        seriesInstanceUid: '2.25.2',
        modality: 'CT',
        number: 4,
        bodyPart: 'CHEST',
        laterality: 'L',
        startedAt: '2026-03-02T09:30:12',
        operator: 'Tech^Tina',
        instances: [
          { sopInstanceUid: '2.25.3', sopClassUid: '1.2.840.10008.5.1.4.1.1.2', number: 7 },
          { sopInstanceUid: '2.25.4' },
        ],
      },
    ]);
    expect(asked).toEqual([
      'application/dicom+json Bearer token /dicom-web/studies/2.25.1/series?includefield=00180015,00200060,00080021,00080031,00081070',
      'application/dicom+json Bearer token /dicom-web/studies/2.25.1/series/2.25.2/instances',
    ]);
  });

  it('gets all of what a PACS gives in pages', async () => {
    const all = ['2.25.1', '2.25.2', '2.25.3', '2.25.4', '2.25.5'];
    const client = await against((request, response) => {
      const offset = Number(new URL(request.url!, 'http://pacs').searchParams.get('offset') ?? 0);
      if (offset + 2 < all.length) response.setHeader('warning', '299 pacs "There are additional results"');
      const page = all.slice(offset, offset + 2);
      response.end(
        JSON.stringify(page.map((uid) => ({ '0020000D': { Value: [uid] }, '00100020': { Value: ['A1'] } }))),
      );
    });
    expect((await client.studiesOfPatient('A1')).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(all);
    expect(asked).toHaveLength(3);
  });

  it('asks a PACS that refuses to say more for what it gives of itself', async () => {
    const client = await against((request, response) => {
      if (request.url!.includes('includefield')) return void response.writeHead(400).end();
      response.end(JSON.stringify([{ '0020000D': { Value: [study] }, '00080061': { Value: ['CT', 'SR'] } }]));
    });
    expect(await client.study(study)).toMatchObject({ studyInstanceUid: study, modalities: ['CT', 'SR'] });
    expect(asked).toHaveLength(2);
  });

  it('gives the studies of exactly one patient, and asks for none whose number is a wildcard', async () => {
    const one = (uid: string, patient: string) => ({
      '0020000D': { Value: [uid] },
      '00100020': { Value: [patient] },
      '00080020': { Value: ['20260302'] },
      '00201208': { Value: [12] },
    });
    const client = await against(json([one('2.25.1', 'A1'), one('2.25.2', 'A10')]));
    expect(await client.studiesOfPatient('A1')).toMatchObject([
      { studyInstanceUid: '2.25.1', patientId: 'A1', modalities: [], startedAt: '2026-03-02', numberOfInstances: 12 },
    ]);
    for (const wild of ['A*', 'A?', ' ', 'A\\B']) expect(await client.studiesOfPatient(wild)).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it('gives the studies of some days, also of a PACS that answers with others', async () => {
    const one = (uid: string, day: string) => ({
      '0020000D': { Value: [uid] },
      ...(day ? { '00080020': { Value: [day] } } : {}),
    });
    const client = await against(
      json([one('2.25.1', '20260301'), one('2.25.2', '20260302'), one('2.25.3', '20260304'), one('2.25.4', '')]),
    );
    const found = await client.studiesBetween('2026-03-02', '2026-03-03');
    expect(found.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(['2.25.2']);
    expect(asked[0]).toContain('StudyDate=20260302-20260303');
  });

  it.each<[string, RequestListener]>([
    ['204', status(204)],
    ['404', status(404)],
    ['[]', json([])],
    ['nothing in a 200', (_request, response) => response.end()],
  ])('takes %s for a study that is not there (yet)', async (_case, answer) => {
    const client = await against(answer);
    expect(await client.seriesOf(study)).toEqual([]);
  });

  it.each<[string, RequestListener, string, string]>([
    ['500', status(500), 'peer-error', 'retry'],
    ['502', status(502), 'peer-error', 'retry'],
    ['503', status(503), 'peer-busy', 'retry'],
    ['429', status(429), 'peer-busy', 'retry'],
    ['400', status(400), 'peer-refused', 'park'],
    ['401', status(401), 'peer-denied', 'retry'],
    ['403', status(403), 'peer-refused', 'park'],
    ['what is not JSON', (_request, response) => response.end('<html>'), 'peer-answer-malformed', 'park'],
    ['JSON that is no list', json({ error: 'x' }), 'peer-answer-malformed', 'park'],
    ['a list of what are no attributes', json([null]), 'peer-answer-malformed', 'park'],
    ['a series without its UID', json([{ '00080060': { Value: ['CT'] } }]), 'peer-answer-malformed', 'park'],
    ['a closed connection', (request) => request.socket.destroy(), 'peer-unavailable', 'retry'],
    [
      'an answer that breaks off',
      (request, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('[');
        setImmediate(() => request.socket.destroy());
      },
      'peer-unavailable',
      'retry',
    ],
  ])('fails on %s so that it is known whether to ask again', async (_case, answer, code, fate) => {
    const client = await against(answer);
    await expect(client.seriesOf(study)).rejects.toMatchObject({ code, fate });
  });

  it.each<[string, RequestListener]>([
    ['never answers', () => undefined],
    ['begins to answer and never ends', (_request, response) => void response.write('[')],
  ])('asks again later where the PACS %s', async (_case, answer) => {
    const client = await against(answer, 100);
    await expect(client.seriesOf(study)).rejects.toMatchObject({ code: 'peer-timeout', fate: 'retry' });
  });

  it('reads no more of an answer than it may, and hangs up', async () => {
    let ended = false;
    const client = await against(
      (request, response) => {
        request.socket.on('close', () => (ended = true));
        const more = () => void (ended || response.write('x'.repeat(1000), () => setImmediate(more)));
        more();
      },
      5_000,
      { maxAnswerBytes: 10_000 },
    );
    await expect(client.seriesOf(study)).rejects.toMatchObject({ code: 'peer-answer-malformed', fate: 'park' });
    await until(() => ended, { what: 'the connection to be closed' });
  });

  it('asks for a few series at a time, and gives all of them', async () => {
    const series = Array.from({ length: 10 }, (_, index) => ({ '0020000E': { Value: [`2.25.${index}`] } }));
    let [now, most] = [0, 0];
    const client = await against((request, response) => {
      if (request.url!.includes('/series?')) return void response.end(JSON.stringify(series));
      most = Math.max(most, ++now);
      setImmediate(() => response.end('[]', () => now--));
    });
    const found = await client.seriesOf(study);
    expect(found.map((one) => one.seriesInstanceUid)).toEqual(series.map((one) => one['0020000E'].Value[0]));
    expect(most).toBeLessThanOrEqual(4);
    expect(most).toBeGreaterThan(1);
  });

  it('asks again later where nobody listens', async () => {
    const client = await against(json([]));
    await new Promise((resolve) => pacs.close(resolve));
    await expect(client.seriesOf(study)).rejects.toMatchObject({ code: 'peer-unavailable', fate: 'retry' });
    await new Promise<void>((resolve) => pacs.listen(0, '127.0.0.1', resolve));
  });
});
