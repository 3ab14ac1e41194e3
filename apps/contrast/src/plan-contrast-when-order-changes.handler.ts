import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { FhirResource, MedicationRequest, Patient, ServiceRequest } from 'fhir/r4.js';
import { newEvent, resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { InjectorReportDesk } from './injector/injector-report-desk.js';
import { PatientFactsStore } from './screening/patient-facts.store.js';
import { ScreeningDesk } from './screening/screening-desk.js';
import { contrastPlanIdOf, planContrast } from './contrast-plan.decider.js';

/**
 * Opens, rewrites and cancels the contrast record of an order, as the order is placed, changed and cancelled, and screens
 * what the patient has ahead by what the order tells of them.
 */
@Controller()
export class PlanContrastWhenOrderChanges {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(PatientFactsStore) private readonly facts: PatientFactsStore,
    @Inject(ScreeningDesk) private readonly screening: ScreeningDesk,
    @Inject(InjectorReportDesk) private readonly injectorReports: InjectorReportDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @WhenEvent('imaging.order.placed.v1')
  async placed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  @WhenEvent('imaging.order.changed.v1')
  async changed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  @WhenEvent('imaging.order.cancelled.v1')
  async cancelled(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  private async follow(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const order = resourceFrom(event, 'ServiceRequest');
    const patient = resourceFrom(event, 'Patient');
    await keepCopies(this.store, manager, [order, patient], now);
    await this.facts.keep(event, manager, now);
    const plan = await this.plan(order, patient, transaction);
    // An active one is among what the patient has ahead; of one that was cancelled just now its screening is taken back.
    if (plan && plan.status !== 'active') await this.screening.screenOrder(order.id!, transaction);
    await this.screening.screenPatient(patient.id!, transaction);
    await this.injectorReports.orderKnown(order.id!, transaction);
  }

  /** @returns the record as it is now, undefined if the order has none */
  private async plan(
    order: ServiceRequest,
    patient: Patient,
    transaction: Transaction,
  ): Promise<MedicationRequest | undefined> {
    const { manager, now } = transaction;
    const current = await this.store.read(manager, 'MedicationRequest', contrastPlanIdOf(order.id!));
    const { plan, event: type } = planContrast(current, order, this.site);
    if (!plan || !type) return current;
    const [saved] = await this.store.save(manager, [plan], now);
    const cause = `${saved!.id}/${saved!.meta?.versionId}`;
    const resources: FhirResource[] = [saved!, order, patient];
    transaction.publish(newEvent({ type, patientId: patient.id!, cause, now, resources }));
    return saved;
  }
}
