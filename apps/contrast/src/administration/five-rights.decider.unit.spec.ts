import { describe, expect, it } from '@jest/globals';
import type { Appointment, DetectedIssue, Extension, MedicationAdministration } from 'fhir/r4.js';
import { contrastScreeningIdOf, extensions, systems } from '#fhir';
import { anAdministration, aPatient, aServiceRequest, site } from '#testing';
import { planContrast } from '../contrast-plan.decider.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { loadPolicy } from '../policy/load-policy.js';
import { noFacts } from '../screening/facts-of-patient.js';
import { ruleIssueIdOf } from '../screening/detected-issue.js';
import { wrongsOf, type Around } from './five-rights.decider.js';
import { refusalAfter, refusalBefore, rightIssues } from './right-issues.js';

const shipped = loadPolicy('deploy/local/contrast-policy.yaml')! as ContrastPolicy & { administration: object };
const now = new Date('2026-03-02T10:00:00Z');
const patient = aPatient({ mrn: 'MRN1' });
const order = aServiceRequest({ procedure: { code: 'CTCHESTC', display: 'CT chest with contrast' } });
const plan = planContrast(undefined, order, site()).plan!;
const screeningId = contrastScreeningIdOf(order.id!);
const screened = (outcome: string, extension: Extension[] = []): DetectedIssue => ({
  resourceType: 'DetectedIssue',
  id: screeningId,
  status: 'final',
  code: { coding: [{ system: systems.contrastOutcome, code: outcome }] },
  extension,
});
const overridden = (rule: string): DetectedIssue => ({
  resourceType: 'DetectedIssue',
  id: ruleIssueIdOf(order.id!, rule),
  status: 'final',
  code: { coding: [{ system: 'urn:collimator:contrast-rule', code: rule }] },
  mitigation: [{ action: { text: 'x' } }],
});
const booked = (start: string, status: Appointment['status'] = 'booked'): Appointment => ({
  resourceType: 'Appointment',
  status,
  start,
  participant: [{ status: 'accepted' }],
});
const weight = (kg: number, at = '2026-02-20T08:00:00Z') => ({
  ...noFacts,
  birthDate: '1980-01-01',
  weightKg: [{ value: kg, at }],
});
const child = { ...noFacts, birthDate: '2018-01-01' };

const around = (overrides: Partial<Around> = {}): Around => ({
  plan,
  patient,
  issues: [screened('proceed')],
  screeningId,
  appointments: [],
  facts: weight(70),
  besideMl: 0,
  ...overrides,
});
const given = (overrides: Partial<MedicationAdministration> = {}): MedicationAdministration => ({
  ...anAdministration(plan, { effectiveDateTime: '2026-03-02T09:55:00Z', ...overrides }),
  id: 'a',
});
const drug = (code: object) => ({ contained: [{ resourceType: 'Medication', id: 'm', code } as never] });
const atc = (code: string) => ({ coding: [{ system: 'http://www.whocc.no/atc', code }] });
const dose = (value: number, unit = 'mL') => ({ dosage: { ...given().dosage, dose: { value, unit } } });
const route = (concept: object) => ({ dosage: { ...given().dosage, route: concept } });
const sct = (code: string) => ({ coding: [{ system: 'http://snomed.info/sct', code }] });
const administration = (overrides: object): ContrastPolicy =>
  ({ ...shipped, administration: { ...shipped.administration, ...overrides } }) as ContrastPolicy;
const found = (
  overrides: Partial<MedicationAdministration>,
  beside: Partial<Around> = {},
  policy: ContrastPolicy | undefined = shipped,
) => wrongsOf(given(overrides), around(beside), policy, now).map(({ right, verdict }) => `${right} ${verdict}`);

