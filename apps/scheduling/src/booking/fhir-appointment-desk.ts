import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, ServiceRequest } from 'fhir/r4.js';
import { assertVersion, FhirStore, indexOf, recordAccess, referencedId, type Access } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import { isAhead, orderReferenceOf, stepIdOf } from './appointment.decider.js';
import type { OrderedExam } from '../exam/exam-from-event.js';
import { followedSteps, statementAfter } from './followed-appointment.decider.js';
import { FollowedAppointments } from './followed-appointments.store.js';
import { freeTimes, type FreeTime } from './free-times.js';
import { objectionTo } from './objection.decider.js';
import { statementOf, wordOf, type PersonsWord } from './persons-word.decider.js';
import { requestedSteps } from './requested-steps.decider.js';
import { ScheduleDesk } from './schedule-desk.js';
import { takenByOthers } from './schedule.decider.js';
import { readyFrom, stationsToKnow } from './slot.decider.js';
import { WhatIsKnown } from './what-is-known.js';

/** Which free times are asked for. */
export interface Window {
  from?: Date;
  until?: Date;
  /** Of one station only. */
  aeTitle?: string;
  limit: number;
}

const DEFAULT_DAYS = 7;

/** An appointment with its order and all that is needed to decide about it. */
interface Step {
  appointment: Appointment;
  all: Appointment[];
  exam: OrderedExam;
}

