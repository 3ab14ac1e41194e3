import { describe, expect, it } from '@jest/globals';
import { UsageError } from './command-line.js';
import { readableExplanation, readableTrial, readHl7Command } from './hl7-commands.js';

const at = ['--service', 'http://127.0.0.1:3001/'];

describe('collimator hl7', () => {
  it('tries the message in a file', () => {
    expect(readHl7Command(['try', 'order.hl7', ...at, '--json'], { COLLIMATOR_TOKEN: 't' })).toEqual({
      service: 'http://127.0.0.1:3001',
      token: 't',
      json: true,
      verb: 'try',
      file: 'order.hl7',
    });
  });

  it.each([
    ['no verb', at, /try/],
    ['no file', ['try', ...at], /one file/],
    ['two files', ['try', 'a', 'b', ...at], /one file/],
    ['no service', ['try', 'a'], /--service/],
  ])('refuses %s', (_what, args, message) => {
    expect(() => readHl7Command(args, {})).toThrow(UsageError);
    expect(() => readHl7Command(args, {})).toThrow(message);
  });

  it('tells what would be answered, stored and told', () => {
    const order = { resourceType: 'ServiceRequest', id: 'o', meta: { versionId: '1' } };
    const text = readableTrial({
      acknowledgement: 'MSH|x\rMSA|AA|1\r',
      resources: [order],
      events: [{ type: 'imaging.order.placed.v1', resources: [order] }],
    });
    expect(text).toMatch(/^accepted\. Nothing of it was stored\.$/m);
    expect(text).toContain('\n  MSA|AA|1\n');
    expect(text).toContain('\n  ServiceRequest/o, version 1\n');
    expect(text).toContain('\n  imaging.order.placed.v1 of ServiceRequest/o\n');
  });

  it('explains each field with the rows of the guide', () => {
    const fields = [
      {
        place: 'PID-3',
        name: 'Patient Identifier List',
        makes: [],
        required: 'PID-3 is required',
        guide: [{ map: 'PID[Patient]', as: 'mapped' }],
      },
      { place: 'PID-5', makes: ['Patient.name.family', 'Patient.name.given'], guide: [] },
      { place: 'ZZZ-1', makes: [], guide: [] },
    ];
    expect(readableExplanation({ fields })).toBe(
      [
        'PID-3 Patient Identifier List → required: PID-3 is required',
        '    PID[Patient]: mapped',
        'PID-5 → Patient.name.family, Patient.name.given',
        'ZZZ-1 → nothing',
      ].join('\n'),
    );
  });

  it('tells why a message would be refused', () => {
    const refusal = { errorCode: 101, place: 'PID-3', text: 'PID-3 is required' };
    const text = readableTrial({ acknowledgement: 'MSA|AE|1\r', refusal, resources: [], events: [] });
    expect(text).toMatch(/^refused: PID-3: PID-3 is required\. Nothing/);
    expect(text).toContain('It would store\n  nothing');
  });
});
