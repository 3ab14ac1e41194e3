import type { MedicationAdministration, MedicationRequest, ServiceRequest } from 'fhir/r4.js';
import { sameContent, systems, uuidFrom } from '#fhir';
import { procedureFor, type Site } from '#platform';

/** Identity of an order's contrast record. */
export function contrastPlanIdOf(orderId: string): string {
  return uuidFrom('MedicationRequest', orderId);
}

/** What is to be stored and told of a contrast record; nothing where nothing changed. */
export interface ContrastPlanDecision {
  plan?: MedicationRequest;
  event?: 'imaging.contrast.planned.v1' | 'imaging.contrast.cancelled.v1';
}

/**
 * Keeps the contrast record true to its order: opened for an exam that uses contrast, with the agent, volume, rate and
 * route the site file plans; rewritten when the order becomes another exam; cancelled with the order, or when it becomes
 * an exam without contrast. A plan that was carried out stays, and so does that of an order that is completed: what was
 * given is often written down after the exam.
 */
export function planContrast(
  current: MedicationRequest | undefined,
  order: ServiceRequest,
  site: Site,
): ContrastPlanDecision {
  if (current?.status === 'completed' || order.status === 'completed') return {};
  // What a parent order asks for is done under its children.
  const isAsked = ['active', 'on-hold'].includes(order.status) && order.intent !== 'original-order';
  const wanted = isAsked ? planFor(order, site) : undefined;
  if (!wanted) {
    if (current?.status !== 'active') return {};
    return { plan: { ...current, status: 'cancelled' }, event: 'imaging.contrast.cancelled.v1' };
  }
  if (current && sameContent(current, wanted)) return {};
  return {
    plan: { ...wanted, ...(current?.meta ? { meta: current.meta } : {}) },
    event: 'imaging.contrast.planned.v1',
  };
}

/** True if contrast went into the patient, in part at least. */
export function wasGiven({ status }: Pick<MedicationAdministration, 'status'>): boolean {
  return status === 'completed' || status === 'stopped' || status === 'in-progress' || status === 'on-hold';
}

/**
 * The record as its administrations have it: completed once one of them ended with contrast given, open again if that
 * one turns out to be an error, so that the right one can be recorded. A cancelled record stays cancelled.
 *
 * @param order the order as it stands: one that was revoked meanwhile is not opened for again
 * @returns the changed record, undefined if it stays as it is
 */
export function planAfter(
  plan: MedicationRequest,
  administrations: readonly Pick<MedicationAdministration, 'status'>[],
  order: Pick<ServiceRequest, 'status'> | undefined,
): MedicationRequest | undefined {
  const isDone = administrations.some(({ status }) => status === 'completed' || status === 'stopped');
  if (isDone && plan.status === 'active') return { ...plan, status: 'completed' };
  if (isDone || plan.status !== 'completed') return undefined;
  const isRevoked = order?.status === 'revoked' || order?.status === 'entered-in-error';
  return { ...plan, status: isRevoked ? 'cancelled' : 'active' };
}

function planFor(order: ServiceRequest, site: Site): MedicationRequest | undefined {
  const code = order.code?.coding?.find(({ system }) => system === systems.procedure)?.code;
  const contrast = procedureFor(site, code)?.contrast;
  if (!contrast) return undefined;
  const { agent, doseMl, rateMlPerSecond, route } = contrast;
  const ucum = 'http://unitsofmeasure.org';
  return {
    resourceType: 'MedicationRequest',
    id: contrastPlanIdOf(order.id!),
    status: 'active',
    intent: 'plan',
    medicationCodeableConcept: { coding: [agent], text: agent.display },
    subject: order.subject,
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    dosageInstruction: [
      {
        route: { coding: [route] },
        doseAndRate: [
          {
            doseQuantity: { value: doseMl, unit: 'mL', system: ucum, code: 'mL' },
            ...(rateMlPerSecond
              ? { rateQuantity: { value: rateMlPerSecond, unit: 'mL/s', system: ucum, code: 'mL/s' } }
              : {}),
          },
        ],
      },
    ],
  };
}