/** Appointments by people, each in one transaction with the record of who changed or looked. */
@Injectable()
export class FhirAppointmentDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
    @Inject(WhatIsKnown) private readonly known: WhatIsKnown,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Keeps what a person says of an appointment, before what the order and a RIS said until then: where and when it is, that
   * it is cancelled or was missed, that the patient is here. The worklist follows. Said twice, it is so already.
   *
   * @param insists also where the station is taken, not open or not equipped, or the patient has another exam then
   * @throws Failure not-found, precondition-failed, state-conflict, and as {@link wordOf} and {@link objectionTo}
   */
  async update(
    stated: Appointment,
    { ifMatch, insists, client }: { ifMatch?: string; insists: boolean; client: string },
  ): Promise<Appointment> {
    return this.run(stated.id!, { interaction: 'update', client }, async (step, patientId, transaction) => {
      const { appointment } = step;
      assertVersion(ifMatch, appointment);
      const word = wordOf(stated, appointment, this.site, transaction.now);
      if (word) await this.say(word, step, patientId, { insists, client }, transaction);
      return (await this.store.read(transaction.manager, 'Appointment', stated.id!))!;
    });
  }

  /**
   * The next free times of an appointment's step, of its present length, at the stations that can do it. Its own time
   * counts as free. Nothing is held: who takes one first has it.
   *
   * @throws Failure not-found, state-conflict, and value-unknown for a station that cannot do it
   */
  async freeTimesOf(id: string, { from, until, aeTitle, limit }: Window, client: string): Promise<FreeTime[]> {
    return this.run(id, { interaction: 'read', client }, async ({ appointment, all, exam }, _, transaction) => {
      const { now } = transaction;
      const steps = requestedSteps(exam.order, this.site, exam);
      const step = steps.find(({ stepId }) => stepId === stepIdOf(appointment));
      if (!step || hasBegun(appointment)) throw notBooked(exam.order, appointment);
      const able = stationsToKnow(step, this.site);
      const stations = aeTitle === undefined ? able : able.filter((one) => one.aeTitle === aeTitle);
      if (stations.length === 0)
        throw fail('value-unknown', 'no station of this AE title can do this step', { field: 'aeTitle' });
      const titles = able.map((one) => one.aeTitle);
      const calendar = await this.known.calendarAt(titles, exam.patient.id!, all, transaction);
      const taken = [...calendar.taken, ...takenByOthers(appointment, all, steps)];
      const earliest = Math.max(readyFrom(step, now), (from ?? new Date(step.notBefore ?? 0)).getTime());
      const within = {
        from: new Date(earliest),
        until: until ?? new Date(earliest + DEFAULT_DAYS * 86_400_000),
        limit,
      };
      const durationMinutes = isAhead(appointment) ? minutesOf(appointment) : step.durationMinutes;
      return freeTimes({ ...step, durationMinutes }, stations, { ...calendar, taken }, this.site, within);
    });
  }

  private async say(
    word: PersonsWord,
    { appointment, all, exam }: Step,
    patientId: string,
    { insists, client }: { insists: boolean; client: string },
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const { order } = exam;
    const asked = requestedSteps(order, this.site, exam).map(({ stepId }) => stepId);
    if (!asked.includes(stepIdOf(appointment))) throw notBooked(order, appointment);
    const followed = await this.followed.ofOrder(manager, order);
    const { before, statement } = statementOf(word, appointment, all, followed, client, this.site);
    await this.followed.put(manager, patientId, statementAfter(before, statement, order, now));
    if (word.at) await this.assertPossible(word.at, { appointment, all, exam }, insists, transaction);
    await this.desk.reconsider(order, transaction);
  }

  /** Read while nobody else takes a time there: of two people who want it at once one gets it. */
  private async assertPossible(
    at: FreeTime,
    { appointment, all, exam }: Step,
    insists: boolean,
    transaction: Transaction,
  ): Promise<void> {
    const state = await this.known.of(exam, all, transaction);
    const steps = followedSteps(requestedSteps(exam.order, this.site, state), state.followed ?? [], this.site);
    const step = steps.find(({ stepId }) => stepId === stepIdOf(appointment))!;
    const calendar = { ...state, taken: [...state.taken, ...takenByOthers(appointment, all, steps)] };
    const objection = objectionTo(step, at, calendar, this.site, { now: transaction.now, insists });
    if (objection) throw objection;
  }

  /** Works on an appointment in the unit of work of its patient, audited. @throws Failure not-found */
  private async run<T>(
    id: string,
    { interaction, client }: Pick<Access, 'interaction' | 'client'>,
    work: (step: Step, patientId: string, transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    const known = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, 'Appointment', id));
    const knownPatient = known && indexOf(known).patient_id;
    if (!knownPatient) throw fail('not-found', 'there is no Appointment with this id');
    return this.unitOfWork.run(knownPatient, async (transaction) => {
      const { manager, now, merged } = transaction;
      const patientId = merged?.to ?? knownPatient;
      const appointment = (await this.store.read(manager, 'Appointment', id))!;
      const orderId = referencedId(orderReferenceOf(appointment), 'ServiceRequest')!;
      const order = (await this.store.read(manager, 'ServiceRequest', orderId))!;
      const patient = (await this.store.read(manager, 'Patient', patientId))!;
      const encounter = await this.known.encounterOf(order, transaction);
      const all = await this.known.appointmentsOf(order, transaction);
      const result = await work({ appointment, all, exam: { order, patient, encounter } }, patientId, transaction);
      const access = {
        interaction,
        client,
        service: 'scheduling',
        references: [`Appointment/${id}`],
        patientIds: [patientId],
      };
      await recordAccess(manager, access, now);
      return result;
    });
  }
}

function hasBegun({ status }: Appointment): boolean {
  return status === 'arrived' || status === 'fulfilled';
}

function notBooked({ status }: ServiceRequest, appointment: Appointment) {
  if (hasBegun(appointment)) return fail('state-conflict', 'the exam has begun or is done');
  return fail(
    'state-conflict',
    status === 'active'
      ? 'the order does not ask for this step any more'
      : `the order is ${status}: nothing of it is booked until that changes`,
    { field: 'Appointment.basedOn' },
  );
}

function minutesOf({ start, end }: Appointment): number {
  return (Date.parse(end!) - Date.parse(start!)) / 60_000;
}
