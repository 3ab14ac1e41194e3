import type { Coding, ServiceRequest } from 'fhir/r4.js';
import type { EventType } from '#events';
import { sameContent } from '#fhir';
import { fail } from '#platform';

/**
 * What a placer asks of one order. The codes are those of HL7 table 0119 that open, change or end an order:
 * NW new, XO change, CA cancel, DC discontinue.
 */
export interface OrderCommand {
  control: 'NW' | 'XO' | 'CA' | 'DC';
  /** The order as the placer states it now; its id is derived from the placer order number. */
  serviceRequest: ServiceRequest;
}

/** What is to be stored and told. Nothing changes and nothing is told where both are absent. */
export interface OrderDecision {
  serviceRequest?: ServiceRequest;
  event?: Extract<EventType, `imaging.order.${string}`>;
}

/**
 * Decides one placer command on one order (HL7 v2.5.1 chapter 4.5.1, IHE RAD-2/RAD-3).
 *
 * A command that says what is already so changes nothing, so a placer may repeat itself under a new message control id.
 *
 * @param current the order as stored, undefined if this placer order number is new
 * @throws Failure duplicate-key (NW for a number in use with other content), unknown-key (change or cancel of an order
 *   never placed), state-conflict (the order can no longer be changed or cancelled)
 */
export function decideOrder(current: ServiceRequest | undefined, command: OrderCommand): OrderDecision {
  if (current && current.subject.reference !== command.serviceRequest.subject.reference)
    throw fail('duplicate-key', 'this placer order number belongs to an order of another patient', {
      field: 'placerOrderNumber',
    });
  switch (command.control) {
    case 'NW':
      return current ? placeAgain(current, command.serviceRequest) : place(command.serviceRequest);
    case 'XO':
      return change(known(current), command.serviceRequest);
    case 'CA':
    case 'DC':
      return cancel(known(current));
  }
}

/**
 * Marks an order completed once its exam is; an order already at its end stays as it is.
 * FHIR R4 request-status: completed = the activity described by the request has been performed.
 */
export function completeOrder(current: ServiceRequest): ServiceRequest | undefined {
  return isOver(current) ? undefined : { ...current, status: 'completed' };
}

function place(ordered: ServiceRequest): OrderDecision {
  if (ordered.status !== 'active' && ordered.status !== 'on-hold')
    throw fail('field-invalid', 'a new order must be active: send its order status as in process or leave it empty', {
      field: 'orderStatus',
    });
  return { serviceRequest: ordered, event: 'imaging.order.placed.v1' };
}

function placeAgain(current: ServiceRequest, ordered: ServiceRequest): OrderDecision {
  if (!isOver(current) && sameContent(current, merge(current, ordered))) return {};
  throw fail(
    'duplicate-key',
    'this placer order number is already in use: send XO to change the order, or a new number',
    {
      field: 'placerOrderNumber',
    },
  );
}

function change(current: ServiceRequest, ordered: ServiceRequest): OrderDecision {
  if (isOver(current))
    throw fail('state-conflict', `the order is ${current.status} and can no longer be changed: place a new order`, {
      field: 'orderControl',
    });
  const changed = merge(current, ordered);
  if (sameContent(current, changed)) return {};
  // A change whose order status says cancelled is a cancellation, and everybody must hear it as one.
  const isEnded = changed.status === 'revoked' || changed.status === 'entered-in-error';
  return { serviceRequest: changed, event: isEnded ? 'imaging.order.cancelled.v1' : 'imaging.order.changed.v1' };
}

function cancel(current: ServiceRequest): OrderDecision {
  if (current.status === 'revoked' || current.status === 'entered-in-error') return {};
  if (current.status === 'completed')
    throw fail('state-conflict', 'the exam is completed and can no longer be cancelled', { field: 'orderControl' });
  return { serviceRequest: { ...current, status: 'revoked' }, event: 'imaging.order.cancelled.v1' };
}

function known(current: ServiceRequest | undefined): ServiceRequest {
  if (current) return current;
  throw fail('unknown-key', 'no order with this placer order number was placed: send NW first', {
    field: 'placerOrderNumber',
  });
}

function isOver(order: ServiceRequest): boolean {
  return order.status === 'revoked' || order.status === 'completed' || order.status === 'entered-in-error';
}

/**
 * An element the placer leaves out keeps its value (HL7 v2: an empty field means no change), and the numbers we
 * assigned stay: identifiers are joined by kind, the newer value of a kind wins.
 */
function merge(current: ServiceRequest, ordered: ServiceRequest): ServiceRequest {
  const kindOf = (identifier: { system?: string; type?: { coding?: Coding[] } }) =>
    identifier.type?.coding?.[0]?.code ?? identifier.system ?? '';
  const newer = ordered.identifier ?? [];
  const kept = (current.identifier ?? []).filter((old) => !newer.some((one) => kindOf(one) === kindOf(old)));
  return {
    ...current,
    ...ordered,
    identifier: inOrderOf(current.identifier ?? [], [...newer, ...kept], kindOf),
    authoredOn: current.authoredOn ?? ordered.authoredOn,
    meta: current.meta,
  };
}

function inOrderOf<T>(old: T[], joined: T[], kindOf: (item: T) => string): T[] {
  const rank = (item: T) => {
    const at = old.findIndex((one) => kindOf(one) === kindOf(item));
    return at < 0 ? old.length : at;
  };
  return [...joined].sort((a, b) => rank(a) - rank(b));
}
