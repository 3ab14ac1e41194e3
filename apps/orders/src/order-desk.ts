import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Encounter, FhirResource, Patient, Provenance, ServiceRequest } from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import {
  dicomUidIdentifier,
  FhirStore,
  identifierOf,
  rekeyed,
  studyInstanceUidOf,
  systems,
  typedIdentifier,
  uidFromUuid,
} from '#fhir';
import type { Clinical } from '#mapping';
import type { MergedPatient, Transaction } from '#messaging';
import { AccessionNumbers } from './accession-numbers.store.js';
import { withRequest } from './ending-request.decider.js';
import { Exams } from './exams.js';
import { PlacerDesk } from './placer-desk.js';
import { newsOfOrder } from './order-news.decider.js';
import { OrderReview, type Reviewed } from './order-review.js';
import { concernsChildren, isOver, isParent, type OrderCommand } from './order.decider.js';
import { decideClinical, decideEncounter, decidePatient } from './patient.decider.js';

/** What somebody says of one patient, and asks of orders for them. */
export interface Request {
  patient: Patient;
  encounter?: Encounter;
  /** What is stated of the patient's state; whatever else is known stays. */
  clinical?: Clinical[];
  /** Who says it, where that is said: kept with what comes of it. */
  provenance?: Provenance;
  orders: OrderCommand[];
  /** Whose they are: the system of the sender ({@link senderSystem}), undefined for a FHIR client. */
  source?: string;
}

