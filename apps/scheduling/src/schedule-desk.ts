import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, Encounter, Patient, ServiceRequest } from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import { FhirStore, keepCopies } from '#fhir';
import type { Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import {
  appointmentIdOf,
  bookedAppointment,
  cancelledAppointment,
  isAhead,
  staysInPlace,
  stepIdOf,
} from './appointment.decider.js';
import { requestedSteps, type RequestedStep } from './requested-steps.decider.js';
import { candidates, chooseSlot } from './slot.decider.js';
import { StationBookings } from './station-bookings.store.js';
import { worklistItem } from './worklist-item.js';
import { Worklist } from './worklist.store.js';

/** An order and whom it is for, as an event brought them. */
export interface OrderedExam {
  patient: Patient;
  order: ServiceRequest;
  encounter?: Encounter;
}

/** Puts the steps of an order on the worklist, moves them and takes them off, each in the transaction of its event. */
@Injectable()
export class ScheduleDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(StationBookings) private readonly bookings: StationBookings,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** Books each step of a new order. @throws Failure procedure-unknown, station-unavailable */
  async place(exam: OrderedExam, transaction: Transaction): Promise<void> {
    await this.keep(exam, transaction);
    for (const step of requestedSteps(exam.order, this.site)) await this.book(exam, step, undefined, transaction);
  }

  /**
   * Follows a changed order: steps that have not begun are moved or rewritten, steps no longer asked for leave the
   * worklist, new ones are booked. A step that has begun is left to the modality.
   *
   * @throws Failure order-unknown, procedure-unknown, station-unavailable
   */
  async change(exam: OrderedExam, transaction: Transaction): Promise<void> {
    const before = await this.stepsOf(exam.order, transaction);
    await this.keep(exam, transaction);
    const steps = requestedSteps(exam.order, this.site);
    const wanted = new Set(steps.map(({ stepId }) => stepId));
    const dropped = before.filter((one) => isAhead(one) && !wanted.has(stepIdOf(one)));
    for (const appointment of dropped) await this.withdraw(exam, appointment, transaction);
    for (const step of steps) {
      const appointment = before.find((one) => stepIdOf(one) === step.stepId);
      if (!appointment || isAhead(appointment)) await this.book(exam, step, appointment, transaction);
    }
  }

  /** Takes the steps of a cancelled order off the worklist, unless they have begun. @throws Failure order-unknown */
  async cancel(exam: OrderedExam, transaction: Transaction): Promise<void> {
    const steps = await this.stepsOf(exam.order, transaction);
    await this.keep(exam, transaction);
    for (const appointment of steps) if (isAhead(appointment)) await this.withdraw(exam, appointment, transaction);
  }

  /** Rewrites a patient's items that are still ahead, so that a corrected name reaches the modality. */
  async rewrite(patient: Patient, transaction: Transaction): Promise<void> {
    await keepCopies(this.store, transaction.manager, [patient], transaction.now);
    const { manager } = transaction;
    const orders: ServiceRequest[] = (
      await manager.query("SELECT body FROM resource WHERE type = 'ServiceRequest' AND patient_id = $1", [patient.id])
    ).map((row: { body: ServiceRequest }) => row.body);
    for (const order of orders) {
      const steps = order.status === 'active' ? requestedSteps(order, this.site) : [];
      const encounter = await this.encounterOf(order, transaction);
      for (const appointment of await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`)) {
        const step = steps.find((one) => one.stepId === stepIdOf(appointment));
        if (step && isAhead(appointment))
          await this.worklist.put(manager, worklistItem({ patient, order, encounter, appointment }, step, this.site), 'SCHEDULED'); // prettier-ignore
      }
    }
  }

  /** Puts a step back on the worklist, as it was booked. */
  async putBack(exam: OrderedExam, appointment: Appointment, transaction: Transaction): Promise<void> {
    const step = requestedSteps(exam.order, this.site).find((one) => one.stepId === stepIdOf(appointment));
    if (step)
      await this.worklist.put(
        transaction.manager,
        worklistItem({ ...exam, appointment }, step, this.site),
        'SCHEDULED',
      );
  }

  private async book(
    exam: OrderedExam,
    step: RequestedStep,
    before: Appointment | undefined,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const { order, patient } = exam;
    const id = appointmentIdOf(order, step.stepId);
    let appointment = before;
    if (!before || !staysInPlace(before, step)) {
      const aeTitles = candidates(step, this.site).map(({ aeTitle }) => aeTitle);
      const slot = chooseSlot(step, await this.bookings.taken(manager, aeTitles, now, id), this.site, now);
      await this.bookings.take(manager, id, slot);
      appointment = bookedAppointment(order, step, slot, patient, before);
      [appointment] = await this.store.save(manager, [appointment], now);
    }
    await this.worklist.put(
      manager,
      worklistItem({ ...exam, appointment: appointment! }, step, this.site),
      'SCHEDULED',
    );
    this.tell(before ? 'imaging.schedule.moved.v1' : 'imaging.schedule.booked.v1', exam, appointment!, transaction);
  }

  private async withdraw(exam: OrderedExam, appointment: Appointment, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const [cancelled] = await this.store.save(manager, [cancelledAppointment(appointment)], now);
    await this.bookings.release(manager, [appointment.id!]);
    await this.worklist.setStatus(manager, [appointment.id!], 'CANCELLED');
    this.tell('imaging.schedule.cancelled.v1', exam, cancelled!, transaction);
  }

  private tell(type: EventType, { order, patient }: OrderedExam, appointment: Appointment, transaction: Transaction) {
    const { now } = transaction;
    // A rewritten item keeps its Appointment's version; the order's version tells the two facts apart.
    const cause = `${appointment.id}/${appointment.meta?.versionId}/${order.meta?.versionId}`;
    transaction.publish(
      newEvent({ type, patientId: patient.id!, cause, now, resources: [appointment, order, patient] }),
    );
  }

  private async stepsOf(order: ServiceRequest, { manager }: Transaction): Promise<Appointment[]> {
    if (!(await this.store.read(manager, 'ServiceRequest', order.id!)))
      throw fail('order-unknown', 'the order was never placed here: replay its placed event first');
    return this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
  }

  private async encounterOf(order: ServiceRequest, { manager }: Transaction): Promise<Encounter | undefined> {
    const id = order.encounter?.reference?.replace('Encounter/', '');
    return id ? this.store.read(manager, 'Encounter', id) : undefined;
  }

  private async keep({ patient, order, encounter }: OrderedExam, transaction: Transaction): Promise<void> {
    await keepCopies(
      this.store,
      transaction.manager,
      encounter ? [patient, order, encounter] : [patient, order],
      transaction.now,
    );
  }
}
