import { failureCodes, type FailureCode, type Fate } from './failure-codes.js';

/**
 * The one error of Collimator: a code of the closed list, and a message that names the element and the fix. A message
 * never holds a patient's data, so it may be logged and sent back; what a library said is kept as `cause` and stays
 * inside.
 */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly fate: Fate;
  /** HTTP status where the failure is answered over HTTP. */
  readonly status: number;

  constructor(
    readonly code: FailureCode,
    message: string,
    /** The element at fault: a FHIRPath expression, a field name of the domain, or a path of the site file. */
    readonly field?: string,
    cause?: unknown,
    /** How long the peer asks to be left alone, in milliseconds (HTTP Retry-After). */
    readonly retryAfterMs?: number,
  ) {
    super(message, { cause });
    this.fate = failureCodes[code].fate;
    this.status = failureCodes[code].status;
  }
}

/** Makes a failure, to be thrown by the caller. */
export function fail(
  code: FailureCode,
  message: string,
  options: { field?: string; cause?: unknown; retryAfterMs?: number } = {},
): Failure {
  return new Failure(code, message, options.field, options.cause, options.retryAfterMs);
}

/**
 * Gives any thrown thing its place in the closed list: what Postgres, Kafka and the network say of being unreachable
 * or in each other's way is tried again, anything unknown is a fault of ours and parked. The thrown text is never
 * passed on, since it may quote data.
 */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const thrown = rootOf(error);
  const code = String((thrown as { code?: unknown }).code ?? '');
  const name = String((thrown as { name?: unknown }).name ?? '');
  const message = String((thrown as { message?: unknown }).message ?? '');
  if (name === 'MalformedEvent') return fail('event-malformed', message, { cause: error });
  // Serialization failure, deadlock, exclusion constraint: someone else was in the way, the next try sees them.
  if (code === '40001' || code === '40P01' || code === '23P01')
    return fail('version-conflict', 'another writer was first', { cause: error });
  if (code === '23505') return fail('version-conflict', 'another writer stored the same key first', { cause: error });
  if (/^(08|53|57P|58)/.test(code) || /Connection terminated|timeout exceeded when trying to connect/i.test(message))
    return fail('database-unavailable', 'Postgres cannot be reached', { cause: error });
  if (name.startsWith('KafkaJS')) return fail('broker-unavailable', 'Kafka cannot be reached', { cause: error });
  if (/^(ECONN|EPIPE|ENOTFOUND|EHOST|ENET|ETIMEDOUT|EAI_)/.test(code)) return unreachable(thrown, error);
  return fail('unexpected', `unexpected ${name || 'error'}`, { cause: error });
}

function unreachable(thrown: object, cause: unknown): Failure {
  const isPostgres = String((thrown as { stack?: unknown }).stack ?? '').includes('/pg');
  return isPostgres
    ? fail('database-unavailable', 'Postgres cannot be reached', { cause })
    : fail('peer-unavailable', 'the foreign system cannot be reached', { cause });
}

/** TypeORM keeps the driver's error in `driverError`, an AggregateError its first one in `errors`. */
function rootOf(error: unknown): object {
  const outer = (typeof error === 'object' && error) || { message: String(error) };
  const inner =
    (outer as { driverError?: unknown }).driverError ?? (outer as { errors?: unknown[] }).errors?.[0] ?? undefined;
  return typeof inner === 'object' && inner ? rootOf(inner) : outer;
}
