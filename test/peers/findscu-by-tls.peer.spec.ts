import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Dataset, DicomServer, type DicomEvent } from '#dicom';
import { tlsOptionsOf } from '#platform';
import { peerSuite } from '#testing';
import { Authority, openssl, type Certificate } from './certificates.js';
import { dcmtk, findscu } from './dcmtk.js';

/** DICOM_TLS_CERT, _KEY and _CA as a service has them, and dcmtk's findscu on the other side. */
peerSuite("dcmtk's findscu by TLS", [dcmtk('findscu'), openssl], () => {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-tls-'));
  const events: DicomEvent[] = [];
  let server: DicomServer;
  let port: number;
  let modality: Certificate;
  let stranger: Certificate;
  beforeAll(async () => {
    const hospital = new Authority(folder, 'hospital');
    modality = hospital.issue('CT01');
    stranger = new Authority(folder, 'elsewhere').issue('CT01');
    const tls = tlsOptionsOf({ host: '127.0.0.1', port: 0, tls: hospital.issue('COLLIMATOR') });
    const onEvent = (event: DicomEvent) => void events.push(event);
    server = new DicomServer({ host: '127.0.0.1', port: 0, aeTitles: ['COLLIMATOR'], tls, onEvent });
    server.provideWorklist({ find: async () => [Dataset.of({ PatientID: '700001' })] });
    port = await server.start();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (options: string[]) => {
    const { said, matches } = await findscu(port, ['PatientID'], { options });
    return { said, patientIds: matches.map((match) => match.get('0010,0020')) };
  };
  const by = ({ certFile, keyFile }: Certificate) => ['+tls', keyFile, certFile, '+cf', modality.caFile];

  it('with a certificate of the authority gets the worklist', async () => {
    const { said, patientIds } = await ask(by(modality));
    expect(patientIds).toEqual(['700001']);
    expect(said).toMatch(/Received Final Find Response \(Success\)/);
  });

  it.each<[string, () => string[]]>([
    ['without a certificate', () => ['+tla', '+cf', modality.caFile]],
    ['with a certificate of another authority', () => by(stranger)],
    ['without TLS', () => []],
  ])('%s gets nothing, and others go on', async (_case, options) => {
    const before = events.filter(({ kind }) => kind === 'accepted').length;
    expect((await ask(options())).patientIds).toEqual([]);
    expect(events.filter(({ kind }) => kind === 'accepted')).toHaveLength(before);
    expect(events.at(-1)).toEqual({ kind: 'refused-connection', callingAeTitle: '' });
    expect((await ask(by(modality))).patientIds).toEqual(['700001']);
  });
});
