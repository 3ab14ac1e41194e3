import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Appointment, Communication, Procedure } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { checkSite, SiteFileInvalid, type SiteContent } from '#platform';
import { anAdministration, aPatient, aServiceRequest, site } from '#testing';
import { instructionsAfter, readAt, type Occasion } from './instruction.decider.js';
import { instructionRulesOf } from './instruction-templates.js';
import { languagesOf, writtenFor } from './language.decider.js';

type Given = NonNullable<SiteContent['instructions']>;
type GivenTemplate = NonNullable<Given['templates']>[number];
const prepare: GivenTemplate = {
  id: 'fasting',
  when: 'preparation',
  procedures: ['CTCHESTC'],
  language: 'en',
  title: 'Before your CT',
  text: '{procedure} on {date} at {time}, {room}. Ask {contact}.',
};
const instructions: Given = {
  language: 'en',
  contact: '555-0100',
  templates: [
    prepare,
    { ...prepare, language: 'de', title: 'Vor Ihrer CT', text: '{procedure} am {date} um {time}, {room}.' },
    {
      id: 'after-ct',
      when: 'after-care',
      modalities: ['CT'],
      language: 'en',
      title: 'After your CT',
      text: 'You may eat again.',
    },
    {
      id: 'after-contrast',
      when: 'after-care',
      afterContrast: true,
      language: 'en',
      title: 'After contrast',
      text: 'Drink plenty today.',
    },
  ],
};
const hospital = site({ instructions });
const rules = instructionRulesOf(hospital, 'site.yaml');
const now = new Date('2026-03-01T12:00:00Z');
const later = new Date('2026-03-01T13:00:00Z');
const patient = aPatient();
const speaking = (...codes: string[]) =>
  aPatient({ communication: codes.map((code) => ({ language: { coding: [{ code }] } })) });
const order = aServiceRequest({ patient, procedure: { code: 'CTCHESTC', display: 'CT' } });
const booked = (parts: Partial<Appointment> = {}): Appointment => ({
  resourceType: 'Appointment',
  id: 'ap',
  status: 'booked',
  start: '2026-03-02T08:30:00Z',
  extension: [{ url: extensions.stationAeTitle, valueString: 'CT01' }],
  participant: [],
  ...parts,
});
const exam: Procedure = {
  resourceType: 'Procedure',
  id: 'ex',
  status: 'completed',
  subject: {},
  performedPeriod: { end: '2026-03-02T09:00:00Z' },
};
const given = (id = 'm', status: 'completed' | 'entered-in-error' | 'not-done' = 'completed') =>
  anAdministration({ id: 'plan', subject: {} }, { id, status });

/** What the patient has after these occasions, one after the other, as it would be stored. */
function after(occasions: Occasion[], { of = order, whom = patient } = {}): Communication[] {
  const known = new Map<string, Communication>();
  for (const occasion of occasions)
    for (const one of instructionsAfter(occasion, { order: of, patient: whom }, [...known.values()], rules, now))
      known.set(one.id!, one);
  return [...known.values()];
}
const texts = (all: Communication[]) => all.map(({ payload, status }) => [payload![0]!.contentString, status]);
const EN = 'CT chest with contrast on March 2, 2026 at 9:30 AM, CT room 1. Ask 555-0100.';

