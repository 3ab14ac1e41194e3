import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Patient, ServiceRequest } from 'fhir/r4.js';
import { identifierOf, referencedId, rekeyed, replacedBy } from '#fhir';
import { Failure } from '#platform';
import { aPatient, aServiceRequest } from '#testing';
import { decideMerge } from './merge.decider.js';
import { decideOrder, type OrderCommand } from './order.decider.js';
import { decidePatient } from './patient.decider.js';

/*
 * Random interleavings of orders, changes, cancellations, admissions and merges, with repetitions, carried out by the
 * deciders as the desk does, and beside them by a plain model: a table of states, and a pointer from patient to patient.
 */
const mrns = ['A', 'B', 'C', 'D'];
const numbers = ['1', '2', '3'];
const controls = ['NW', 'XO', 'CA', 'DC', 'HD', 'RL', 'SN', 'SC', 'RO', 'PA'] as const;
type Control = (typeof controls)[number];
type Step =
  | { kind: 'order'; control: Control; number: string; mrn: string }
  | { kind: 'admit'; mrn: string }
  | { kind: 'merge'; prior: string; survivor: string };

const patientOf = (mrn: string): Patient => aPatient({ mrn });
const idOf = (mrn: string) => patientOf(mrn).id!;

/** The deciders over resources kept by id. */
class Deciding {
  readonly patients = new Map<string, Patient>();
  readonly orders = new Map<string, ServiceRequest>();

  /** Everything there is. */
  text(): string {
    return JSON.stringify([[...this.patients], [...this.orders]]);
  }

  chainOf(patient: Patient | undefined): string[] {
    const chain: string[] = [];
    for (let next = replacedBy(patient); next && !chain.includes(next); next = replacedBy(this.patients.get(next)))
      chain.push(next);
    return chain;
  }

  /** @returns whether the step was taken */
  take(step: Step): boolean {
    if (step.kind === 'merge') this.merge(step);
    else if (step.kind === 'admit') this.admit(step.mrn);
    else return this.order(step);
    return true;
  }

  private admit(mrn: string): void {
    const stated = patientOf(mrn);
    const known = this.patients.get(stated.id!);
    if (!replacedBy(known)) this.patients.set(stated.id!, decidePatient(known, stated).patient);
  }

  private order({ control, number, mrn }: Step & { kind: 'order' }): boolean {
    const patient = patientOf(mrn);
    const to = this.chainOf(this.patients.get(patient.id!)).at(-1) ?? patient.id!;
    const order = aServiceRequest({
      placerOrderNumber: number,
      patient,
      ...(control === 'XO' ? { status: 'unknown' } : {}),
      ...(control === 'SC' ? { status: 'completed' } : {}),
    });
    const stated = rekeyed({ ...order, identifier: [identifierOf(order, 'PLAC')!] }, { from: patient.id!, to });
    const current = this.orders.get(stated.id!);
    try {
      const { serviceRequest } = decideOrder(current, { control, serviceRequest: stated } satisfies OrderCommand);
      this.admit(mrn);
      if (serviceRequest) this.orders.set(stated.id!, serviceRequest);
      return true;
    } catch (error) {
      if (error instanceof Failure && error.fate === 'refuse') return false;
      throw error;
    }
  }

  private merge({ prior, survivor }: Step & { kind: 'merge' }): void {
    const known = this.patients.get(idOf(survivor));
    const state = { prior: this.patients.get(idOf(prior)), survivor: known, survivorChain: this.chainOf(known) };
    const decision = decideMerge(state, {
      prior: { id: idOf(prior), identifier: patientOf(prior).identifier! },
      survivor: patientOf(survivor),
    });
    if (!decision) return;
    for (const one of [decision.prior, decision.survivor]) this.patients.set(one.id!, one);
    for (const one of [decision.prior, decision.survivor]) {
      const to = this.chainOf(this.patients.get(one.id!)).at(-1);
      if (to) for (const [id, order] of this.orders) this.orders.set(id, rekeyed(order, { from: one.id!, to }));
    }
  }
}

