import { accessSync, constants } from 'node:fs';
import { z } from 'zod';
import { isLoopback, kafkaLineIn, lineMistakes, saslMechanisms, type KafkaLine } from './outgoing-lines.js';

const port = z.coerce.number().int().min(0).max(65535);
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
const path = z.string().min(1);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What a client may do beyond what every client may; a scope that is not one of these is a mistake at start. */
export const apiScopes = ['quality-by-operator', 'staff-dose'] as const;
export type ApiScope = (typeof apiScopes)[number];
const apiToken = sha256.or(z.strictObject({ sha256, scopes: z.array(z.enum(apiScopes)) }));
/** The sha256 of a client's bearer token in hex, with what it may do beyond the usual where it may. */
export type ApiToken = z.output<typeof apiToken>;

const environment = z.object({
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, 'must be a postgres:// URL'),
  DATABASE_SCHEMA: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'must be a lower-case schema name')
    .optional(),
  DATABASE_POOL: z.coerce.number().int().min(2).max(200).default(10),
  KAFKA_BROKERS: z
    .string()
    .regex(/^[^\s,:]+:\d{1,5}(\s*,\s*[^\s,:]+:\d{1,5})*$/, 'must be host:port, several separated by commas')
    .transform((list) => list.split(',').map((one) => one.trim())),
  KAFKA_SSL: flag.default(false),
  KAFKA_SSL_CA: path.optional(),
  KAFKA_SSL_CERT: path.optional(),
  KAFKA_SSL_KEY: path.optional(),
  KAFKA_SASL_MECHANISM: z.enum(saslMechanisms).optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]*$/, 'may hold letters, digits, dot, dash and underscore')
    .default(''),
  SITE_FILE: path,
  CONTRAST_POLICY_FILE: path.optional(),
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: port,
  MLLP_HOST: z.string().default('127.0.0.1'),
  MLLP_PORT: port.optional(),
  DICOM_HOST: z.string().default('127.0.0.1'),
  DICOM_PORT: port.optional(),
  DICOM_AE_TITLE: z
    .string()
    .regex(/^[\x20-\x5b\x5d-\x7e]{1,16}$/, 'must be 1 to 16 printable ASCII characters without a backslash')
    .default('COLLIMATOR'),
  DICOM_MAX_ASSOCIATIONS: z.coerce.number().int().min(1).max(10_000).default(100),
  DICOM_MAX_ASSOCIATIONS_PER_PEER: z.coerce.number().int().min(1).max(10_000).default(20),
  ALLOW_PLAINTEXT: flag.default(false),
  API_TOKENS: z
    .string()
    .default('{}')
    .transform((text, context): Record<string, ApiToken> => {
      const tokens = z.record(z.string().min(1), apiToken).safeParse(safeJson(text));
      if (tokens.success) return tokens.data;
      context.addIssue({
        code: 'custom',
        message: `must be JSON: {"<client>": "<sha256 of its token, 64 hex digits>"}, or {"<client>": {"sha256": "<the same>", "scopes": [${apiScopes.map((one) => `"${one}"`).join(', ')}]}}`,
      });
      return z.NEVER;
    }),
  HTTP_TLS_CERT: path.optional(),
  HTTP_TLS_KEY: path.optional(),
  MLLP_TLS_CERT: path.optional(),
  MLLP_TLS_KEY: path.optional(),
  MLLP_TLS_CA: path.optional(),
  DICOM_TLS_CERT: path.optional(),
  DICOM_TLS_KEY: path.optional(),
  DICOM_TLS_CA: path.optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

/** Where a listener binds, and its certificate and key files where it speaks TLS. */
export interface Listener {
  host: string;
  port: number;
  tls?: { certFile: string; keyFile: string; caFile?: string };
}

/** What a service needs to know of the machines around it. */
export interface Infrastructure {
  service: string;
  database: { url: string; schema: string; poolSize: number };
  kafka: { brokers: string[]; topicPrefix: string } & KafkaLine;
  siteFile: string;
  /** The site's contrast policy; without it every exam with contrast needs a decision. */
  contrastPolicyFile?: string;
  http: Listener;
  mllp?: Listener;
  /** The limits are of associations at one time: of all, and from one address. */
  dicom?: Listener & { aeTitle: string; maxAssociations?: number; maxAssociationsPerPeer?: number };
  /** By client name. Empty only on loopback: then HTTP is open, and nobody has a scope. */
  apiTokens: Record<string, ApiToken>;
  logLevel: string;
}

/** Thrown at start; the message lists every variable at fault with its reason, one a line. */
export class EnvironmentInvalid extends Error {
  override readonly name = 'EnvironmentInvalid';
  constructor(readonly mistakes: string[]) {
    super(['The environment cannot be used:', ...mistakes.map((one) => `  ${one}`)].join('\n'));
  }
}

