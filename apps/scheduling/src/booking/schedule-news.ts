import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Appointment, Patient, ServiceRequest } from 'fhir/r4.js';
import { newEvent } from '#events';
import { controlIdOf, hl7Delivery, Hl7Destinations } from '#intake';
import { appointmentMessage, envelopeTo, isToldOf, partFor, type AppointmentNews } from '#mapping';
import type { Transaction } from '#messaging';
import { SITE, type Destination, type Site } from '#platform';
import {
  appointmentListeners,
  isItsOwnWord,
  newsOf,
  newsOfExam,
  type ScheduleEvent,
} from './appointment-news.decider.js';
import type { OrderedExam } from '../exam/exam-from-event.js';
import type { FollowedAppointment } from './followed-appointment.decider.js';

/** What else is known of a change of an appointment. */
export interface ChangeOf {
  /** The appointment as it was. */
  before?: Appointment;
  /** Whose word it follows, where it is not ours or the order's. */
  followed?: FollowedAppointment;
}

/**
 * Tells what becomes of appointments, each in the transaction of its cause: by an event, and by SIU to those outside who
 * get appointments (IHE RAD-48), behind all they were told of the patient before.
 */
@Injectable()
export class ScheduleNews implements OnModuleInit {
  constructor(
    @Inject(Hl7Destinations) private readonly hl7: Hl7Destinations,
    @Inject(SITE) private readonly site: Site,
  ) {}

  onModuleInit(): void {
    for (const one of appointmentListeners(this.site)) this.hl7.connect(one);
  }

  tell(
    type: ScheduleEvent,
    { order, patient }: OrderedExam,
    appointment: Appointment,
    { before, followed }: ChangeOf,
    transaction: Transaction,
  ): void {
    const { now } = transaction;
    const patientId = patient.id!;
    // A rewritten item keeps its Appointment's version; the order's version tells the two facts apart.
    const cause = `${appointment.id}/${appointment.meta?.versionId}/${order.meta?.versionId}`;
    transaction.publish(newEvent({ type, patientId, cause, now, resources: [appointment, order, patient] }));
    const told = { news: newsOf(type, appointment, before), appointment, order, patient };
    for (const to of appointmentListeners(this.site))
      if (!isItsOwnWord(to, followed, this.site)) this.say(to, told, `${type}/${cause}`, transaction);
  }

  /**
   * Tells those who get appointments what an exam made of one: also the RIS that booked it, since it is the modality's
   * word. The event is the exam's own.
   */
  tellExam(
    { order, patient }: OrderedExam,
    appointment: Appointment,
    before: Appointment | undefined,
    transaction: Transaction,
  ): void {
    const news = newsOfExam(appointment, before);
    if (!news) return;
    const key = `exam/${appointment.id}/${appointment.meta?.versionId}`;
    for (const to of appointmentListeners(this.site))
      this.say(to, { news, appointment, order, patient }, key, transaction);
  }

  private say(
    to: Destination & { kind: 'mllp' },
    told: { news: AppointmentNews; appointment: Appointment; order: ServiceRequest; patient: Patient },
    idempotencyKey: string,
    transaction: Transaction,
  ): void {
    const { news, appointment, order, patient } = told;
    if (!isToldOf(order, to, this.site)) return;
    const envelope = envelopeTo(
      to,
      { controlId: controlIdOf(to.name, idempotencyKey), now: transaction.now },
      this.site,
    );
    const message = appointmentMessage(news, appointment, order, partFor(patient, to), envelope);
    transaction.deliver(hl7Delivery(message, { destination: to.name, key: patient.id!, idempotencyKey }));
  }
}
