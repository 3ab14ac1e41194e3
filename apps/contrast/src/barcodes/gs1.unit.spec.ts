import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkDigitOf, gtin14Of, isGtin14 } from './gtin.js';
import { barcodeDate, humanReadable, readBarcode } from './gs1.js';

const now = new Date('2026-03-02T10:00:00Z');
const GS = '\x1d';
const read = (text: string) => readBarcode(text, now);

describe('a check digit', () => {
  // Published numbers: an EAN-13 of a book, GS1's own examples.
  it.each(['4006381333931', '9780306406157', '96385074', '036000291452', '09521234543213'])(
    'of %s is right',
    (gtin) => {
      expect(checkDigitOf(gtin.slice(0, -1))).toBe(Number(gtin.at(-1)));
      expect(isGtin14(gtin14Of(gtin)!)).toBe(true);
    },
  );
  it('finds every wrong digit', () => {
    const digit = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(fc.stringMatching(/^\d{13}$/), digit, fc.integer({ min: 1, max: 9 }), (digits, at, by) => {
        const gtin = digits + checkDigitOf(digits);
        const wrong = gtin.slice(0, at) + ((Number(gtin[at]) + by) % 10) + gtin.slice(at + 1);
        return isGtin14(gtin) && !isGtin14(wrong);
      }),
    );
  });
});

describe('a barcode', () => {
  const whole = { gtin: '09521234543213', expiry: '2028-12-31', lot: 'ABC-1', serial: '42' };
  it.each<[string, string]>([
    ['GS1 DataMatrix', `]d20109521234543213${'17281231'}10ABC-1${GS}2142`],
    ['GS1-128', `]C10109521234543213${'17281231'}10ABC-1${GS}2142`],
    ['GS1 QR Code', `]Q30109521234543213${'17281231'}10ABC-1${GS}2142`],
    ['GS1 DataBar', `]e00109521234543213${'17281231'}10ABC-1${GS}2142`],
    ['no symbology identifier', `0109521234543213${'17281231'}10ABC-1${GS}2142`],
    [
      'FNC1 in front, behind fixed lengths and at the end',
      `${GS}0109521234543213${GS}17281231${GS}10ABC-1${GS}2142${GS}`,
    ],
    ['FNC1 shown as a symbol', '010952123454321317281231' + '10ABC-1\u241d2142'],
    ['another order', `2142${GS}10ABC-1${GS}17281231${'0109521234543213'}`],
    ['day 00, the end of the month', `0109521234543213${'17281200'}10ABC-1${GS}2142`],
    ['parentheses', '(01)09521234543213(17)281231(10)ABC-1(21)42'],
    ['parentheses with spaces between', ' (01) 09521234543213 (17) 281231 (10) ABC-1 (21) 42\r\n'],
    ['a Digital Link', 'https://id.example.org/01/09521234543213/10/ABC-1/21/42?17=281231'],
    [
      'a Digital Link with a path before it, and more behind it',
      'https://example.org/some/way/01/9521234543213/10/ABC%2D1/21/42?linkType=gs1:pip&17=281231#x',
    ],
  ])('is read as %s', (_, text) => {
    const { elements, ...content } = read(text);
    expect(content).toEqual(whole);
    expect(new Set(elements.map(({ ai }) => ai))).toEqual(new Set(['01', '17', '10', '21']));
  });
  it.each([
    ['9521234543213', '09521234543213'],
    [']E09521234543213', '09521234543213'],
    ['96385074', '00000096385074'],
  ])('of a GTIN alone, %s, is that', (text, gtin) => expect(read(text).gtin).toBe(gtin));
  it('has other dates, and its volume in litres with the decimal point where the AI says', () => {
    expect(read('(01)09521234543213(11)250102(13)250203(15)270304(3153)000100')).toMatchObject({
      produced: '2025-01-02',
      packed: '2025-02-03',
      bestBefore: '2027-03-04',
      netVolumeMl: 100,
    });
    expect(read('(3154)000001').netVolumeMl).toBe(0.1);
    expect(read('(7003)2812311200')).toMatchObject({ expiry: '2028-12-31' });
  });
  it.each<[string, string]>([
    ['holds no barcode', '  '],
    ['has a wrong check digit', '0109521234543214'],
    ['must have 14 characters', '01095212345432'],
    ['must have digits only', '(17)28AB31'],
    ['is no date', '(17)281332'],
    ['is no date', '(17)270229'],
    ['has no known application identifier', 'HELLO'],
    ['has an application identifier that is not known', '(8888)1'],
    ['must have 1 to 20 characters', '(10)ABCDEFGHIJKLMNOPQRSTU'],
    ['must have 1 to 20 characters', `10${GS}2142`],
    ['characters of GS1 set 82', '(10)Ä'],
    ['has AI (10) twice with different values', '(10)A(10)B'],
    ['is no GS1 Digital Link', 'https://example.org/lot/1'],
    ['has a percent sign', 'https://example.org/01/09521234543213/10/%zz'],
  ])('that %s is refused', (message, text) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: 'field-invalid', message: expect.stringContaining(message) }),
    );
  });
  it('is taken whole or refused, never worse', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'0123(7)1]dC/:hpst.%', GS) }),
    );
    fc.assert(
      fc.property(anything, (text) => {
        try {
          return read(text).elements.length > 0;
        } catch (error) {
          return (error as { code?: string }).code === 'field-invalid';
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('every barcode that is written', () => {
  const gtin = fc.stringMatching(/^\d{13}$/).map((digits) => digits + checkDigitOf(digits));
  const words = fc.stringMatching(/^[!"%&'*+,\-./0-9:;<=>?A-Z_a-z]{1,20}$/);
  const day = fc.date({ min: new Date('1977-01-01'), max: new Date('2075-12-31'), noInvalidDate: true });
  const parts = fc.record({ gtin, lot: words, serial: words, day });
  const six = (at: Date) => at.toISOString().slice(2, 10).replaceAll('-', '');
  it('is read back, in each form', () => {
    fc.assert(
      fc.property(parts, ({ gtin, lot, serial, day }) => {
        const wanted = { gtin, lot, serial, expiry: day.toISOString().slice(0, 10) };
        const elementString = `01${gtin}17${six(day)}10${lot}${GS}21${serial}`;
        const link = `https://example.org/01/${gtin}/10/${encodeURIComponent(lot)}/21/${encodeURIComponent(serial)}?17=${six(day)}`;
        for (const text of [elementString, `]d2${elementString}`, link, humanReadable(read(elementString))])
          expect(read(text)).toMatchObject(wanted);
      }),
    );
  });
});

describe('a year of two digits', () => {
  it.each([
    ['770101', '2026-06-01', '1977-01-01'],
    ['760101', '2026-06-01', '2076-01-01'],
    ['260101', '2026-06-01', '2026-01-01'],
    ['010101', '1999-06-01', '2001-01-01'],
    ['480101', '2098-06-01', '2148-01-01'],
    ['490101', '2098-06-01', '2049-01-01'],
    ['280200', '2026-06-01', '2028-02-29'],
  ])('of %s read in %s is %s', (digits, at, day) => expect(barcodeDate(digits, new Date(at))).toBe(day));
});
