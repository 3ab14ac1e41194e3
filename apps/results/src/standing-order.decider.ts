import type { ServiceRequest } from 'fhir/r4.js';
import type { ImagingEvent } from '#events';
import { ownerVersionOf } from '#fhir';

/**
 * An order as it stands after it was told again. Events of different topics reach us in no order among each other, and
 * what scheduling and contrast carry is their copy of it: the content is that of the newer version, and an order that
 * is over stays over.
 */
export function standingOrder(known: ServiceRequest | undefined, told: ServiceRequest): ServiceRequest {
  if (!known) return told;
  const newer = ownerVersionOf(told) < ownerVersionOf(known) ? known : told;
  // What was done was done, also where a cancellation came too late and is told last.
  const { status } =
    [known, told].find((one) => one.status === 'completed') ?? [newer, known, told].find(isOver) ?? newer;
  return { ...newer, status };
}

/** The event as it would have been told with its orders as they stand. */
export function withOrders(event: ImagingEvent, orders: readonly ServiceRequest[]): ImagingEvent {
  const entry = event.data.entry?.map((one) => {
    const { resource } = one;
    const standing = orders.find(({ id }) => resource?.resourceType === 'ServiceRequest' && resource.id === id);
    return standing ? { ...one, resource: standing } : one;
  });
  return { ...event, data: { ...event.data, entry } };
}

function isOver({ status }: ServiceRequest): boolean {
  return status === 'completed' || status === 'revoked' || status === 'entered-in-error';
}
