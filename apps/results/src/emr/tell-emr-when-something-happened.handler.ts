import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import { findResource, findResources, type ImagingEvent } from '#events';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { Copies } from '../copies.js';
import { deliveriesOf } from './emr-update.decider.js';
import { InstructionDesk } from '../instructions/instruction-desk.js';
import { ReportDesk } from '../report/report-desk.js';

/**
 * Tells every destination what happens to an exam: scheduled, moved, its patient arrived, taken off the schedule; started,
 * completed, discontinued; contrast given, a reaction to it. Who gets what: {@link deliveriesOf}.
 */
@Controller()
export class TellEmrWhenSomethingHappened {
  constructor(
    @Inject(Copies) private readonly copies: Copies,
    @Inject(ReportDesk) private readonly reports: ReportDesk,
    @Inject(InstructionDesk) private readonly instructions: InstructionDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  @WhenEvent('imaging.schedule.booked.v1')
  async booked(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  /** Also that its patient has arrived. */
  @WhenEvent('imaging.schedule.moved.v1')
  async moved(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.schedule.cancelled.v1')
  async unscheduled(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-started.v1')
  async started(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-completed.v1')
  async completed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.contrast.administered.v1')
  async administered(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  @WhenEvent('imaging.contrast.reaction-recorded.v1')
  async reacted(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  /** The order is over, or waits, while its exam goes on. */
  @WhenEvent('imaging.schedule.exam-stop-requested.v1')
  async stopRequested(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.tell(event, transaction);
  }

  /** The order goes on after all; that its exam was stopped or done, the exam's own event says. */
  @WhenEvent('imaging.schedule.exam-stop-settled.v1')
  async stopSettled(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    if (findResource(event, 'Task')?.status === 'cancelled') await this.tell(event, transaction);
  }

  private async tell(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const before = await this.copies.before(event, transaction);
    const standing = await this.copies.keep(event, transaction);
    for (const delivery of deliveriesOf(standing, this.site, before)) transaction.deliver(delivery);
    await this.instructions.follow(standing, transaction);
    await this.reports.match(event.patientId, findResources(standing, 'ServiceRequest'), transaction);
  }
}

/** Keeps orders and patients as their own service tells them, and files the reports that wait for them. */
@Controller()
export class KeepOrderWhenOrderChanged {
  constructor(
    @Inject(Copies) private readonly copies: Copies,
    @Inject(ReportDesk) private readonly reports: ReportDesk,
  ) {}

  @WhenEvent('imaging.order.placed.v1')
  async placed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  @WhenEvent('imaging.order.changed.v1')
  async changed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  @WhenEvent('imaging.order.cancelled.v1')
  async cancelled(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  @WhenEvent('imaging.patient.updated.v1')
  async patientUpdated(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.keep(event, transaction);
  }

  private async keep(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const standing = await this.copies.keep(event, transaction);
    await this.reports.match(event.patientId, findResources(standing, 'ServiceRequest'), transaction);
  }
}
