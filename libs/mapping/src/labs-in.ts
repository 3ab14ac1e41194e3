import type { Observation, Patient } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import type { Sender, Site } from '#platform';
import { dateTimeFrom } from './data-types.js';
import { assertSends, missingSegment, surroundingsOf } from './envelope.js';
import { observationFrom } from './observation.js';
import { patientFrom } from './patient.js';

/** What a laboratory tells: whose values, each with the time it stands for. */
export interface LabMessage {
  patient: Patient;
  clinical: Observation[];
}

/**
 * Reads ORU^R01 from a laboratory (IG message map ORU_R01, segment map OBX[Observation]). A value without a time of its
 * own (OBX-14) has that of its group (OBR-7), which is when its specimen was taken; the time of the report is never taken
 * for it. Of two that say the same thing the later one counts.
 *
 * @throws Hl7Refusal naming the field at fault
 */
export function labsFromMessage(message: Hl7Message, sender: Sender, site: Site): LabMessage {
  assertSends(sender, 'labs', message);
  const patient = patientFrom(message, sender, site);
  const around = surroundingsOf(sender, site);
  if (!message.first('OBR')) throw missingSegment('OBR');
  const byId = new Map<string, Observation>();
  let group: Segment | undefined;
  for (const segment of message.segments) {
    if (segment.name === 'OBR') group = segment;
    if (segment.name !== 'OBX') continue;
    if (!group) throw contentError(100, 'an OBX must follow the OBR that it is of', segment.at(1));
    const observation = observationFrom(segment, patient, around, [], dateTimeFrom(group, 7, around));
    if (observation) byId.set(observation.id!, observation);
  }
  return { patient, clinical: [...byId.values()] };
}
