import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResource, findResources, resourceFrom, type ImagingEvent } from '#events';
import { studyInstanceUidOf } from '#fhir';
import { EventContext, WhenEvent } from '#messaging';
import { DoseDesk } from '../dose/dose-desk.js';
import { instancesOf } from './imaging-study.decider.js';
import { Rejections } from './rejections.store.js';
import { StudyLookups } from './study-lookups.store.js';

/**
 * An exam was done for another order than the one of its worklist entry: its images are hidden in the study of that, as
 * they are where the modality says so itself, and its dose is that of the right order's study.
 */
@Controller()
export class MoveStudyWhenExamReassigned {
  constructor(
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(DoseDesk) private readonly dose: DoseDesk,
  ) {}

  @WhenEvent('imaging.schedule.exam-reassigned.v1')
  async reassigned(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const { manager, now } = transaction;
    const exam = resourceFrom(event, 'Procedure');
    const made = findResource(event, 'ImagingStudy');
    const [from, to] = [studyInstanceUidOf(made), studyInstanceUidOf(resourceFrom(event, 'ServiceRequest'))];
    if (!made || !from || !to || from === to) return;
    for (const { id } of findResources(event, 'Patient')) if (id !== event.patientId) await transaction.lock(id!);
    await this.rejections.rejectOfExam(manager, exam.id!, from, instancesOf(made), true);
    await this.lookups.notified(manager, from, now);
    await this.dose.reassign(from, to, transaction);
  }
}
