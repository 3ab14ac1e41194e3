import { describe, expect, it } from '@jest/globals';
import type { DatasetInput } from '#dicom';
import { site as aSite } from '#testing';
import { tarArchive } from './tar-archive.js';
import { worklistArchive, worklistPage } from './worklist-export.js';
import { datasetOf, type FoundItem } from './worklist.store.js';

const at = new Date('2026-03-02T07:05:00Z');
const item = (attributes: DatasetInput, aeTitle = 'CT01'): FoundItem => ({
  status: 'SCHEDULED',
  appointmentId: '00000000-0000-5000-8000-000000000001',
  patientId: 'p',
  attributes: {
    ...attributes,
    ScheduledProcedureStepSequence: [
      {
        ScheduledStationAETitle: aeTitle,
        ScheduledProcedureStepStartDate: '20260302',
        ScheduledProcedureStepStartTime: '093000',
      },
    ],
  },
});

/** Path and content of each file, read by the rule of ustar. */
function filesOf(archive: Buffer): [string, Buffer][] {
  const files: [string, Buffer][] = [];
  for (let from = 0; archive[from] !== 0;) {
    const header = archive.subarray(from, from + 512);
    const length = Number.parseInt(header.toString('latin1', 124, 135), 8);
    const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 0x20 : byte), 0);
    expect(Number.parseInt(header.toString('latin1', 148, 154), 8)).toBe(sum);
    files.push([header.toString('latin1', 0, header.indexOf(0)), archive.subarray(from + 512, from + 512 + length)]);
    from += 512 + Math.ceil(length / 512) * 512;
  }
  return files;
}

describe('A tar archive', () => {
  it('holds files of any length, and ends with two empty blocks', () => {
    const files = [0, 1, 512, 513].map((length) => ({ path: `a/${length}`, content: Buffer.alloc(length, 'x') }));
    const archive = tarArchive(files, at);
    expect(filesOf(archive)).toEqual(files.map(({ path, content }) => [path, content]));
    expect([archive.length % 512, archive.subarray(-1024).every((byte) => byte === 0)]).toEqual([0, true]);
  });
});

describe('The worklist for downtime', () => {
  it('is a page, and a folder of the AE title that modalities call', () => {
    const archive = worklistArchive([item({ PatientName: 'Beispiel^Berta' })], {
      calledAeTitle: 'COLLIMATOR',
      site: aSite(),
      at,
    });
    const files = filesOf(archive);
    expect(files.map(([path]) => path)).toEqual([
      'worklist.html',
      'COLLIMATOR/lockfile',
      'COLLIMATOR/00000000-0000-5000-8000-000000000001.wl',
    ]);
    const file = files[2]![1];
    expect(file.toString('latin1', 128, 132)).toBe('DICM');
    expect(file.includes('Beispiel^Berta')).toBe(true);
  });

  it('has a page for each station that has something to do', () => {
    const page = worklistPage(
      [datasetOf(item({ PatientName: 'Beispiel^Berta' })), datasetOf(item({ PatientName: 'X^Y' }, 'DX01'))],
      aSite(),
      at,
    );
    expect(page.match(/<h1>.*?<\/h1>/g)).toEqual([
      '<h1>CT 1 (CT01), CT room 1</h1>',
      '<h1>X-ray 1 (DX01), X-ray room 1</h1>',
    ]);
    expect(page).toContain('Worklist as of 2026-03-02 08:05');
    expect(page).toContain('<td>20260302 0930</td>');
  });

  it('says what to beware of, and is no place for markup of others', () => {
    const alerts = {
      MedicalAlerts: 'Pacemaker',
      PatientState: 'MRSA',
      Allergies: ['Latex', '<script>'],
      PregnancyStatus: 3,
    };
    const page = worklistPage([datasetOf(item({ PatientName: 'A&B', ...alerts }))], aSite(), at);
    expect(page).toContain('<td>Pacemaker; MRSA; Latex, &lt;script&gt;</td><td>yes</td>');
    expect(page).toContain('<td>A&amp;B</td>');
  });
});
