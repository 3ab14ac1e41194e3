import type { ServiceRequest } from 'fhir/r4.js';
import { asReplacement, extensions } from '#fhir';
import { fail } from '#platform';
import type { OrderCommand } from './order.decider.js';

/** What an update cannot take away: what is assigned here, and what the order is to other orders. */
const kept: readonly (keyof ServiceRequest)[] = ['identifier', 'authoredOn', 'basedOn', 'replaces'];
/** Statuses a client may give an order; that it is completed its exam says. */
const stated: ServiceRequest['status'][] = ['active', 'on-hold', 'revoked', 'entered-in-error'];

/**
 * An update (FHIR R4 section 3.1.0.4) as the command it is: one that only says what is so already changes nothing, also
 * of an order that is over. What the new version leaves out is no more.
 *
 * @throws Failure state-conflict for a status that is not the client's to give
 */
export function replacementOf(current: ServiceRequest, next: ServiceRequest): OrderCommand {
  if (next.status !== current.status && !stated.includes(next.status))
    throw fail('state-conflict', `must be one of ${stated.join(', ')}: the exam says when an order is completed`, {
      field: 'ServiceRequest.status',
    });
  const serviceRequest = asReplacement(current, next, kept, [extensions.clarification]);
  return { control: next.status === 'revoked' ? 'CA' : 'XO', serviceRequest };
}
