import { describe, expect, it } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { site } from '#testing';
import { labsFromMessage } from './labs-in.js';

const laboratory = { application: 'LAB', facility: 'SGH', sends: ['labs' as const] };
const aSite = site({ senders: [laboratory] });
const sender = aSite.senders[0]!;
const read = (...segments: string[]) => {
  const lines = [
    'MSH|^~\\&|LAB|SGH|COLLIMATOR|SGH|20260302080000||ORU^R01|L1|P|2.5.1',
    'PID|1||P1^^^SGH^MR||Tester^Tilda',
    ...segments,
  ];
  return labsFromMessage(parseMessage(Buffer.from(lines.map((one) => `${one}\r`).join(''))), sender, aSite);
};
const obr = (at: string) => `OBR|1|||CHEM^Chemistry^L|||${at}`;
const creatinine = (value: string, unit = 'mg/dL', at = '', status = 'F') =>
  `OBX|1|NM|2160-0^Creatinine^LN||${value}|${unit}|||||${status}|||${at}`;

describe('a laboratory’s ORU^R01', () => {
  it('gives values with unit and the time of their specimen, each group its own', () => {
    const { clinical } = read(
      obr('20260301070000'),
      creatinine('1.2'),
      obr('20260302070000'),
      creatinine('106', 'umol/L'),
      'OBX|2|NM|62238-1^eGFR^LN||55|mL/min/{1.73_m2}|||||F',
    );
    expect(
      clinical.map(({ effectiveDateTime, valueQuantity }) => [
        effectiveDateTime,
        valueQuantity?.value,
        valueQuantity?.unit ?? valueQuantity?.code,
      ]),
    ).toEqual([
      ['2026-03-01T07:00:00+01:00', 1.2, 'mg/dL'],
      ['2026-03-02T07:00:00+01:00', 106, 'umol/L'],
      ['2026-03-02T07:00:00+01:00', 55, 'mL/min/{1.73_m2}'],
    ]);
    expect(new Set(clinical.map(({ id }) => id)).size).toBe(3);
  });
  it('takes a time of the value’s own before that of its group, and none from the message', () => {
    expect(read(obr('20260301070000'), creatinine('1.2', 'mg/dL', '20260301093000')).clinical[0]).toMatchObject({
      effectiveDateTime: '2026-03-01T09:30:00+01:00',
    });
    expect(read(obr(''), creatinine('1.2')).clinical[0]!.effectiveDateTime).toBeUndefined();
  });
  it('is the same values when it comes again, and one that is corrected is the same one', () => {
    const [first] = read(obr('20260301070000'), creatinine('1.2')).clinical;
    const [corrected] = read(obr('20260301070000'), creatinine('2.1', 'mg/dL', '', 'C')).clinical;
    expect(corrected).toMatchObject({ id: first!.id, status: 'corrected', valueQuantity: { value: 2.1 } });
    expect(read(obr('20260302070000'), creatinine('1.2')).clinical[0]!.id).not.toBe(first!.id);
  });
  it('keeps a bound as a bound', () => {
    const { clinical } = read(obr('20260301070000'), 'OBX|1|SN|62238-1^eGFR^LN||>^90|mL/min/{1.73_m2}|||||F');
    expect(clinical[0]!.valueQuantity).toMatchObject({ value: 90, comparator: '>' });
  });
  it('is refused without an order group, and from one who may only report', () => {
    expect(() => read(creatinine('1.2'))).toThrow(/segment OBR is required/);
    expect(() => read(creatinine('1.2'), obr(''))).toThrow(/must follow the OBR/);
    const reporting = { ...sender, sends: ['reports' as const] };
    const message = parseMessage(Buffer.from('MSH|^~\\&|LAB|SGH|C|SGH|20260302080000||ORU^R01|L1|P|2.5.1\r'));
    expect(() => labsFromMessage(message, reporting, aSite)).toThrow(/does not let this sender send labs/);
  });
});
