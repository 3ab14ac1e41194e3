import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResource, type ImagingEvent } from '#events';
import { studyInstanceUidOf } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { StudyLookups } from './study-lookups.store.js';
import { StudyWatch } from './study-watch.store.js';

/** Once an exam should be over, the PACS is asked for its study if no modality told of it (no MPPS). */
@Controller()
export class WatchStudyWhenExamBooked {
  constructor(
    @Inject(StudyWatch) private readonly watch: StudyWatch,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @WhenEvent('imaging.schedule.booked.v1')
  async booked(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.expect(event, transaction);
  }

  @WhenEvent('imaging.schedule.moved.v1')
  async moved(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.expect(event, transaction);
  }

  @WhenEvent('imaging.schedule.cancelled.v1')
  async cancelled(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const uid = studyInstanceUidOf(findResource(event, 'ServiceRequest'));
    if (uid) await this.watch.end(transaction.manager, uid);
  }

  private async expect(event: ImagingEvent, { manager }: Transaction): Promise<void> {
    const uid = studyInstanceUidOf(findResource(event, 'ServiceRequest'));
    const end = Date.parse(findResource(event, 'Appointment')?.end ?? '');
    if (!uid || Number.isNaN(end) || (await this.lookups.isKnown(manager, uid))) return;
    await this.watch.moveTo(manager, uid, new Date(end + this.site.pacs.lookup.withoutExamAfterSeconds * 1000));
  }
}
