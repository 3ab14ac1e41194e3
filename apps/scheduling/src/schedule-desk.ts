import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, Encounter, FhirResource, Patient, ServiceRequest } from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import { FhirStore, keepCopies, moveMerged, referencedId, sameContent } from '#fhir';
import { MergedPatients, type Transaction } from '#messaging';
import { fail, LOGGER, SITE, type Logger, type Site } from '#platform';
import { bookedAppointment, isAhead, orderReferenceOf, stepIdOf, withdrawnAppointment } from './appointment.decider.js';
import { withheldBy, withWhatWasSaid } from './followed-appointment.decider.js';
import { FollowedAppointments } from './followed-appointments.store.js';
import { decideSchedule, stationsInQuestion, type ScheduleState } from './schedule.decider.js';
import { AHEAD_MS, type Slot } from './slot.decider.js';
import { laneOf } from './lane.decider.js';
import { Rebookings } from './rebookings.store.js';
import { StationBookings } from './station-bookings.store.js';
import { patientAttributes, patientNumberOf, visitAttributes, worklistItem } from './worklist-item.js';
import { stateAttributes, type Clinical } from './patient-state.js';
import { requestedSteps, type RequestedStep } from './requested-steps.decider.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { RoomTasks } from './room-tasks.js';
import { StationClosures } from './station-closures.store.js';
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
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(StationClosures) private readonly closures: StationClosures,
    @Inject(PerformedProcedureSteps) private readonly performed: PerformedProcedureSteps,
    @Inject(RoomTasks) private readonly rooms: RoomTasks,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
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
    const encounter = await this.encounterOf(order, transaction);
    const appointments = await this.appointmentsOf(order, transaction);
    const clinical = await this.clinicalOf(patient.id!, transaction);
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

  /**
   * Steps, times and exams of a patient who was merged are those of the one who stands for them, and items say so.
   *
   * @returns internal ids of those who stand for others
   */
  async mergePatients(told: Patient[], transaction: Transaction): Promise<string[]> {
    const { manager, now } = transaction;
    const patients = await keepCopies(this.store, manager, told, now);
    const moved = await moveMerged(this.store, this.mergedPatients, patients, transaction);
    for (const { from, to } of moved) {
      const patient = (await this.store.read(manager, 'Patient', to))!;
      const state = stateAttributes(await this.clinicalOf(to, transaction), now);
      await this.worklist.move(manager, from, to, patientNumberOf(patient, this.site));
      await this.bookings.move(manager, from, to);
      await this.performed.move(manager, from, to);
      await this.followed.move(manager, from, to);
      await this.worklist.amend(manager, { patientId: to }, { ...patientAttributes(patient, this.site), ...state });
      for (const order of await this.store.ofPatient(manager, 'ServiceRequest', to))
        if (await this.followed.meet(manager, order)) await this.reconsider(order, transaction);
    }
    return [...new Set(moved.map(({ to }) => to))];
  }

  private async follow(told: OrderedExam, transaction: Transaction, known?: ServiceRequest): Promise<void> {
    const { manager } = transaction;
    const appointments = known ? await this.appointmentsOf(known, transaction) : [];
    const exam = await this.keep(told, appointments, transaction, known);
    await this.followed.meet(manager, told.order);
    const underWay = await this.apply(exam, appointments, transaction, { isTold: true });
    if (underWay > 0) this.logger.info({ orderId: exam.order.id, steps: underWay }, 'the exam has begun: its room is asked to stop it'); // prettier-ignore
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
    const state = await this.stateOf(exam, appointments, transaction);
    const { followed = [] } = state;
    const { booked, rewritten, withdrawn, underWay } = decideSchedule(state, this.site, now);
    const settled = appointments.map(({ id }) => id!).filter((id) => state.displaced?.has(id));
    if (settled.length > 0) await this.rebookings.done(manager, settled);
    // Times given back first: one of them may be the one another step of the order takes.
    const movingOrLeaving = [...withdrawn, ...booked.flatMap(({ before }) => before ?? [])].map(({ id }) => id!);
    if (movingOrLeaving.length > 0) await this.bookings.release(manager, movingOrLeaving);

    const saidOf = (one: Appointment) => withheldBy(one, appointments, followed, this.site)?.appointment;
    for (const appointment of withdrawn) {
      const [saved] = await this.store.save(
        manager,
        [withdrawnAppointment(appointment, order, { said: saidOf(appointment) })],
        now,
      );
      await this.worklist.setStatus(manager, [appointment.id!], 'CANCELLED');
      this.tell('imaging.schedule.cancelled.v1', exam, saved!, transaction);
    }
    for (const { step, slot, before } of booked) {
      const appointment = withWhatWasSaid(bookedAppointment(order, step, slot, patient, before), step.followed);
      await this.displace(step, slot, transaction);
      const taking = { appointmentId: appointment.id!, patientId: patient.id!, lane: step.lane };
      await this.bookings.take(manager, taking, slot);
      const [saved] = await this.store.save(manager, [appointment], now);
      await this.show(exam, saved!, step, transaction);
      const type = before && isAhead(before) ? 'imaging.schedule.moved.v1' : 'imaging.schedule.booked.v1';
      this.tell(type, exam, saved!, transaction);
    }
    for (const { step, appointment } of rewritten) {
      const stated = withWhatWasSaid(appointment, step.followed);
      const isSame = sameContent(stated, appointment);
      const [current] = isSame ? [appointment] : await this.store.save(manager, [stated], now);
      await this.show(exam, current!, step, transaction);
      if (isTold || !isSame) this.tell('imaging.schedule.moved.v1', exam, current!, transaction);
    }
    await this.rooms.afterOrder(exam, appointments, underWay, transaction);
    return underWay.length;
  }

  /** What a decision needs to know, read while nobody else takes a time at the stations in question. */
  private async stateOf(
    { order, patient, encounter }: OrderedExam,
    appointments: readonly Appointment[],
    { manager, now }: Transaction,
  ): Promise<ScheduleState> {
    const followed = await this.followed.ofOrder(manager, order);
    const stations = stationsInQuestion(order, this.site, followed);
    const known = { order, patient, encounter, appointments, followed };
    const displaced = await this.rebookings.of(manager, appointments.map(({ id }) => id!)); // prettier-ignore
    if (stations.length === 0) return { ...known, taken: [], displaced };
    const own = appointments.filter(isAhead).map(({ id }) => id!);
    const taken = await this.bookings.taken(manager, stations, patient.id!, now, own);
    const closures = await this.closures.of(manager, stations, now);
    const mayGoAhead = ['stat', 'emergency'].includes(laneOf(order, encounter));
    const until = new Date(now.getTime() + AHEAD_MS);
    const upcoming = mayGoAhead ? await this.bookings.upcoming(manager, stations, now, until, own) : [];
    return { ...known, taken, upcoming, displaced, closures };
  }

  /** Times of others that a step takes are given back here, and they are booked anew in transactions of their own. */
  private async displace(step: RequestedStep, { displaces = [] }: Slot, { manager, now }: Transaction): Promise<void> {
    if (displaces.length === 0) return;
    await this.bookings.release(manager, displaces);
    const reason = step.isStat ? 'a STAT exam goes first' : 'an emergency goes first';
    await this.rebookings.displace(manager, displaces, reason, now);
  }

  private async show(
    exam: OrderedExam,
    appointment: Appointment,
    step: RequestedStep,
    { manager, now }: Transaction,
  ): Promise<void> {
    await this.worklist.put(manager, worklistItem({ ...exam, appointment }, step, this.site, now), 'SCHEDULED');
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
