import { describe, expect, it } from '@jest/globals';
import { UsageError } from './command-line.js';
import { messageLogRequest, readableMessageLog, readMessageLogCommand } from './message-log-commands.js';

const at = ['--service', 'http://127.0.0.1:3001/'];
const command = (...args: string[]) => readMessageLogCommand([...args, ...at], {})!;
const request = (...args: string[]) => messageLogRequest(command(...args));

describe('collimator hl7, the message log', () => {
  it('turns each command into its request', () => {
    expect(request('show', 'a/b')).toEqual({ url: 'http://127.0.0.1:3001/hl7-messages/a%2Fb', method: 'GET' });
    expect(request('resend', '7')).toEqual({ url: 'http://127.0.0.1:3001/hl7-messages/7/resend', method: 'POST' });
    expect(request('reprocess', '7').url).toBe('http://127.0.0.1:3001/hl7-messages/7/reprocess');
    expect(request('list')).toMatchObject({ method: 'POST', body: '{}' });
    expect(readMessageLogCommand(['try', 'file', ...at], {})).toBeUndefined();
  });

  it('searches by a body, and puts no number of a patient in a URL', () => {
    const { url, body } = request(
      'search',
      '--number',
      '4711',
      '--patient',
      'urn:oid:1.2|0815',
      '--control-id=M1',
      '--outcome',
      'refused',
      '--direction',
      'in',
      '--type',
      'ORM^O01',
      '--since',
      '2026-03-02T08:00Z',
      '--limit',
      '5',
    );
    expect(url).toBe('http://127.0.0.1:3001/hl7-messages/search');
    expect(JSON.parse(body!)).toEqual({
      number: '4711',
      patient: { system: 'urn:oid:1.2', value: '0815' },
      controlId: 'M1',
      outcome: 'refused',
      direction: 'in',
      messageType: 'ORM^O01',
      since: '2026-03-02T08:00:00.000Z',
      limit: 5,
    });
    const day = JSON.parse(request('search', '--until', '2026-03-02').body!) as { until: string };
    expect(day.until).toBe(new Date(2026, 2, 2).toISOString());
  });

  it.each<[string, string[], RegExp]>([
    ['a search by nothing', ['search'], /say what to search by: --number/],
    ['a show of nothing', ['show'], /show needs the id of one message/],
    ['a resend of two', ['resend', 'a', 'b'], /resend needs the id of one message/],
    ['a list of an id', ['list', 'a'], /list takes no argument/],
    ['an option of another command', ['list', '--number', '1'], /unknown option --number; there are --control-id/],
    ['an outcome that is none', ['list', '--outcome', 'AE'], /--outcome must be accepted or refused/],
    ['a patient without a system', ['search', '--patient', '4711'], /--patient must be a system and a number/],
    ['a time that is none', ['search', '--since', 'yesterday'], /--since must be a time/],
    ['a time that never was', ['search', '--since', '2026-13-41'], /--since must be a time/],
    ['too many', ['list', '--limit', '0'], /--limit must be a number from 1 to 1000/],
  ])('refuses %s', (_what, args, message) => {
    expect(() => command(...args)).toThrow(UsageError);
    expect(() => command(...args)).toThrow(message);
  });

  it('shows a line a message: why it was refused, or what it brought about', () => {
    const common = {
      receivedAt: '2026-03-02T08:00:00Z',
      sendingApplication: 'EMR',
      sendingFacility: 'SGH',
      attempts: 1,
      messageType: 'ORM^O01',
    };
    const messages = [
      {
        ...common,
        id: '1',
        direction: 'in',
        controlId: 'M1',
        acknowledgement: 'AE',
        errorCode: '101',
        errorText: 'PID-3: is required',
      },
      {
        ...common,
        id: '2',
        direction: 'in',
        controlId: 'M2',
        acknowledgement: 'AA',
        effects: { events: [{ type: 'imaging.order.placed.v1' }], resources: ['ServiceRequest/o/_history/1'] },
      },
      { ...common, id: '3', direction: 'out', destination: 'pacs', controlId: 'M3', acknowledgement: 'AA' },
    ];
    const [head, ...lines] = readableMessageLog(command('list'), { messages }).split('\n');
    expect(head).toMatch(/^id +at +direction +peer +messageType +controlId +acknowledgement +attempts +what$/);
    expect(lines[0]).toMatch(
      /^1 +2026-03-02T08:00:00.000Z +in +EMR\|SGH +ORM\^O01 +M1 +AE +1 +101 PID-3: is required$/,
    );
    expect(lines[1]).toMatch(/AA +1 +order\.placed\.v1, ServiceRequest\/o\/_history\/1$/);
    expect(lines[2]).toMatch(/out +pacs +ORM/);
    expect(readableMessageLog(command('list'), { messages: [] })).toBe('no message is so');
  });

  it('shows a message a segment a line, and what became of one that is taken again', () => {
    expect(readableMessageLog(command('show', '1'), { text: 'MSH|x\rPID|1\r' })).toBe('MSH|x\nPID|1');
    expect(readableMessageLog(command('reprocess', '1'), { acknowledgement: 'MSH|x\rMSA|AA|1\r' })).toBe(
      'MSH|x\nMSA|AA|1',
    );
    expect(readableMessageLog(command('reprocess', '1'), { acknowledgement: '' })).toMatch(/no answer/);
    expect(readableMessageLog(command('resend', '1'), { resent: '1' })).toMatch(/^1 is in line/);
  });
});
