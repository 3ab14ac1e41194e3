import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { tlsOptionsOf } from './listener-tls.js';

const folder = mkdtempSync(join(tmpdir(), 'collimator-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string) => {
  writeFileSync(join(folder, name), name);
  return join(folder, name);
};
const listener = { host: '127.0.0.1', port: 0 };
const files = { certFile: file('certificate'), keyFile: file('key') };
const own = { cert: Buffer.from('certificate'), key: Buffer.from('key'), minVersion: 'TLSv1.2' };

describe('A listener', () => {
  it('without a certificate speaks no TLS', () => {
    expect(tlsOptionsOf(listener)).toBeUndefined();
  });
  it('with one asks its clients for none', () => {
    expect(tlsOptionsOf({ ...listener, tls: files })).toEqual(own);
  });
  it('with an authority takes only clients that show a certificate of it', () => {
    const ca = Buffer.from('authority');
    expect(tlsOptionsOf({ ...listener, tls: { ...files, caFile: file('authority') } })).toEqual({
      ...own,
      ca,
      requestCert: true,
      rejectUnauthorized: true,
    });
  });
  it('whose certificate cannot be read does not start without it', () => {
    expect(() => tlsOptionsOf({ ...listener, tls: { ...files, certFile: join(folder, 'none') } })).toThrow('ENOENT');
  });
});
