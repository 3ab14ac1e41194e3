import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, Encounter, ServiceRequest } from 'fhir/r4.js';
import { contrastScreeningIdOf, FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { isAhead } from './appointment.decider.js';
import type { Calendar } from './calendar.js';
import { readyFromOf } from '../contrast-screening.js';
import type { OrderedExam } from '../exam/exam-from-event.js';
import { FollowedAppointments } from './followed-appointments.store.js';
import { laneOf } from './lane.decider.js';
import type { Clinical } from '../patient-state.js';
import { Rebookings } from './rebookings.store.js';
import { stationsInQuestion, type ScheduleState } from './schedule.decider.js';
import { AHEAD_MS } from './slot.decider.js';
import { StationClosures } from '../department/station-closures.store.js';
import { StationBookings } from './station-bookings.store.js';

/** Reads what a decision about an order's steps needs to know. */
@Injectable()
export class WhatIsKnown {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(StationBookings) private readonly bookings: StationBookings,
    @Inject(StationClosures) private readonly closures: StationClosures,
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** All that is known, read while nobody else takes a time at the stations in question. */
  async of(
    { order, patient, encounter }: OrderedExam,
    appointments: readonly Appointment[],
    transaction: Transaction,
  ): Promise<ScheduleState> {
    const { manager, now } = transaction;
    const followed = await this.followed.ofOrder(manager, order);
    const stations = stationsInQuestion(order, this.site, followed);
    const screening = await this.store.read(manager, 'DetectedIssue', contrastScreeningIdOf(order.id!));
    const readyFrom = screening && readyFromOf(screening);
    const exam = {
      order,
      patient,
      encounter,
      ...(screening ? { screening } : {}),
      ...(readyFrom ? { readyFrom } : {}),
    };
    const displaced = await this.rebookings.of(
      manager,
      appointments.map(({ id }) => id!),
    );
    const calendar = await this.calendarAt(stations, patient.id!, appointments, transaction);
    const mayGoAhead = stations.length > 0 && ['stat', 'emergency'].includes(laneOf(order, encounter));
    const until = new Date(now.getTime() + AHEAD_MS);
    const own = idsAhead(appointments);
    const upcoming = mayGoAhead ? await this.bookings.upcoming(manager, stations, now, until, own) : [];
    return { ...exam, appointments, followed, ...calendar, upcoming, displaced };
  }

  /** What is taken at these stations, and of the patient, beside an order's own appointments; nobody else takes more. */
  async calendarAt(
    aeTitles: string[],
    patientId: string,
    own: readonly Appointment[],
    { manager, now }: Transaction,
  ): Promise<Calendar> {
    if (aeTitles.length === 0) return { taken: [] };
    const taken = await this.bookings.taken(manager, aeTitles, patientId, now, idsAhead(own));
    // Behind the lock on the stations: what closes one meanwhile waits, and has seen what is booked here.
    return { taken, closures: await this.closures.of(manager, aeTitles, now) };
  }

  /** An order's Appointments, whatever became of them. */
  appointmentsOf(order: ServiceRequest, { manager }: Transaction): Promise<Appointment[]> {
    return this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
  }

  /** What a worklist says of a patient's state. */
  async clinicalOf(patientId: string, { manager }: Transaction): Promise<Clinical[]> {
    const allergies = await this.store.ofPatient(manager, 'AllergyIntolerance', patientId);
    return [...allergies, ...(await this.store.ofPatient(manager, 'Observation', patientId))];
  }

  /** The visit an order belongs to. */
  async encounterOf(order: ServiceRequest, { manager }: Transaction): Promise<Encounter | undefined> {
    const id = referencedId(order.encounter?.reference, 'Encounter');
    return id ? this.store.read(manager, 'Encounter', id) : undefined;
  }
}

function idsAhead(appointments: readonly Appointment[]): string[] {
  return appointments.filter(isAhead).map(({ id }) => id!);
}
