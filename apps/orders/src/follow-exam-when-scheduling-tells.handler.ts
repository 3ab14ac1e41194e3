import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { ServiceRequest, Task } from 'fhir/r4.js';
import { findResources, resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, referencedId } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { Exams } from './exams.js';
import { fulfilmentBooked, fulfilmentExamined, fulfilmentIdOf } from './fulfilment.decider.js';
import { newsOfBooking, newsOfExam } from './order-news.decider.js';
import { completeOrder, completeParent, reopenOrder } from './order.decider.js';
import { PlacerDesk } from './placer-desk.js';

/** Keeps orders true to their exams, and tells their placers: scheduled, in process, completed, discontinued. */
@Controller()
export class FollowExamWhenSchedulingTells {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(PlacerDesk) private readonly placers: PlacerDesk,
    @Inject(Exams) private readonly exams: Exams,
  ) {}

  @WhenEvent('imaging.schedule.booked.v1')
  async booked(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.scheduled(event, transaction);
  }

  @WhenEvent('imaging.schedule.moved.v1')
  async moved(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.scheduled(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-started.v1')
  async started(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.examined(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-completed.v1')
  async completed(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.examined(event, transaction);
  }

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    await this.examined(event, transaction);
  }

  private async scheduled(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const [order, task] = await this.own(resourceFrom(event, 'ServiceRequest'), transaction);
    if (!order) return;
    const appointment = resourceFrom(event, 'Appointment');
    const fulfilment = fulfilmentBooked(order, task, appointment, now);
    if (fulfilment) await this.store.save(manager, [fulfilment], now);
    const news = newsOfBooking(order, appointment);
    if (news) await this.placers.tell(news, order, event.id, transaction);
  }

  /** One exam may be that of several orders (the group case of IHE SWF), and one order may have several. */
  private async examined(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const exam = resourceFrom(event, 'Procedure');
    for (const told of findResources(event, 'ServiceRequest')) {
      const [known, task] = await this.own(told, transaction);
      if (!known) continue;
      const again = reopenOrder(known, told);
      const order = again ?? known;
      await this.exams.keep(exam, transaction);
      const isOtherUnderWay = await this.exams.isUnderWay(order, transaction, exam);
      const news = newsOfExam(order, told, exam, isOtherUnderWay);
      if (news) await this.placers.tell(news, order, event.id, transaction);
      const completed = told.status === 'completed' ? completeOrder(order) : undefined;
      const begun = again && task ? { ...task, status: 'in-progress' as const } : task;
      const fulfilment = fulfilmentExamined(order, begun, told, exam, now);
      await this.store.save(
        manager,
        [completed ?? again, fulfilment].filter((one) => one !== undefined),
        now,
      );
      for (const { reference } of completed?.basedOn ?? []) await this.completeParentOf(reference!, transaction);
    }
  }

  /** The order as it is known here, and the Task that says how far it is. */
  private async own({ id }: ServiceRequest, { manager }: Transaction): Promise<[ServiceRequest?, Task?]> {
    const keys = [
      { type: 'ServiceRequest', id: id! },
      { type: 'Task', id: fulfilmentIdOf(id!) },
    ];
    const found = await this.store.readMany(manager, keys);
    const order = found.find((one): one is ServiceRequest => one.resourceType === 'ServiceRequest');
    return [order, found.find((one): one is Task => one.resourceType === 'Task')];
  }

  private async completeParentOf(reference: string, { manager, now }: Transaction): Promise<void> {
    const parent = await this.store.read(manager, 'ServiceRequest', referencedId(reference, 'ServiceRequest') ?? '');
    const children = await this.store.referringTo(manager, 'ServiceRequest', reference);
    const completed = parent && completeParent(parent, children);
    if (completed) await this.store.save(manager, [completed], now);
  }
}
