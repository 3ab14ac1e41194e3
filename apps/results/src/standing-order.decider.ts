import type { ServiceRequest } from 'fhir/r4.js';
import { findResource, type ImagingEvent } from '#events';

/**
 * The order as it stands. Events of different topics reach us in no order among each other, and contrast's copy of an
 * order does not follow the exam: an order that is over stays over, and only those who own its state may change it.
 */
export function standingOrder(known: ServiceRequest | undefined, event: ImagingEvent): ServiceRequest | undefined {
  const told = findResource(event, 'ServiceRequest');
  if (!known || !told) return told;
  if (event.type.startsWith('imaging.contrast.')) return known;
  return isOver(known) && !isOver(told) ? known : told;
}

/** The event as it would have been told with the order as it stands. */
export function withOrder(event: ImagingEvent, order: ServiceRequest | undefined): ImagingEvent {
  if (!order) return event;
  const entry = event.data.entry?.map((one) =>
    one.resource?.resourceType === 'ServiceRequest' ? { ...one, resource: order } : one,
  );
  return { ...event, data: { ...event.data, entry } };
}

function isOver(order: ServiceRequest): boolean {
  return order.status === 'completed' || order.status === 'revoked';
}
