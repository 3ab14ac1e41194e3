import type { Coding, Provenance, ServiceRequest } from 'fhir/r4.js';
import type { EventType } from '#events';
import { extensions, joinExtensions, joinStated, sameContent } from '#fhir';
import { fail } from '#platform';

/**
 * What a placer asks of one order, in codes of HL7 table 0119: NW new, XO change, CA cancel, DC discontinue, HD hold, RL
 * release, RP replace by what follows, RO what replaces, SN give it a number, SC its status where another department
 * does the exam, PA parent of what follows, CH child of a parent.
 */
export interface OrderCommand {
  control: 'NW' | 'XO' | 'CA' | 'DC' | 'HD' | 'RL' | 'RP' | 'RO' | 'SN' | 'SC' | 'PA' | 'CH';
  /** The order as the placer states it now; its id is derived from the placer order number. */
  serviceRequest: ServiceRequest;
  /** Who asks it, where that is said: kept with what comes of it. */
  provenance?: Provenance;
}

/** What is to be stored and told. Nothing changes where both are absent; a draft is stored and told to nobody. */
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
  const { control, serviceRequest } = command;
  switch (control) {
    case 'NW':
    case 'RO':
    case 'CH':
      return isOpen(current) ? placeAgain(current, serviceRequest) : place(current, serviceRequest);
    case 'XO':
      return change(known(current), serviceRequest);
    case 'CA':
    case 'DC':
    case 'RP':
      return cancel(known(current), serviceRequest);
    case 'HD':
      return become('on-hold', known(current), serviceRequest);
    case 'RL':
      return become('active', known(current), serviceRequest);
    case 'SC':
      return follow(known(current), serviceRequest.status);
    case 'SN':
      return current ? {} : { serviceRequest: { ...serviceRequest, status: 'draft' } };
    case 'PA':
      return isOpen(current) ? change(current, serviceRequest) : place(current, serviceRequest);
  }
}

/**
 * Marks an order completed once its exam is. One that was cancelled while the exam went on is completed too: it was
 * done. FHIR R4 request-status: completed = the activity described by the request has been performed.
 */
export function completeOrder(current: ServiceRequest): ServiceRequest | undefined {
  return isOver(current) && current.status !== 'revoked' ? undefined : { ...current, status: 'completed' };
}

/**
 * The order as it is to be done still, where the exam that completed it turned out to be another order's.
 *
 * @param told as whoever followed the exam has it, with the mark that says so
 * @returns undefined where it is not so, or was heard before
 */
export function reopenOrder(current: ServiceRequest, told: ServiceRequest): ServiceRequest | undefined {
  const markOf = ({ extension = [] }: ServiceRequest) => extension.find(({ url }) => url === extensions.reopened);
  const mark = markOf(told);
  if (!mark || current.status !== 'completed' || mark.valueInstant === markOf(current)?.valueInstant) return undefined;
  const others = (current.extension ?? []).filter(({ url }) => url !== extensions.reopened);
  return { ...current, status: told.status, extension: [...others, mark] };
}

/** A parent is completed when none of its children is open any more and one of them was done. */
export function completeParent(
  parent: ServiceRequest,
  children: readonly ServiceRequest[],
): ServiceRequest | undefined {
  const isDone = children.every(isOver) && children.some(({ status }) => status === 'completed');
  return isDone && isParent(parent) && !isOver(parent) ? { ...parent, status: 'completed' } : undefined;
}

/** True of an order that is done by its children (HL7 table 0119, PA): FHIR calls it the original order. */
export function isParent({ intent }: ServiceRequest): boolean {
  return intent === 'original-order';
}

/** True of what is asked of a parent's children as well. */
export function concernsChildren({ control }: OrderCommand): boolean {
  return ['CA', 'DC', 'RP', 'HD', 'RL'].includes(control);
}

/** A number that was only asked for (SN) becomes an order when its order comes. */
function place(draft: ServiceRequest | undefined, ordered: ServiceRequest): OrderDecision {
  if (ordered.status !== 'active' && ordered.status !== 'on-hold')
    throw fail('field-invalid', 'a new order must be active: send its order status as in process or leave it empty', {
      field: 'orderStatus',
    });
  const serviceRequest = draft ? { ...merge(draft, ordered), status: ordered.status } : ordered;
  return { serviceRequest, event: 'imaging.order.placed.v1' };
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
  assertOpen(current);
  const changed = merge(current, ordered);
  if (sameContent(current, changed)) return {};
  return { serviceRequest: changed, event: eventOf(changed) };
}

