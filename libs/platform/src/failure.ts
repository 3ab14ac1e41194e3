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
    /** What else is wrong with the same input, so that its sender can mend all of it at once. */
    readonly also: readonly Failure[] = [],
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
  options: { field?: string; cause?: unknown; retryAfterMs?: number; also?: readonly Failure[] } = {},
): Failure {
  return new Failure(code, message, options.field, options.cause, options.retryAfterMs, options.also);
}

/**
 * Gives any thrown thing its place in the closed list: what Postgres, Kafka and the network say of being unreachable
 * or in each other's way is tried again, anything unknown is a fault of ours and parked. The thrown text is never
 * passed on, since it may quote data; it stays inside as `cause`.
 */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const thrown = rootOf(error);
  const { code, name, message } = textsOf(thrown);
  // A catalog error: #events writes these texts itself, from names of fields only.
  if (name === 'MalformedEvent') return fail('event-malformed', message, { cause: error });
  const kind = sqlStates.find(([pattern]) => pattern.test(code));
  if (kind) return fail(kind[1], kind[2], { cause: error });
  if (
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/i.test(
      message,
    )
  )
    return fail('database-unavailable', 'Postgres cannot be reached', { cause: error });
  if (name.startsWith('KafkaJS')) return fail('broker-unavailable', 'Kafka cannot be reached', { cause: error });
  if (name === 'TimeoutError' || /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(code))
    return fail('peer-timeout', 'the foreign system did not answer in time', { cause: error });
  if (/^(ECONN|EPIPE|ENOTFOUND|EHOST|ENET|ETIMEDOUT|EAI_|UND_ERR_)/.test(code)) return unreachable(thrown, error);
  return fail('unexpected', `unexpected ${/^\w{1,60}$/.test(name) ? name : 'error'}`, { cause: error });
}

/** True where another writer was in the way, so that the same work run again from its start may well pass. */
export function isRace(failure: Failure): boolean {
  return failure.code === 'version-conflict' || textsOf(rootOf(failure.cause)).code === '23505';
}

/** Postgres error codes (SQLSTATE, appendix A of its manual) whose fate is known. */
const sqlStates: readonly (readonly [RegExp, FailureCode, string])[] = [
  // Serialization failure, deadlock, exclusion constraint, lock timeout: someone else was in the way, the next try sees them.
  [/^(40001|40P01|23P01|55P03)$/, 'version-conflict', 'another writer was first'],
  // Often a race, which a unit of work tries again; if it stays, trying for ever would hold up every other patient.
  [/^23505$/, 'duplicate-key', 'the same key is stored already'],
  [/^(08\w{3}|53\w{3}|57P\w{2}|58\w{3}|25P0[34])$/, 'database-unavailable', 'Postgres cannot be reached'],
];

function unreachable(thrown: object, cause: unknown): Failure {
  const isPostgres = /node_modules[\\/]pg(-pool)?[\\/]/.test(String((thrown as { stack?: unknown }).stack ?? ''));
  return isPostgres
    ? fail('database-unavailable', 'Postgres cannot be reached', { cause })
    : fail('peer-unavailable', 'the foreign system cannot be reached', { cause });
}

function textsOf(thrown: object): { code: string; name: string; message: string } {
  const { code, name, message } = thrown as Record<string, unknown>;
  return { code: String(code ?? ''), name: String(name ?? ''), message: String(message ?? '') };
}

/** TypeORM keeps the driver's error in `driverError`, an AggregateError its first one in `errors`, fetch in `cause`. */
function rootOf(error: unknown): object {
  const outer = (typeof error === 'object' && error) || { message: String(error) };
  const { driverError, errors, cause, message } = outer as Record<string, unknown>;
  const inner =
    driverError ?? (errors as unknown[] | undefined)?.[0] ?? (message === 'fetch failed' ? cause : undefined);
  return typeof inner === 'object' && inner ? rootOf(inner) : outer;
}
