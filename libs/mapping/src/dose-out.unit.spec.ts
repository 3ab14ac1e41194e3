import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Observation, ObservationComponent } from 'fhir/r4.js';
import { parseMessage } from '#hl7v2';
import { systems } from '#fhir';
import { aPatient, aServiceRequest, site } from '#testing';
import { doseMessage } from './dose-out.js';
import { envelopeTo } from './message-out.js';

const envelope = envelopeTo({ application: 'A', facility: 'F' }, { controlId: 'C', now: new Date(0) }, site());
const component = (code: string, value: number | undefined, side?: string): ObservationComponent => ({
  code: { coding: [{ system: systems.dicomCode, code, display: code }], ...(side ? { text: `${code}, ${side}` } : {}) },
  ...(value === undefined
    ? { dataAbsentReason: { text: 'no unit' } }
    : { valueQuantity: { value, unit: 'mGy', code: 'mGy', system: 'http://unitsofmeasure.org' } }),
});
const dose = (status: Observation['status'], parts: ObservationComponent[]): Observation => ({
  resourceType: 'Observation',
  id: 'd',
  status,
  code: { coding: [{ system: 'http://loinc.org', code: '73569-6' }] },
  component: parts,
});
const written = (now: Observation, before?: Observation) => {
  const patient = aPatient();
  const facts = { patient, serviceRequests: [aServiceRequest({ patient })], dose: now, ...(before ? { before } : {}) };
  return parseMessage(doseMessage(facts, envelope));
};
/** What an EMR holds that files OBX by OBX-3 and OBX-4, as OBX-11 says. */
function filed(versions: readonly Observation[]): Map<string, string | undefined> {
  const held = new Map<string, string | undefined>();
  versions.forEach((now, index) => {
    for (const obx of written(now, versions[index - 1]).all('OBX')) {
      const place = `${obx.get(3)}|${obx.get(4)}`;
      const status = obx.get(11)!;
      if (obx.get(3) === '73569-6') continue;
      // What was never told is neither corrected nor taken back.
      if (['C', 'D', 'W'].includes(status)) expect(held.has(place)).toBe(true);
      if (status === 'D' || status === 'W') held.delete(place);
      else held.set(place, status === 'X' ? undefined : obx.get(5));
    }
  });
  return held;
}

describe('A dose as ORU^R01', () => {
  const value = fc.option(fc.double({ min: 1e-9, max: 1e6, noNaN: true }), { nil: undefined });
  const parts = fc
    .uniqueArray(fc.tuple(fc.constantFrom('113813', '113830', '111637'), fc.constantFrom(undefined, 'left', 'right')), {
      selector: ([code, side]) => `${code}${side}`,
    })
    .chain((places) => fc.tuple(...places.map(([code, side]) => value.map((one) => component(code, one, side)))));

  it('leaves whoever files it, version by version, with the last, and with nothing once it was wrong', () => {
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 4 }), (all) => {
        const versions = all.map((one, index) => dose(index === 0 ? 'final' : 'corrected', one));
        const held = filed(versions);
        const last = versions.at(-1)!;
        expect(held.size).toBe(last.component!.length);
        const values = last.component!.map(({ valueQuantity }) => valueQuantity?.value);
        for (const one of held.values()) {
          expect(one ?? '').not.toMatch(/e/i);
          if (one !== undefined)
            expect(values.some((said) => Math.abs(said! - Number(one)) <= 1e-12 * said!)).toBe(true);
        }
        expect(filed([...versions, { ...last, status: 'entered-in-error' }]).size).toBe(0);
      }),
    );
  });

  it('is under each of its orders, and none is another', () => {
    const patient = aPatient();
    const orders = ['ORD1', 'ORD2'].map((placerOrderNumber) => aServiceRequest({ patient, placerOrderNumber }));
    const message = parseMessage(
      doseMessage({ patient, serviceRequests: orders, dose: dose('final', [component('113813', 5)]) }, envelope),
    );
    expect(message.all('OBR').map((obr) => [obr.get(2), obr.get(25)])).toEqual([
      ['ORD1', 'A'],
      ['ORD2', 'A'],
    ]);
    expect(message.all('OBX').map((obx) => obx.get(5))).toEqual(['5', '5']);
  });
});