describe('what is given', () => {
  it.each<[string, Partial<MedicationAdministration>, Partial<Around>, string[]]>([
    ['as planned', {}, {}, []],
    // Patient.
    ["a number of the patient's", { subject: { identifier: { value: 'MRN1' } } }, {}, []],
    ['a number of nobody here', { subject: { identifier: { value: 'MRN2' } } }, {}, ['patient wrong']],
    [
      'their number in another system',
      { subject: { identifier: { system: 'urn:other', value: 'MRN1' } } },
      {},
      ['patient wrong'],
    ],
    ['another patient', { subject: { reference: 'Patient/other' } }, {}, ['patient wrong']],
    [
      'a number where the patient is not known',
      { subject: { identifier: { value: 'MRN1' } } },
      { patient: undefined },
      ['patient wrong'],
    ],
    // Agent.
    ['the agent by code', drug(atc('V08AB05')), {}, []],
    ['the agent by its trade name', drug({ text: 'Ultravist 370' }), {}, []],
    ['another of its group', drug(atc('V08AB02')), {}, ['agent wrong']],
    ['one of another class', drug(atc('V08CA09')), {}, ['agent wrong', 'dose wrong']],
    ['one nobody knows', drug({ text: 'barium' }), {}, ['agent unknown', 'dose unknown']],
    // Dose.
    ['as much as the limit', dose(210), {}, []],
    ['more than the limit for the weight', dose(210.1), {}, ['dose wrong']],
    ['more together with the test bolus', dose(200), { besideMl: 20 }, ['dose wrong']],
    ['litres', dose(0.08, 'L'), {}, []],
    ['more in litres', dose(0.3, 'L'), {}, ['dose wrong']],
    ['no unit of volume', dose(80, 'mg'), {}, ['dose unknown']],
    ['an adult without weight, who needs none', dose(80), { facts: { ...noFacts, birthDate: '1980-01-01' } }, []],
    ['a child without weight', dose(20), { facts: child }, ['dose unknown']],
    ['somebody of no known age without weight', dose(20), { facts: noFacts }, ['dose unknown']],
    [
      'a weight that is too old for a child',
      dose(20),
      { facts: { ...child, weightKg: [{ value: 25, at: '2026-01-01T00:00:00Z' }] } },
      ['dose unknown'],
    ],
    [
      'a weight in the time of a child',
      dose(20),
      { facts: { ...child, weightKg: [{ value: 25, at: '2026-02-20T00:00:00Z' }] } },
      [],
    ],
    [
      'too much, decided by a physician for the plan',
      dose(80),
      { facts: weight(20), issues: [screened('proceed'), overridden('iodinated-dose')] },
      [],
    ],
    [
      'more than what the physician decided',
      dose(81),
      { facts: weight(20), issues: [screened('proceed'), overridden('iodinated-dose')] },
      ['dose wrong'],
    ],
    // Route.
    ['the route by its code', route(sct('47625008')), {}, []],
    ['another route', route(sct('58100008')), {}, ['route wrong']],
    ['a route nobody knows', route({ text: 'somehow' }), {}, ['route unknown']],
    ['no route', route({}), {}, ['route unknown']],
    // Time.
    ['two minutes ahead, as clocks are', { effectiveDateTime: '2026-03-02T10:02:00Z' }, {}, []],
    ['three minutes ahead', { effectiveDateTime: '2026-03-02T10:03:00Z' }, {}, ['time wrong']],
    ['a day without a time', { effectiveDateTime: '2026-03-02' }, {}, ['time unknown']],
    ['in the time of the exam', {}, { appointments: [booked('2026-03-02T09:30:00Z')] }, []],
    ['four hours early', {}, { appointments: [booked('2026-03-02T13:55:00Z')] }, []],
    ['more than that', {}, { appointments: [booked('2026-03-02T13:56:00Z')] }, ['time wrong']],
    ['an exam of another day', {}, { appointments: [booked('2026-03-04T09:30:00Z')] }, ['time wrong']],
    ['one of two steps', {}, { appointments: [booked('2026-03-04T09:30:00Z'), booked('2026-03-02T09:30:00Z')] }, []],
    ['an exam that was cancelled', {}, { appointments: [booked('2026-03-04T09:30:00Z', 'cancelled')] }, []],
    // Screening.
    ['an exam that was not screened', {}, { issues: [] }, ['screening unknown']],
    [
      'an exam whose screening was withdrawn',
      {},
      { issues: [{ ...screened('proceed'), status: 'cancelled' }] },
      ['screening unknown'],
    ],
    ['a stop', {}, { issues: [screened('stop')] }, ['screening wrong']],
    ['an open decision', {}, { issues: [screened('needs-decision')] }, ['screening wrong']],
    [
      'a preparation that is over',
      {},
      {
        issues: [
          screened('proceed-with-preparation', [{ url: extensions.readyFrom, valueDateTime: '2026-03-02T09:00:00Z' }]),
        ],
      },
      [],
    ],
    [
      'a preparation that is not',
      {},
      {
        issues: [
          screened('proceed-with-preparation', [{ url: extensions.readyFrom, valueDateTime: '2026-03-02T11:00:00Z' }]),
        ],
      },
      ['screening wrong'],
    ],
  ])('with %s', (_, overrides, beside, wrongs) => {
    expect(found(overrides, beside)).toEqual(wrongs);
  });

  it('may be another agent of the group where the policy says so', () => {
    const agent = { source: 'site', instead: 'same-group' };
    expect(found(drug(atc('V08AB02')), {}, administration({ agent }))).toEqual([]);
    expect(found(drug(atc('V08CA09')), {}, administration({ agent }))).toContain('agent wrong');
  });
  it('needs a number off the patient where the policy says so', () => {
    const policy = administration({ patient: { source: 'site', number: 'needed' } });
    expect(found({}, {}, policy)).toEqual(['patient unknown']);
    expect(found({ subject: { identifier: { value: 'MRN1' } } }, {}, policy)).toEqual([]);
  });
  it('is compared with nothing but the patient without a policy for it', () => {
    const none = { ...shipped, administration: undefined } as ContrastPolicy;
    expect(wrongsOf(given(drug({ text: 'barium' })), around(), none, now)).toEqual([]);
    expect(found({ subject: { reference: 'Patient/other' } }, {}, none)).toEqual(['patient wrong']);
  });
});

