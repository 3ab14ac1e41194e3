import type { ServiceRequest } from 'fhir/r4.js';
import { extensions, joinExtensions } from '#fhir';
import type { OrderCommand } from './order.decider.js';

/** What a placer may ask that ends or holds an order (HL7 table 0119). */
export type EndingRequest = 'CA' | 'DC' | 'RP' | 'HD';

/**
 * The order with the request of its own placer that brought it to its status, so that they can be answered by its code
 * once the exam is over; without one where the order goes on.
 */
export function withRequest(
  before: ServiceRequest | undefined,
  after: ServiceRequest,
  control: OrderCommand['control'],
): ServiceRequest {
  if (before?.status === after.status) return after;
  const request = requestBehind(after, control);
  if (!request && !requestOf(after)) return after;
  const { extension: known, ...rest } = after;
  const noted = { url: extensions.orderControl, ...(request ? { valueCode: request } : {}) };
  const extension = joinExtensions(known, [noted]);
  return extension.length > 0 ? { ...rest, extension } : rest;
}

/** The request of its placer that brought an order to its status; none where others did, or it goes on. */
export function requestOf({ extension = [] }: ServiceRequest): EndingRequest | undefined {
  return extension.find(({ url }) => url === extensions.orderControl)?.valueCode as EndingRequest | undefined;
}

function requestBehind({ status }: ServiceRequest, control: OrderCommand['control']): EndingRequest | undefined {
  if (status === 'on-hold') return control === 'HD' ? 'HD' : undefined;
  // A status for its own sake asks for nothing.
  if (control === 'SC' || (status !== 'revoked' && status !== 'entered-in-error')) return undefined;
  // A change whose status says cancelled asks for a cancellation.
  return control === 'DC' || control === 'RP' ? control : 'CA';
}
