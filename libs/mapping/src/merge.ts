import type { Identifier, Patient } from 'fhir/r4.js';
import { contentError, Hl7Message, timestamp, writeMessage, writeSegment } from '#hl7v2';
import { patientIdOf } from '#fhir';
import type { Sender, Site } from '#platform';
import { identifierFromCx } from './data-types.js';
import { headerSegment, numberOf, patientSegment, type MessageEnvelope } from './message-out.js';
import { missing, missingSegment, surroundingsOf } from './envelope.js';
import { patientFrom } from './patient.js';
import { eachRepetition } from './rows.js';

/** The messages that make two patients' records one: merges (A40, and A34 and A36 of old), and a number changed (A47). */
export const mergeTypes: readonly string[] = ['ADT^A34', 'ADT^A36', 'ADT^A40', 'ADT^A47'];

/** One merge: what the record that is no more was known by, and the patient whose record it is now. */
export interface MergeStated {
  prior: { id: string; identifier: Identifier[] };
  survivor: Patient;
}

/**
 * Reads the merges of a message in their order (HL7 v2.5.1 section 3.3.40, IHE PAM ITI-30; IG message map ADT_A40): each
 * PID is followed by the MRG of the record it takes in. A47 says the same of a patient whose number alone is another.
 *
 * @throws Hl7Refusal 100 without PID or MRG, 101 without a number of the site's patient authority in PID-3 or MRG-1
 */
export function mergesFromAdt(message: Hl7Message, sender: Sender, site: Site): MergeStated[] {
  const starts = message.segments.flatMap(({ name }, index) => (name === 'PID' ? [index] : []));
  if (starts.length === 0) throw missingSegment('PID');
  return starts.map((start, index) => {
    const group = [message.header, ...message.segments.slice(start, starts[index + 1])];
    return mergeFrom(new Hl7Message(group, message.characters), sender, site);
  });
}

function mergeFrom(group: Hl7Message, sender: Sender, site: Site): MergeStated {
  const survivor = patientFrom(group, sender, site);
  const [mrg, second] = group.all('MRG');
  if (!mrg) throw missingSegment('MRG');
  if (second) throw contentError(100, 'a second MRG follows one PID: give each its PID', second.at(1));
  if (!mrg.get(1)) throw missing('MRG', 1, 'prior patient identifier list', mrg.sequence);
  const around = surroundingsOf(sender, site);
  const wanted = site.authorities[site.patientAuthority]!;
  const identifier = eachRepetition(mrg, 1, (repetition) => identifierFromCx(mrg, 1, repetition, around)).map((one) =>
    one.system ? one : { ...one, system: wanted },
  );
  const number = identifier.find(({ system }) => system === wanted)?.value;
  if (!number)
    throw contentError(101, `MRG-1 must hold a number of authority ${site.patientAuthority} (component 4)`, mrg.at(1));
  return { prior: { id: patientIdOf({ system: wanted, value: number }), identifier }, survivor };
}

/** Writes ADT^A40 (HL7 v2.5.1 section 3.3.40, IHE RAD-12): the patient who survives, and whom they take in. */
export function mergeMessage(survivor: Patient, prior: Patient, envelope: MessageEnvelope): Buffer {
  return writeMessage([
    headerSegment(['ADT', 'A40', 'ADT_A39'], envelope),
    writeSegment('EVN', { 2: timestamp(envelope.now) }),
    patientSegment(survivor, envelope),
    writeSegment('MRG', { 1: numberOf(prior, envelope) }),
  ]);
}
