import type { ServiceRequest } from 'fhir/r4.js';
import { writeSegment, type FieldValue, type Hl7Message, type Reply, type Segment } from '#hl7v2';
import { identifierOf, identifierValue, studyInstanceUidOf, systems } from '#fhir';
import { ofTable, type Site } from '#platform';
import { groupsOf, type OrderGroup } from './order-group.js';

import replies from './tables/order-reply.json' with { type: 'json' };

/** The response each order message has (HL7 v2.5.1 sections 4.4.2, 4.4.4, 4.4.10). */
const types: Record<string, readonly string[]> = {
  'ORM^O01': ['ORR', 'O02', 'ORR_O02'],
  'OMG^O19': ['ORG', 'O20', 'ORG_O20'],
  'OMI^O23': ['ORI', 'O24', 'ORI_O24'],
};

/** A required field without a value (HL7 v2.5.1 section 2.5.3.1). */
const explicitNull = '""';

/** Table 0038 by ServiceRequest.status; of a draft, a number is all that there is. */
const orderStatuses: Partial<Record<ServiceRequest['status'], string>> = {
  active: 'IP',
  'on-hold': 'HD',
  revoked: 'CA',
  completed: 'CM',
  'entered-in-error': 'ER',
};

/** Requests that an exam under way leaves open until its modality ends it. */
const ending: readonly (string | undefined)[] = ['CA', 'DC', 'RP', 'HD'];

/**
 * The application's answer to an order message, order by order: what was asked as done or not done (table 0119, such as
 * NW → OK or UA, SN → NA), with the placer's number, ours, and the accession number. Nothing is said of the patient,
 * whom the placer knows. To end an order whose exam is under way is accepted (OK, IP) and not yet done: what comes of it
 * is told when the modality ends it.
 *
 * @param orders the orders as they stand, in the order of the message; undefined where the message was refused
 * @param underWay ids of those whose exam is under way
 */
export function orderReply(
  message: Hl7Message,
  orders: readonly ServiceRequest[] | undefined,
  site: Site,
  underWay: ReadonlySet<string> = new Set(),
): Reply {
  const isImaging = message.type === 'OMI^O23';
  const segments = groupsOf(message).flatMap((group, index) => {
    const order = orders?.[index];
    const common = commonOrder(
      group,
      order,
      { isDone: orders !== undefined, isUnderWay: underWay.has(order?.id ?? '') },
      site,
    );
    const request = group.obr ? [observationRequest(group.obr, index + 1, order, site)] : [];
    return [common, ...request, ...(isImaging ? group.ipc.map((ipc) => imagingProcedure(ipc, order, site)) : [])];
  });
  return { type: types[message.type]!, segments };
}

function commonOrder(
  group: OrderGroup,
  order: ServiceRequest | undefined,
  { isDone, isUnderWay }: { isDone: boolean; isUnderWay: boolean },
  site: Site,
): string {
  const { orc, obr, isFurther } = group;
  const answer = ofTable<{ done: string; notDone: string }>(replies, orc.get(1)) ?? { done: 'OK', notDone: 'UA' };
  const isEnding = ending.includes(orc.get(1));
  // A message taken before is answered by how its order stands now: its exam may have been done all the same.
  const isTooLate = isEnding && order?.status === 'completed';
  const isPending = isEnding && isUnderWay && !isTooLate;
  return writeSegment('ORC', {
    1: isPending ? 'OK' : isDone && !isTooLate ? answer.done : answer.notDone,
    2: isFurther ? entity(obr, 2) : (entity(orc, 2) ?? entity(obr, 2)),
    3: fillerNumber(order, site),
    5: isPending ? orderStatuses.active : order && orderStatuses[order.status],
  });
}

function observationRequest(obr: Segment, sequence: number, order: ServiceRequest | undefined, site: Site): string {
  return writeSegment('OBR', {
    1: String(sequence),
    2: entity(obr, 2),
    3: fillerNumber(order, site),
    4: [1, 2, 3, 4, 5, 6].map((component) => obr.get(4, component)),
    18: identifierOf(order, 'ACSN')?.value,
  });
}

/** IPC-1 to IPC-3 are required and ours to give; of an order that we do not have, they are the explicit null. */
function imagingProcedure(ipc: Segment, order: ServiceRequest | undefined, site: Site): string {
  const accession = identifierOf(order, 'ACSN')?.value;
  const { application } = site.identity;
  const ours = (value: string | undefined, ...rest: string[]) => (value ? [value, ...rest] : undefined);
  return writeSegment('IPC', {
    1: ours(accession, application) ?? entity(ipc, 1) ?? explicitNull,
    2:
      ours(identifierValue(order, systems.requestedProcedureId) ?? accession, application) ??
      entity(ipc, 2) ??
      explicitNull,
    3: ours(studyInstanceUidOf(order), '', application) ?? entity(ipc, 3) ?? explicitNull,
    4: entity(ipc, 4) ?? explicitNull,
    5: ipc.get(5),
  });
}

/** The filler order number is the one the message gave, else the accession number. */
function fillerNumber(order: ServiceRequest | undefined, site: Site): FieldValue {
  const filler = identifierOf(order, 'FILL')?.value ?? identifierOf(order, 'ACSN')?.value;
  return filler ? [filler, site.identity.application] : undefined;
}

/** An EI as it came. */
function entity(segment: Segment | undefined, field: number): FieldValue {
  return segment?.get(field) ? [1, 2, 3, 4].map((component) => segment.get(field, component)) : undefined;
}
