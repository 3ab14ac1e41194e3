import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Observation, Patient, ServiceRequest, Task } from 'fhir/r4.js';
import { FhirStore } from '#fhir';
import type { Clinical } from '#mapping';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { asPlaced, clarificationIdOf, clarify, confirm, isAsked } from './clarification.decider.js';
import { fulfilmentFollowing, fulfilmentIdOf } from './fulfilment.decider.js';
import { asksOfPregnancy, doubtsOf, type Doubt } from './order-doubts.decider.js';
import { decideOrder, type OrderCommand, type OrderDecision } from './order.decider.js';

/** What became of a command after the review of its order. */
export interface Reviewed extends OrderDecision {
  /** The Task that has the placer clear a doubt, to be stored. */
  task?: Task;
  /** The Task that says how far the order is, to be stored. */
  fulfilment?: Task;
  /** What the placer is to be asked. */
  asked: Doubt[];
  /** Somebody said that the order is meant as it is. */
  isConfirmed: boolean;
}

/** Looks at each order before it is told: what is doubtful has its placer asked, and waits. */
@Injectable()
export class OrderReview {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Decides a command on an order, doubts and all.
   *
   * @param about the patient, as they are now, and what the message says of their state
   * @throws Failure as {@link decideOrder}
   */
  async decide(
    current: ServiceRequest | undefined,
    command: OrderCommand,
    about: { patient: Patient; isNew: boolean; clinical: readonly Clinical[] },
    { manager, now }: Transaction,
  ): Promise<Reviewed> {
    const decided = decideOrder(asPlaced(current), command);
    const { control } = command;
    const isConfirmed = control === 'RL' && isAsked(current);
    const order = decided.serviceRequest ?? (isConfirmed ? current : undefined);
    if (!order || order.status === 'draft') return { ...decided, asked: [], isConfirmed: false };
    const { task, fulfilment } = current ? await this.tasks(order, manager) : {};
    if (control === 'SC')
      return { ...decided, fulfilment: fulfilmentFollowing(order, fulfilment, now), asked: [], isConfirmed: false };
    const outcome = isConfirmed
      ? confirm(order, task, now)
      : clarify(order, task, await this.doubts(order, about, { manager, now }), now);
    const event = decided.event ?? (isConfirmed ? 'imaging.order.changed.v1' : undefined);
    return {
      serviceRequest: outcome.order,
      event,
      task: outcome.task,
      fulfilment: fulfilmentFollowing(outcome.order, fulfilment, now),
      asked: outcome.asked,
      isConfirmed,
    };
  }

  /** The Tasks of an order that is known. */
  private async tasks({ id }: ServiceRequest, manager: EntityManager): Promise<{ task?: Task; fulfilment?: Task }> {
    const ids = [clarificationIdOf({ id }), fulfilmentIdOf(id!)];
    const found = (await this.store.readMany(
      manager,
      ids.map((one) => ({ type: 'Task', id: one })),
    )) as Task[];
    const [task, fulfilment] = ids.map((one) => found.find((known) => known.id === one));
    return { task, fulfilment };
  }

  private async doubts(
    order: ServiceRequest,
    { patient, isNew, clinical }: { patient: Patient; isNew: boolean; clinical: readonly Clinical[] },
    { manager, now }: Pick<Transaction, 'manager' | 'now'>,
  ): Promise<Doubt[]> {
    const { site } = this;
    // Nothing is known yet of a patient who is new.
    const known = async <T extends 'Observation' | 'ServiceRequest'>(type: T, isAsked: boolean) =>
      isNew || !isAsked ? [] : this.store.ofPatient(manager, type, patient.id!);
    const stated = clinical.filter((one): one is Observation => one.resourceType === 'Observation');
    const stored = await known('Observation', asksOfPregnancy(order, site));
    // What is stated takes the place of what is stored, above all where it takes it back.
    const standing = stored.filter(({ id }) => !stated.some((one) => one.id === id));
    const orders = await known('ServiceRequest', site.orderReview.duplicateWindowHours !== undefined);
    return doubtsOf(order, { patient, observations: [...standing, ...stated], orders, site, now });
  }
}