function become(status: 'active' | 'on-hold', current: ServiceRequest, asked: ServiceRequest): OrderDecision {
  assertOpen(current);
  return current.status === status ? {} : told({ ...current, ...reasonIn(asked, current), status });
}

/** A department that does the exam itself says how far it is; what is over is not begun again. */
function follow(current: ServiceRequest, status: ServiceRequest['status']): OrderDecision {
  if (current.status === status) return {};
  assertOpen(current);
  return told({ ...current, status });
}

function cancel(current: ServiceRequest, asked: ServiceRequest): OrderDecision {
  if (current.status === 'revoked' || current.status === 'entered-in-error') return {};
  if (current.status === 'completed')
    throw fail('state-conflict', 'the exam is completed and can no longer be cancelled', { field: 'orderControl' });
  const serviceRequest: ServiceRequest = { ...current, ...reasonIn(asked, current), status: 'revoked' };
  // Nobody has heard of a number that was only asked for.
  return current.status === 'draft' ? { serviceRequest } : told(serviceRequest);
}

/** Why it is ended, held or released: all that such a request says beside itself. */
function reasonIn(asked: ServiceRequest, { extension }: ServiceRequest): Pick<ServiceRequest, 'extension'> {
  const reason = asked.extension?.filter(({ url }) => url === extensions.statusReason) ?? [];
  return reason.length > 0 ? { extension: joinExtensions(extension, reason) } : {};
}

function told(serviceRequest: ServiceRequest): OrderDecision {
  return { serviceRequest, event: eventOf(serviceRequest) };
}

/** A change whose order status says cancelled is a cancellation, and everybody must hear it as one. */
function eventOf({ status }: ServiceRequest): OrderDecision['event'] {
  return status === 'revoked' || status === 'entered-in-error'
    ? 'imaging.order.cancelled.v1'
    : 'imaging.order.changed.v1';
}

function assertOpen(current: ServiceRequest): void {
  if (current.status === 'draft')
    throw fail('state-conflict', 'only a number was asked for: send NW to place the order', { field: 'orderControl' });
  if (isOver(current))
    throw fail('state-conflict', `the order is ${current.status} and can no longer be changed: place a new order`, {
      field: 'orderControl',
    });
}

function isOpen(current: ServiceRequest | undefined): current is ServiceRequest {
  return current !== undefined && current.status !== 'draft';
}

function known(current: ServiceRequest | undefined): ServiceRequest {
  if (current) return current;
  throw fail('unknown-key', 'no order with this placer order number was placed: send NW first', {
    field: 'placerOrderNumber',
  });
}

/** True of an order that nothing can be done to any more. */
export function isOver(order: ServiceRequest): boolean {
  return order.status === 'revoked' || order.status === 'completed' || order.status === 'entered-in-error';
}

/**
 * An element the placer leaves out keeps its value (HL7 v2: an empty field means no change), and the numbers we
 * assigned stay: identifiers are joined by kind, the newer value of a kind wins.
 */
function merge(current: ServiceRequest, ordered: ServiceRequest): ServiceRequest {
  const kindOf = ({ use = '', system = '', type }: { use?: string; system?: string; type?: { coding?: Coding[] } }) =>
    `${use} ${type?.coding?.[0]?.code ?? system}`;
  const newer = ordered.identifier ?? [];
  const kept = (current.identifier ?? []).filter((old) => !newer.some((one) => kindOf(one) === kindOf(old)));
  return {
    ...joinStated(current, ordered),
    // A change that names no status leaves it as it is.
    status: ordered.status === 'unknown' ? current.status : ordered.status,
    identifier: inOrderOf(current.identifier ?? [], [...newer, ...kept], kindOf),
    authoredOn: current.authoredOn ?? ordered.authoredOn,
    ...(ordered.meta?.security ? { meta: { ...current.meta, security: ordered.meta.security } } : {}),
  };
}

function inOrderOf<T>(old: T[], joined: T[], kindOf: (item: T) => string): T[] {
  const rank = (item: T) => {
    const at = old.findIndex((one) => kindOf(one) === kindOf(item));
    return at < 0 ? old.length : at;
  };
  return [...joined].sort((a, b) => rank(a) - rank(b));
}
