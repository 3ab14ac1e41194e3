import { describe, expect, it } from '@jest/globals';
import { site as aSite, failureOf } from '#testing';
import { hasFailed, readChecklist } from './checklist.decider.js';

const items = [
  { code: 'MARKER', display: 'Side marker in the image' },
  { code: 'ANATOMY', display: 'All of the anatomy' },
];
const site = aSite({ qualityChecklists: [{ modalities: ['DX', 'CR'], items }] });
const answered = (changes: object = {}) => ({
  identifier: { system: 'urn:oid:2.25.77', value: 'C1' },
  studyInstanceUid: '1.2.3',
  modality: 'DX',
  items: [
    { code: 'MARKER', answer: 'passed' },
    { code: 'ANATOMY', answer: 'failed' },
  ],
  at: '2026-03-02T09:00:00+01:00',
  ...changes,
});
const answers = (...codes: string[]) => ({ items: codes.map((code) => ({ code, answer: 'passed' })) });

describe('A checklist', () => {
  it('is a QuestionnaireResponse about the study', () => {
    const response = readChecklist(answered(), site);
    expect(response).toMatchObject({
      status: 'completed',
      questionnaire: 'urn:collimator:image-quality-checklist:DX',
      subject: { identifier: { system: 'urn:dicom:uid', value: 'urn:oid:1.2.3' } },
      item: [
        { linkId: 'MARKER', text: 'Side marker in the image', answer: [{ valueCoding: { code: 'passed' } }] },
        { linkId: 'ANATOMY', answer: [{ valueCoding: { code: 'failed' } }] },
      ],
    });
    expect(hasFailed(response)).toBe(true);
    expect(hasFailed(readChecklist(answered(answers('MARKER', 'ANATOMY')), site))).toBe(false);
  });

  it.each<[string, object, string, string]>([
    ['an item that was not answered', answers('MARKER'), 'field-missing', 'items'],
    ['an item answered twice', answers('MARKER', 'ANATOMY', 'MARKER'), 'field-invalid', 'items.2.code'],
    ['an item there is not', answers('MARKER', 'ANATOMY', 'X'), 'value-unknown', 'items.2.code'],
    ['a modality without one', { modality: 'MG' }, 'value-unknown', 'modality'],
    ['no study', { studyInstanceUid: undefined }, 'field-missing', 'studyInstanceUid'],
    ['another answer', { items: [{ code: 'MARKER', answer: 'yes' }] }, 'field-invalid', 'items.0.answer'],
    ['a field there is not', { by: 'Tina' }, 'field-invalid', 'by'],
  ])('is refused for %s', (_what, changes, code, field) => {
    const failure = failureOf(() => readChecklist(answered(changes), site));
    expect(failure).toMatchObject({ code, field });
  });
});
