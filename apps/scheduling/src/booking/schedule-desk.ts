import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, ServiceRequest } from 'fhir/r4.js';
import { FhirStore, referencedId, sameContent } from '#fhir';
import type { Transaction } from '#messaging';
import { fail, LOGGER, SITE, type Logger, type Site } from '#platform';
import { bookedAppointment, isAhead, orderReferenceOf, withdrawnAppointment } from './appointment.decider.js';
import type { OrderedExam } from '../exam/exam-from-event.js';
import { withheldBy, withWhatWasSaid } from './followed-appointment.decider.js';
import { FollowedAppointments } from './followed-appointments.store.js';
import { Rebookings } from './rebookings.store.js';
import type { RequestedStep } from './requested-steps.decider.js';
import { RoomTasks } from '../exam/room-tasks.js';
import { ScheduleNews } from './schedule-news.js';
import { decideSchedule, type ScheduleState } from './schedule.decider.js';
import type { Slot } from './slot.decider.js';
import { StationBookings } from './station-bookings.store.js';
import { ToldCopies } from './told-copies.js';
import { WhatIsKnown } from './what-is-known.js';
import { worklistItem } from '../worklist/worklist-item.js';
import { Worklist } from '../worklist/worklist.store.js';

/** Keeps the schedule and the worklist true to the orders, each change in the transaction of its event. */
@Injectable()
export class ScheduleDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(StationBookings) private readonly bookings: StationBookings,
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(RoomTasks) private readonly rooms: RoomTasks,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
    @Inject(WhatIsKnown) private readonly known: WhatIsKnown,
    @Inject(ToldCopies) private readonly copies: ToldCopies,
    @Inject(ScheduleNews) private readonly news: ScheduleNews,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Books each step of a new order. @throws Failure procedure-unknown, station-unavailable, field-invalid */
  async place(told: OrderedExam, transaction: Transaction): Promise<void> {
    const known = await this.store.read(transaction.manager, 'ServiceRequest', told.order.id!);
    await this.follow(told, transaction, known);
  }

  /**
   * Follows a changed or cancelled order: steps that have not begun are moved, rewritten, or leave the worklist. A step
   * that has begun is left to the modality, its room asked to stop it where the order does not want it any more, and an
   * order whose exam is done stays completed.
   *
   * @throws Failure order-unknown, procedure-unknown, station-unavailable, field-invalid
   */
  async change(told: OrderedExam, transaction: Transaction): Promise<void> {
    const known = await this.store.read(transaction.manager, 'ServiceRequest', told.order.id!);
    if (!known) throw fail('order-unknown', 'the order was never placed here: replay its placed event first');
    await this.follow(told, transaction, known);
  }

  /**
   * Puts the steps of an order that are booked again back on the worklist: their exam never really was. Where the order,
   * or what a RIS says of it, has changed in the meantime they are moved.
   */
  async putBack({ order, patient }: OrderedExam, transaction: Transaction): Promise<void> {
    const encounter = await this.known.encounterOf(order, transaction);
    const appointments = await this.known.appointmentsOf(order, transaction);
    const clinical = await this.known.clinicalOf(patient.id!, transaction);
    await this.apply({ order, patient, encounter, clinical }, appointments, transaction, { isTold: false });
  }

  /**
   * Gives a step another time, since it lost the one it had; one that has begun or left the worklist needs none.
   *
   * @throws Failure station-unavailable
   */
  async rebook(appointmentId: string, transaction: Transaction): Promise<void> {
    const { manager } = transaction;
    const appointment = await this.store.read(manager, 'Appointment', appointmentId);
    const orderId =
      appointment && isAhead(appointment) && referencedId(orderReferenceOf(appointment), 'ServiceRequest');
    const order = orderId ? await this.store.read(manager, 'ServiceRequest', orderId) : undefined;
    if (order) await this.reconsider(order, transaction);
    await this.rebookings.done(manager, [appointmentId]);
  }

  /**
   * Decides the steps of an order anew, by what is known now beside the order: what a RIS says of it, or who goes first.
   *
   * @throws Failure as {@link change}
   */
  async reconsider(order: ServiceRequest, transaction: Transaction): Promise<void> {
    const patientId = referencedId(order.subject.reference, 'Patient')!;
    const patient = (await this.store.read(transaction.manager, 'Patient', patientId))!;
    await this.putBack({ order, patient }, transaction);
  }

  private async follow(told: OrderedExam, transaction: Transaction, known?: ServiceRequest): Promise<void> {
    const { manager } = transaction;
    const appointments = known ? await this.known.appointmentsOf(known, transaction) : [];
    const exam = await this.copies.keep(told, appointments, transaction, known);
    await this.followed.meet(manager, told.order);
    const underWay = await this.apply(exam, appointments, transaction, { isTold: true });
    if (underWay > 0)
      this.logger.info({ orderId: exam.order.id, steps: underWay }, 'the exam has begun: its room is asked to stop it');
  }

  /** Carries out what follows from the order. @returns how many unwanted steps are under way */
  private async apply(
    exam: OrderedExam,
    appointments: readonly Appointment[],
    transaction: Transaction,
    { isTold }: { isTold: boolean },
  ): Promise<number> {
    const { manager, now } = transaction;
    const { order, patient } = exam;
    const state = await this.known.of(exam, appointments, transaction);
    const { followed = [], screening } = state;
    const { booked, rewritten, withdrawn, underWay } = decideSchedule(state, this.site, now);
    const settled = appointments.map(({ id }) => id!).filter((id) => state.displaced?.has(id));
    if (settled.length > 0) await this.rebookings.done(manager, settled);
    // Times given back first: one of them may be the one another step of the order takes.
    const movingOrLeaving = [...withdrawn, ...booked.flatMap(({ before }) => before ?? [])].map(({ id }) => id!);
    if (movingOrLeaving.length > 0) await this.bookings.release(manager, movingOrLeaving);

    for (const before of withdrawn) {
      const said = withheldBy(before, appointments, followed, this.site);
      const [saved] = await this.store.save(
        manager,
        [withdrawnAppointment(before, order, { said: said?.appointment })],
        now,
      );
      await this.worklist.setStatus(manager, [before.id!], 'CANCELLED');
      this.news.tell('imaging.schedule.cancelled.v1', exam, saved!, { before, followed: said }, transaction);
    }
    for (const { step, slot, before } of booked) {
      const appointment = withWhatWasSaid(bookedAppointment(order, step, slot, patient, before), step.followed);
      await this.displace(step, slot, transaction);
      const taking = { appointmentId: appointment.id!, patientId: patient.id!, lane: step.lane };
      await this.bookings.take(manager, taking, slot);
      const [saved] = await this.store.save(manager, [appointment], now);
      await this.show({ ...exam, screening }, saved!, step, transaction);
      const type = before && isAhead(before) ? 'imaging.schedule.moved.v1' : 'imaging.schedule.booked.v1';
      this.news.tell(type, exam, saved!, { before, followed: step.followed }, transaction);
    }
    for (const { step, appointment } of rewritten) {
      const stated = withWhatWasSaid(appointment, step.followed);
      const isSame = sameContent(stated, appointment);
      const [current] = isSame ? [appointment] : await this.store.save(manager, [stated], now);
      await this.show({ ...exam, screening }, current!, step, transaction);
      const change = { before: appointment, followed: step.followed };
      if (isTold || !isSame) this.news.tell('imaging.schedule.moved.v1', exam, current!, change, transaction);
    }
    await this.rooms.afterOrder(exam, appointments, underWay, transaction);
    return underWay.length;
  }

  /** Times of others that a step takes are given back here, and they are booked anew in transactions of their own. */
  private async displace(step: RequestedStep, { displaces = [] }: Slot, { manager, now }: Transaction): Promise<void> {
    if (displaces.length === 0) return;
    await this.bookings.release(manager, displaces);
    const reason = step.isStat ? 'a STAT exam goes first' : 'an emergency goes first';
    await this.rebookings.displace(manager, displaces, reason, now);
  }

  private async show(
    exam: OrderedExam & Pick<ScheduleState, 'screening'>,
    appointment: Appointment,
    step: RequestedStep,
    { manager, now }: Transaction,
  ): Promise<void> {
    const item = worklistItem({ ...exam, appointment }, step, this.site, now);
    await this.worklist.put(manager, item, 'SCHEDULED');
  }
}
