import { describe, expect, it } from '@jest/globals';
import type { Patient } from 'fhir/r4.js';
import { patientIdOf, typedIdentifier } from '#fhir';
import { aPatient, given } from '#testing';
import { decideMerge, type MergeCommand, type MergeState } from './merge.decider.js';

const system = 'urn:oid:2.25.1001';
const [old, real, third] = ['TRAUMA7', 'P1', 'P3'].map((mrn) => aPatient({ mrn, name: [{ family: mrn }] })) as [
  Patient,
  Patient,
  Patient,
];
const idOf = (value: string) => patientIdOf({ system, value });
const into =
  (survivor: Patient, prior = 'TRAUMA7') =>
  (state: MergeState) =>
    decideMerge(state, {
      prior: { id: idOf(prior), identifier: [typedIdentifier('MR', system, prior)] },
      survivor,
    } satisfies MergeCommand);
const link = (patient: Patient, type: string) => ({ other: { reference: `Patient/${patient.id}` }, type });
const merged = (state: MergeState, command = into(real)) => command(state)!;
const nothingKnown: MergeState = { prior: undefined, survivor: undefined, survivorChain: [] };

describe('A merge', () => {
  it('ends the prior record, and gives the survivor its number as an old one', () => {
    const { prior, survivor, survivorEvent } = merged({ prior: old, survivor: real, survivorChain: [] });
    expect(prior).toEqual({ ...old, active: false, link: [link(real, 'replaced-by')] });
    expect(survivor).toEqual({
      ...real,
      identifier: [...real.identifier!, { ...old.identifier![0], use: 'old' }],
      link: [link(old, 'replaces')],
    });
    expect(survivorEvent).toBe('imaging.patient.updated.v1');
  });

  it('of two who were never heard of is noted, and the survivor registered', () => {
    const { prior, survivorEvent } = merged(nothingKnown);
    expect(prior).toMatchObject({ id: old.id, active: false, link: [link(real, 'replaced-by')] });
    expect(survivorEvent).toBe('imaging.patient.registered.v1');
  });

  it('of a patient into themself changes nothing', () => {
    expect(into(real, 'P1')({ ...nothingKnown, prior: real, survivor: real })).toBeUndefined();
  });

  it('said again changes nothing, unless it says something new of the survivor', () => {
    const { prior, survivor } = merged({ prior: old, survivor: real, survivorChain: [] });
    const state = { prior, survivor, survivorChain: [] };
    given(state)
      .when(into(real))
      .thenExactly(undefined as never);
    expect(into(aPatient({ mrn: 'P1', birthDate: '1971-01-01' }))(state)?.survivorEvent).toBe(
      'imaging.patient.updated.v1',
    );
  });

  it('said the other way round is turned round', () => {
    const first = merged({ prior: old, survivor: real, survivorChain: [] });
    const state = { prior: first.survivor, survivor: first.prior, survivorChain: [real.id!] };
    const { prior, survivor } = merged(state, into(aPatient({ mrn: 'TRAUMA7' }), 'P1'));
    expect([prior.id, prior.active, prior.link]).toEqual([real.id, false, [link(old, 'replaced-by')]]);
    expect([survivor.id, survivor.active, survivor.link]).toEqual([old.id, undefined, [link(real, 'replaces')]]);
  });

  it('is turned round also over others, so that no chain comes back to itself', () => {
    const state = {
      prior: third,
      survivor: { ...old, active: false, link: [link(real, 'replaced-by')] } as Patient,
      survivorChain: [real.id!, third.id!],
    };
    const { survivor } = merged(state, into(aPatient({ mrn: 'TRAUMA7' }), 'P3'));
    expect([survivor.active, survivor.link]).toEqual([undefined, [link(third, 'replaces')]]);
  });

  it('into one who was merged already leaves that one as they are', () => {
    const gone = { ...real, active: false, link: [link(third, 'replaced-by')] } as Patient;
    const { prior, survivor } = merged({ prior: old, survivor: gone, survivorChain: [third.id!] });
    expect(prior.link).toEqual([link(real, 'replaced-by')]);
    expect([survivor.active, survivor.link]).toEqual([false, [link(third, 'replaced-by'), link(old, 'replaces')]]);
  });
});
