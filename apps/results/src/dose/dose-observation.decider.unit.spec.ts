import { describe, expect, it } from '@jest/globals';
import type { ImagingStudy } from 'fhir/r4.js';
import type { DatasetInput } from '#dicom';
import type { DoseReferenceLevel } from '#platform';
import { given } from '#testing';
import { aDoseReport, acquisition, code, container, ctTotals, num, read } from './a-dose-report.spec.js';
import { doseInError, doseIssue, doseObservation } from './dose-observation.decider.js';
import { hasMoved } from './dose-number.decider.js';
import { doseOfStudy } from './dose-of-study.decider.js';
import type { DoseKind } from './dose-report.js';
import { comparedWithLevels } from './reference-levels.decider.js';
import { ageBand, registryCsv } from './dose-registry.js';

const study: ImagingStudy = {
  resourceType: 'ImagingStudy',
  id: 's',
  status: 'available',
  subject: { reference: 'Patient/p' },
  basedOn: [{ reference: 'ServiceRequest/o' }],
};
const level: DoseReferenceLevel = {
  procedure: 'CTHEAD',
  measure: 'dlp',
  level: 850,
  unit: 'mGy.cm',
  source: 'test 2026',
};
function observed(reports: DatasetInput[], kind: DoseKind = 'ct', levels = [level], ageYears: number | undefined = 50) {
  const dose = doseOfStudy(reports.map(read), kind)!;
  return { dose, around: { study, comparisons: comparedWithLevels(dose, 'CTHEAD', { ageYears: ageYears! }, levels) } };
}
const one = (dlp: number, uid = '2.25.7') =>
  aDoseReport([ctTotals(1, dlp), acquisition(`${uid}.1`, 'Head', 50, dlp)], { SOPInstanceUID: uid });

