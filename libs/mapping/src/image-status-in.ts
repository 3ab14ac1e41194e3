import type { Patient } from 'fhir/r4.js';
import { contentError, type Hl7Message } from '#hl7v2';
import type { Sender, Site } from '#platform';
import { assertSends } from './envelope.js';
import { groupsOf } from './order-group.js';
import { patientFrom } from './patient.js';

/** HL7 table 0038: completed; some, but not all, results available. */
const orderStatuses = ['CM', 'A'];
/** HL7 table 0123: some or all results there, whether or not they were looked at. */
const resultStatuses = ['A', 'R', 'P', 'F', 'C'];

/** Orders of which a PACS or RIS says that there are images. */
export interface ImageStatus {
  patient: Patient;
  /** Of each order the numbers it is named by: accession (OBR-18), placer (ORC-2, OBR-2), filler (ORC-3, OBR-3). */
  orders: string[][];
}

/**
 * Reads ORM^O01 or OMG^O19 as a status: ORC-1 is SC, and ORC-5 CM or A, or OBR-25 A, R, P, F or C. Orders in any other
 * state are passed over.
 *
 * @throws Hl7Refusal 207 where the sender may not say so, 103 for an order control that is no status
 */
export function imageStatusFromMessage(message: Hl7Message, sender: Sender, site: Site): ImageStatus {
  assertSends(sender, 'images', message);
  const orders = groupsOf(message).flatMap(({ orc, obr }) => {
    if (orc.get(1) !== 'SC')
      throw contentError(103, 'ORC-1 must be SC here: orders themselves go to the orders service', orc.at(1));
    const isThere = orderStatuses.includes(orc.get(5) ?? '') || resultStatuses.includes(obr?.get(25) ?? '');
    const numbers = [obr?.get(18), orc.get(2), obr?.get(2), orc.get(3), obr?.get(3)];
    return isThere ? [[...new Set(numbers.filter((one) => one !== undefined))]] : [];
  });
  return { patient: patientFrom(message, sender, site), orders };
}
