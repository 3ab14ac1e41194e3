import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { resourceFrom, type ImagingEvent } from '#events';
import { EventContext, WhenEvent } from '#messaging';
import { ScheduleDesk } from './schedule-desk.js';

/** A corrected name or birth date reaches the items that are still ahead. */
@Controller()
export class UpdateWorklistWhenPatientUpdated {
  constructor(@Inject(ScheduleDesk) private readonly desk: ScheduleDesk) {}

  @WhenEvent('imaging.patient.updated.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.desk.rewrite(resourceFrom(event, 'Patient'), transaction);
  }
}
