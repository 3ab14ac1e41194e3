import { describe, expect, it } from '@jest/globals';
import { UsageError } from './command-line.js';
import { readableTrial, readTryCommand } from './hl7-commands.js';

const at = ['--service', 'http://127.0.0.1:3001/'];

describe('collimator hl7', () => {
  it('tries the message in a file', () => {
    expect(readTryCommand(['try', 'order.hl7', ...at, '--json'], { COLLIMATOR_TOKEN: 't' })).toEqual({
      service: 'http://127.0.0.1:3001',
      token: 't',
      json: true,
      file: 'order.hl7',
    });
  });

  it.each([
    ['no verb', at, /try/],
    ['no file', ['try', ...at], /one file/],
    ['two files', ['try', 'a', 'b', ...at], /one file/],
    ['no service', ['try', 'a'], /--service/],
  ])('refuses %s', (_what, args, message) => {
    expect(() => readTryCommand(args, {})).toThrow(UsageError);
    expect(() => readTryCommand(args, {})).toThrow(message);
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

  it('tells why a message would be refused', () => {
    const refusal = { errorCode: 101, place: 'PID-3', text: 'PID-3 is required' };
    const text = readableTrial({ acknowledgement: 'MSA|AE|1\r', refusal, resources: [], events: [] });
    expect(text).toMatch(/^refused: PID-3: PID-3 is required\. Nothing/);
    expect(text).toContain('It would store\n  nothing');
  });
});
