import { describe, expect, it } from '@jest/globals';
import { fail } from '#platform';
import { complaintAbout, anOrmMessage, anOruMessage, freePorts, given, isInstalled, site, until } from './index.js';

const field = (message: Buffer, segment: string, sequence: number) =>
  message
    .toString()
    .split('\r')
    .find((line) => line.startsWith(`${segment}|`))
    ?.split('|')[sequence];

describe('until', () => {
  it('gives what the condition finds', async () => {
    let polls = 0;
    await expect(until(() => ++polls > 2 && polls, { what: 'three polls', every: 1 })).resolves.toBe(3);
  });

  it('fails with what it waited for, and why the condition threw', async () => {
    const waiting = until(() => Promise.reject(new Error('refused')), { within: 20, every: 5, what: 'the EMR' });
    await expect(waiting).rejects.toMatchObject({
      message: expect.stringContaining('for the EMR'),
      cause: expect.objectContaining({ message: 'refused' }),
    });
  });
});

describe('given', () => {
  const add = (to: number) => (state: { total: number }) => {
    if (to < 0) throw fail('field-invalid', 'must not be negative');
    return { total: state.total + to };
  };
  it('compares the decision', () => {
    given({ total: 1 }).when(add(2)).then({ total: 3 });
    expect(() => given({ total: 1 }).when(add(2)).then({ total: 4 })).toThrow();
  });
  it('compares the failure, and fails where there is none', () => {
    given({ total: 1 }).when(add(-1)).thenFails('field-invalid');
    expect(() => given({ total: 1 }).when(add(1)).thenFails('field-invalid')).toThrow();
  });
  it('catches a decider that changes the state it was given', () => {
    const careless = given({ total: 1 }).when((state) => ({ total: ++state.total }));
    expect(() => careless.then({ total: 2 })).toThrow();
  });
});

describe('builders', () => {
  it('put what a test says where HL7 has it', () => {
    const order = anOrmMessage({ accessionNumber: 'A1', start: '202603021000', priority: 'S', mrn: 'P9' });
    expect(field(order, 'OBR', 18)).toBe('A1');
    expect(field(order, 'OBR', 27)).toBe('^^^202603021000^^S');
    expect(field(order, 'PID', 3)).toBe('P9^^^SGH^MR');
    const report = anOruMessage({ accessionNumber: 'A1', status: 'P' });
    expect(field(report, 'OBR', 18)).toBe('A1');
    expect(field(report, 'OBR', 25)).toBe('P');
    expect(field(report, 'OBX', 11)).toBe('P');
  });
  it('refuse a site no hospital could have', () => {
    expect(site().stations).toHaveLength(2);
    expect(() => site({ patientAuthority: 'NOBODY' })).toThrow('patientAuthority');
  });
});

describe('peers and ports', () => {
  it('sees a peer that is there, one that is not, and another program of the same name', () => {
    expect(isInstalled({ command: ['node', '--version'], install: '' })).toBe(true);
    expect(isInstalled({ command: ['node', '--version'], says: /dcmtk/, install: '' })).toBe(false);
    expect(isInstalled({ command: ['no-such-program'], install: '' })).toBe(false);
  });
  it('gives ports that differ', async () => {
    expect(new Set(await freePorts(3)).size).toBe(3);
  });
});

describe('A suite that needs peers', () => {
  const peer = (install: string) => ({ command: ['none'], install });
  it('has no complaint where all are there', () => {
    expect(complaintAbout('an exam', [])).toBeUndefined();
  });
  it('names each line that installs what is missing, once', () => {
    const missing = [peer('apt-get install dcmtk'), peer('apt-get install dcmtk'), peer('pip install pynetdicom')];
    expect(complaintAbout('an exam', missing)).toBe(
      'an exam: install with apt-get install dcmtk; pip install pynetdicom',
    );
  });
});
