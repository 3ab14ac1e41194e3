import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResource, type ImagingEvent } from '#events';
import { FhirStore, referencedId, studyInstanceUidOf } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { AvailabilityNotifications } from './availability-notifications.store.js';
import { instancesOf, studyWith } from './study-lookup.decider.js';
import { StudyLookups } from './study-lookups.store.js';

/** A completed exam's study is looked for in the PACS; so is a discontinued one's that made images. */
@Controller()
export class LookForStudyWhenExamCompleted {
  constructor(
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(AvailabilityNotifications) private readonly notifications: AvailabilityNotifications,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @WhenEvent('imaging.schedule.exam-completed.v1')
  async completed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.begin(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const made = findResource(event, 'ImagingStudy')?.numberOfInstances ?? 0;
    if (made > 0) await this.begin(event, transaction);
  }

  private async begin(event: ImagingEvent, { manager, now }: Transaction): Promise<void> {
    const study = findResource(event, 'ImagingStudy');
    const studyInstanceUid = studyInstanceUidOf(study);
    if (!study || !studyInstanceUid) return;
    const known = await this.store.read(manager, 'ImagingStudy', study.id!);
    const standing = studyWith(known, study);
    await this.store.save(manager, [standing], now);
    // The PACS said before that it has something of it: there is nothing to wait for.
    const isThere = await this.notifications.isAnyOf(manager, studyInstanceUid);
    const first = isThere ? now : new Date(now.getTime() + this.site.pacs.lookup.firstAfterSeconds * 1000);
    const patientId = referencedId(standing.subject.reference, 'Patient') ?? event.patientId;
    const lookup = { studyInstanceUid, patientId, expectedInstances: instancesOf(study) };
    await this.lookups.begin(manager, lookup, now, first);
  }
}
