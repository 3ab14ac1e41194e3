import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { AdverseEvent, MedicationAdministration } from 'fhir/r4.js';
import { parse } from 'yaml';
import { anAdministration, aPatient, failureOf } from '#testing';
import { aReaction, inError } from '../after-contrast.spec.js';
import { checkPolicy } from '../policy/load-policy.js';
import { allergyOf } from './allergy.decider.js';
import { hasExtravasated } from './ask-for-reaction.js';
import { answerFollowUp, followUpsOf, lookedAtBy } from './follow-up.decider.js';
import { correctReaction, recordReaction } from './reaction.decider.js';
import { agentStated, kindOf, manifestationsOf, readReaction, severityOf, suspectOf } from './read-reaction.js';

const policy = checkPolicy(parse(readFileSync('deploy/local/contrast-policy.yaml', 'utf8')));
const patient = aPatient();
const stated = aReaction('R1', patient);
const now = new Date('2026-03-02T09:30:00Z');
const seen = (...concepts: object[]) =>
  concepts.map((valueCodeableConcept) => ({ url: 'urn:collimator:extension:manifestation', valueCodeableConcept }));
const sct = (code: string, display?: string) => ({ coding: [{ system: 'http://snomed.info/sct', code, display }] });
const kind = (code: string) => ({ coding: [{ system: 'urn:collimator:reaction-kind', code }] });
const severity = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/adverse-event-severity', code }],
});
const read = (overrides: Partial<AdverseEvent> = {}) => readReaction({ ...stated, ...overrides }, policy);

describe('A reaction from outside', () => {
  it('is read with an identity of its number alone', () => {
    expect(read().id).toBe(read({ severity: severity('severe') }).id);
    expect(read().id).not.toBe(read({ identifier: { system: 'urn:test:reactions', value: 'R2' } }).id);
  });

  it.each<[string, object, string | undefined]>([
    ['a word of the table', { text: 'HIVES' }, '126485001'],
    ['its display', { text: 'angioedema' }, '41291007'],
    ['a code of the sender’s that is such a word', { coding: [{ system: 'urn:local', code: 'wheezing' }] }, '56018004'],
    ['SNOMED CT itself, whatever the table has', sct('84229001', 'Fatigue'), '84229001'],
    ['SNOMED CT before a word', { ...sct('422587007'), text: 'hives' }, '422587007'],
  ])('has what was seen coded by %s', (_what, concept, code) => {
    expect(manifestationsOf(read({ extension: seen(concept) }))[0]!.coding![0]!.code).toBe(code);
  });

  it('keeps what cannot be coded beside what can', () => {
    const found = manifestationsOf(read({ extension: seen({ text: 'felt odd' }, { text: 'rash' }) }));
    expect(found).toEqual([{ text: 'felt odd' }, expect.objectContaining({ text: 'rash' })]);
  });

  it('counts as severe by what was seen, whatever was stated; never as less', () => {
    expect(severityOf(read({ severity: severity('mild') }), policy)).toBe('mild');
    expect(severityOf(read({ severity: severity('mild'), extension: seen(sct('39579001')) }), policy)).toBe('severe');
    expect(
      severityOf(
        read({ severity: severity('mild'), extension: seen(sct('1', 'laryngeal oedema'), sct('422587007')) }),
        policy,
      ),
    ).toBe('severe');
    expect(severityOf(read({ severity: severity('severe') }), policy)).toBe('severe');
  });

  it('is of an unknown kind where nobody said', () =>
    expect(kindOf(read({ event: { text: 'rash' } }))).toBe('unknown'));

  it.each<[string, Partial<AdverseEvent>, string]>([
    ['no number', { identifier: { value: 'x' } }, 'field-missing AdverseEvent.identifier'],
    ['what might have happened', { actuality: 'potential' }, 'field-invalid AdverseEvent.actuality'],
    ['no severity', { severity: undefined }, 'field-missing AdverseEvent.severity'],
    [
      'a severity of another system',
      { severity: { coding: [{ system: 'urn:x', code: 'mild' }] } },
      'field-missing AdverseEvent.severity',
    ],
    ['a day without a time', { date: '2026-03-02' }, 'field-missing AdverseEvent.date'],
    ['nobody who recorded it', { recorder: {} }, 'field-missing AdverseEvent.recorder'],
    ['a kind that is none', { event: kind('magic') }, 'field-invalid AdverseEvent.event'],
    ['nothing it was to', { suspectEntity: undefined }, 'field-missing AdverseEvent.suspectEntity'],
    ['a contained agent that is not there', { contained: [] }, 'field-missing AdverseEvent.suspectEntity'],
    [
      'an agent without a name',
      { contained: [{ resourceType: 'Medication', id: 'agent' }] },
      'field-missing AdverseEvent.suspectEntity',
    ],
    ['nothing that was seen', { extension: undefined }, 'field-missing AdverseEvent.extension'],
    [
      'nothing that can be coded',
      { extension: seen({ text: 'felt odd' }) },
      'value-unknown AdverseEvent.extension[0].valueCodeableConcept',
    ],
    [
      'a suspected thing that is none',
      { suspectEntity: [{}] as never },
      'field-missing AdverseEvent.suspectEntity[0].instance',
    ],
    ['a suspected thing of null', { suspectEntity: [null] as never }, 'field-invalid AdverseEvent.suspectEntity[0]'],
  ])('with %s is refused', (_what, overrides, refusal) => {
    const failure = failureOf(() => read(overrides));
    expect(`${failure.code} ${failure.field}`).toBe(refusal);
  });

  it('needs no more than its number where it never was', () => {
    expect(
      read({
        severity: undefined,
        date: undefined,
        recorder: undefined,
        extension: undefined,
        modifierExtension: inError,
      }),
    ).toBeDefined();
  });

  it('needs no code of what was seen where it is an extravasation', () => {
    expect(read({ event: kind('extravasation'), extension: undefined })).toBeDefined();
  });

  it('names the agent by what it refers to, of several the one that is meant', () => {
    const contained = [{ resourceType: 'Medication', id: 'other', code: { text: 'saline' } }, ...stated.contained!];
    expect(agentStated(read({ contained: contained as never }))).toEqual({ text: 'iopromide' });
    const suspectEntity = [
      { instance: { reference: 'Procedure/p' } },
      { instance: { reference: 'MedicationAdministration/a' } },
    ];
    expect(suspectOf(read({ suspectEntity }), 'MedicationAdministration')).toBe('a');
    expect(agentStated(read({ suspectEntity }))).toBeUndefined();
  });

  it('without a policy needs codes of SNOMED CT', () => {
    expect(failureOf(() => readReaction(stated, undefined)).code).toBe('value-unknown');
    expect(readReaction({ ...stated, extension: seen(sct('126485001')) }, undefined)).toBeDefined();
  });
});

