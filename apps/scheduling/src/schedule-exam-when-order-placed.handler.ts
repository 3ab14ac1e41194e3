import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { type ImagingEvent } from '#events';
import { EventContext, WhenEvent } from '#messaging';
import { ScheduleDesk } from './schedule-desk.js';
import { examFrom } from './exam-from-event.js';

/** A new order gets its steps, stations and times, and is on the worklist with the commit. */
@Controller()
export class ScheduleExamWhenOrderPlaced {
  constructor(@Inject(ScheduleDesk) private readonly desk: ScheduleDesk) {}

  @WhenEvent('imaging.order.placed.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.desk.place(examFrom(event), transaction);
  }
}
