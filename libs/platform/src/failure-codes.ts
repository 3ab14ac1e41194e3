/** What happens to work that failed: tried again, set aside for a person, or given back to its sender. */
export type Fate = 'retry' | 'park' | 'refuse';

interface FailureKind {
  fate: Fate;
  /** HTTP status where the failure is answered over HTTP. */
  status: number;
  meaning: string;
}

/**
 * The closed list of everything that can go wrong, each with its fate. A new way of failing is a new row here, so that
 * somebody has decided whether trying again can help.
 */
export const failureCodes = {
  'database-unavailable': kind('retry', 503, 'Postgres cannot be reached or refuses connections'),
  'version-conflict': kind('retry', 409, 'another writer changed the same resource first'),
  'broker-unavailable': kind('retry', 503, 'Kafka cannot be reached'),
  'peer-unavailable': kind('retry', 503, 'a foreign system cannot be reached or answers with a server error'),
  'peer-busy': kind('retry', 503, 'a foreign system asks to be called later'),
  'peer-denied': kind(
    'retry',
    502,
    'a foreign system does not let us in: our credentials are at fault, not the content',
  ),
  'peer-error': kind('retry', 502, 'a foreign system failed on this one content; the next may pass'),
  'peer-timeout': kind('retry', 504, 'a foreign system did not answer in time; whether it acted is unknown'),

  unexpected: kind('park', 500, 'a fault in Collimator itself'),
  'event-malformed': kind('park', 500, 'a record is not an event of the catalog'),
  'order-unknown': kind('park', 404, 'the event speaks of an order that never arrived here'),
  'step-unknown': kind('park', 404, 'the event speaks of a scheduled procedure step that is not known here'),
  'procedure-unknown': kind('park', 422, 'the site file has no procedure with this code'),
  'station-unavailable': kind('park', 422, 'no station of the site file can do this exam'),
  'peer-refused': kind('park', 502, 'a foreign system refused the content for good'),
  'peer-answer-malformed': kind('park', 502, 'a foreign system answered with something that cannot be read'),

  'field-missing': kind('refuse', 400, 'a required element is missing'),
  'field-invalid': kind('refuse', 400, 'an element has a value that is not allowed'),
  'value-unknown': kind('refuse', 422, 'a code is not known to this site'),
  'not-for-us': kind('refuse', 403, 'the sender or the receiver is not configured'),
  'not-supported': kind('refuse', 501, 'the request is valid but not supported'),
  'duplicate-key': kind('refuse', 409, 'the key is in use with other content'),
  'unknown-key': kind('refuse', 404, 'nothing is known under this key'),
  'state-conflict': kind('refuse', 409, 'the state of the resource does not allow this any more'),
  gone: kind('refuse', 410, 'the resource was deleted'),
  'not-found': kind('refuse', 404, 'there is no such resource'),
  'method-not-allowed': kind('refuse', 405, 'the resource is served, but not this interaction'),
  'precondition-failed': kind('refuse', 412, 'the resource is not at the version the client named'),
  unauthorized: kind('refuse', 401, 'no valid bearer token'),
  forbidden: kind('refuse', 403, 'the client may not do this'),
  'too-large': kind('refuse', 413, 'the message is larger than allowed'),
} as const satisfies Record<string, FailureKind>;

/** A code of the closed list. */
export type FailureCode = keyof typeof failureCodes;

function kind(fate: Fate, status: number, meaning: string): FailureKind {
  return { fate, status, meaning };
}
