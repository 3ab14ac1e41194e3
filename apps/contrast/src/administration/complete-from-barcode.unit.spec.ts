import { describe, expect, it } from '@jest/globals';
import type { Medication, MedicationAdministration } from 'fhir/r4.js';
import { extensions } from '#fhir';
import { anAdministration } from '#testing';
import { loadPolicy } from '../policy/load-policy.js';
import { completeFromBarcode, GTIN_SYSTEM } from './complete-from-barcode.js';

const policy = loadPolicy('deploy/local/contrast-policy.yaml')!;
const now = new Date('2026-03-02T10:00:00Z');
const atc = (code: string) => ({ coding: [{ system: 'http://www.whocc.no/atc', code }] });
const barcode = (valueString: string) => ({ url: extensions.barcode, valueString });
const whole = '(01)09521234000013(17)281200(10)ABC1';
function given(medication: Partial<Medication>): MedicationAdministration {
  const plan = { id: 'plan', subject: { reference: 'Patient/p' } };
  return anAdministration(plan, { contained: [{ resourceType: 'Medication', id: 'm', ...medication }] });
}
const complete = (medication: Partial<Medication>, by = policy) =>
  completeFromBarcode(given({ extension: [barcode(whole)], ...medication }), by, now).contained![0] as Medication;

describe('what was given, with its barcode', () => {
  it('has agent, strength, lot, last day and GTIN from it, and the barcode in parentheses', () => {
    expect(complete({ extension: [barcode('010952123400001317281200\u241d10ABC1')] })).toMatchObject({
      code: { ...atc('V08AB05'), text: 'Example iopromide 370' },
      batch: { lotNumber: 'ABC1', expirationDate: '2028-12-31' },
      identifier: [{ system: GTIN_SYSTEM, value: '09521234000013' }],
      ingredient: [{ strength: { numerator: { value: 370, unit: 'mg' }, denominator: { value: 1, unit: 'mL' } } }],
      extension: [barcode('(01)09521234000013(17)281200(10)ABC1')],
    });
  });
  it('is the same when it is completed again', () => {
    const once = completeFromBarcode(given({ extension: [barcode(whole)] }), policy, now);
    expect(completeFromBarcode(once, policy, now)).toEqual(once);
  });
  it.each<[string, Partial<Medication>]>([
    ['a code of it', { code: atc('V08AB05') }],
    ['its name', { code: { text: 'Ultravist 370' } }],
    ['the name of the product', { code: { text: 'Example iopromide 370' } }],
    ['the lot', { batch: { lotNumber: ' ABC1 ' } }],
    ['the month of the last day', { batch: { expirationDate: '2028-12' } }],
    ['the GTIN without zeros', { identifier: [{ system: GTIN_SYSTEM, value: '9521234000013' }] }],
  ])('may be stated beside it: %s', (_, medication) => {
    expect(complete(medication).batch).toEqual({ lotNumber: 'ABC1', expirationDate: '2028-12-31' });
  });
  it.each<[string, Partial<Medication>, string]>([
    ['another agent', { code: atc('V08AB02') }, 'contained[0].code'],
    ['an agent the policy does not have', { code: { text: 'barium' } }, 'contained[0].code'],
    ['another lot', { batch: { lotNumber: 'ABC2' } }, 'contained[0].batch.lotNumber'],
    ['another last day', { batch: { expirationDate: '2028-11-30' } }, 'contained[0].batch.expirationDate'],
    ['another package', { identifier: [{ system: GTIN_SYSTEM, value: '09521234000037' }] }, 'contained[0].identifier'],
    ['a barcode that is none', { extension: [barcode('HELLO')] }, 'contained[0].extension'],
    ['barcodes of two packages', { extension: [barcode(whole), barcode('(10)ABC2')] }, 'contained[0].extension'],
  ])('is refused where it says %s', (_, medication, path) => {
    expect(() => complete(medication)).toThrow(
      expect.objectContaining({ code: 'field-invalid', field: `MedicationAdministration.${path}` }),
    );
  });
  it('of a product nobody knows has the lot, and the agent as it is stated', () => {
    const other = [barcode('(01)09521234543213(10)L9')];
    expect(complete({ extension: other, code: { text: 'iohexol' } })).toMatchObject({
      code: { text: 'iohexol' },
      batch: { lotNumber: 'L9' },
    });
    expect(complete({ extension: other }).code).toBeUndefined();
  });
  it('is left as it is without one', () => {
    const plain = given({ code: { text: 'iopromide' } });
    expect(completeFromBarcode(plain, policy, now)).toBe(plain);
  });
});