describe('What a patient is told', () => {
  it.each<[string, Occasion[], [string, string][]]>([
    ['a booking: its preparation, with its time in the zone of the site', [booked()], [[EN, 'in-progress']]],
    ['the same booking told again: once', [booked(), booked()], [[EN, 'in-progress']]],
    [
      'a move: the same one in new words',
      [booked(), booked({ start: '2026-03-03T10:00:00Z' })],
      [['CT chest with contrast on March 3, 2026 at 11:00 AM, CT room 1. Ask 555-0100.', 'in-progress']],
    ],
    ['a cancellation: it is withdrawn', [booked(), booked({ status: 'cancelled' })], [[EN, 'stopped']]],
    ['booked again: it stands again', [booked(), booked({ status: 'cancelled' }), booked()], [[EN, 'in-progress']]],
    ['its patient arrives: it stays', [booked(), booked({ status: 'arrived' })], [[EN, 'in-progress']]],
    ['cancelled before it was told: nothing', [booked({ status: 'cancelled' })], []],
    [
      'two steps: one of each time',
      [booked(), booked({ id: 'ap2', start: '2026-03-02T09:30:00Z' })],
      [
        [EN, 'in-progress'],
        [EN.replace('9:30', '10:30'), 'in-progress'],
      ],
    ],
    ['a completed exam: after-care without contrast', [exam], [['You may eat again.', 'in-progress']]],
    ['an exam that goes on: nothing', [{ ...exam, status: 'in-progress' }], []],
    [
      'contrast given: its after-care, once for two injections',
      [given(), given('m2')],
      [['Drink plenty today.', 'in-progress']],
    ],
    [
      'contrast never given after all: withdrawn',
      [given(), given('m', 'entered-in-error')],
      [['Drink plenty today.', 'stopped']],
    ],
    [
      'one of two injections in error: it stays',
      [given(), given('m2'), given('m', 'entered-in-error')],
      [['Drink plenty today.', 'in-progress']],
    ],
    ['contrast refused: nothing', [given('m', 'not-done')], []],
  ])('%s', (_, occasions, expected) => expect(texts(after(occasions))).toEqual(expected));

  it('is nothing of a procedure that no instruction is for', () => {
    const other = aServiceRequest({ patient, procedure: { code: 'XRCHEST2', display: 'X-ray' } });
    expect(after([booked(), exam], { of: other })).toEqual([]);
  });

  it('is withdrawn where another procedure is to be done, and none is for that', () => {
    const [known] = instructionsAfter(booked(), { order, patient }, [], rules, now);
    const changed = { ...order, code: { coding: [{ code: 'CTHEAD' }] } };
    expect(instructionsAfter(booked(), { order: changed, patient }, [known!], rules, later)).toMatchObject([
      { id: known!.id, status: 'stopped' },
    ]);
  });

  it('is unread again where it is moved after it was read, and read only once', () => {
    const [told] = instructionsAfter(booked(), { order, patient }, [], rules, now);
    const read = readAt(told!, { ...told!, received: '2026-03-01T12:30:00Z' }, now)!;
    expect(read).toMatchObject({ status: 'completed', received: '2026-03-01T12:30:00Z' });
    expect(readAt(read, read, later)).toBeUndefined();
    expect(instructionsAfter(booked(), { order, patient }, [read], rules, later)).toEqual([]);
    const [anew] = instructionsAfter(
      booked({ start: '2026-03-03T10:00:00Z' }),
      { order, patient },
      [read],
      rules,
      later,
    );
    expect(anew).toMatchObject({ id: told!.id, status: 'in-progress', sent: later.toISOString() });
    expect(anew!.received).toBeUndefined();
  });

  it.each<[string, string[], string]>([
    ['a region of a language', ['de-AT'], 'de'],
    ['an ISO 639-2 code', ['ger'], 'de'],
    ['an underscore', ['de_CH'], 'de'],
    ['one that there is after one that there is not', ['fr', 'de'], 'de'],
    ['none that there is', ['fr'], 'en'],
    ['a word that is no tag', ['German language'], 'en'],
    ['nothing', [], 'en'],
  ])('is in their language: %s', (_, codes, expected) => {
    expect(after([booked()], { whom: speaking(...codes) })[0]).toMatchObject({ language: expected });
  });

  it('is in the preferred language before the first, and in a kin of it before the language of the site', () => {
    const both = aPatient({
      communication: [
        { language: { coding: [{ code: 'en' }] } },
        { language: { coding: [{ code: 'de' }] }, preferred: true },
      ],
    });
    expect(languagesOf(both)).toEqual(['de', 'en']);
    expect(writtenFor([{ language: 'en' }, { language: 'pt-BR' }], ['pt-PT'], 'en')).toEqual({ language: 'pt-BR' });
    expect(after([booked()], { whom: both })[0]!.payload).toEqual([
      { contentString: 'CT chest with contrast am 2. März 2026 um 09:30, CT room 1.' },
    ]);
  });
});

