import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { QidoClient, StudyRootFind, type PacsQuery } from '#dicom';
import { freePort, peerSuite } from '#testing';
import { Authority, openssl, type Certificate } from './certificates.js';
import { startDcmqrscp, type Dcmqrscp } from './dcmqrscp.js';
import { dcmtk, storescu } from './dcmtk.js';
import { orthancPeer, startOrthanc, type Orthanc } from './orthanc.js';
import { writeImage } from './stored-objects.js';

const whose = { patientId: 'FIND1', accessionNumber: 'ACC1', studyInstanceUid: '2.25.4711' };
const [first, second, third] = ['2.25.4711.1.1', '2.25.4711.1.2', '2.25.4711.2.1'] as const;
const options = { callingAeTitle: 'COLLIMATOR', timeoutMs: 10_000 };

const store = async (folder: string, pacs: { dicomPort: number; aeTitle: string }) => {
  const files = [
    writeImage(folder, whose, 1, first),
    writeImage(folder, whose, 1, second),
    writeImage(folder, whose, 2, third),
  ];
  files.push(writeImage(folder, { ...whose, patientId: 'FIND10', studyInstanceUid: '2.25.4712' }, 1, '2.25.4712.1.1'));
  await storescu(pacs, files);
};
const bySeries = async (pacs: PacsQuery) =>
  (await pacs.seriesOf(whose.studyInstanceUid))
    .map((one) => ({
      ...one,
      instances: one.instances.sort((a, b) => a.sopInstanceUid.localeCompare(b.sopInstanceUid)),
    }))
    .sort((a, b) => a.seriesInstanceUid.localeCompare(b.seriesInstanceUid));

peerSuite('C-FIND in the Study Root, with Orthanc', [orthancPeer, dcmtk('storescu')], () => {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-find-'));
  let orthanc: Orthanc;
  let find: StudyRootFind;
  beforeAll(async () => {
    orthanc = await startOrthanc();
    await orthanc.knows('collimator', { aeTitle: 'COLLIMATOR', port: await freePort() });
    find = new StudyRootFind({
      ...options,
      host: '127.0.0.1',
      port: orthanc.dicomPort,
      calledAeTitle: orthanc.aeTitle,
    });
    await store(folder, orthanc);
  }, 60_000);
  afterAll(async () => {
    await orthanc?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('says the same of a study as QIDO-RS', async () => {
    const found = await bySeries(find);
    expect(found.map(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid))).toEqual([
      [first, second],
      [third],
    ]);
    expect(found[0]).toMatchObject({ modality: 'CT', bodyPart: 'CHEST', number: 1, startedAt: '2026-03-02T09:31:00' });
    expect(found).toEqual(await bySeries(new QidoClient({ url: orthanc.dicomWebUrl, timeoutMs: 10_000 })));
  });

  it('finds the study of an instance, and those of exactly one patient', async () => {
    expect(await find.studyOf(third)).toBe(whose.studyInstanceUid);
    expect(await find.studiesOfPatient('FIND1')).toMatchObject([
      { ...whose, modalities: ['CT'], numberOfInstances: 3 },
    ]);
    expect(await find.seriesOf('2.25.999')).toEqual([]);
  });
});

peerSuite("C-FIND in the Study Root, with DCMTK's dcmqrscp", [dcmtk('dcmqrscp'), dcmtk('storescu'), openssl], () => {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-find-'));
  let plain: Dcmqrscp;
  let byTls: Server;
  let own: Certificate;
  beforeAll(async () => {
    const hospital = new Authority(folder, 'hospital');
    own = hospital.issue('COLLIMATOR');
    plain = await startDcmqrscp();
    await store(folder, plain);
    // It speaks no TLS of itself: as hospitals do, a gateway before it does, which wants to know who comes.
    const { certFile, keyFile, caFile } = hospital.issue('PACS');
    const [cert, key, ca] = [certFile, keyFile, caFile].map((file) => readFileSync(file));
    byTls = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true }, (outside) => {
      const inside = connect(plain.dicomPort, '127.0.0.1');
      outside.pipe(inside).pipe(outside);
      for (const one of [outside, inside]) one.on('error', () => (outside.destroy(), inside.destroy()));
    });
    await new Promise<void>((resolve) => byTls.listen(0, '127.0.0.1', resolve));
  }, 60_000);
  afterAll(async () => {
    byTls?.close();
    await plain?.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const asking = (port: number, tls?: { ca: Buffer; cert?: Buffer; key?: Buffer }) =>
    new StudyRootFind({ ...options, host: '127.0.0.1', port, calledAeTitle: plain.aeTitle, tls });

  it('finds the series and images of a study, level by level, and the studies of a patient', async () => {
    const found = await bySeries(asking(plain.dicomPort));
    expect(found.map(({ instances }) => instances.map(({ sopInstanceUid }) => sopInstanceUid))).toEqual([
      [first, second],
      [third],
    ]);
    expect(await asking(plain.dicomPort).studiesOfPatient('FIND1')).toMatchObject([
      { studyInstanceUid: whose.studyInstanceUid },
    ]);
    expect(await asking(plain.dicomPort).study('2.25.999')).toBeUndefined();
  });

  it('is answered by TLS with our certificate, and not by a server of another authority', async () => {
    const [ca, cert, key] = [own.caFile, own.certFile, own.keyFile].map((file) => readFileSync(file)) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const { port } = byTls.address() as AddressInfo;
    expect(await bySeries(asking(port, { ca, cert, key }))).toEqual(await bySeries(asking(plain.dicomPort)));
    const stranger = new Authority(folder, 'elsewhere').issue('X');
    const other = { ca: readFileSync(stranger.caFile), cert, key };
    await expect(asking(port, other).seriesOf('2.25.1')).rejects.toMatchObject({ code: 'peer-unavailable' });
    await expect(asking(port, { ca }).seriesOf('2.25.1')).rejects.toMatchObject({ fate: 'retry' });
  });
});
