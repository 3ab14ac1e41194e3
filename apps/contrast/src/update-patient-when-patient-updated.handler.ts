import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResources, resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, keepCopies, moveMerged } from '#fhir';
import { EventContext, MergedPatients, WhenEvent } from '#messaging';

/** Keeps the copy of the patient that administrations are told with, and moves what is of a patient who was merged. */
@Controller()
export class UpdatePatientWhenPatientUpdated {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(MergedPatients) private readonly mergedPatients: MergedPatients,
  ) {}

  @WhenEvent('imaging.patient.updated.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await keepCopies(this.store, transaction.manager, [resourceFrom(event, 'Patient')], transaction.now);
  }

  @WhenEvent('imaging.patient.merged.v1')
  async merged(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const { manager, now } = transaction;
    const patients = await keepCopies(this.store, manager, findResources(event, 'Patient'), now);
    await moveMerged(this.store, this.mergedPatients, patients, transaction);
  }
}
