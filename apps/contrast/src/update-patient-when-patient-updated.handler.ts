import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResources, resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, keepCopies, moveMerged } from '#fhir';
import { EventContext, MergedPatients, WhenEvent, type Transaction } from '#messaging';
import { PatientFactsStore } from './screening/patient-facts.store.js';
import { ScreeningDesk } from './screening/screening-desk.js';

/**
 * Keeps the copy of the patient that administrations are told with and what is known of their state, moves what is of a
 * patient who was merged, and screens every exam that they have ahead.
 */
@Controller()
export class UpdatePatientWhenPatientUpdated {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(MergedPatients) private readonly mergedPatients: MergedPatients,
    @Inject(PatientFactsStore) private readonly facts: PatientFactsStore,
    @Inject(ScreeningDesk) private readonly screening: ScreeningDesk,
  ) {}

  @WhenEvent('imaging.patient.registered.v1')
  async registered(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.update(event, transaction);
  }

  @WhenEvent('imaging.patient.updated.v1')
  async updated(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.update(event, transaction);
  }

  @WhenEvent('imaging.patient.merged.v1')
  async merged(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const { manager, now } = transaction;
    const patients = await keepCopies(this.store, manager, findResources(event, 'Patient'), now);
    for (const { from, to } of await moveMerged(this.store, this.mergedPatients, patients, transaction)) {
      await this.facts.move(manager, from, to);
      await this.screening.screenPatient(to, transaction);
    }
  }

  private async update(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const [patient] = await keepCopies(this.store, manager, [resourceFrom(event, 'Patient')], now);
    await this.facts.keep(event, manager, now);
    await this.screening.screenPatient(patient!.id!, transaction);
  }
}