describe('The instructions of a site file', () => {
  const mistakes = (given: object) => {
    try {
      instructionRulesOf(checkSite({ ...hospital, instructions: { ...instructions, ...given } }), '/nowhere/site.yaml');
      return [];
    } catch (error) {
      if (error instanceof SiteFileInvalid) return error.mistakes;
      throw error;
    }
  };
  it.each<[string, object, string]>([
    [
      'an unknown placeholder',
      { templates: [{ ...prepare, text: 'Dear {name}' }] },
      'instructions.templates.0.text: has {name}, for which there is no value: preparation has {procedure}, {date}, {time}, {room}, {contact}',
    ],
    [
      'a room after the exam',
      { templates: [{ ...prepare, when: 'after-care', text: '{room}' }] },
      'instructions.templates.0.text: has {room}, for which there is no value: after-care has {procedure}, {date}, {contact}',
    ],
    [
      'nobody to ask',
      { contact: undefined, templates: [prepare] },
      'instructions.templates.0.text: has {contact}: instructions.contact must say whom a patient may ask',
    ],
    [
      'a procedure that is none',
      { templates: [{ ...prepare, procedures: ['CTHED'] }] },
      'instructions.templates.0.procedures.0: must be the code of a procedure',
    ],
    [
      'a modality of no procedure',
      { templates: [{ ...prepare, modalities: ['MR'] }] },
      'instructions.templates.0.modalities.0: no procedure has this modality',
    ],
    [
      'contrast before it is given',
      { templates: [{ ...prepare, afterContrast: true }] },
      'instructions.templates.0.afterContrast: must not be given of a preparation',
    ],
    [
      'one language twice',
      { templates: [prepare, { ...prepare, language: 'EN' }] },
      'instructions.templates.1: is given twice in this language, first as instructions.templates.0',
    ],
    [
      'a language that is none',
      { templates: [prepare, { ...prepare, language: 'en_US' }] },
      'instructions.templates.1.language: must be a language tag (BCP 47), such as de or pt-BR',
    ],
    [
      'not in the language of the site',
      { templates: [{ ...prepare, language: 'de' }] },
      'instructions.templates.0.language: its id must be there in the language of the site as well: instructions.language',
    ],
    [
      'other patients by language',
      { templates: [prepare, { ...prepare, language: 'de', procedures: ['CTHEAD'] }] },
      'instructions.templates.1.procedures: must be as in instructions.templates.0, which has the same id',
    ],
    [
      'no text',
      { templates: [{ ...prepare, text: undefined }] },
      'instructions.templates.0: must have either text or file',
    ],
    [
      'a file that is not there',
      { templates: [{ ...prepare, text: undefined, file: 'gone.txt' }] },
      'instructions.templates.0.file: cannot be read, or is empty',
    ],
  ])('are refused with %s', (_, given, expected) => expect(mistakes(given)).toEqual([expected]));

  it('are taken when right', () => expect(mistakes({})).toEqual([]));

  it('may be files beside the site file, which are checked as well', () => {
    const folder = mkdtempSync(join(tmpdir(), 'instructions-'));
    writeFileSync(join(folder, 'right.txt'), 'Am {date}, größer.');
    writeFileSync(join(folder, 'wrong.txt'), 'Dear {name}');
    const of = (file: string) =>
      instructionRulesOf(
        checkSite({
          ...hospital,
          instructions: { ...instructions, templates: [{ ...prepare, text: undefined, file }] },
        }),
        join(folder, 'site.yaml'),
      );
    expect(of('right.txt').templates).toMatchObject([{ text: 'Am {date}, größer.' }]);
    expect(() => of('wrong.txt')).toThrow('instructions.templates.0.file: has {name}, for which there is no value');
    rmSync(folder, { recursive: true });
  });
});