describe('Recording a reaction', () => {
  const reaction = read();
  const recorded = { ...recordReaction(undefined, reaction, undefined, now).reaction, meta: { versionId: '1' } };
  it('is new, the same, or refused under a number in use', () => {
    expect(recordReaction(undefined, reaction, stated.subject.reference, now)).toMatchObject({
      outcome: 'new',
      reaction: { recordedDate: now.toISOString() },
    });
    expect(recordReaction(recorded, reaction, undefined, new Date('2027-01-01'))).toEqual({
      outcome: 'same',
      reaction: recorded,
    });
    expect(failureOf(() => recordReaction(recorded, read({ severity: severity('mild') }), undefined, now)).code).toBe(
      'duplicate-key',
    );
    expect(failureOf(() => recordReaction(undefined, reaction, 'Patient/another', now)).code).toBe('state-conflict');
    expect(failureOf(() => recordReaction(undefined, read({ modifierExtension: inError }), undefined, now)).code).toBe(
      'state-conflict',
    );
  });
  it('corrects it from its newest version only, as the same one of the same patient', () => {
    const changed = read({ severity: severity('mild') });
    expect(correctReaction(recorded, changed, '1', undefined)).toMatchObject({
      outcome: 'corrected',
      reaction: { meta: { versionId: '1' }, recordedDate: now.toISOString() },
    });
    expect(correctReaction(recorded, reaction, '1', undefined).outcome).toBe('same');
    expect(failureOf(() => correctReaction(recorded, changed, '2', undefined)).code).toBe('precondition-failed');
    expect(failureOf(() => correctReaction(recorded, { ...changed, id: 'x' }, '1', undefined)).code).toBe(
      'field-invalid',
    );
    expect(
      failureOf(() => correctReaction(recorded, { ...changed, subject: { reference: 'Patient/x' } }, '1', undefined))
        .code,
    ).toBe('state-conflict');
  });
  it('keeps what it was where it never was', () => {
    const bare = read({ severity: undefined, recorder: undefined, modifierExtension: inError });
    expect(correctReaction(recorded, bare, '1', undefined).reaction).toMatchObject({
      severity: recorded.severity,
      modifierExtension: inError,
    });
  });
});

