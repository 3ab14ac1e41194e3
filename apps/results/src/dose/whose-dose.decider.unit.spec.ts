import { expect, it } from '@jest/globals';
import { aPatient } from '#testing';
import { anExpectedStudy } from '../a-results-service.spec.js';
import { isUnderOtherNumber, reportsOfPatient } from './whose-dose.decider.js';

const study = anExpectedStudy('1', aPatient(), [], ['1.1', '1.2', '9']);
const [reports, other] = [[{ sopInstanceUid: '9' }], { sopInstanceUid: '8' }];

it.each<[string, [string, string][], number]>([
  ['nothing was rejected', [], 1],
  [
    'all images were rejected for quality: they were irradiated',
    [
      ['1.1', '113001'],
      ['1.2', '113001'],
    ],
    1,
  ],
  ['the report itself was under the wrong entry', [['9', '113038']], 0],
  ['some images were under the wrong entry', [['1.1', '110514']], 1],
  [
    'all images were under the wrong entry, whether the report was listed or not',
    [
      ['1.1', '110514'],
      ['1.2', '110514'],
    ],
    0,
  ],
  [
    'the last image was rejected for quality, the others are under the wrong entry',
    [
      ['1.1', '110514'],
      ['1.2', '113001'],
    ],
    0,
  ],
])("A dose report is the patient's or not where %s", (_, rejected, count) =>
  expect(reportsOfPatient(reports, study, new Map(rejected))).toHaveLength(count),
);

it('No report is of a study in error', () =>
  expect(reportsOfPatient([...reports, other], { ...study, status: 'entered-in-error' }, new Map())).toEqual([]));

it.each<[string, string | undefined, Parameters<typeof aPatient>[0] | undefined, boolean]>([
  ["the patient's", 'MRN1', { mrn: 'MRN1' }, false],
  ["another's", 'MRN2', { mrn: 'MRN1' }, true],
  ['no', undefined, { mrn: 'MRN1' }, false],
  ['a', 'MRN2', undefined, false],
])('A dose report under %s number is under another number or not', (_, patientId, patient, isOther) =>
  expect(isUnderOtherNumber(patientId ? { patientId } : {}, patient ? [aPatient(patient)] : [])).toBe(isOther),
);

it('A dose report may be under the number of whose study it was before', () =>
  expect(isUnderOtherNumber({ patientId: 'TYPO' }, [aPatient({ mrn: 'MRN1' }), aPatient({ mrn: 'TYPO' })])).toBe(
    false,
  ));
