import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResource, type ImagingEvent } from '#events';
import { EventContext, WhenEvent } from '#messaging';
import { ReadingDesk } from './reading-desk.js';

/** A study whose images are in the PACS goes on the reading list, and to who makes something of its images. */
@Controller()
export class ListReadingWhenStudyAvailable {
  constructor(@Inject(ReadingDesk) private readonly readings: ReadingDesk) {}

  @WhenEvent('imaging.result.study-available.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const study = findResource(event, 'ImagingStudy');
    if (study?.id) await this.readings.afterStudy(study.id, transaction);
  }
}
