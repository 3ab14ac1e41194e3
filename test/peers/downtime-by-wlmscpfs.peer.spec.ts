import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { anOrmMessage, freePort, peerSuite, until } from '#testing';
import { startChild } from '../../deploy/local/child-process.mjs';
import { Department } from '../department.js';
import { dcmtk, findscu, placeOf } from './dcmtk.js';

/** Everything is down: what was exported while it was up is served by dcmtk's wlmscpfs, and modalities notice nothing. */
peerSuite('The exported worklist, with wlmscpfs in place of the service', [dcmtk('findscu'), dcmtk('wlmscpfs')], () => {
  const folder = mkdtempSync(join(tmpdir(), 'collimator-downtime-'));
  const keys = [
    'PatientName',
    'PatientID',
    'AccessionNumber',
    'StudyInstanceUID',
    'ScheduledProcedureStepSequence[0].ScheduledProcedureStepID',
    'ScheduledProcedureStepSequence[0].ScheduledStationAETitle',
  ];
  const ask = async (port: number, station = 'CT01') => {
    const asked = [...keys.slice(0, -1), `${keys.at(-1)!}=${station}`];
    const { matches } = await findscu(port, asked);
    // wlmscpfs lists files as the folder has them.
    return matches
      .map((match) =>
        ['0010,0010', '0010,0020', '0008,0050', '0020,000d', '0040,0009', '0040,0001'].map((tag) => match.get(tag)),
      )
      .sort();
  };
  let ours: unknown;
  let server: ReturnType<typeof startChild> | undefined;
  let port: number;

  beforeAll(async () => {
    const department = await Department.start(['orders', 'scheduling']);
    try {
      await department.send(anOrmMessage({ mrn: 'DOWN1', placerOrderNumber: 'DOWN1', familyName: 'Beispiel' }));
      await department.send(anOrmMessage({ mrn: 'DOWN2', placerOrderNumber: 'DOWN2', familyName: '山田' }));
      await department.send(anOrmMessage({ mrn: 'DOWN3', placerOrderNumber: 'DOWN3', procedure: 'XRCHEST2' }));
      await department.onWorklist('DOWN1');
      await department.onWorklist('DOWN2');
      await department.onWorklist('DOWN3', 'DX01');
      ours = await ask(department.scheduling.dicomPort);
      const response = await fetch(`${department.scheduling.url}/worklist/export`);
      writeFileSync(join(folder, 'worklist.tar'), Buffer.from(await response.arrayBuffer()));
    } finally {
      await department.stop();
    }
    execFileSync('tar', ['xf', 'worklist.tar'], { cwd: folder });
    port = await freePort();
    server = startChild(placeOf('wlmscpfs')!, ['-s', '-csk', '-dfp', folder, String(port)], {});
    await until(async () => (await findscu(port, ['PatientID'])).matches.length > 0, {
      what: 'wlmscpfs',
      every: 200,
      within: 60_000,
    });
  }, 180_000);
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives what the service gave, with every letter', async () => {
    expect(ours).toHaveLength(2);
    expect(JSON.stringify(ours)).toContain('山田');
    expect(await ask(port)).toEqual(ours);
    expect(await ask(port, 'DX01')).toHaveLength(1);
  });

  it('can be read on paper', () => {
    const page = readFileSync(join(folder, 'worklist.html'), 'utf8');
    for (const said of ['CT 1 (CT01), CT room 1', 'DOWN1', 'Beispiel', '山田', 'X-ray 1 (DX01)'])
      expect(page).toContain(said);
  });
});