/**
 * Reads a service's environment. A variable that is set to nothing counts as not set.
 *
 * @throws EnvironmentInvalid naming every variable at fault; also where a listener off loopback would speak plaintext
 *   or be open to anyone, its certificate cannot be read, or Kafka or Postgres would be spoken to in plaintext
 */
export function loadInfrastructure(service: string, env: Record<string, string | undefined>): Infrastructure {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const result = environment.safeParse(given);
  const mistakes = [
    ...(result.error?.issues ?? []).map((issue) => {
      const name = issue.path.join('.');
      return `${name}: ${given[name] === undefined ? 'is missing' : issue.message}`;
    }),
    ...listenerMistakes(given),
    ...lineMistakes(given, isReadable),
  ];
  if (!result.success || mistakes.length > 0) throw new EnvironmentInvalid(mistakes);
  const read = result.data;
  const infrastructure: Infrastructure = {
    service,
    database: { url: read.DATABASE_URL, schema: read.DATABASE_SCHEMA ?? service, poolSize: read.DATABASE_POOL },
    kafka: { brokers: read.KAFKA_BROKERS, topicPrefix: read.TOPIC_PREFIX, ...kafkaLineIn(given) },
    siteFile: read.SITE_FILE,
    http: listener(read.HTTP_HOST, read.HTTP_PORT, read.HTTP_TLS_CERT, read.HTTP_TLS_KEY),
    apiTokens: read.API_TOKENS,
    logLevel: read.LOG_LEVEL,
  };
  if (read.CONTRAST_POLICY_FILE !== undefined) infrastructure.contrastPolicyFile = read.CONTRAST_POLICY_FILE;
  if (read.MLLP_PORT !== undefined)
    infrastructure.mllp = listener(
      read.MLLP_HOST,
      read.MLLP_PORT,
      read.MLLP_TLS_CERT,
      read.MLLP_TLS_KEY,
      read.MLLP_TLS_CA,
    );
  if (read.DICOM_PORT !== undefined)
    infrastructure.dicom = {
      ...listener(read.DICOM_HOST, read.DICOM_PORT, read.DICOM_TLS_CERT, read.DICOM_TLS_KEY, read.DICOM_TLS_CA),
      aeTitle: read.DICOM_AE_TITLE,
      maxAssociations: read.DICOM_MAX_ASSOCIATIONS,
      maxAssociationsPerPeer: read.DICOM_MAX_ASSOCIATIONS_PER_PEER,
    };
  return infrastructure;
}

/** What is wrong with the listeners taken together, told from the raw variables so that nothing hides it. */
function listenerMistakes(given: Record<string, string | undefined>): string[] {
  const names = ['HTTP', 'MLLP', 'DICOM'].filter((name) => given[`${name}_PORT`] !== undefined);
  const open = names.includes('HTTP') && !isLoopback(given.HTTP_HOST ?? '127.0.0.1') && given.API_TOKENS === undefined;
  const ports = names.map((name) => given[`${name}_PORT`]);
  return [
    ...names.flatMap((name) => tlsMistakes(name, given)),
    ...names
      .filter((_, index) => ports[index] !== '0' && ports.indexOf(ports[index]) !== index)
      .map((name) => `${name}_PORT: is in use for ${names[ports.indexOf(given[`${name}_PORT`])]}_PORT`),
    ...(open || emptyTokens(given) ? ['API_TOKENS: off loopback at least one client token is needed'] : []),
  ];
}

function tlsMistakes(name: string, given: Record<string, string | undefined>): string[] {
  const [cert, key, ca] = ['CERT', 'KEY', 'CA'].map((part) => `${name}_TLS_${part}`) as [string, string, string];
  const mistakes = [cert, key, ca]
    .filter((variable) => given[variable] !== undefined && !isReadable(given[variable]))
    .map((variable) => `${variable}: the file cannot be read`);
  for (const [one, other] of [
    [cert, key],
    [key, cert],
    [ca, cert],
  ] as const)
    // Half a pair would silently mean plaintext.
    if (given[one] !== undefined && given[other] === undefined) mistakes.push(`${other}: is missing beside ${one}`);
  const plaintext = given[cert] === undefined && given[key] === undefined && given.ALLOW_PLAINTEXT !== 'true';
  if (plaintext && !isLoopback(given[`${name}_HOST`] ?? '127.0.0.1'))
    mistakes.push(`${name}_HOST: off loopback needs ${cert} and ${key}, or ALLOW_PLAINTEXT=true`);
  return mistakes;
}

function emptyTokens(given: Record<string, string | undefined>): boolean {
  const tokens = safeJson(given.API_TOKENS ?? '{"not": "given"}');
  const isEmpty = typeof tokens === 'object' && tokens !== null && Object.keys(tokens).length === 0;
  return isEmpty && !isLoopback(given.HTTP_HOST ?? '127.0.0.1');
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function listener(host: string, port: number, certFile?: string, keyFile?: string, caFile?: string): Listener {
  return certFile && keyFile ? { host, port, tls: { certFile, keyFile, caFile } } : { host, port };
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
