import type { ServiceRequest } from 'fhir/r4.js';
import { contentError, type Segment } from '#hl7v2';
import { ofTable } from '#platform';
import { missing } from './envelope.js';

import pairs from './tables/order-control.json' with { type: 'json' };
import statuses from './tables/order-status.json' with { type: 'json' };

/** Order control codes a placer may send (HL7 table 0119), each with the order statuses (table 0038) it goes with. */
export type OrderControl = keyof typeof pairs;

const controls = Object.keys(pairs) as OrderControl[];
/** Those that speak of an order known by its number: the procedure may be left out. */
const ofKnownOrder: readonly OrderControl[] = ['CA', 'DC', 'HD', 'RL', 'RP', 'SC', 'SN', 'PA'];

/**
 * ORC-1, checked together with ORC-5 (HL7 v2.5.1 section 4.5.1, IHE RAD-2, RAD-3, RAD-4, RAD-13).
 *
 * @throws Hl7Refusal 101 without one, 103 for a code or a pair that is not taken
 */
export function controlOf(orc: Segment): OrderControl {
  const code = orc.get(1);
  if (!code) throw missing('ORC', 1, 'order control', orc.sequence);
  const control = controls.find((one) => one === code);
  if (!control) throw contentError(103, `ORC-1 must be one of ${controls.join(', ')}`, orc.at(1));
  const status = orc.get(5) ?? '';
  const allowed: string[] = pairs[control];
  if (allowed.includes(status)) return control;
  if (!status) throw missing('ORC', 5, `order status beside ${control}`, orc.sequence);
  const codes = allowed.filter(Boolean).join(', ');
  throw contentError(
    103,
    `ORC-5 beside ${control} must be ${allowed.includes('') ? 'empty or ' : ''}one of ${codes}`,
    orc.at(5),
  );
}

/** True if an order with this control must name its procedure (OBR-4). */
export function needsProcedure(control: OrderControl): boolean {
  return !ofKnownOrder.includes(control);
}

/**
 * ServiceRequest.status: ORC-5 wins, ORC-1 counts only where it is empty (IG concept maps OrderStatus and
 * OrderControlCode). CA and HD are requests, which the order's state decides on. A change that names no status says
 * none: `unknown`.
 *
 * Our own: a status sent for its own sake (SC) of A, some results available, means that the exam is done, as IHE RAD-13
 * receivers take it.
 */
export function statusOf(orc: Segment, control: OrderControl): ServiceRequest['status'] {
  const code = orc.get(5);
  if (control === 'SC' && code === 'A') return 'completed';
  const stated = ofTable(statuses, code) as ServiceRequest['status'] | undefined;
  return stated ?? (control === 'XO' ? 'unknown' : 'active');
}