describe('The dose of a study as FHIR', () => {
  it('is a radiation dose summary, flagged where it is above a level', () => {
    const { dose, around } = observed([one(900)]);
    expect(doseObservation(undefined, dose, around)).toMatchObject({
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '73569-6' }] },
      identifier: [
        { system: 'urn:collimator:dose' },
        { type: { coding: [{ code: 'sop-instance-uid' }] }, system: 'urn:dicom:uid', value: 'urn:oid:2.25.7' },
      ],
      basedOn: [{ reference: 'ServiceRequest/o' }],
      partOf: [{ reference: 'ImagingStudy/s', identifier: { value: 'urn:oid:2.25.1' } }],
      subject: { reference: 'Patient/p' },
      effectiveDateTime: '2026-03-02T10:15:00+01:00',
      derivedFrom: [{ identifier: { value: 'urn:oid:2.25.7' } }],
      component: [
        {
          code: { coding: [{ code: '113813' }] },
          valueQuantity: { value: 900, unit: 'mGy.cm', code: 'mGy.cm' },
          interpretation: [{ coding: [{ code: 'H' }] }],
          referenceRange: [{ high: { value: 850 }, text: 'Diagnostic reference level: test 2026' }],
        },
        { code: { coding: [{ code: '113830' }] }, valueQuantity: { value: 50, code: 'mGy' } },
      ],
    });
  });

  it('told again, as the database gives it back, is the same; with more or other content a new version', () => {
    const first = doseObservation(undefined, observed([one(300)]).dose, observed([one(300)]).around);
    const known = { ...Object.fromEntries(Object.entries(first).reverse()), meta: { versionId: '1' } } as typeof first;
    const again = observed([one(300)]);
    expect(doseObservation(known, again.dose, again.around)).toBe(known);
    const corrected = observed([one(310)]);
    expect(doseObservation(known, corrected.dose, corrected.around)).toMatchObject({
      status: 'corrected',
      meta: { versionId: '1' },
    });
    const more = observed([one(300), one(200, '2.25.8')]);
    const grown = doseObservation(known, more.dose, more.around);
    expect([grown.status, grown.component![0]!.valueQuantity!.value]).toEqual(['amended', 500]);
    const wrong = doseInError(known)!;
    expect([wrong.status, doseInError(wrong), doseObservation(wrong, again.dose, again.around).status]).toEqual([
      'entered-in-error',
      undefined,
      'corrected',
    ]);
  });

  it('keeps its number and status where it is of one more order', () => {
    const { dose, around } = observed([one(300)]);
    const known = doseObservation(undefined, dose, around);
    const basedOn = [...study.basedOn!, { reference: 'ServiceRequest/o2' }];
    given(known)
      .when((first) => doseObservation(first, dose, { ...around, study: { ...study, basedOn } }))
      .then({ status: 'final', identifier: [{ value: known.identifier![0]!.value! }, {}], basedOn });
  });

  it.each<[string, Partial<ImagingStudy>, boolean]>([
    ['is as it was', {}, false],
    ["is another patient's", { subject: { reference: 'Patient/q' } }, true],
    ['is of another order', { basedOn: [{ reference: 'ServiceRequest/o2' }] }, true],
    ['is of no order any more', { basedOn: undefined }, true],
  ])('begins anew, under another number, where its study %s: %p', (_what, changes, isElsewhere) => {
    const { dose, around } = observed([one(300)]);
    const first = doseObservation(undefined, dose, around);
    const known = doseInError(first)!;
    const after = { ...around, study: { ...study, ...changes } };
    const made = doseObservation(known, dose, after);
    expect(hasMoved(known, after.study)).toBe(isElsewhere);
    expect([made.status, made.id]).toEqual([isElsewhere ? 'final' : 'corrected', known.id]);
    expect(made.identifier![0]!.value === first.identifier![0]!.value).toBe(!isElsewhere);
    // Corrected there, and merged into another patient, it keeps the number it has.
    const merged = { ...made, subject: { reference: 'Patient/survivor' } };
    const later = observed([one(310)]);
    expect(
      doseObservation(merged, later.dose, {
        ...later.around,
        study: { ...after.study, subject: { reference: 'Patient/survivor' } },
      }),
    ).toMatchObject({ status: 'corrected', identifier: [made.identifier![0], {}] });
  });

  it('that was stored before there were numbers is no other dose for want of one', () => {
    const { dose, around } = observed([one(300)]);
    const first = doseObservation(undefined, dose, around);
    const old = { ...first, identifier: first.identifier!.slice(1) };
    expect(doseObservation(old, dose, around)).toBe(old);
    const later = observed([one(310)]);
    expect(doseObservation(old, later.dose, later.around).identifier![0]).toEqual(first.identifier![0]);
  });

  it('says what is unknown, and what it was not compared with', () => {
    const { dose, around } = observed([aDoseReport([ctTotals(1, 5, 'mGy')])], 'ct', [level]);
    const { component, note } = doseObservation(undefined, dose, around);
    expect(component).toMatchObject([{ dataAbsentReason: { text: 'its unit mGy is none of this measure' } }]);
    expect(note).toMatchObject([{ text: expect.stringContaining('Not compared') }]);
  });

  it('of two breasts flags the one that is above', () => {
    const side = (value: number, breast: string) => num('111637', value, 'mGy', code('SRT|G-C171', breast));
    const { dose, around } = observed(
      [aDoseReport([container('113702', side(2, 'SRT|T-04030'), side(4, 'SRT|T-04020'))])],
      'projection',
      [{ ...level, measure: 'agd', level: 3, unit: 'mGy' }],
    );
    const { component } = doseObservation(undefined, dose, around);
    expect(
      component!.map((part) => [part.code.text, part.valueQuantity!.value, part.interpretation?.[0]!.coding![0]!.code]),
    ).toEqual([
      ['Accumulated Average Glandular Dose, left breast', 2, undefined],
      ['Accumulated Average Glandular Dose, right breast', 4, 'H'],
    ]);
  });

  it('above a level is an issue once, and none any more where it is corrected', () => {
    const now = new Date('2026-03-02T11:00:00Z');
    const { dose, around } = observed([one(900)]);
    const observation = doseObservation(undefined, dose, around);
    const issue = doseIssue(undefined, observation, around.comparisons, now)!;
    expect(issue).toMatchObject({
      status: 'final',
      patient: { reference: 'Patient/p' },
      detail:
        'CT Dose Length Product Total 900 mGy.cm is above the reference level of 850 mGy.cm for procedure CTHEAD (test 2026)',
    });
    expect(doseIssue(issue, observation, around.comparisons, now)).toBeUndefined();
    expect(doseIssue(issue, observation, [], now)).toMatchObject({ status: 'cancelled' });
    expect(doseIssue(undefined, observation, [], now)).toBeUndefined();
  });
});

describe('The registry file', () => {
  it('has a month, an age band and values, and no formula', () => {
    const csv = registryCsv(
      [
        {
          kind: 'ct',
          performedAt: new Date('2026-02-28T23:30:00Z'),
          room: 'CT room 1',
          procedure: 'CTHEAD',
          protocol: '=HYPERLINK("x"),y',
          ageYears: 56.09,
          weightKg: 81.5,
          sex: 'female',
          events: 2,
          measures: { dlp: 345.6, 'ctdi-vol': 50 },
          isAbove: true,
        },
      ],
      'Europe/Berlin',
    );
    const [header, line, end] = csv.split('\r\n');
    expect(header).toContain('ctdi-vol [mGy],dlp [mGy.cm],dap [Gy.cm2]');
    expect(line).toBe(`2026-03,ct,CT room 1,CTHEAD,"'=HYPERLINK(""x""),y",50-59,female,80-89,50,345.6,,,,,,,,2,yes`);
    expect(end).toBe('');
  });
  it.each([
    [0.5, '0'],
    [1, '1-4'],
    [17.99, '15-17'],
    [18, '18-29'],
    [95, '90+'],
    [undefined, ''],
  ])('%p years are %p', (years, band) => expect(ageBand(years)).toBe(band));
});
