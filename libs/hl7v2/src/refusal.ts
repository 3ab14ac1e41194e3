/** HL7 table 0357, message error condition codes, as far as Collimator gives them. */
export const errorCodes = {
  100: 'Segment sequence error',
  101: 'Required field missing',
  102: 'Data type error',
  103: 'Table value not found',
  200: 'Unsupported message type',
  201: 'Unsupported event code',
  202: 'Unsupported processing id',
  203: 'Unsupported version id',
  204: 'Unknown key identifier',
  205: 'Duplicate key identifier',
  206: 'Application record locked',
  207: 'Application internal error',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** Where in a message the fault is (HL7 v2.5.1 data type ERL); all counts from 1. */
export interface Location {
  segment: string;
  /** Which segment of that name. */
  sequence?: number;
  field?: number;
  repetition?: number;
  component?: number;
}

/**
 * A message that will not be taken. Its text names the field and the fix, and never holds what the field contained.
 * AE = the content is at fault, AR = it is not for us or cannot be taken now.
 */
export class Hl7Refusal extends Error {
  override readonly name = 'Hl7Refusal';

  constructor(
    readonly acknowledgement: 'AE' | 'AR',
    readonly errorCode: ErrorCode,
    text: string,
    readonly location?: Location,
  ) {
    super(text);
  }

  /** The location as people write it: `PID-3.1`, `OBR[2]-4`. */
  get place(): string | undefined {
    return this.location && placeOf(this.location);
  }
}

/** A location as people write it: `PID-3.1`, `OBR[2]-4`. */
export function placeOf({ segment, sequence, field, component }: Location): string {
  const nth = sequence && sequence > 1 ? `[${sequence}]` : '';
  return `${segment}${nth}${field ? `-${field}` : ''}${component ? `.${component}` : ''}`;
}

/** A content error (AE). */
export function contentError(errorCode: ErrorCode, text: string, location?: Location): Hl7Refusal {
  return new Hl7Refusal('AE', errorCode, text, location);
}

/** A message that is not for us, or cannot be taken now (AR). */
export function rejection(errorCode: ErrorCode, text: string, location?: Location): Hl7Refusal {
  return new Hl7Refusal('AR', errorCode, text, location);
}
