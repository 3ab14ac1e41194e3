import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Appointment, FhirResource, Procedure, ProcedurePerformer, ServiceRequest } from 'fhir/r4.js';
import {
  Dataset,
  decodeDataset,
  DicomStatus,
  encodeDataset,
  explicitVrLittleEndian,
  performedProcedureStepFrom,
  type DicomCaller,
  type MppsProvider,
  type PerformedProcedureStep,
} from '#dicom';
import { newEvent } from '#events';
import { FhirStore, patientIdOf, recordAccess, referencedId } from '#fhir';
import { MergedPatients, UnitOfWork, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { orderAfter, orderReferenceOf } from '../booking/appointment.decider.js';
import { CleaningDesk } from '../department/cleaning-desk.js';
import {
  appointmentAfter,
  beginningOf,
  examEvent,
  expectedStudy,
  patientOfUnscheduled,
  placeOfExam,
  procedureIdOf,
  procedureOf,
  type ExamSubject,
} from './exam.decider.js';
import { performersOf } from './exam-performers.decider.js';
import { PerformedProcedureSteps, type PerformedProcedureStepRow } from './performed-procedure-steps.store.js';
import { RoomTasks } from './room-tasks.js';
import { ScheduleDesk } from '../booking/schedule-desk.js';
import { ScheduleNews } from '../booking/schedule-news.js';
import { StationBookings } from '../booking/station-bookings.store.js';
import { WhatIsKnown } from '../booking/what-is-known.js';
import { stepsMeant, type StepsMeant } from './steps-meant.decider.js';
import { placeOf } from '../worklist/worklist-item.js';
import { Worklist } from '../worklist/worklist.store.js';

/**
 * Follows exams by what their modalities report (DICOM PS3.4 annex F, IHE RAD-6 and RAD-7). Success is answered only
 * after the commit that holds the exam's new state and its event.
 */
@Injectable()
export class FollowExamWhenMppsArrives implements MppsProvider {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps,
    @Inject(Worklist) private readonly worklist: Worklist,
    @Inject(StationBookings) private readonly bookings: StationBookings,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(WhatIsKnown) private readonly known: WhatIsKnown,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(ScheduleNews) private readonly news: ScheduleNews,
    @Inject(RoomTasks) private readonly rooms: RoomTasks,
    @Inject(CleaningDesk) private readonly cleaning: CleaningDesk,
    @Inject(MergedPatients) private readonly mergedPatients: MergedPatients,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** N-CREATE. @throws DicomStatus 0x0111 for an instance that is there already */
  async create(sopInstanceUid: string, dataset: Dataset, caller: DicomCaller): Promise<void> {
    const reported = performedProcedureStepFrom(dataset);
    const { steps, reason } = await this.stepsOf(reported);
    const patientId = steps[0]?.patientId ?? patientOfUnscheduled(sopInstanceUid, reported, this.site).id!;
    const rowOf = ({ merged }: Transaction): PerformedProcedureStepRow => ({
      sopInstanceUid,
      status: reported.status,
      patientId: merged?.to ?? patientId,
      appointmentIds: steps.map(({ appointmentId }) => appointmentId),
      reason,
      attributes: bytesOf(dataset),
    });
    await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now } = transaction;
      const row = rowOf(transaction);
      if (await this.steps.find(manager, sopInstanceUid))
        throw new DicomStatus(0x0111, 'an MPPS with this SOP Instance UID is there already');
      await this.steps.insert(manager, row, now);
      await this.record('RAD-6', row, caller, transaction);
      await this.follow(row, reported, transaction);
    });
  }

  /** N-SET. @throws DicomStatus 0x0112 for an unknown instance, 0x0110 with error id 0xA710 for a final one */
  async set(sopInstanceUid: string, modification: Dataset, caller: DicomCaller): Promise<void> {
    const patientId = await this.steps.patientOf(sopInstanceUid);
    if (!patientId) throw new DicomStatus(0x0112, 'no MPPS was created with this SOP Instance UID');
    await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now } = transaction;
      const current = (await this.steps.find(manager, sopInstanceUid))!;
      // It may have been given to another patient meanwhile.
      if (current.patientId !== patientId) await transaction.lock(current.patientId);
      if (current.status !== 'IN PROGRESS')
        throw new DicomStatus(0x0110, 'Performed Procedure Step Object may no longer be updated', 0xa710);
      const merged = decodeDataset(current.attributes, explicitVrLittleEndian).modifiedBy(modification);
      const reported = performedProcedureStepFrom(merged);
      const row = { ...current, status: reported.status, attributes: bytesOf(merged) };
      await this.steps.update(manager, row, now);
      await this.record('RAD-7', row, caller, transaction);
      if (reported.status !== 'IN PROGRESS') await this.follow(row, reported, transaction);
    });
  }

  /** Which AE wrote what of whom, in the transaction that writes it. */
  private record(
    interaction: 'RAD-6' | 'RAD-7',
    { sopInstanceUid, patientId }: PerformedProcedureStepRow,
    { aeTitle, address }: DicomCaller,
    { manager, now }: Transaction,
  ): Promise<void> {
    const who = { client: aeTitle, address, service: 'scheduling' };
    const references = [`Procedure/${procedureIdOf(sopInstanceUid)}`];
    return recordAccess(manager, { interaction, ...who, patientIds: [patientId], references }, now);
  }

  private async stepsOf(reported: PerformedProcedureStep): Promise<StepsMeant> {
    const uids = [reported.studyInstanceUid, ...reported.scheduledSteps.map((one) => one.studyInstanceUid)];
    const accessions = reported.scheduledSteps.map((one) => one.accessionNumber);
    const given = (values: (string | undefined)[]) => values.filter((one) => one !== undefined);
    const known = await this.worklist.named(given(uids), given(accessions));
    return stepsMeant(reported, await this.patientMeant(reported), known);
  }

  /** Whom the patient number a modality gives stands for now. */
  private async patientMeant({ patientId: value }: PerformedProcedureStep): Promise<string | undefined> {
    if (!value) return undefined;
    const patientId = patientIdOf({ system: this.site.authorities[this.site.patientAuthority]!, value });
    return (await this.mergedPatients.survivorOf(this.dataSource.manager, patientId)) ?? patientId;
  }

  private async subjectOf(
    row: PerformedProcedureStepRow,
    reported: PerformedProcedureStep,
    { manager }: Transaction,
  ): Promise<ExamSubject> {
    const keys = row.appointmentIds.map((id) => ({ type: 'Appointment', id }));
    const appointments = (await this.store.readMany(manager, keys)) as Appointment[];
    const ids = appointments.map((one) => referencedId(orderReferenceOf(one), 'ServiceRequest')!);
    const known = await this.store.readMany(manager, [
      ...[...new Set(ids)].map((id) => ({ type: 'ServiceRequest', id })),
      { type: 'Patient', id: row.patientId },
    ]);
    const orders = known.filter((one): one is ServiceRequest => one.resourceType === 'ServiceRequest');
    const patient = known.find((one) => one.resourceType === 'Patient');
    return { patient: patient ?? patientOfUnscheduled(row.sopInstanceUid, reported, this.site), orders, appointments };
  }

  /**
   * What follows from an exam as it is reported now: its Procedure, its steps, their orders and the worklist, and the event
   * that tells it.
   */
  async follow(
    row: PerformedProcedureStepRow,
    reported: PerformedProcedureStep,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const subject = await this.subjectOf(row, reported, transaction);
    const people = await this.peopleOf(reported, transaction);
    const procedure = procedureOf(row.sopInstanceUid, reported, subject, this.site, people);
    const before = await this.store.read(manager, 'Procedure', procedure.id!);
    const visit = subject.orders[0] && (await this.known.encounterOf(subject.orders[0], transaction));
    const place = placeOfExam(before, reported, subject, placeOf(visit), this.site);
    const appointments = await this.appointmentsAfter(row, reported, subject, transaction);
    const orders: ServiceRequest[] = [];
    for (const order of subject.orders) orders.push(await this.orderWith(order, appointments, transaction));
    const saved = await this.store.save<FhirResource>(
      manager,
      [
        { ...procedure, ...place, ...recordedHere(before) },
        ...appointments,
        ...orders.filter((order) => !subject.orders.includes(order)),
        ...(subject.patient.meta?.versionId ? [] : [subject.patient]),
      ],
      now,
    );
    const current = <R extends FhirResource>(resource: R): R =>
      (saved.find((one) => one.resourceType === resource.resourceType && one.id === resource.id) as R) ?? resource;
    const subjectNow = {
      patient: current(subject.patient),
      orders: orders.map(current),
      appointments: appointments.map(current),
    };
    this.tell(reported, saved[0]!, subjectNow, transaction);
    this.tellSchedulers(subject.appointments, subjectNow, transaction);
    await this.rooms.afterExam(subjectNow, transaction);
    await this.updateWorklist(subjectNow, transaction);
    await this.cleaning.cleanAfter({ ...subjectNow, mppsUid: row.sopInstanceUid, reported }, transaction);
  }

  /** Who did it, and whether they may. */
  private async peopleOf(
    reported: PerformedProcedureStep,
    { manager, now }: Transaction,
  ): Promise<ProcedurePerformer[]> {
    if (reported.performers.length === 0) return [];
    const known = await this.store.allOf(manager, 'Practitioner');
    return performersOf(
      reported.performers,
      reported.modality,
      known,
      this.site,
      beginningOf(reported, this.site) ?? now,
    );
  }

  private async appointmentsAfter(
    row: PerformedProcedureStepRow,
    reported: PerformedProcedureStep,
    { appointments, orders }: ExamSubject,
    { manager }: Transaction,
  ): Promise<Appointment[]> {
    if (appointments.length === 0) return [];
    const others = await this.steps.othersOf(manager, row.sopInstanceUid, row.appointmentIds);
    return appointments.map((one) => {
      const order = orders.find(({ id }) => orderReferenceOf(one) === `ServiceRequest/${id}`)!;
      const statuses = others
        .filter(({ appointmentIds }) => appointmentIds.includes(one.id!))
        .map(({ status }) => status);
      return appointmentAfter(one, reported, order, statuses);
    });
  }

  /** The worklist says of each step what its Appointment says; a time not needed any more is given back. */
  private async updateWorklist(
    { patient, orders, appointments }: ExamSubject,
    transaction: Transaction,
  ): Promise<void> {
    const { manager } = transaction;
    const idsOf = (...statuses: Appointment['status'][]) =>
      appointments.filter(({ status }) => statuses.includes(status)).map(({ id }) => id!);
    await this.worklist.setStatus(manager, idsOf('arrived'), 'STARTED');
    await this.worklist.setStatus(manager, idsOf('fulfilled'), 'COMPLETED');
    await this.worklist.setStatus(manager, idsOf('cancelled'), 'DISCONTINUED');
    await this.bookings.release(manager, idsOf('fulfilled', 'cancelled'));
    const returned = appointments.filter(({ status }) => status === 'booked').map(orderReferenceOf);
    for (const order of orders)
      if (returned.includes(`ServiceRequest/${order.id}`)) await this.desk.putBack({ patient, order }, transaction);
  }

  private tell(
    reported: PerformedProcedureStep,
    procedure: FhirResource,
    subject: ExamSubject,
    transaction: Transaction,
  ): void {
    const { patient, orders, appointments } = subject;
    const study = reported.status === 'IN PROGRESS' ? undefined : expectedStudy(reported, subject);
    transaction.publish(
      newEvent({
        type: examEvent[reported.status],
        patientId: patient.id!,
        cause: `${procedure.id}/${procedure.meta?.versionId}`,
        now: transaction.now,
        resources: [procedure, patient, ...orders, ...appointments, ...(study ? [study] : [])],
      }),
    );
  }

  /** An exam that begins or ends is news to those who get appointments. */
  private tellSchedulers(
    before: readonly Appointment[],
    { patient, orders, appointments }: ExamSubject,
    transaction: Transaction,
  ): void {
    for (const appointment of appointments) {
      const order = orders.find(({ id }) => orderReferenceOf(appointment) === `ServiceRequest/${id}`)!;
      this.news.tellExam(
        { order, patient },
        appointment,
        before.find(({ id }) => id === appointment.id),
        transaction,
      );
    }
  }

  private async orderWith(
    order: ServiceRequest,
    changed: readonly Appointment[],
    { manager }: Transaction,
  ): Promise<ServiceRequest> {
    const all = await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
    return orderAfter(
      order,
      all.map((one) => changed.find((other) => other.id === one.id) ?? one),
    );
  }
}

/** What the modality does not report of an exam, and so does not take away. */
function recordedHere(before: Procedure | undefined): Partial<Procedure> {
  if (!before) return {};
  const { meta, note, usedCode } = before;
  return { meta, ...(note ? { note } : {}), ...(usedCode ? { usedCode } : {}) };
}

function bytesOf(dataset: Dataset): Buffer {
  return encodeDataset(dataset, explicitVrLittleEndian);
}
