import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { MedicationAdministration } from 'fhir/r4.js';
import { Dataset, dicomDateTime, type DatasetInput } from '#dicom';
import { readAdministration } from '../administration/read-administration.js';
import { administrationFrom } from './administration-from-report.js';
import {
  anInjectorReport,
  at,
  code,
  coded,
  container,
  contrastAgent,
  num,
  phase,
  saline,
  text,
} from './an-injector-report.spec.js';
import injectorConcepts from './injector-concepts.json' with { type: 'json' };
import { contrastGivenMl, injectorReportFrom } from './injector-report.js';

const zone = 'Europe/Berlin';
const read = (changes: DatasetInput = {}, ...content: DatasetInput[]) =>
  injectorReportFrom(Dataset.of(anInjectorReport(changes, ...content)), zone);
const given = (...content: DatasetInput[]) =>
  administrationFrom(read({}, ...content), { sopInstanceUid: '2.25.9', aeTitle: 'INJECTOR1' });
const once = phase('A', 80, 3, '20260302100500', '20260302100527');

describe('a report of an injector', () => {
  it('says what was given in each phase, and how much of it was contrast', () => {
    const report = read();
    expect(report.phases.map(({ kind, volumeMl, contrastMl }) => [kind, volumeMl, contrastMl])).toEqual([
      ['test', 10, 10],
      ['contrast', 70, 70],
      ['flush', 30, 0],
    ]);
    expect(report.phases[1]).toMatchObject({ rateMlPerSecond: 4, peakPressureKpa: 700 });
    expect([report.startedAt, report.endedAt]).toEqual(['2026-03-02T10:04:00+01:00', '2026-03-02T10:05:26+01:00']);
    expect(contrastGivenMl(report)).toBe(80);
    expect(report.stopped).toBeUndefined();
  });

  it('says the same where its phases stand elsewhere, by activities, or by the codes of SNOMED-RT', () => {
    const activity = (agent: string, volume: string, ml: number) =>
      container('130237', text('130255', agent), num(volume, ml, 'mL'));
    const inActivities = read(
      {},
      contrastAgent(),
      saline,
      container('130192', container('130195', activity('A', '122091', 50), activity('B', 'SRT|G-D705', 20))),
    );
    expect(inActivities.phases.map(({ kind, volumeMl }) => [kind, volumeMl])).toEqual([
      ['contrast', 50],
      ['flush', 20],
    ]);
    const mixed = read(
      {},
      contrastAgent(),
      saline,
      container('130202', activity('A', 'SCT|118565006', 30), activity('B', '122091', 10)),
    );
    expect(mixed.phases).toMatchObject([{ kind: 'mixed', volumeMl: 40, contrastMl: 30 }]);
    const old = read({}, code('SRT|G-C340', 'SRT|G-D101|Intravenous route'), contrastAgent(), once);
    expect(old.route).toMatchObject({ scheme: 'SRT', value: 'G-D101' });
  });

  it('has volumes and rates in one unit, and none where it has no unit or another measure', () => {
    const ofUnit = (unit: string) =>
      contrastGivenMl(read({}, contrastAgent(), container('130202', num('130240', 0.08, unit))));
    expect([ofUnit('L'), ofUnit('mL'), ofUnit('mg'), ofUnit('__proto__')]).toEqual([80, 0.08, undefined, undefined]);
    const slow = read({}, contrastAgent(), container('130202', num('130240', 80, 'mL'), num('130208', 180, 'mL/min')));
    expect(slow.phases[0]!.rateMlPerSecond).toBe(3);
  });

  it('tells that it was stopped, why, and what went beside the vessel', () => {
    const report = read(
      {},
      contrastAgent(),
      phase('A', 32, 4, '20260302100500', '20260302100508'),
      code('130211', 'DCM|130154|Terminated'),
      container('130212', code('121071', 'SRT|D0-B0330|Injection site extravasation', num('130214', 12, 'mL'))),
      container('130233', code('130234', '130154', at('130235', '20260302100508'))),
    );
    expect(report.stopped).toMatchObject({ value: '130154' });
    expect(report.extravasation).toEqual({ volumeMl: 12 });
    expect(report.events).toMatchObject([{ code: { value: '130154' }, at: '2026-03-02T10:05:08+01:00' }]);
  });

  it('names its exam by every number in it, each once', () => {
    const requests = [
      { AccessionNumber: 'SGH00000001', ScheduledProcedureStepID: 'STEP1', StudyInstanceUID: '2.25.2' },
    ];
    const { references } = read(
      {
        ReferencedRequestSequence: requests,
        ReferencedPerformedProcedureStepSequence: [{ ReferencedSOPInstanceUID: '2.25.5' }],
      },
      text('121022', 'SGH00000001'),
    );
    expect(references).toEqual({
      patientId: '700001',
      accessionNumbers: ['SGH00000001'],
      studyUids: ['2.25.1', '2.25.2'],
      scheduledStepIds: ['STEP1'],
      performedStepUids: ['2.25.5'],
    });
  });

  it('is refused where it is another document', () => {
    expect(() => read({ ConceptNameCodeSequence: coded('130226') })).toThrow('130227');
  });
});

