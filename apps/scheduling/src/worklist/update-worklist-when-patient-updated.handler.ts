import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResource, findResources, resourceFrom, type ImagingEvent } from '#events';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { clinicalFrom } from '../exam/exam-from-event.js';
import { PatientDesk } from '../patient-desk.js';
import { UnscheduledExams } from '../exam/unscheduled-exams.js';

/**
 * A corrected name, birth date, bed, allergy or weight, and another patient after a merge, reaches the items that are
 * still ahead. A patient is known from their registration on, so that an exam without an order has a name.
 */
@Controller()
export class UpdateWorklistWhenPatientUpdated {
  constructor(
    @Inject(PatientDesk) private readonly desk: PatientDesk,
    @Inject(UnscheduledExams) private readonly unscheduled: UnscheduledExams,
  ) {}

  @WhenEvent('imaging.patient.registered.v1')
  async registered(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.update(event, transaction);
  }

  @WhenEvent('imaging.patient.updated.v1')
  async updated(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.update(event, transaction);
  }

  @WhenEvent('imaging.patient.merged.v1')
  async merged(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const survivors = await this.desk.merge(findResources(event, 'Patient'), transaction);
    for (const patientId of survivors) await this.unscheduled.match(patientId, transaction);
  }

  private async update(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const patient = resourceFrom(event, 'Patient');
    const encounter = findResource(event, 'Encounter');
    await this.desk.update({ patient, encounter, clinical: clinicalFrom(event) }, transaction);
  }
}
