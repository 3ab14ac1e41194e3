import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { ImagingStudy, Procedure } from 'fhir/r4.js';
import { findResource, findResources, type ImagingEvent } from '#events';
import { FhirStore, referencedId, studyInstanceUidOf, wasWrongWorklistEntry } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { AvailabilityNotifications } from './availability-notifications.store.js';
import { DoseDesk } from '../dose/dose-desk.js';
import { instancesOf, madeBy, studyWith, studyWithoutOrders } from './imaging-study.decider.js';
import { Rejections } from './rejections.store.js';
import type { AlertKind } from './study-alert.decider.js';
import { StudyAlerts } from './study-alerts.js';
import { StudyLookups } from './study-lookups.store.js';
import { StudyWatch } from './study-watch.store.js';

/**
 * A completed exam's study is looked for in the PACS; so is a discontinued one's that made images. What was made under
 * the wrong worklist entry is not that order's: it is hidden, and is the right exam's once that says so.
 */
@Controller()
export class LookForStudyWhenExamCompleted {
  constructor(
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(AvailabilityNotifications) private readonly notifications: AvailabilityNotifications,
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(StudyAlerts) private readonly alerts: StudyAlerts,
    @Inject(StudyWatch) private readonly watch: StudyWatch,
    @Inject(DoseDesk) private readonly dose: DoseDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @WhenEvent('imaging.schedule.exam-completed.v1')
  async completed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.begin(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const study = findResource(event, 'ImagingStudy');
    const exam = findResource(event, 'Procedure');
    if (!study || (study.numberOfInstances ?? 0) === 0) return;
    if (exam && wasWrongWorklistEntry(exam)) await this.takeBack(exam, study, transaction);
    else await this.begin(event, transaction);
  }

  private async begin(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const told = findResource(event, 'ImagingStudy');
    const studyInstanceUid = studyInstanceUidOf(told);
    if (!told || !studyInstanceUid) return;
    const made = madeBy(told, findResource(event, 'Procedure'), findResources(event, 'ServiceRequest'));
    const expectedInstances = instancesOf(made);
    await this.rejections.claimedByExam(manager, studyInstanceUid, expectedInstances);
    const known = await this.store.read(manager, 'ImagingStudy', made.id!);
    const standing = studyWith(known, made);
    await this.store.save(manager, [standing], now);
    // The PACS said before that it has something of it: there is nothing to wait for.
    const isThere = await this.notifications.isAnyOf(manager, studyInstanceUid);
    const first = isThere ? now : new Date(now.getTime() + this.site.pacs.lookup.firstAfterSeconds * 1000);
    const patientId = referencedId(standing.subject.reference, 'Patient') ?? event.patientId;
    await this.lookups.begin(manager, { studyInstanceUid, patientId, expectedInstances }, now, first);
    await this.watch.end(manager, studyInstanceUid);
    const wereWrong: AlertKind[] = ['order-without-mpps', ...(made.basedOn ? ['images-without-order' as const] : [])];
    await this.alerts.resolve(studyInstanceUid, wereWrong, transaction);
    // Its dose reports may have come before it.
    await this.dose.file(studyInstanceUid, transaction);
  }

  private async takeBack(exam: Procedure, made: ImagingStudy, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const studyInstanceUid = studyInstanceUidOf(made);
    if (!studyInstanceUid) return;
    await this.rejections.rejectOfExam(manager, exam.id!, studyInstanceUid, instancesOf(made));
    const known = await this.store.read(manager, 'ImagingStudy', made.id!);
    if (!known) return;
    const orderIds = (exam.basedOn ?? []).flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    const notDone: string[] = [];
    for (const id of orderIds) {
      const others = await this.store.referringTo(manager, 'Procedure', `ServiceRequest/${id}`);
      if (!others.some((one) => one.id !== exam.id && !wasWrongWorklistEntry(one))) notDone.push(id);
    }
    await this.store.save(manager, [studyWithoutOrders(known, notDone)], now);
    await this.lookups.notified(manager, studyInstanceUid, now);
    await this.dose.file(studyInstanceUid, transaction);
  }
}
