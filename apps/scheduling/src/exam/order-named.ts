import type { EntityManager } from 'typeorm';
import type { ServiceRequest } from 'fhir/r4.js';
import { systems, type FhirStore } from '#fhir';
import { fail } from '#platform';

/** What a person says of whose an exam is. */
export interface OrderNamed {
  /** One of both says which order. */
  orderId?: string;
  accessionNumber?: string;
  /** Which of its steps, where several may be meant. */
  stepId?: string;
  /** Why they say so. */
  reason: string;
  /** The exam was done under another patient number, and is this order's patient's all the same. */
  patientConfirmed: boolean;
}

const texts = ['orderId', 'accessionNumber', 'stepId', 'reason'] as const;

/**
 * Reads what a person says of an exam: which order it is of, and why.
 *
 * @throws Failure field-missing, field-invalid
 */
export function readOrderNamed(body: unknown): OrderNamed {
  const said = (body ?? {}) as Record<string, unknown>;
  for (const field of texts)
    if (said[field] !== undefined && (typeof said[field] !== 'string' || !said[field].trim()))
      throw fail('field-invalid', 'must be a text', { field });
  if (said.patientConfirmed !== undefined && typeof said.patientConfirmed !== 'boolean')
    throw fail('field-invalid', 'must be true or false', { field: 'patientConfirmed' });
  if ((said.orderId === undefined) === (said.accessionNumber === undefined))
    throw fail('field-missing', 'name the order by orderId or by accessionNumber', { field: 'orderId' });
  if (said.reason === undefined) throw fail('field-missing', 'say why the exam is of this order', { field: 'reason' });
  return { ...(said as unknown as OrderNamed), patientConfirmed: said.patientConfirmed === true };
}

/** The order a person names. @throws Failure value-unknown for one that is not here, or a number that several have */
export async function orderNamed(
  store: FhirStore,
  manager: EntityManager,
  { orderId, accessionNumber }: OrderNamed,
): Promise<ServiceRequest> {
  const found = orderId
    ? [await store.read(manager, 'ServiceRequest', orderId)]
    : await store.withIdentifier(manager, 'ServiceRequest', systems.accessionNumber, accessionNumber!);
  const [order, ...others] = found.filter((one) => one !== undefined);
  if (order && others.length === 0) return order;
  throw fail(
    'value-unknown',
    order ? 'several orders have this number: name one by orderId' : 'no such order is known here',
    { field: orderId ? 'orderId' : 'accessionNumber' },
  );
}
