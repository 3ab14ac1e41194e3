import { Injectable } from '@nestjs/common';
import type { Appointment } from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import type { Transaction } from '#messaging';
import type { OrderedExam } from './exam-from-event.js';

/** Tells what becomes of appointments, each in the transaction of its cause. */
@Injectable()
export class ScheduleNews {
  tell(type: EventType, { order, patient }: OrderedExam, appointment: Appointment, transaction: Transaction): void {
    const { now } = transaction;
    // A rewritten item keeps its Appointment's version; the order's version tells the two facts apart.
    const cause = `${appointment.id}/${appointment.meta?.versionId}/${order.meta?.versionId}`;
    transaction.publish(
      newEvent({ type, patientId: patient.id!, cause, now, resources: [appointment, order, patient] }),
    );
  }
}
