import { describe, expect, it } from '@jest/globals';
import { MllpFailure, parseMessage } from '#hl7v2';
import { failureOfAcknowledgement, failureOfMllp } from './acknowledgement.decider.js';

const answer = (msa1: string, err?: string) =>
  parseMessage(
    Buffer.from(
      [`MSH|^~\\&|EMR|SGH|C|SGH|20260302||ACK|1|P|2.5.1`, `MSA|${msa1}|C1`, ...(err ? [err] : [])].join('\r'),
    ),
  );
const outcome = (msa1: string, err?: string) => {
  const failure = failureOfAcknowledgement(answer(msa1, err));
  return failure && `${failure.code} ${failure.fate}`;
};

describe('An acknowledgement', () => {
  it.each(['AA', 'CA'])('%s is done, whatever else it says', (code) => {
    expect(outcome(code, 'ERR||PID^1|0^ok^HL70357|I')).toBeUndefined();
  });

  it.each(['AE', 'CE'])('%s refuses the content for good', (code) => {
    expect(outcome(code)).toBe('peer-refused park');
    expect(outcome(code, 'ERR||PID^1^3|204^Unknown key identifier^HL70357|E')).toBe('peer-refused park');
  });

  it.each(['AR', 'CR'])('%s means not now', (code) => {
    expect(outcome(code)).toBe('peer-error retry');
    expect(outcome(code, 'ERR|||207^Application internal error^HL70357|E')).toBe('peer-error retry');
  });

  it.each(['200', '201', '202', '203'])('AR means never where it is for the kind of message (error %s)', (error) => {
    expect(outcome('AR', `ERR|||${error}^x^HL70357|E`)).toBe('peer-refused park');
    // Before v2.5 the code stood in ERR-1.
    expect(outcome('AR', `ERR|MSH^1^9^${error}&x&HL70357`)).toBe('peer-refused park');
  });

  it.each(['', 'OK', 'AAA', 'aa'])('%p is none', (code) => {
    expect(outcome(code)).toBe('peer-answer-malformed park');
  });

  it('is quoted by codes of the tables only', () => {
    expect(failureOfAcknowledgement(answer('AE', 'ERR|||204^x'))!.message).toContain('error 204');
    for (const [code, err] of [
      ['AE', 'ERR|||ZZCANARY^x'],
      ['ZZCANARY', 'ERR|||ZZCANARY'],
      ['AR', 'ERR|ZZCANARY^ZZCANARY^1^ZZCANARY'],
    ])
      expect(failureOfAcknowledgement(answer(code!, err))!.message).not.toContain('ZZCANARY');
  });
});

describe('Where no acknowledgement comes', () => {
  it.each([
    ['unreachable', 'peer-unavailable', 'retry'],
    ['timeout', 'peer-timeout', 'retry'],
    ['closed', 'peer-error', 'retry'],
    ['wrong-answer', 'peer-error', 'retry'],
    ['unreadable', 'peer-answer-malformed', 'park'],
  ] as const)('%s is %s, fate %s', (kind, code, fate) => {
    expect(failureOfMllp(new MllpFailure(kind))).toMatchObject({ code, fate });
  });
});
