import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, Encounter, FhirResource, Patient, ServiceRequest } from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import { contrastScreeningIdOf, FhirStore, keepCopies, moveMerged, referencedId } from '#fhir';
import { MergedPatients, type Transaction } from '#messaging';
import { fail, LOGGER, SITE, type Logger, type Site } from '#platform';
import { bookedAppointment, isAhead, stepIdOf, withdrawnAppointment } from './appointment.decider.js';
import { decideSchedule, stationsInQuestion } from './schedule.decider.js';
import { StationBookings } from './station-bookings.store.js';
import { patientAttributes, patientNumberOf, visitAttributes, worklistItem } from './worklist-item.js';
import { stateAttributes, type Clinical } from './patient-state.js';
import { requestedSteps, type RequestedStep } from './requested-steps.decider.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { Worklist } from './worklist.store.js';

/** An order and whom it is for, as an event brought them. */
export interface OrderedExam {
  patient: Patient;
  order: ServiceRequest;
  encounter?: Encounter;
  clinical?: Clinical[];
}

/** Keeps the schedule and the worklist true to the orders, each change in the transaction of its event. */
@Injectable()
export class ScheduleDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(StationBookings) private readonly bookings: StationBookings,
    @Inject(PerformedProcedureSteps) private readonly performed: PerformedProcedureSteps,
    @Inject(MergedPatients) private readonly mergedPatients: MergedPatients,
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
   * that has begun is left to the modality, and an order whose exam is done stays completed.
   *
   * @throws Failure order-unknown, procedure-unknown, station-unavailable, field-invalid
   */
  async change(told: OrderedExam, transaction: Transaction): Promise<void> {
    const known = await this.store.read(transaction.manager, 'ServiceRequest', told.order.id!);
    if (!known) throw fail('order-unknown', 'the order was never placed here: replay its placed event first');
    await this.follow(told, transaction, known);
  }

  /**
   * Puts the steps of an order that are booked again back on the worklist: their exam never really was. Where the order
   * has changed in the meantime they are moved.
   */
  async putBack({ order, patient }: OrderedExam, transaction: Transaction): Promise<void> {
    const encounter = await this.encounterOf(order, transaction);
    const appointments = await this.appointmentsOf(order, transaction);
    const clinical = await this.clinicalOf(patient.id!, transaction);
    await this.apply({ order, patient, encounter, clinical }, appointments, transaction, { isTold: false });
  }

  /** A corrected name, an allergy, a weight or a new bed reaches the items that are still ahead or under way. */
  async updatePatient(
    told: Pick<OrderedExam, 'patient' | 'encounter' | 'clinical'>,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const { encounter: visit, clinical = [] } = told;
    const [patient] = await keepCopies<FhirResource>(this.store, manager, [told.patient, ...clinical], now);
    const said = clinical.length > 0 ? stateAttributes(await this.clinicalOf(patient!.id!, transaction), now) : {};
    const attributes = { ...patientAttributes(patient as Patient, this.site), ...said };
    await this.worklist.amend(manager, { patientId: patient!.id! }, attributes);
    if (!visit) return;
    const [encounter] = await keepCopies(this.store, manager, [visit], now);
    const orders = await this.store.referringTo(manager, 'ServiceRequest', `Encounter/${encounter!.id}`);
    const appointmentIds: string[] = [];
    for (const { id } of orders)
      for (const one of await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${id}`))
        appointmentIds.push(one.id!);
    await this.worklist.amend(manager, { patientId: patient!.id!, appointmentIds }, visitAttributes(encounter));
  }

  /** Steps, times and exams of a patient who was merged are those of the one who stands for them, and items say so. */
  async mergePatients(told: Patient[], transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const patients = await keepCopies(this.store, manager, told, now);
    for (const { from, to } of await moveMerged(this.store, this.mergedPatients, patients, transaction)) {
      const patient = (await this.store.read(manager, 'Patient', to))!;
      const state = stateAttributes(await this.clinicalOf(to, transaction), now);
      await this.worklist.move(manager, from, to, patientNumberOf(patient, this.site));
      await this.bookings.move(manager, from, to);
      await this.performed.move(manager, from, to);
      await this.worklist.amend(manager, { patientId: to }, { ...patientAttributes(patient, this.site), ...state });
    }
  }

  private async follow(told: OrderedExam, transaction: Transaction, known?: ServiceRequest): Promise<void> {
    const appointments = known ? await this.appointmentsOf(known, transaction) : [];
    const exam = await this.keep(told, appointments, transaction, known);
    const underWay = await this.apply(exam, appointments, transaction, { isTold: true });
    if (underWay > 0)
      this.logger.info({ orderId: exam.order.id, steps: underWay }, 'the exam has begun: its modality ends it');
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
    const stations = stationsInQuestion(order, this.site);
    const own = appointments.filter(isAhead).map(({ id }) => id!);
    const taken = stations.length > 0 ? await this.bookings.taken(manager, stations, patient.id!, now, own) : [];
    const decision = decideSchedule({ order, appointments, taken }, this.site, now);
    const { booked, rewritten, withdrawn, underWay } = decision;
    // Times given back first: one of them may be the one another step of the order takes.
    const movingOrLeaving = [...withdrawn, ...booked.flatMap(({ before }) => before ?? [])].map(({ id }) => id!);
    if (movingOrLeaving.length > 0) await this.bookings.release(manager, movingOrLeaving);

    for (const appointment of withdrawn) {
      const [saved] = await this.store.save(manager, [withdrawnAppointment(appointment, order)], now);
      await this.worklist.setStatus(manager, [appointment.id!], 'CANCELLED');
      this.tell('imaging.schedule.cancelled.v1', exam, saved!, transaction);
    }
    for (const { step, slot, before } of booked) {
      const appointment = bookedAppointment(order, step, slot, patient, before);
      await this.bookings.take(manager, appointment.id!, patient.id!, slot);
      const [saved] = await this.store.save(manager, [appointment], now);
      await this.show(exam, saved!, step, transaction);
      const type = before && isAhead(before) ? 'imaging.schedule.moved.v1' : 'imaging.schedule.booked.v1';
      this.tell(type, exam, saved!, transaction);
    }
    for (const { step, appointment } of rewritten) {
      await this.show(exam, appointment, step, transaction);
      if (isTold) this.tell('imaging.schedule.moved.v1', exam, appointment, transaction);
    }
    return underWay.length;
  }

  private async show(
    exam: OrderedExam,
    appointment: Appointment,
    step: RequestedStep,
    { manager, now }: Transaction,
  ): Promise<void> {
    const screening = await this.store.read(manager, 'DetectedIssue', contrastScreeningIdOf(exam.order.id!));
    const item = worklistItem({ ...exam, screening, appointment }, step, this.site, now);
    await this.worklist.put(manager, item, 'SCHEDULED');
  }

  private tell(type: EventType, { order, patient }: OrderedExam, appointment: Appointment, transaction: Transaction) {
    const { now } = transaction;
    // A rewritten item keeps its Appointment's version; the order's version tells the two facts apart.
    const cause = `${appointment.id}/${appointment.meta?.versionId}/${order.meta?.versionId}`;
    transaction.publish(
      newEvent({ type, patientId: patient.id!, cause, now, resources: [appointment, order, patient] }),
    );
  }

  private appointmentsOf(order: ServiceRequest, { manager }: Transaction): Promise<Appointment[]> {
    return this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
  }

  private async clinicalOf(patientId: string, { manager }: Transaction): Promise<Clinical[]> {
    const allergies = await this.store.ofPatient(manager, 'AllergyIntolerance', patientId);
    return [...allergies, ...(await this.store.ofPatient(manager, 'Observation', patientId))];
  }

  private async encounterOf(order: ServiceRequest, { manager }: Transaction): Promise<Encounter | undefined> {
    const id = referencedId(order.encounter?.reference, 'Encounter');
    return id ? this.store.read(manager, 'Encounter', id) : undefined;
  }

  /** Keeps what the event told, and gives what is known now: an event may bring an older patient than another did. */
  private async keep(
    told: OrderedExam,
    appointments: readonly Appointment[],
    transaction: Transaction,
    known: ServiceRequest | undefined,
  ): Promise<OrderedExam> {
    const order = this.orderToKeep(told.order, appointments, known);
    const { clinical = [] } = told;
    const resources: FhirResource[] = [told.patient, order, ...(told.encounter ? [told.encounter] : []), ...clinical];
    const kept = await keepCopies(this.store, transaction.manager, resources, transaction.now);
    const [patient, orderNow] = kept as [Patient, ServiceRequest];
    const encounter = kept.find((one): one is Encounter => one.resourceType === 'Encounter');
    return {
      patient,
      order: orderNow,
      encounter: encounter ?? (await this.encounterOf(orderNow, transaction)),
      clinical: await this.clinicalOf(patient.id!, transaction),
    };
  }

  /**
   * The placer's service learns that an exam is done only after we do: what it says of the order until then does not
   * make it undone. Steps it adds are still to be done.
   */
  private orderToKeep(told: ServiceRequest, appointments: readonly Appointment[], known?: ServiceRequest) {
    if (known?.status !== 'completed') return told;
    const stepIds = appointments.map(stepIdOf);
    if (requestedSteps(told, this.site).some(({ stepId }) => !stepIds.includes(stepId))) return told;
    this.logger.info({ orderId: told.id, told: told.status }, 'the exam is completed: the order stays so');
    return { ...told, status: 'completed' as const };
  }
}