/** What becomes of an order, by its state and what is asked; refused where nothing stands. */
const table: Record<string, Partial<Record<Control, string>>> = {
  none: { NW: 'active', RO: 'active', PA: 'active', SN: 'draft' },
  draft: { NW: 'active', RO: 'active', PA: 'active', SN: 'draft', CA: 'revoked', DC: 'revoked' },
  active: {
    NW: 'active',
    RO: 'active',
    PA: 'active',
    XO: 'active',
    SN: 'active',
    CA: 'revoked',
    DC: 'revoked',
    HD: 'on-hold',
    RL: 'active',
    SC: 'completed',
  },
  'on-hold': {
    PA: 'active',
    XO: 'on-hold',
    SN: 'on-hold',
    CA: 'revoked',
    DC: 'revoked',
    HD: 'on-hold',
    RL: 'active',
    SC: 'completed',
  },
  revoked: { CA: 'revoked', DC: 'revoked', SN: 'revoked' },
  completed: { SN: 'completed', SC: 'completed' },
};

/** The same in plain words. */
class Model {
  readonly pointers = new Map<string, string>();
  readonly orders = new Map<string, { state: string; owner: string }>();

  end(mrn: string): string {
    for (let at = mrn; ; at = this.pointers.get(at)!) if (!this.pointers.has(at)) return at;
  }

  private passes(from: string, through: string): boolean {
    for (let at: string | undefined = from; at; at = this.pointers.get(at)) if (at === through) return true;
    return false;
  }

  take(step: Step): boolean {
    if (step.kind === 'order') return this.order(step);
    if (step.kind === 'merge' && step.prior !== step.survivor) {
      if (this.passes(step.survivor, step.prior)) this.pointers.delete(step.survivor);
      this.pointers.set(step.prior, step.survivor);
      for (const order of this.orders.values()) order.owner = this.end(order.owner);
    }
    return true;
  }

  private order({ control, number, mrn }: Step & { kind: 'order' }): boolean {
    const known = this.orders.get(number);
    if (known && known.owner !== this.end(mrn)) return false;
    const state = table[known?.state ?? 'none']![control];
    if (state) this.orders.set(number, { state, owner: this.end(mrn) });
    return state !== undefined;
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('order' as const),
      control: fc.constantFrom(...controls),
      number: fc.constantFrom(...numbers),
      mrn: fc.constantFrom(...mrns),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('admit' as const), mrn: fc.constantFrom(...mrns) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('merge' as const),
      prior: fc.constantFrom(...mrns),
      survivor: fc.constantFrom(...mrns),
    }),
  },
);
/** Steps, some of them said twice in a row, some again later. */
const interleaving = fc.array(fc.record({ step, again: fc.boolean() }), { minLength: 1, maxLength: 25 });

describe('Orders and merges in any order, with repetitions', () => {
  it('come to what a plain model says, and lose nothing', () => {
    fc.assert(
      fc.property(interleaving, (steps) => {
        const [deciding, model] = [new Deciding(), new Model()];
        for (const { step, again } of steps) {
          const [taken, shouldBe] = [deciding.take(step), model.take(step)];
          if (taken !== shouldBe) throw new Error(`${JSON.stringify(step)} was ${taken ? 'taken' : 'refused'}`);
          if (!again) continue;
          // Said again it changes nothing, whether it was taken or not.
          const before = deciding.text();
          deciding.take(step);
          model.take(step);
          if (deciding.text() !== before) throw new Error(`${JSON.stringify(step)} said again changed something`);
        }
        const found = [...deciding.orders.values()].map((order) => [
          identifierOf(order, 'PLAC')!.value,
          order.status,
          referencedId(order.subject.reference, 'Patient'),
        ]);
        const expected = [...model.orders].map(([number, { state, owner }]) => [number, state, idOf(owner)]);
        expect(found.sort()).toEqual(expected.sort());
        // Nobody's order is with a patient who is no more.
        for (const [, , patientId] of found) expect(replacedBy(deciding.patients.get(patientId!))).toBeUndefined();
      }),
      { numRuns: 10_000 },
    );
  });
});
