import type { FhirResource, ImagingStudy, Patient, ServiceRequest } from 'fhir/r4.js';
import { findResource, findResources, type ImagingEvent } from '#events';
import { isToldOf, partFor } from '#mapping';
import type { Destination, Site } from '#platform';
import type { EmrFact, ToldBefore } from './emr-fact.js';
import { isDose } from '../dose/dose-number.decider.js';
import { newsOfOrder } from './order-status.decider.js';

/** A fact on its way to one destination of the site file, in order per patient (`key`). */
export interface EmrDelivery {
  destination: string;
  key: string;
  kind: string;
  /** The event, and of several messages which: handled twice, it is one delivery. */
  idempotencyKey: string;
  body: EmrFact;
}

/** How a fact is told by HL7 v2: `mllp` is ORU^R01, as it was called when there was no other. */
export type MessageKind = 'mllp' | 'orderStatus' | 'documents' | 'contrast' | 'reactions' | 'dose';
type Fhir = (Destination & { kind: 'fhir' })['gets'][number];

/** How each fact is told: by HL7 v2 as the first kind that a destination gets; by FHIR where it gets one of those. */
const facts: Record<string, { hl7: readonly MessageKind[]; fhir: readonly Fhir[] }> = {
  'schedule.booked': { hl7: ['orderStatus'], fhir: ['appointments'] },
  'schedule.moved': { hl7: ['orderStatus'], fhir: ['appointments'] },
  'schedule.cancelled': { hl7: ['orderStatus'], fhir: ['appointments'] },
  'schedule.exam-started': { hl7: ['orderStatus', 'mllp'], fhir: ['results', 'appointments'] },
  'schedule.exam-completed': { hl7: ['orderStatus', 'mllp'], fhir: ['results', 'appointments'] },
  'schedule.exam-discontinued': { hl7: ['orderStatus', 'mllp'], fhir: ['results', 'appointments'] },
  'schedule.exam-stop-requested': { hl7: ['orderStatus'], fhir: ['results'] },
  'schedule.exam-stop-settled': { hl7: ['orderStatus'], fhir: ['results'] },
  'contrast.administered': { hl7: ['contrast', 'mllp'], fhir: ['contrast'] },
  'contrast.reaction-recorded': { hl7: ['reactions'], fhir: ['reactions'] },
  'result.study-available': { hl7: ['mllp'], fhir: ['results'] },
  'result.study-withdrawn': { hl7: ['mllp'], fhir: ['results'] },
  'result.reported': { hl7: ['documents', 'mllp', 'orderStatus'], fhir: ['results'] },
  'result.dose-recorded': { hl7: ['dose'], fhir: ['dose'] },
  'result.instruction-changed': { hl7: [], fhir: ['instructions'] },
};
/** Facts whose patient is known for certain also where the order is not. */
const ofTheirOwn = ['result.reported', 'contrast.reaction-recorded'];

/** What is sent; everything else in an event (plan, tasks) is the department's own affair. */
const sent: Partial<Record<FhirResource['resourceType'], Fhir>> = {
  ServiceRequest: 'results',
  Procedure: 'results',
  ImagingStudy: 'results',
  DiagnosticReport: 'results',
  MedicationAdministration: 'contrast',
  AdverseEvent: 'reactions',
  AllergyIntolerance: 'reactions',
  Appointment: 'appointments',
  Communication: 'instructions',
  Observation: 'dose',
};

/**
 * The deliveries a fact gives rise to: one for each destination that gets such facts of such orders, with the part of it
 * that it may see; by order status one for each order. Known by the event, so that an event handled twice is delivered
 * once. A patient without any identifier is known to no EMR: nothing is sent until they are identified.
 *
 * @param before what of its resources was told before
 * @param referring what was told before without being able to refer to what this is about: told along with it by FHIR,
 *   where a message would be one more result
 */
