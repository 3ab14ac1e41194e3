import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { type ImagingEvent } from '#events';
import { EventContext, WhenEvent } from '#messaging';
import { ScheduleDesk } from './schedule-desk.js';
import { examFrom } from '../exam/exam-from-event.js';
import { UnscheduledExams } from '../exam/unscheduled-exams.js';

/** A changed order moves or rewrites its steps that have not begun. */
@Controller()
export class MoveExamWhenOrderChanged {
  constructor(
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(UnscheduledExams) private readonly unscheduled: UnscheduledExams,
  ) {}

  @WhenEvent('imaging.order.changed.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.desk.change(examFrom(event), transaction);
    await this.unscheduled.match(event.patientId, transaction);
  }
}