/** Where orders come in, by HL7 or FHIR alike: reads what is known, has it decided, stores and tells the outcome. */
@Injectable()
export class OrderDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(AccessionNumbers) private readonly accessionNumbers: AccessionNumbers,
    @Inject(OrderReview) private readonly review: OrderReview,
    @Inject(PlacerDesk) private readonly placers: PlacerDesk,
    @Inject(Exams) private readonly exams: Exams,
  ) {}

  /**
   * Carries a request out: all of it, or it throws and nothing of it happens.
   *
   * @returns the orders as they are now, in the order of the request
   * @throws Failure as {@link decideOrder} and {@link AccessionNumbers}
   */
  async take(asked: Request, transaction: Transaction): Promise<ServiceRequest[]> {
    const { manager, now, merged } = transaction;
    const request = merged ? await this.ofSurvivor(asked, merged, manager) : asked;
    const known = await this.known(request, transaction);
    const find = <R extends FhirResource>(resource: R) => known.get(keyOf(resource)) as R | undefined;

    const { patient, event: patientEvent } = decidePatient(find(request.patient), request.patient);
    const visitBefore = request.encounter && find(request.encounter);
    const encounter = request.encounter && decideEncounter(visitBefore, request.encounter);
    const clinical = (request.clinical ?? []).flatMap((one) => decideClinical(find(one), one) ?? []);
    const changed: FhirResource[] = [patientEvent && patient, encounter, ...clinical].filter(
      (one) => one !== undefined,
    );
    // By id: one message may say several things of one order.
    const orders = new Map<string, ServiceRequest>();
    const told: (Reviewed & { orderId: string })[] = [];
    const about = {
      patient,
      isNew: patientEvent === 'imaging.patient.registered.v1',
      clinical: request.clinical ?? [],
    };
    for (const command of await this.withChildren(request.orders, known, transaction)) {
      const before = find(command.serviceRequest);
      const reviewed = await this.review.decide(before, command, about, transaction);
      const { task, fulfilment } = reviewed;
      if (!reviewed.serviceRequest) continue;
      changed.push(...[task, fulfilment].filter((one) => one !== undefined));
      const isPlacers = before?.meta?.source === request.source;
      const serviceRequest = isPlacers
        ? withRequest(before, reviewed.serviceRequest, command.control)
        : reviewed.serviceRequest;
      const numbered = await this.numbered(
        serviceRequest,
        before,
        { patientId: patient.id!, placer: request.source },
        transaction,
      );
      known.set(keyOf(numbered), numbered);
      orders.set(numbered.id!, numbered);
      told.push({ ...reviewed, orderId: numbered.id! });
      if (command.provenance) changed.push(command.provenance);
    }
    changed.push(...orders.values());
    if (request.provenance && changed.length > 0) changed.push(request.provenance);

    // Who said something is said once: it never changes.
    const unknown = changed.filter((one) => one.resourceType !== 'Provenance' || !known.has(keyOf(one)));
    for (const saved of await this.store.save(manager, unknown, now)) known.set(keyOf(saved), saved);
    const patientNow = known.get(keyOf(patient)) as Patient;
    const encounterNow = request.encounter && (known.get(keyOf(request.encounter)) as Encounter);
    const clinicalNow = (request.clinical ?? []).map((one) => known.get(keyOf(one))!);
    const ofPatient = [patientNow, encounterNow, ...clinicalNow].filter((one) => one !== undefined);
    const tell = (type: EventType, resources: FhirResource[], focus = resources[0]!) => {
      const cause = `${keyOf(focus)}/${focus.meta?.versionId}`;
      transaction.publish(newEvent({ type, patientId: patient.id!, cause, now, resources }));
    };
    // Another bed, a discharge, an allergy or a weight is news for all that is planned for the patient, not only for an order that
    // brings it.
    const visitNews = visitBefore || !told.some(({ event }) => event) ? encounter : undefined;
    const news = visitNews ?? clinical[0];
    if (patientEvent) tell(patientEvent, ofPatient);
    else if (news) tell('imaging.patient.updated.v1', ofPatient, known.get(keyOf(news)));
    for (const { event, orderId, task, asked, isConfirmed } of told) {
      if (!event) continue;
      const order = known.get(`ServiceRequest/${orderId}`) as ServiceRequest;
      tell(event, [order, ...ofPatient]);
      if (asked.length > 0)
        tell('imaging.order.clarification-requested.v1', [known.get(keyOf(task!))!, order, patientNow]);
      const isOthers = order.meta?.source !== request.source;
      const isUnderWay = order.status !== 'active' && (await this.exams.isUnderWay(order, transaction));
      const news = newsOfOrder(order, { event, asked, isConfirmed, isOthers, isUnderWay });
      if (news) await this.placers.tell(news, order, `${order.id}/${order.meta?.versionId}`, transaction);
    }
    return request.orders.map(({ serviceRequest }) => known.get(keyOf(serviceRequest)) as ServiceRequest);
  }

  /** Ids of those orders whose exam is under way. */
  async underWay(orders: readonly ServiceRequest[], transaction: Transaction): Promise<ReadonlySet<string>> {
    const ids = new Set<string>();
    for (const order of orders) if (await this.exams.isUnderWay(order, transaction)) ids.add(order.id!);
    return ids;
  }

  /** What is asked of a patient who was merged is asked of the one who stands for them, whose own data it does not touch. */
  private async ofSurvivor(asked: Request, merged: MergedPatient, manager: EntityManager): Promise<Request> {
    const survivor = await this.store.read(manager, 'Patient', merged.to);
    return { ...rekeyed(asked, merged), patient: survivor! };
  }

  /** The orders of a request as they are stored, in its order; a message taken before is answered by them again. */
  async standing({ orders }: Pick<Request, 'orders'>, { manager }: Transaction): Promise<ServiceRequest[]> {
    const keys = orders.map(({ serviceRequest }) => ({ type: 'ServiceRequest', id: serviceRequest.id! }));
    const known = new Map((await this.store.readMany(manager, keys)).map((one) => [one.id, one as ServiceRequest]));
    return keys.map(({ id }) => known.get(id)!);
  }

  /** What ends, holds or releases a parent does so to its children (HL7 v2.5.1 section 4.5.1.1, PA and CH). */
  private async withChildren(
    commands: OrderCommand[],
    known: Map<string, FhirResource>,
    { manager }: Transaction,
  ): Promise<OrderCommand[]> {
    const all: OrderCommand[] = [];
    for (const command of commands) {
      all.push(command);
      const parent = known.get(keyOf(command.serviceRequest)) as ServiceRequest | undefined;
      if (!parent || !isParent(parent) || !concernsChildren(command)) continue;
      const children = await this.store.referringTo(manager, 'ServiceRequest', keyOf(parent));
      for (const child of children.filter((one) => !isOver(one))) {
        known.set(keyOf(child), child);
        all.push({ control: command.control, serviceRequest: child });
      }
    }
    return all;
  }

  private async known(request: Request, { manager }: Transaction): Promise<Map<string, FhirResource>> {
    const { patient, encounter, clinical = [], provenance, orders } = request;
    const asked = [
      patient,
      encounter,
      ...clinical,
      provenance,
      ...orders.flatMap((one) => [one.serviceRequest, one.provenance]),
    ];
    const keys = asked.filter((one) => one !== undefined).map((one) => ({ type: one.resourceType, id: one.id! }));
    return new Map((await this.store.readMany(manager, keys)).map((one) => [keyOf(one), one]));
  }

  /** Every order has an accession number and a study instance UID: the placer's, or ours. */
  private async numbered(
    order: ServiceRequest,
    before: ServiceRequest | undefined,
    { patientId, placer }: { patientId: string; placer: string | undefined },
    transaction: Transaction,
  ): Promise<ServiceRequest> {
    const identifier = [...(order.identifier ?? [])];
    const given = identifierOf(order, 'ACSN')?.value;
    if (!given)
      identifier.push(
        typedIdentifier('ACSN', systems.accessionNumber, await this.accessionNumbers.assign(transaction, patientId)),
      );
    else if (given !== identifierOf(before, 'ACSN')?.value)
      await this.accessionNumbers.claim(transaction.manager, given, patientId);
    if (!studyInstanceUidOf(order)) identifier.push(dicomUidIdentifier(uidFromUuid(order.id!)));
    const source = before ? before.meta?.source : placer;
    return { ...order, ...(source ? { meta: { ...order.meta, source } } : {}), identifier };
  }
}

function keyOf(resource: FhirResource): string {
  return `${resource.resourceType}/${resource.id}`;
}
