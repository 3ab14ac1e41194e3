import { errorCodes, type Hl7Message, MllpFailure } from '#hl7v2';
import { fail, type Failure } from '#platform';

/** Table 0357 codes of what will be rejected every time: message type, event, processing id, version (HL7 v2.5.1 2.9.2.2). */
const forGood = ['200', '201', '202', '203'];

/**
 * What an acknowledgement means for what was sent: AA and CA are done; AE and CE refuse the content for good; AR and CR
 * mean not now, unless they say that the kind of message is not taken. What is neither is no acknowledgement that can
 * be read. Nothing of the answer is quoted but codes of HL7's own tables, since a receiver may echo the patient.
 *
 * @returns undefined if it is done; else peer-error (retry), peer-refused or peer-answer-malformed (park)
 */
export function failureOfAcknowledgement(answer: Hl7Message): Failure | undefined {
  const code = answer.first('MSA')?.get(1) ?? '';
  if (/^[AC]A$/.test(code)) return undefined;
  if (!/^[AC][ER]$/.test(code))
    return fail('peer-answer-malformed', 'the receiver answered with an MSA-1 outside table 0008');
  const error = errorOf(answer);
  const known = error !== undefined && Object.hasOwn(errorCodes, error);
  const why = known ? `error ${error} of table 0357` : 'no error of table 0357 given';
  return code.endsWith('R') && !forGood.includes(error ?? '')
    ? fail('peer-error', `the receiver rejected the message for now with ${code} (${why})`)
    : fail('peer-refused', `the receiver refused the message with ${code} (${why})`);
}

/** What it means that no acknowledgement came. */
export function failureOfMllp(failure: MllpFailure): Failure {
  const cause = { cause: failure };
  switch (failure.kind) {
    case 'unreachable':
      return fail('peer-unavailable', 'the receiver cannot be reached', cause);
    case 'timeout':
      return fail('peer-timeout', 'no acknowledgement came in time', cause);
    case 'closed':
      return fail('peer-error', 'the receiver closed the connection without an acknowledgement', cause);
    case 'wrong-answer':
      return fail('peer-error', 'the receiver acknowledged another message', cause);
    case 'unreadable':
      return fail('peer-answer-malformed', 'the receiver answered with what is no acknowledgement', cause);
  }
}

/** ERR-3, or before v2.5 the code within ERR-1. */
function errorOf(answer: Hl7Message): string | undefined {
  const err = answer.first('ERR');
  return err?.get(3) ?? err?.get(1, 4);
}
