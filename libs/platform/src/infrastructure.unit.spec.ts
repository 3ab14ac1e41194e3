import { writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { EnvironmentInvalid, isLoopback, loadInfrastructure } from './index.js';

const file = join(mkdtempSync(join(tmpdir(), 'tls-')), 'pem');
writeFileSync(file, '');
const tokens = JSON.stringify({ emr: 'a'.repeat(64) });
const load = (env: Record<string, string | undefined> = {}) =>
  loadInfrastructure('orders', {
    DATABASE_URL: 'postgres://u:secret@localhost/collimator',
    KAFKA_BROKERS: 'localhost:9092, 127.0.0.1:9093',
    SITE_FILE: 'site.yaml',
    HTTP_PORT: '3001',
    ...env,
  });

const notTokens =
  'API_TOKENS: must be JSON: {"<client>": "<sha256 of its token, 64 hex digits>"}, or {"<client>": {"sha256": "<the same>", "scopes": ["quality-by-operator", "staff-dose"]}}';

function mistakesOf(env: Record<string, string | undefined>): string[] {
  try {
    load(env);
  } catch (error) {
    if (error instanceof EnvironmentInvalid) return error.mistakes;
    throw error;
  }
  return [];
}

describe('The environment', () => {
  it('is read with its defaults', () => {
    expect(load()).toEqual({
      service: 'orders',
      database: { url: 'postgres://u:secret@localhost/collimator', schema: 'orders', poolSize: 10 },
      kafka: { brokers: ['localhost:9092', '127.0.0.1:9093'], topicPrefix: '' },
      siteFile: 'site.yaml',
      http: { host: '127.0.0.1', port: 3001 },
      apiTokens: {},
      logLevel: 'info',
    });
  });

  it('gives a listener only where its port is set, with TLS where both its files are', () => {
    const { mllp, dicom } = load({ MLLP_PORT: '2575', MLLP_TLS_CERT: file, MLLP_TLS_KEY: file, MLLP_TLS_CA: file });
    expect(mllp?.tls).toEqual({ certFile: file, keyFile: file, caFile: file });
    expect(dicom).toBeUndefined();
  });

  it('says how the brokers are spoken to: by TLS, with a certificate and a password where there are', () => {
    const far = { KAFKA_BROKERS: 'k1:9093', KAFKA_SSL: 'true' };
    expect(load(far).kafka).toEqual({ brokers: ['k1:9093'], topicPrefix: '', ssl: {} });
    const sasl = { KAFKA_SASL_MECHANISM: 'scram-sha-512', KAFKA_SASL_USERNAME: 'orders', KAFKA_SASL_PASSWORD: 's' };
    const files = { KAFKA_SSL_CA: file, KAFKA_SSL_CERT: file, KAFKA_SSL_KEY: file };
    expect(load({ ...far, ...sasl, ...files }).kafka).toMatchObject({
      ssl: { caFile: file, certFile: file, keyFile: file },
      sasl: { mechanism: 'scram-sha-512', username: 'orders', password: 's' },
    });
    expect(load({ KAFKA_BROKERS: 'k1:9092', ALLOW_PLAINTEXT: 'true' }).kafka.ssl).toBeUndefined();
  });

  it('takes a database that is far away by TLS that knows its certificate', () => {
    const url = 'postgres://u:p@db.example/collimator';
    const told = ['DATABASE_URL: off loopback needs sslmode=verify-full in it, or ALLOW_PLAINTEXT=true'];
    for (const mode of ['', '?sslmode=prefer', '?sslmode=disable', '?sslmode=require', '?sslmode=no-verify'])
      expect([mode, mistakesOf({ DATABASE_URL: url + mode })]).toEqual([mode, told]);
    expect(mistakesOf({ DATABASE_URL: `${url}?sslmode=verify-full&sslrootcert=/ca.pem` })).toEqual([]);
    expect(mistakesOf({ DATABASE_URL: url, ALLOW_PLAINTEXT: 'true' })).toEqual([]);
    expect(mistakesOf({ DATABASE_URL: 'postgres://u:p@[::1]:5432/collimator' })).toEqual([]);
  });

  it('bounds associations as it is told, and has a bound where it is not', () => {
    const limits = (given: Record<string, string>) => {
      const { maxAssociations, maxAssociationsPerPeer } = load({ DICOM_PORT: '11112', ...given }).dicom!;
      return [maxAssociations, maxAssociationsPerPeer];
    };
    expect(limits({})).toEqual([100, 20]);
    expect(limits({ DICOM_MAX_ASSOCIATIONS: '300', DICOM_MAX_ASSOCIATIONS_PER_PEER: '40' })).toEqual([300, 40]);
  });

  it.each<[string, Record<string, string | undefined>, string[]]>([
    ['something missing', { DATABASE_URL: undefined }, ['DATABASE_URL: is missing']],
    ['a port set to nothing', { HTTP_PORT: '' }, ['HTTP_PORT: is missing']],
    [
      'brokers without port',
      { KAFKA_BROKERS: 'localhost' },
      ['KAFKA_BROKERS: must be host:port, several separated by commas'],
    ],
    [
      'a schema that would need quotes',
      { DATABASE_SCHEMA: 'Or"ders' },
      ['DATABASE_SCHEMA: must be a lower-case schema name'],
    ],
    [
      'plaintext to brokers far away',
      { KAFKA_BROKERS: 'localhost:9092,k2:9092' },
      ['KAFKA_BROKERS: off loopback needs KAFKA_SSL=true, or ALLOW_PLAINTEXT=true'],
    ],
    ['a certificate that would not be used', { KAFKA_SSL_CA: file }, ['KAFKA_SSL: must be true beside KAFKA_SSL_CA']],
    [
      'half a pair of files for the brokers, one of them not there',
      { KAFKA_SSL: 'true', KAFKA_SSL_KEY: `${file}.not` },
      ['KAFKA_SSL_KEY: the file cannot be read', 'KAFKA_SSL_CERT: is missing beside KAFKA_SSL_KEY'],
    ],
    [
      'a user without a password',
      { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'orders' },
      ['KAFKA_SASL_PASSWORD: is missing beside KAFKA_SASL_MECHANISM'],
    ],
    ['one port for two', { MLLP_PORT: '3001' }, ['MLLP_PORT: is in use for HTTP_PORT']],
    ['a certificate without key', { HTTP_TLS_CERT: file }, ['HTTP_TLS_KEY: is missing beside HTTP_TLS_CERT']],
    [
      'a certificate that is not there',
      { HTTP_TLS_CERT: `${file}.not`, HTTP_TLS_KEY: file },
      ['HTTP_TLS_CERT: the file cannot be read'],
    ],
    ['tokens that are no hashes', { API_TOKENS: '{"emr":"secret"}' }, [notTokens]],
    ['a scope there is not', { API_TOKENS: `{"qa":{"sha256":"${'a'.repeat(64)}","scopes":["all"]}}` }, [notTokens]],
    [
      'plaintext MLLP off loopback',
      { MLLP_PORT: '2575', MLLP_HOST: '0.0.0.0' },
      ['MLLP_HOST: off loopback needs MLLP_TLS_CERT and MLLP_TLS_KEY, or ALLOW_PLAINTEXT=true'],
    ],
    [
      'plaintext HTTP off loopback',
      { HTTP_HOST: '::', API_TOKENS: tokens },
      ['HTTP_HOST: off loopback needs HTTP_TLS_CERT and HTTP_TLS_KEY, or ALLOW_PLAINTEXT=true'],
    ],
    [
      'HTTP off loopback open to all',
      { HTTP_HOST: '10.0.0.1', ALLOW_PLAINTEXT: 'true' },
      ['API_TOKENS: off loopback at least one client token is needed'],
    ],
    [
      'an empty list of clients',
      { HTTP_HOST: '10.0.0.1', ALLOW_PLAINTEXT: 'true', API_TOKENS: '{}' },
      ['API_TOKENS: off loopback at least one client token is needed'],
    ],
  ])('is refused for %s', (_what, env, mistakes) => {
    expect(mistakesOf(env)).toEqual(mistakes);
  });

  it('may give a client a scope', () => {
    const given = { emr: 'a'.repeat(64), qa: { sha256: 'b'.repeat(64), scopes: ['quality-by-operator'] } };
    expect(load({ API_TOKENS: JSON.stringify(given) }).apiTokens).toEqual(given);
  });

  it('may name a contrast policy', () => {
    expect(load({}).contrastPolicyFile).toBeUndefined();
    expect(load({ CONTRAST_POLICY_FILE: 'policy.yaml' }).contrastPolicyFile).toBe('policy.yaml');
  });

  it('is refused with all mistakes at once and no value of a secret', () => {
    const mistakes = mistakesOf({
      DATABASE_URL: 'mysql://u:secret@db',
      HTTP_PORT: 'x',
      MLLP_PORT: '2575',
      MLLP_HOST: '::',
    });
    expect(mistakes.map((one) => one.split(':')[0])).toEqual(['DATABASE_URL', 'HTTP_PORT', 'MLLP_HOST']);
    expect(mistakes.join()).not.toContain('secret');
  });

  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['127.0.0.1.evil.org', false],
    ['::', false],
  ])('knows whether %s is loopback', (host, is) => expect(isLoopback(host)).toBe(is));
});
