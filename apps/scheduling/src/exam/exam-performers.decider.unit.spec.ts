import { describe, expect, it } from '@jest/globals';
import type { Practitioner } from 'fhir/r4.js';
import { Dataset, performedProcedureStepFrom, type DatasetInput } from '#dicom';
import { site as aSite } from '#testing';
import { performersOf } from './exam-performers.decider.js';

const site = aSite();
const at = new Date('2026-03-02T08:00:00Z');
const certificate = (code: string, end?: string) => ({
  code: { coding: [{ code }] },
  ...(end ? { period: { end } } : {}),
});
const tina: Practitioner = {
  resourceType: 'Practitioner',
  id: 'tina',
  identifier: [{ system: 'urn:test:staff', value: '4711' }],
  name: [{ family: 'Technologist', given: ['Tina'] }],
  qualification: [certificate('CT', '2026-03-02')],
};
const tom: Practitioner = {
  resourceType: 'Practitioner',
  id: 'tom',
  name: [{ text: 'Tom van Tech' }],
  qualification: [certificate('MR'), certificate('CT', '2026-03-01')],
};

const named = (series: DatasetInput[]) =>
  performedProcedureStepFrom(Dataset.of({ PerformedProcedureStepStatus: 'COMPLETED', PerformedSeriesSequence: series }))
    .performers;
const person = (code: string): DatasetInput => ({
  PersonIdentificationCodeSequence: [{ CodeValue: code, CodingSchemeDesignator: '99STAFF', CodeMeaning: 'x' }],
});
/** Whom it is taken for, and what is said of their certificate. */
const judged = (series: DatasetInput[], practitioners = [tina, tom], modality: string | undefined = 'CT') =>
  performersOf(named(series), modality, practitioners, site, at).map(({ actor, extension }) => [
    actor.reference,
    extension?.[0]?.valueCode,
  ]);

describe('who an MPPS says did the exam', () => {
  it('is each of them once, names and identifications of one number taken together', () => {
    const series = {
      OperatorsName: ['Technologist^Tina', 'Other^Olaf'],
      OperatorIdentificationSequence: [person('4711'), person('8')],
    };
    const physician = { PerformingPhysicianName: 'House^Gregory' };
    expect(named([{ ...series, ...physician }, series, { OperatorsName: '', PerformingPhysicianName: '' }])).toEqual([
      { role: 'operator', name: 'Technologist^Tina', codes: [{ code: '4711', scheme: '99STAFF' }] },
      { role: 'operator', name: 'Other^Olaf', codes: [{ code: '8', scheme: '99STAFF' }] },
      { role: 'physician', name: 'House^Gregory', codes: [] },
    ]);
    expect(named([])).toEqual([]);
  });

  it.each<[string, DatasetInput, unknown]>([
    [
      'a code of theirs, whatever the name',
      { OperatorsName: 'X^Y', OperatorIdentificationSequence: [person('4711')] },
      ['Practitioner/tina', 'certified'],
    ],
    ['their name, in any case', { OperatorsName: 'TECHNOLOGIST^Tina^Maria' }, ['Practitioner/tina', 'certified']],
    ['their name as people write it', { OperatorsName: 'van Tech^Tom' }, ['Practitioner/tom', 'not-certified']],
    ['nothing we know', { OperatorsName: 'Technologist^Theo' }, [undefined, 'unknown']],
  ])('is known by %s, and is certified on the last day of the certificate', (_by, series, expected) => {
    expect(judged([series])).toEqual([expected]);
  });

  it('is nobody where two have the name', () => {
    expect(judged([{ OperatorsName: 'Technologist^Tina' }], [tina, { ...tina, id: 'other' }])).toEqual([
      [undefined, 'unknown'],
    ]);
  });

  it('is not judged as a physician, nor where nobody is known at all', () => {
    expect(judged([{ PerformingPhysicianName: 'Technologist^Tina' }])).toEqual([['Practitioner/tina', undefined]]);
    expect(judged([{ OperatorsName: 'Technologist^Tina' }], [])).toEqual([[undefined, undefined]]);
  });

  it('is unknown where the modality is', () => {
    expect(
      performersOf(named([{ OperatorsName: 'Technologist^Tina' }]), undefined, [tina], site, at)[0]!.extension,
    ).toMatchObject([{ valueCode: 'unknown' }]);
  });
});
