import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResource, resourceFrom, type ImagingEvent } from '#events';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { ScheduleDesk } from './schedule-desk.js';

/**
 * A corrected name, birth date or bed reaches the items that are still ahead. A patient is known from their
 * registration on, so that an exam without an order has a name.
 */
@Controller()
export class UpdateWorklistWhenPatientUpdated {
  constructor(@Inject(ScheduleDesk) private readonly desk: ScheduleDesk) {}

  @WhenEvent('imaging.patient.registered.v1')
  async registered(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.update(event, transaction);
  }

  @WhenEvent('imaging.patient.updated.v1')
  async updated(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.update(event, transaction);
  }

  private async update(event: ImagingEvent, transaction: Transaction): Promise<void> {
    await this.desk.updatePatient(resourceFrom(event, 'Patient'), findResource(event, 'Encounter'), transaction);
  }
}
