import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import { EventContext, WhenEvent } from '#messaging';

/** Keeps the copy of the patient that administrations are told with. */
@Controller()
export class UpdatePatientWhenPatientUpdated {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  @WhenEvent('imaging.patient.updated.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await keepCopies(this.store, transaction.manager, [resourceFrom(event, 'Patient')], transaction.now);
  }
}