describe('any tree of these concepts', () => {
  const concepts = Object.values(injectorConcepts).flatMap((one) => one.codes);
  const values = ['130248', '130169', 'SCT|373757009', 'SCT|95384003', 'SRT|R-0038D', '130154', '99X|1'];
  const leaf = fc.oneof(
    fc.tuple(fc.constantFrom(...concepts), fc.constantFrom('A', 'B', '')).map(([one, value]) => text(one, value)),
    fc.tuple(fc.constantFrom(...concepts), fc.constantFrom(...values)).map(([one, value]) => code(one, value)),
    fc
      .tuple(fc.constantFrom(...concepts), fc.integer({ min: -5, max: 300 }), fc.constantFrom('mL', 'mL/s', 'kPa', '1'))
      .map(([one, value, unit]) => num(one, value, unit)),
    fc
      .tuple(fc.constantFrom(...concepts), fc.constantFrom('20260302100500', '2026', 'x'))
      .map(([one, value]) => at(one, value)),
  );
  const { tree } = fc.letrec<{ tree: DatasetInput }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      leaf,
      fc
        .tuple(fc.constantFrom(...concepts), fc.array(tie('tree'), { maxLength: 5 }))
        .map(([one, under]) => container(one, ...under)),
    ),
  }));
  it('is read, and gives an administration that is allowed or says what it lacks', () => {
    fc.assert(
      fc.property(fc.array(tree, { minLength: 1, maxLength: 8 }), (content) => {
        const said = given(...content);
        if (Array.isArray(said)) return expect(said.length).toBeGreaterThan(0);
        const request = { reference: 'MedicationRequest/p' };
        const subject = { reference: 'Patient/p' };
        const whole = { ...said, subject, request, dosage: said.dosage && { route: { text: 'any' }, ...said.dosage } };
        expect(readAdministration(withoutBarcodes(whole), 'injector').administration.status).toBe(said.status);
      }),
      { numRuns: 1000 },
    );
  });
  const withoutBarcodes = (one: MedicationAdministration) => ({
    ...one,
    contained: one.contained?.map((two) => ({ ...two, extension: undefined })),
  });
});

describe('an administration from it', () => {
  it('has the contrast as its dose, each phase, lot, route, times and who gave it', () => {
    expect(given()).toMatchObject({
      identifier: [{ system: 'urn:dicom:uid', value: 'urn:oid:2.25.9' }],
      status: 'completed',
      effectivePeriod: { start: '2026-03-02T10:04:00+01:00', end: '2026-03-02T10:05:26+01:00' },
      contained: [{ code: { text: 'iopromide' }, batch: { lotNumber: 'LOT7' } }],
      dosage: {
        dose: { value: 80, code: 'mL' },
        rateQuantity: { value: 4 },
        route: { coding: [{ code: '47625008' }] },
      },
      performer: [{ actor: { display: 'INJECTOR1' } }],
      extension: [
        {
          extension: expect.arrayContaining([
            { url: 'number', valuePositiveInt: 1 },
            { url: 'content', valueCode: 'contrast' },
            { url: 'purpose', valueCode: 'test' },
          ]),
        },
        {
          extension: expect.arrayContaining([
            { url: 'number', valuePositiveInt: 2 },
            { url: 'content', valueCode: 'contrast' },
          ]),
        },
        {
          extension: expect.arrayContaining([
            { url: 'number', valuePositiveInt: 3 },
            { url: 'content', valueCode: 'saline' },
          ]),
        },
      ],
    });
  });
  it('is not done where only saline went in, and stopped where the injector stopped', () => {
    expect(given(contrastAgent(), saline, phase('B', 20, 4, '20260302100500', '20260302100505'))).toMatchObject({
      status: 'not-done',
    });
    expect(given(contrastAgent(), once, container('130233', code('130220', 'SRT|R-0038D')))).toMatchObject({
      status: 'stopped',
    });
  });
  it.each<[string, DatasetInput[], string[]]>([
    ['how much', [contrastAgent(), container('130202', at('111526', '20260302100500'))], ['volume of contrast']],
    [
      'when: a day is no time',
      [contrastAgent(), container('130202', num('130240', 80, 'mL'), at('111526', '20260302'))],
      ['time'],
    ],
    [
      'of which agent a phase was',
      [contrastAgent(), saline, container('130202', num('130240', 80, 'mL'), at('111526', '20260302100500'))],
      ['volume of contrast'],
    ],
    ['what it was', [container('130183', text('130254', 'A')), once], ['volume of contrast', 'agent']],
    ['anything', [code('130211', 'SCT|255594003')], ['volume of contrast', 'time']],
  ])('is not made of a report that does not say %s', (_, content, lacking) =>
    expect(given(...content)).toEqual(expect.arrayContaining(lacking)),
  );
});

describe('a date and time of DICOM', () => {
  it.each([
    ['20260302100500.25+0330', '-0500', '2026-03-02T10:05:00+03:30'],
    ['20260302100500', '-0500', '2026-03-02T10:05:00-05:00'],
    ['20260702100500', undefined, '2026-07-02T10:05:00+02:00'],
    ['202603021005', undefined, '2026-03-02T10:05:00+01:00'],
    ['20260302', undefined, undefined],
    ['20261302100500', undefined, undefined],
    ['tomorrow', undefined, undefined],
    [undefined, undefined, undefined],
  ])('%s, in a document of %s, is %s', (written, offset, expected) =>
    expect(dicomDateTime(written, offset, zone)).toBe(expected),
  );
});