describe('The allergy a reaction makes', () => {
  const agent = { coding: [{ system: 'http://www.whocc.no/atc', code: 'V08AB05' }], text: 'iopromide' };
  const made = allergyOf(undefined, read(), agent, policy)!;
  it('is on the substance of the agent, with what was seen and how severe', () => {
    expect(made).toMatchObject({
      code: agent,
      category: ['medication'],
      type: 'allergy',
      criticality: 'unable-to-assess',
      patient: stated.subject,
      identifier: [{ system: 'urn:collimator:allergy-intolerance', value: made.id }],
      reaction: [{ substance: agent, severity: 'moderate' }],
    });
  });
  it.each<[string, Partial<AdverseEvent>, object | undefined]>([
    ['mild', { severity: severity('mild') }, { criticality: 'low' }],
    ['severe', { severity: severity('severe') }, { criticality: 'high' }],
    ['of a kind nobody said', { event: undefined }, { type: 'allergy' }],
    ['physiologic', { event: kind('physiologic') }, undefined],
    ['an extravasation', { event: kind('extravasation') }, undefined],
    ['in error', { modifierExtension: inError }, undefined],
  ])('of one that is %s', (_what, overrides, expected) => {
    const allergy = allergyOf(undefined, read(overrides), agent, policy);
    if (expected) expect(allergy).toMatchObject(expected);
    else expect(allergy).toBeUndefined();
  });
  it('is contrast where nobody knows the agent, so that it is not lost', () => {
    expect(allergyOf(undefined, read(), undefined, policy)!.code).toEqual({ text: 'contrast medium' });
  });
  it('follows the reaction, and is the same where nothing of it changed', () => {
    const current = { ...made, meta: { versionId: '3' } };
    expect(allergyOf(current, read(), agent, policy)).toBeUndefined();
    const error = allergyOf(current, read({ modifierExtension: inError }), agent, policy)!;
    expect(error).toMatchObject({
      verificationStatus: { coding: [{ code: 'entered-in-error' }] },
      meta: { versionId: '3' },
    });
    expect(error).not.toHaveProperty('clinicalStatus');
    expect(allergyOf(error, read({ modifierExtension: inError }), agent, policy)).toBeUndefined();
    expect(allergyOf(error, read(), agent, policy)).toMatchObject({ clinicalStatus: { coding: [{ code: 'active' }] } });
    expect(allergyOf(current, read({ event: kind('physiologic') }), agent, policy)).toMatchObject({
      clinicalStatus: { coding: [{ code: 'inactive' }] },
      verificationStatus: { coding: [{ code: 'refuted' }] },
    });
  });
  it('is made without a policy as well', () => {
    expect(
      allergyOf(
        undefined,
        readReaction({ ...stated, event: kind('physiologic'), extension: seen(sct('422587007')) }, undefined),
        agent,
        undefined,
      ),
    ).toMatchObject({ type: 'intolerance', criticality: 'low' });
  });
});

describe('An extravasation', () => {
  const how = policy.reactions!.extravasation;
  const about = { reference: 'MedicationAdministration/a', patient: stated.subject, at: now };
  const [first] = followUpsOf(about, how);
  it('is followed up at the hours of the policy, each once', () => {
    const tasks = followUpsOf(about, how);
    expect(tasks.map(({ restriction }) => restriction!.period!.start)).toEqual([
      '2026-03-02T13:30:00.000Z',
      '2026-03-03T09:30:00.000Z',
    ]);
    expect(followUpsOf(about, how).map(({ id }) => id)).toEqual(tasks.map(({ id }) => id));
    expect(lookedAtBy(first!)).toEqual(new Date('2026-03-02T17:30:00.000Z'));
  });
  it('is done, or said why not', () => {
    const owner = { display: 'Nora Nurse' };
    expect(answerFollowUp(first!, { ...first!, status: 'completed', owner }, now)).toMatchObject({
      status: 'completed',
      owner,
    });
    expect(failureOf(() => answerFollowUp(first!, { ...first!, status: 'failed', owner }, now)).field).toBe(
      'Task.note',
    );
    expect(failureOf(() => answerFollowUp(first!, { ...first!, status: 'completed' }, now)).field).toBe('Task.owner');
    expect(failureOf(() => answerFollowUp(first!, { ...first!, status: 'cancelled', owner }, now)).code).toBe(
      'state-conflict',
    );
    expect(
      failureOf(() =>
        answerFollowUp({ ...first!, status: 'completed' }, { ...first!, status: 'completed', owner }, now),
      ).code,
    ).toBe('state-conflict');
  });
  it.each<[string, Partial<MedicationAdministration>, boolean]>([
    ['nothing is said', {}, false],
    [
      'it is said where',
      { extension: [{ url: 'urn:collimator:extension:extravasation', valueString: 'forearm' }] },
      true,
    ],
    [
      'it is why it was stopped',
      { statusReason: [{ coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code: '113568' }] }] },
      true,
    ],
    [
      'another reason is',
      { statusReason: [{ coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110505' }] }] },
      false,
    ],
  ])('is stated of an administration where %s', (_what, overrides, expected) => {
    expect(hasExtravasated({ ...anAdministration({ id: 'p', subject: stated.subject }), ...overrides })).toBe(expected);
  });
});
