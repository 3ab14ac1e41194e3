import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { type ImagingEvent } from '#events';
import { EventContext, WhenEvent } from '#messaging';
import { ScheduleDesk } from './schedule-desk.js';
import { examFrom } from '../exam/exam-from-event.js';

/** A cancelled order leaves the worklist, unless its exam has begun: then the modality ends it. */
@Controller()
export class CancelExamWhenOrderCancelled {
  constructor(@Inject(ScheduleDesk) private readonly desk: ScheduleDesk) {}

  @WhenEvent('imaging.order.cancelled.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.desk.change(examFrom(event), transaction);
  }
}
