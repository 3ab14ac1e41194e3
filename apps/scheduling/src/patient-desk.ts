import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, Patient } from 'fhir/r4.js';
import { FhirStore, keepCopies, moveMerged } from '#fhir';
import { MergedPatients, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import type { OrderedExam } from './exam/exam-from-event.js';
import { FollowedAppointments } from './booking/followed-appointments.store.js';
import { stateAttributes } from './patient-state.js';
import { PerformedProcedureSteps } from './exam/performed-procedure-steps.store.js';
import { ScheduleDesk } from './booking/schedule-desk.js';
import { StationBookings } from './booking/station-bookings.store.js';
import { WhatIsKnown } from './booking/what-is-known.js';
import { patientAttributes, patientNumberOf, visitAttributes } from './worklist/worklist-item.js';
import { Worklist } from './worklist/worklist.store.js';

/** Keeps the worklist true to its patients, each change in the transaction of its event. */
@Injectable()
export class PatientDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(StationBookings) private readonly bookings: StationBookings,
    @Inject(PerformedProcedureSteps) private readonly performed: PerformedProcedureSteps,
    @Inject(FollowedAppointments) private readonly followed: FollowedAppointments,
    @Inject(MergedPatients) private readonly mergedPatients: MergedPatients,
    @Inject(WhatIsKnown) private readonly known: WhatIsKnown,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** A corrected name, an allergy, a weight or a new bed reaches the items that are still ahead or under way. */
  async update(told: Pick<OrderedExam, 'patient' | 'encounter' | 'clinical'>, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const { encounter: visit, clinical = [] } = told;
    const [patient] = await keepCopies<FhirResource>(this.store, manager, [told.patient, ...clinical], now);
    const said =
      clinical.length > 0 ? stateAttributes(await this.known.clinicalOf(patient!.id!, transaction), now) : {};
    const attributes = { ...patientAttributes(patient as Patient, this.site), ...said };
    await this.worklist.amend(manager, { patientId: patient!.id! }, attributes);
    if (!visit) return;
    const [encounter] = await keepCopies(this.store, manager, [visit], now);
    const orders = await this.store.referringTo(manager, 'ServiceRequest', `Encounter/${encounter!.id}`);
    const appointmentIds: string[] = [];
    for (const order of orders)
      for (const one of await this.known.appointmentsOf(order, transaction)) appointmentIds.push(one.id!);
    await this.worklist.amend(manager, { patientId: patient!.id!, appointmentIds }, visitAttributes(encounter));
  }

  /**
   * Steps, times and exams of a patient who was merged are those of the one who stands for them, and items say so.
   *
   * @returns internal ids of those who stand for others
   */
  async merge(told: Patient[], transaction: Transaction): Promise<string[]> {
    const { manager, now } = transaction;
    const patients = await keepCopies(this.store, manager, told, now);
    const moved = await moveMerged(this.store, this.mergedPatients, patients, transaction);
    for (const { from, to } of moved) {
      const patient = (await this.store.read(manager, 'Patient', to))!;
      const state = stateAttributes(await this.known.clinicalOf(to, transaction), now);
      await this.worklist.move(manager, from, to, patientNumberOf(patient, this.site));
      await this.bookings.move(manager, from, to);
      await this.performed.move(manager, from, to);
      await this.followed.move(manager, from, to);
      await this.worklist.amend(manager, { patientId: to }, { ...patientAttributes(patient, this.site), ...state });
      for (const order of await this.store.ofPatient(manager, 'ServiceRequest', to))
        if (await this.followed.meet(manager, order)) await this.desk.reconsider(order, transaction);
    }
    return [...new Set(moved.map(({ to }) => to))];
  }
}
