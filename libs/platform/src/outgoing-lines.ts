import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

type Given = Record<string, string | undefined>;

/** How the brokers are spoken to. */
export interface KafkaLine {
  /** TLS, with files in PEM; without an authority those of the system count. */
  ssl?: { caFile?: string; certFile?: string; keyFile?: string };
  sasl?: { mechanism: SaslMechanism; username: string; password: string };
}

/** What kafkajs and Kafka both know of passwords. */
export const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
export type SaslMechanism = (typeof saslMechanisms)[number];

/** True for an address that only programs on this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** What the environment says of the way to the brokers; it was found without mistakes by {@link lineMistakes}. */
export function kafkaLineIn(given: Given): KafkaLine {
  const { KAFKA_SSL_CA: caFile, KAFKA_SSL_CERT: certFile, KAFKA_SSL_KEY: keyFile } = given;
  const files = Object.entries({ caFile, certFile, keyFile }).filter(([, file]) => file !== undefined);
  const { KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = given;
  const mechanism = saslMechanisms.find((one) => one === KAFKA_SASL_MECHANISM);
  return {
    ...(given.KAFKA_SSL === 'true' ? { ssl: Object.fromEntries(files) } : {}),
    ...(mechanism && username && password ? { sasl: { mechanism, username, password } } : {}),
  };
}

/**
 * How we speak TLS to another system, 1.2 at least; without an authority those of the system count.
 *
 * @throws Error of the file system if a file cannot be read
 */
export function tlsTo({ caFile, certFile, keyFile }: NonNullable<KafkaLine['ssl']>): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    ...(caFile ? { ca: readFileSync(caFile) } : {}),
    ...(certFile && keyFile ? { cert: readFileSync(certFile), key: readFileSync(keyFile) } : {}),
  };
}

/**
 * What is wrong with the ways to Kafka and Postgres, told from the raw variables. Events and state are about patients, so
 * that off this machine both lines are encrypted, unless `ALLOW_PLAINTEXT` says that something else sees to that.
 */
export function lineMistakes(given: Given, isReadable: (file: string) => boolean): string[] {
  return [...sslMistakes(given, isReadable), ...saslMistakes(given), ...plaintextMistakes(given)];
}

function sslMistakes(given: Given, isReadable: (file: string) => boolean): string[] {
  const files = ['KAFKA_SSL_CA', 'KAFKA_SSL_CERT', 'KAFKA_SSL_KEY'].filter((name) => given[name] !== undefined);
  const pair = [
    ['KAFKA_SSL_CERT', 'KAFKA_SSL_KEY'],
    ['KAFKA_SSL_KEY', 'KAFKA_SSL_CERT'],
  ] as const;
  return [
    ...files.filter((name) => !isReadable(given[name]!)).map((name) => `${name}: the file cannot be read`),
    ...pair
      .filter(([one, other]) => given[one] !== undefined && given[other] === undefined)
      .map(([one, other]) => `${other}: is missing beside ${one}`),
    // A certificate that is not used would look like a safe line.
    ...(files.length > 0 && given.KAFKA_SSL !== 'true' ? [`KAFKA_SSL: must be true beside ${files[0]}`] : []),
  ];
}

function saslMistakes(given: Given): string[] {
  const names = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
  const there = names.filter((name) => given[name] !== undefined);
  if (there.length === 0) return [];
  return names.filter((name) => given[name] === undefined).map((name) => `${name}: is missing beside ${there[0]}`);
}

function plaintextMistakes(given: Given): string[] {
  if (given.ALLOW_PLAINTEXT === 'true') return [];
  const isFar = (given.KAFKA_BROKERS ?? '')
    .split(',')
    .some((one) => one.trim() !== '' && !isLoopback(one.trim().replace(/:\d+$/, '')));
  return [
    ...(isFar && given.KAFKA_SSL !== 'true'
      ? ['KAFKA_BROKERS: off loopback needs KAFKA_SSL=true, or ALLOW_PLAINTEXT=true']
      : []),
    ...(isPlaintextDatabase(given.DATABASE_URL)
      ? ['DATABASE_URL: off loopback needs sslmode=verify-full in it, or ALLOW_PLAINTEXT=true']
      : []),
  ];
}

/** Modes of libpq that may end without TLS, or take anybody's certificate, do not count. */
function isPlaintextDatabase(url: string | undefined): boolean {
  if (!url?.startsWith('postgres') || !URL.canParse(url)) return false;
  const { hostname, searchParams } = new URL(url);
  return !isLoopback(hostname.replace(/^\[|\]$/g, '')) && searchParams.get('sslmode') !== 'verify-full';
}
