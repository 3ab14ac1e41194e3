import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Bundle, Extension, MedicationAdministration } from 'fhir/r4.js';
import { newUid } from '#dicom';
import { extensions, studyInstanceUidOf } from '#fhir';
import { aPatient, aServiceRequest, peerSuite, until } from '#testing';
import { AContrastService } from '../../apps/contrast/src/a-contrast-service.spec.js';
import { dcmtk, storescu } from './dcmtk.js';
import { pynetdicom, storeInjectorReports, type InjectorReportAsked } from './pynetdicom.js';

peerSuite('injectors made of pydicom, pynetdicom and dcmtk', [pynetdicom, dcmtk('storescu')], () => {
  let contrast: AContrastService;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'collimator-injector-'));
    contrast = await AContrastService.start(undefined, {
      injectors: [
        { name: 'first', system: 'urn:test:first', aeTitle: 'INJECTOR1' },
        { name: 'second', system: 'urn:test:second', aeTitle: 'INJECTOR2', timeZone: 'America/New_York' },
      ],
    });
  }, 60_000);
  afterAll(async () => {
    await contrast?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** An order with contrast, and the report of its injection. */
  async function anInjection(name: string, changes: Partial<InjectorReportAsked> = {}) {
    const patient = aPatient({ mrn: `MRN${name}` });
    const order = aServiceRequest({
      placerOrderNumber: name,
      accessionNumber: name,
      patient,
      procedure: { code: 'CTCHESTC', display: 'CT chest' },
    });
    await contrast.tell('imaging.order.placed.v1', order, patient);
    await contrast.planOf(order);
    const report: InjectorReportAsked = {
      shape: 'single',
      uid: newUid(),
      patientName: 'ZZBEISPIEL^BERTA',
      patientId: `MRN${name}`,
      accessionNumber: name,
      studyUid: studyInstanceUidOf(order)!,
      ...changes,
    };
    const given = async () => {
      const found = await contrast.get<Bundle<MedicationAdministration>>(
        `/fhir/MedicationAdministration?patient=${patient.id}`,
      );
      return (found.entry ?? []).map(({ resource }) => resource!);
    };
    return { report, given, order };
  }
  const store = (...reports: InjectorReportAsked[]) =>
    storeInjectorReports(contrast.infrastructure.dicom!.port, ...reports);
  const phasesOf = ({ extension = [] }: MedicationAdministration) =>
    extension
      .filter(({ url }) => url === extensions.injectionPhase)
      .map((phase) => {
        const part = (name: string) => phase.extension!.find(({ url }: Extension) => url === name);
        return [part('content')?.valueCode, part('volume')?.valueQuantity?.value, part('rate')?.valueQuantity?.value];
      });
  const listed = async (state: string) =>
    (
      await contrast.get<{ reports: { sopInstanceUid: string; state: string; reason: string }[] }>(
        `/injector-reports?state=${state}`,
      )
    ).reports;

  it('one phase, in either transfer syntax, sent twice, is one administration', async () => {
    const { report, given } = await anInjection('SINGLE');
    expect(await store(report, { ...report, implicit: true })).toMatchObject([{ Status: 0 }, { Status: 0 }]);
    const administrations = await given();
    expect(administrations).toHaveLength(1);
    expect(administrations[0]).toMatchObject({
      status: 'completed',
      effectivePeriod: { start: '2026-03-02T10:05:00+01:00', end: '2026-03-02T10:05:26+01:00' },
      dosage: {
        dose: { value: 78.5, code: 'mL' },
        rateQuantity: { value: 3, code: 'mL/s' },
        route: { coding: [{ code: '47625008' }] },
      },
      contained: [{ code: { text: 'Ultravist 370' }, batch: { lotNumber: 'KT0A1' } }],
    });
    expect(phasesOf(administrations[0]!)).toEqual([['contrast', 78.5, 3]]);
  });

  it('test bolus, main injection and saline by the codes of SNOMED-RT, in the zone of its injector', async () => {
    const { report, given } = await anInjection('PHASES', { shape: 'three-phases', old: true, as: 'INJECTOR2' });
    expect(await store(report)).toMatchObject([{ Status: 0 }]);
    const [administration] = await given();
    expect(phasesOf(administration!)).toEqual([
      ['contrast', 15, 5],
      ['contrast', 78.5, 3],
      ['saline', 40, 3],
    ]);
    expect(administration!.dosage!.dose!.value).toBe(93.5);
    expect(administration!.dosage!.route!.coding![0]!.system).toBe('http://snomed.info/sct');
    // Some of its times have an offset, 10:05 in Berlin; those without are of New York.
    expect(JSON.stringify(administration)).toContain('2026-03-02T10:03:00-05:00');
  });

  it('an extravasation with a stop, of a patient named in Japanese', async () => {
    const japanese = { characterSet: ['', 'ISO 2022 IR 87'], patientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう' };
    const { report, given } = await anInjection('STOPPED', { shape: 'stopped', ...japanese });
    expect(await store(report)).toMatchObject([{ Status: 0 }]);
    const [administration] = await given();
    expect(administration).toMatchObject({
      status: 'stopped',
      statusReason: [{ coding: [{ code: '130154' }], text: 'Terminated due to request from operator' }],
      dosage: { dose: { value: 31 } },
    });
    const beside = administration!.extension!.find(({ url }) => url === extensions.extravasation);
    expect(beside!.extension).toContainEqual(
      expect.objectContaining({ url: 'volume', valueQuantity: expect.objectContaining({ value: 12 }) }),
    );
  });

  it('the exam of one patient under the id of another is kept and listed, and recorded for nobody', async () => {
    const one = await anInjection('ONE');
    const other = await anInjection('OTHER');
    const mixed = { ...one.report, patientId: other.report.patientId };
    expect(await store(mixed)).toMatchObject([{ Status: 0 }]);
    expect([await one.given(), await other.given()]).toEqual([[], []]);
    expect(await listed('disagrees')).toContainEqual(
      expect.objectContaining({ sopInstanceUid: mixed.uid, reason: 'not those of its exam: patient id' }),
    );
  });

  it('dcmtk stores what pydicom wrote; other content under the same UID is refused', async () => {
    const { report, given } = await anInjection('DCMTK', { shape: 'three-phases' });
    const to = { dicomPort: contrast.infrastructure.dicom!.port, aeTitle: 'COLLIMATOR' };
    // Of itself storescu proposes this class not, among the many that it knows.
    const asInjector = { as: 'INJECTOR1', options: ['-R'] };
    const [file, changed] = [join(folder, 'report.dcm'), join(folder, 'changed.dcm')];
    await store({ ...report, file }, { ...report, shape: 'single', file: changed });
    expect(await storescu(to, [file], asInjector)).toContain('Success');
    expect((await given())[0]!.dosage!.dose!.value).toBe(93.5);
    const said = await storescu(to, [changed], asInjector).catch((error: Error) => error.message);
    expect(said).toMatch(/0x0?111|Duplicate/);
    expect((await given())[0]!.dosage!.dose!.value).toBe(93.5);
    await expect(storescu(to, [file], { ...asInjector, as: 'STRANGER' })).rejects.toThrow(
      'Calling AE Title Not Recognized',
    );
  });

  it('what is broken gets its status, and the next report is taken', async () => {
    const { report, given } = await anInjection('BROKEN');
    const broken = (attack: InjectorReportAsked['attack']) => ({ ...report, uid: newUid(), attack });
    const answers = await store(
      ...(['truncated', 'nested', 'wrong-class', 'no-class', 'no-instance', 'no-root'] as const).map(broken),
      report,
    );
    expect(answers.map(({ Status }) => Status)).toEqual([0xc000, 0xc000, 0xa900, 0xa900, 0xa900, 0xc000, 0]);
    expect(JSON.stringify(answers)).not.toMatch(/ZZBEISPIEL|MRNBROKEN/);
    await until(async () => (await given()).length === 1, { what: 'the whole one to be recorded' });
  });

  it('no word of a patient is in the log', () => expect(contrast.log.join('')).not.toMatch(/ZZBEISPIEL|山田|MRN[A-Z]/));
});