export function deliveriesOf(
  event: ImagingEvent,
  site: Site,
  before: readonly ToldBefore[] = [],
  referring: readonly FhirResource[] = [],
): EmrDelivery[] {
  const patient = findResource(event, 'Patient');
  if (!patient?.identifier?.some((one) => one.system && one.value)) return [];
  const fact = event.type.split('.').slice(1, -1).join('.');
  const orders = findResources(event, 'ServiceRequest');
  // An exam without an order may name a patient that the technologist mistyped: the EMR must not learn it as one.
  if (orders.length === 0 && !ofTheirOwn.includes(fact)) return [];
  return site.destinations.flatMap((destination): EmrDelivery[] => {
    const kind = kindFor(fact, destination);
    const theirs = orders.filter((order) => isToldOf(order, destination, site));
    if (!kind || (destination.only && theirs.length === 0)) return [];
    const carried = (event.data.entry ?? []).flatMap(({ resource }) => (resource ? [resource as FhirResource] : []));
    const all = destination.kind === 'fhir' ? [...carried, ...referring] : carried;
    const resources = partsFor(destination, all, patient, theirs);
    const told = before.filter(({ id }) => resources.some((one) => one.id === id));
    const body = { fact, resources, ...(told.length > 0 ? { before: told } : {}) };
    const delivery = { destination: destination.name, key: event.patientId, kind, idempotencyKey: event.id, body };
    return kind === 'orderStatus' ? ofEachOrder(delivery) : [delivery];
  });
}

/**
 * What a destination by FHIR is told again of a resource as it stands now, with its patient, its orders and the study that it
 * is of; undefined where it gets no such thing.
 *
 * @param idempotencyKey by which the delivery is one, however often it is asked for
 */
export function tellingAgain(
  destination: Destination & { kind: 'fhir' },
  resource: FhirResource,
  { patient, orders, study }: { patient: Patient; orders: readonly ServiceRequest[]; study?: ImagingStudy | undefined },
  idempotencyKey: string,
  site: Site,
): EmrDelivery | undefined {
  if (!patient.identifier?.some((one) => one.system && one.value)) return undefined;
  const theirs = orders.filter((order) => isToldOf(order, destination, site));
  if (destination.only && theirs.length === 0) return undefined;
  const others = orders.filter(({ id }) => id !== resource.id);
  const resources = partsFor(destination, [resource, ...others, ...(study ? [study] : []), patient], patient, theirs);
  if (!resources.some(({ id }) => id === resource.id)) return undefined;
  const body = { fact: 'result.told-again', resources };
  return { destination: destination.name, key: patient.id!, kind: 'fhir', idempotencyKey, body };
}

function partsFor(
  destination: Destination,
  carried: readonly FhirResource[],
  patient: Patient,
  theirs: readonly ServiceRequest[],
) {
  return carried
    .filter((one) => one === patient || isSent(one, destination))
    .filter((one) => one.resourceType !== 'ServiceRequest' || theirs.some(({ id }) => id === one.id))
    .map((one) => partFor(one, destination));
}

function kindFor(fact: string, destination: Destination): MessageKind | 'fhir' | undefined {
  const { hl7, fhir } = facts[fact] ?? { hl7: [], fhir: [] };
  if (destination.kind === 'fhir') return fhir.some((one) => destination.gets.includes(one)) ? 'fhir' : undefined;
  return hl7.find((one) => destination.gets.includes(one === 'mllp' ? 'results' : one));
}

function isSent(one: FhirResource, destination: Destination): boolean {
  const needed = sent[one.resourceType];
  if (!needed) return false;
  // What is only expected is not yet a fact.
  if (one.resourceType === 'ImagingStudy' && one.status === 'registered') return false;
  if (one.resourceType === 'Observation' && !isDose(one)) return false;
  // Messages are made of all there is; a FHIR server keeps what it gets.
  const isOrder = one.resourceType === 'ServiceRequest';
  return destination.kind === 'mllp' || isOrder || destination.gets.includes(needed);
}

/** ORM^O01 tells of one order: each that there is news of has a message. */
function ofEachOrder(delivery: EmrDelivery): EmrDelivery[] {
  const { body, idempotencyKey } = delivery;
  const orders = body.resources.filter(({ resourceType }) => resourceType === 'ServiceRequest');
  return orders.flatMap((order) => {
    const resources = body.resources.filter((one) => one === order || one.resourceType !== 'ServiceRequest');
    const ofIt = { ...body, resources };
    return newsOfOrder(ofIt) ? [{ ...delivery, idempotencyKey: `${idempotencyKey}/${order.id}`, body: ofIt }] : [];
  });
}