describe('what speaks against it', () => {
  const said = (right: string): Extension => ({
    url: extensions.givenAlthough,
    extension: [
      { url: 'right', valueCode: right },
      { url: 'reason', valueString: 'why not' },
    ],
  });
  const all = ['patient', 'agent', 'dose', 'route', 'time', 'screening'];
  const wrongs = all.map((right) => ({
    right,
    verdict: 'wrong',
    why: right,
    field: right,
    ...(right === 'patient' ? { isImpossible: true } : {}),
  })) as Parameters<typeof refusalBefore>[1];
  const rightsOf = (failure: ReturnType<typeof refusalBefore>) =>
    [failure!, ...failure!.also].map(({ field }) => field);
  const withReasons = given({ extension: all.map(said) });
  it('refuses it before, but for what has a reason; never the wrong patient, nor what a physician decides', () => {
    expect(rightsOf(refusalBefore(given(), wrongs))).toEqual(all);
    expect(rightsOf(refusalBefore(withReasons, wrongs))).toEqual(['patient', 'screening']);
    expect(refusalBefore(given(), [])).toBeUndefined();
  });
  it('afterwards asks persons for reasons as the policy says, and refuses what cannot have been', () => {
    expect(rightsOf(refusalAfter(given(), wrongs, 'person', shipped))).toEqual(['patient', 'agent', 'route']);
    expect(rightsOf(refusalAfter(withReasons, wrongs, 'person', shipped))).toEqual(['patient']);
    expect(rightsOf(refusalAfter(given(), wrongs, 'injector', shipped))).toEqual(['patient']);
    expect(refusalAfter(given(), wrongs.slice(1), 'injector', shipped)).toBeUndefined();
    expect(refusalAfter(given(), wrongs.slice(1), 'person', undefined)).toBeUndefined();
  });
  it('is kept once, with its reason, and withdrawn when it is no more', () => {
    const some = wrongs.slice(1, 3);
    const kept = rightIssues(given({ extension: [said('dose')] }), some, [], now);
    expect(kept.map(({ mitigation }) => mitigation?.[0]?.action.text)).toEqual([undefined, 'why not']);
    expect(rightIssues(given({ extension: [said('dose')] }), some, kept, new Date())).toEqual([]);
    expect(rightIssues(given(), [], kept, now).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
    expect(rightIssues(given({ status: 'entered-in-error' }), some, kept, now).map(({ status }) => status)).toEqual([
      'cancelled',
      'cancelled',
    ]);
  });
});
