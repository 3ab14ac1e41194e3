import type { MedicationRequest, ServiceRequest } from 'fhir/r4.js';
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
 * an exam without contrast. A plan that was carried out stays.
 */
export function planContrast(
  current: MedicationRequest | undefined,
  order: ServiceRequest,
  site: Site,
): ContrastPlanDecision {
  if (current?.status === 'completed') return {};
  const wanted = order.status === 'active' || order.status === 'on-hold' ? planFor(order, site) : undefined;
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

/** The record once its agent was given. */
export function carriedOut(plan: MedicationRequest): MedicationRequest | undefined {
  return plan.status === 'active' ? { ...plan, status: 'completed' } : undefined;
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
