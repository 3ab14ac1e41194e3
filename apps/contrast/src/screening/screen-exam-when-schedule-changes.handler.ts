import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { Appointment, Procedure } from 'fhir/r4.js';
import { findResources, type ImagingEvent } from '#events';
import { FhirStore, keepCopies, referencedId } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { InjectorReportDesk } from '../injector/injector-report-desk.js';
import { ScreeningDesk } from './screening-desk.js';

/**
 * Screens an exam again when its time changes, and when it begins: a value that is fresh today may be too old by then,
 * and a preparation may not fit any more.
 */
@Controller()
export class ScreenExamWhenScheduleChanges {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(ScreeningDesk) private readonly desk: ScreeningDesk,
    @Inject(InjectorReportDesk) private readonly injectorReports: InjectorReportDesk,
  ) {}

  @WhenEvent('imaging.schedule.booked.v1')
  async booked(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  @WhenEvent('imaging.schedule.moved.v1')
  async moved(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  @WhenEvent('imaging.schedule.cancelled.v1')
  async cancelled(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-started.v1')
  async started(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-completed.v1')
  async completed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.follow(event, transaction);
  }

  /**
   * Appointments and exams are taken over; orders and patients are the orders service's to tell. A report of an injector
   * may have waited for a number of theirs.
   */
  private async follow(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const appointments = await keepCopies(this.store, manager, findResources(event, 'Appointment'), now);
    const exams = await keepCopies(this.store, manager, findResources(event, 'Procedure'), now);
    for (const orderId of new Set(appointments.flatMap(orderIdOf))) await this.desk.screenOrder(orderId, transaction);
    for (const orderId of new Set([...appointments, ...exams].flatMap(orderIdOf)))
      await this.injectorReports.orderKnown(orderId, transaction);
  }
}

function orderIdOf({ basedOn = [] }: Appointment | Procedure): string[] {
  return basedOn.flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
}
