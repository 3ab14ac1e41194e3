import { describe, expect, it } from '@jest/globals';
import { parseMessage } from '#hl7v2';
import { contentOf } from './report-content.js';

const observations = (...types: string[]) =>
  parseMessage(
    Buffer.from(
      [
        'MSH|^~\\&|RIS|SGH|COLLIMATOR|SGH|20260302||ORU^R01|1|P|2.5.1',
        ...types.map((type, index) => `OBX|${index + 1}|${type}|GDT^Report||Line ${index + 1}`),
      ].join('\r'),
    ),
  ).all('OBX');

describe('The content of a report', () => {
  // Found by `npm run fuzz -- 1000000 42`.
  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('has no part of a value type %s', (type) => {
    expect(contentOf(observations('TX', type))).toEqual({
      forms: [{ contentType: 'text/plain; charset=utf-8', data: Buffer.from('Line 1').toString('base64') }],
    });
  });
});
