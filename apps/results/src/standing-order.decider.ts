import type { Extension, ServiceRequest } from 'fhir/r4.js';
import type { ImagingEvent } from '#events';
import { extensions, ownerVersionOf } from '#fhir';

/**
 * An order as it stands after it was told again. Events of different topics reach us in no order among each other, and
 * what scheduling and contrast carry is their copy of it: the content is that of the newer version, and an order that
 * is over stays over, unless the exam it was completed by turned out to be another order's, which the mark
 * `reopened` says.
 */
export function standingOrder(known: ServiceRequest | undefined, told: ServiceRequest): ServiceRequest {
  if (!known) return told;
  const newer = ownerVersionOf(told) < ownerVersionOf(known) ? known : told;
  const marks = [markOf(known, told), markOf(told, known)];
  const latest = marks.reduce((one, other) => ((one?.valueInstant ?? '') < (other?.valueInstant ?? '') ? other : one));
  const since = [known, told].filter((_, at) => marks[at]?.valueInstant === latest?.valueInstant);
  // What was done was done, also where a cancellation came too late and is told last.
  const { status } =
    since.find((one) => one.status === 'completed') ??
    [newer, ...since].find((one) => since.includes(one) && isOver(one)) ??
    (since.includes(newer) ? newer : since[0]!);
  if (!latest) return { ...newer, status };
  const others = (newer.extension ?? []).filter(({ url }) => url !== extensions.reopened);
  return { ...newer, status, extension: [...others, latest] };
}

/** When it was last said of an order that it is to be done still; its owner knows in a newer version what an older one did. */
function markOf(order: ServiceRequest, other: ServiceRequest): Extension | undefined {
  const own = reopenedOf(order);
  return own ?? (ownerVersionOf(order) > ownerVersionOf(other) ? reopenedOf(other) : undefined);
}

function reopenedOf({ extension = [] }: ServiceRequest): Extension | undefined {
  return extension.find(({ url }) => url === extensions.reopened);
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
