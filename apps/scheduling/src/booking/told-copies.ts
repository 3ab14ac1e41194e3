import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, Encounter, FhirResource, Patient, ServiceRequest } from 'fhir/r4.js';
import { FhirStore, keepCopies } from '#fhir';
import type { Transaction } from '#messaging';
import { LOGGER, SITE, type Logger, type Site } from '#platform';
import { stepIdOf } from './appointment.decider.js';
import type { OrderedExam } from '../exam/exam-from-event.js';
import { requestedSteps } from './requested-steps.decider.js';
import { WhatIsKnown } from './what-is-known.js';

/** Keeps copies of what other services tell of orders. */
@Injectable()
export class ToldCopies {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(WhatIsKnown) private readonly known: WhatIsKnown,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Keeps what an event told, and gives what is known now: an event may bring an older patient than another did. */
  async keep(
    told: OrderedExam,
    appointments: readonly Appointment[],
    transaction: Transaction,
    known: ServiceRequest | undefined,
  ): Promise<OrderedExam> {
    const order = this.orderToKeep(told.order, appointments, known);
    const { clinical = [] } = told;
    const resources: FhirResource[] = [told.patient, order, ...(told.encounter ? [told.encounter] : []), ...clinical];
    const kept = await keepCopies(this.store, transaction.manager, resources, transaction.now);
    const [patient, orderNow] = kept as [Patient, ServiceRequest];
    const encounter = kept.find((one): one is Encounter => one.resourceType === 'Encounter');
    return {
      patient,
      order: orderNow,
      encounter: encounter ?? (await this.known.encounterOf(orderNow, transaction)),
      clinical: await this.known.clinicalOf(patient.id!, transaction),
    };
  }

  /**
   * The placer's service learns that an exam is done only after we do: what it says of the order until then does not
   * make it undone. Steps it adds are still to be done.
   */
  private orderToKeep(told: ServiceRequest, appointments: readonly Appointment[], known?: ServiceRequest) {
    if (known?.status !== 'completed') return told;
    const stepIds = appointments.map(stepIdOf);
    if (requestedSteps(told, this.site).some(({ stepId }) => !stepIds.includes(stepId))) return told;
    this.logger.info({ orderId: told.id, told: told.status }, 'the exam is completed: the order stays so');
    return { ...told, status: 'completed' as const };
  }
}
