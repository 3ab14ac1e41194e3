import type { Patient } from 'fhir/r4.js';
import { timestamp, writeSegment, type FieldValue } from '#hl7v2';
import type { Site } from '#platform';
import { hl7DateTime } from './date-time.js';

/** Who sends to whom, under which control id. */
export interface MessageEnvelope {
  sendingApplication: string;
  sendingFacility: string;
  receivingApplication: string;
  receivingFacility: string;
  controlId: string;
  now: Date;
  /** Short name (HL7 namespace id) of a FHIR identifier system, where the site has one. */
  namespaceOf(system: string | undefined): string | undefined;
}

/**
 * The envelope of what the site sends to one of its destinations. Where that is where a sender is answered, authorities
 * go by the sender's own names.
 */
export function envelopeTo(
  to: { name?: string; application: string; facility: string },
  message: { controlId: string; now: Date },
  site: Site,
): MessageEnvelope {
  const answered = site.senders.filter(({ repliesTo }) => repliesTo !== undefined && repliesTo === to.name);
  const own = Object.assign({}, ...answered.map(({ authorities }) => authorities)) as Site['authorities'];
  // Own names first, and no name of the site that means something else there.
  const namespaces = Object.entries({ ...own, ...site.authorities, ...own });
  return {
    sendingApplication: site.identity.application,
    sendingFacility: site.identity.facility,
    receivingApplication: to.application,
    receivingFacility: to.facility,
    ...message,
    namespaceOf: (system) => namespaces.find(([, known]) => known === system)?.[0],
  };
}

/** MSH of a message of that type (message code, trigger event, structure). */
export function headerSegment(type: FieldValue, envelope: MessageEnvelope): string {
  return writeSegment('MSH', {
    1: '|',
    3: envelope.sendingApplication,
    4: envelope.sendingFacility,
    5: envelope.receivingApplication,
    6: envelope.receivingFacility,
    7: timestamp(envelope.now),
    9: type,
    10: envelope.controlId,
    11: 'P',
    12: '2.5.1',
    18: 'UNICODE UTF-8',
  });
}

const sexes: Record<string, string> = { male: 'M', female: 'F', other: 'O', unknown: 'U' };

/** PID of a patient: one number, name, birth date, sex. */
export function patientSegment(patient: Patient, envelope: MessageEnvelope): string {
  const name = patient.name?.[0];
  return writeSegment('PID', {
    1: '1',
    3: numberOf(patient, envelope),
    // Required: of somebody whose name is not said, the field says that (table 0200, U unspecified).
    5:
      name?.family || name?.given?.[0]
        ? [name.family, name.given?.[0], name.given?.slice(1).join(' ') || undefined]
        : ['', '', '', '', '', '', 'U'],
    7: hl7DateTime(patient.birthDate),
    8: sexes[patient.gender ?? ''],
  });
}

/** PV1 where a message must have one: what is told here is of no visit we know (table 0004, U unknown). */
export function visitSegment(): string {
  return writeSegment('PV1', { 1: '1', 2: 'U' });
}

/** CX of the number a patient goes by: one without the name of its authority could be taken for another patient's. */
export function numberOf(patient: Patient, envelope: MessageEnvelope): FieldValue {
  const own = patient.identifier?.filter(({ use }) => use !== 'old');
  const number = own?.find((one) => envelope.namespaceOf(one.system)) ?? own?.[0];
  return [number?.value, '', '', envelope.namespaceOf(number?.system), number?.type?.coding?.[0]?.code ?? 'MR'];
}
