import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, FhirResource, Patient, ServiceRequest } from 'fhir/r4.js';
import {
  Dataset,
  decodeDataset,
  DicomStatus,
  encodeDataset,
  explicitVrLittleEndian,
  performedProcedureStepFrom,
  type MppsProvider,
  type PerformedProcedureStep,
} from '#dicom';
import { newEvent } from '#events';
import { FhirStore, referencedId } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { orderAfter, orderReferenceOf } from './appointment.decider.js';
import {
  appointmentAfter,
  examEvent,
  expectedStudy,
  patientOfUnscheduled,
  procedureOf,
  returnsToWorklist,
  type ExamSubject,
} from './exam.decider.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { ScheduleDesk } from './schedule-desk.js';
import { Worklist } from './worklist.store.js';

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
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(ScheduleDesk) private readonly desk: ScheduleDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** N-CREATE. @throws DicomStatus 0x0111 for an instance that is there already */
  async create(sopInstanceUid: string, dataset: Dataset): Promise<void> {
    const reported = performedProcedureStepFrom(dataset);
    const { patientId, appointmentIds, reason } = await this.whoseExam(sopInstanceUid, reported);
    await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now } = transaction;
      if (await this.steps.find(manager, sopInstanceUid))
        throw new DicomStatus(0x0111, 'an MPPS with this SOP Instance UID is there already');
      const subject = await this.subject(sopInstanceUid, reported, appointmentIds, transaction);
      const row = { sopInstanceUid, status: reported.status, patientId, isUnscheduled: !subject.order, reason };
      await this.steps.put(manager, { ...row, attributes: bytesOf(dataset) }, now);
      await this.follow(sopInstanceUid, reported, subject, transaction);
    });
  }

  /** N-SET. @throws DicomStatus 0x0112 for an unknown instance, 0x0110 with error id 0xA710 for a final one */
  async set(sopInstanceUid: string, modification: Dataset): Promise<void> {
    const patientId = await this.steps.patientOf(sopInstanceUid);
    if (!patientId) throw new DicomStatus(0x0112, 'no MPPS was created with this SOP Instance UID');
    await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager, now } = transaction;
      const current = (await this.steps.find(manager, sopInstanceUid))!;
      if (current.status !== 'IN PROGRESS')
        throw new DicomStatus(0x0110, 'Performed Procedure Step Object may no longer be updated', 0xa710);
      const merged = decodeDataset(current.attributes, explicitVrLittleEndian).modifiedBy(modification);
      const reported = performedProcedureStepFrom(merged);
      await this.steps.put(manager, { ...current, status: reported.status, attributes: bytesOf(merged) }, now);
      if (reported.status === 'IN PROGRESS') return;
      const { appointmentIds } = await this.whoseExam(sopInstanceUid, reported);
      const subject = await this.subject(
        sopInstanceUid,
        reported,
        current.isUnscheduled ? [] : appointmentIds,
        transaction,
      );
      await this.follow(sopInstanceUid, reported, subject, transaction);
    });
  }

  /** Finds the steps an MPPS refers to. Images of one patient are never filed under another's order. */
  private async whoseExam(sopInstanceUid: string, reported: PerformedProcedureStep) {
    const references = reported.scheduledSteps.map((one) => ({
      studyInstanceUid: one.studyInstanceUid,
      accessionNumber: one.accessionNumber,
      stepId: one.scheduledProcedureStepId,
    }));
    const found = await this.unitOfWork.run(undefined, ({ manager }) => this.worklist.referredTo(manager, references));
    const own = found.filter((one) => !reported.patientId || one.dicomPatientId === reported.patientId);
    const patientId = own[0]?.patientId ?? patientOfUnscheduled(sopInstanceUid, reported, this.site).id!;
    const reason =
      own.length > 0
        ? null
        : found.length > 0
          ? "refers to another patient's step"
          : references.length > 0
            ? 'refers to no known step'
            : 'refers to no step';
    const ofPatient = own.filter((one) => one.patientId === patientId);
    return { patientId, appointmentIds: ofPatient.map((one) => one.appointmentId), reason };
  }

  private async subject(
    sopInstanceUid: string,
    reported: PerformedProcedureStep,
    appointmentIds: string[],
    { manager }: Transaction,
  ): Promise<ExamSubject> {
    const keys = appointmentIds.map((id) => ({ type: 'Appointment', id }));
    const appointments = (await this.store.readMany(manager, keys)) as Appointment[];
    const orderId = appointments[0] && referencedId(orderReferenceOf(appointments[0]), 'ServiceRequest');
    const order = orderId ? await this.store.read(manager, 'ServiceRequest', orderId) : undefined;
    const patientId = referencedId(order?.subject.reference, 'Patient');
    const unscheduled = patientOfUnscheduled(sopInstanceUid, reported, this.site);
    const known = await this.store.read(manager, 'Patient', patientId ?? unscheduled.id!);
    return { patient: known ?? unscheduled, order, appointments };
  }

  private async follow(
    sopInstanceUid: string,
    reported: PerformedProcedureStep,
    subject: ExamSubject,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const procedure = procedureOf(sopInstanceUid, reported, subject, this.site);
    const before = await this.store.read(manager, 'Procedure', procedure.id!);
    const moved = subject.appointments.map((one) => appointmentAfter(one, reported));
    const order = subject.order && (await this.orderWith(subject.order, moved, transaction));
    const changed: FhirResource[] = [
      { ...procedure, ...(before ? { meta: before.meta } : {}) },
      ...moved,
      ...(order && order !== subject.order ? [order] : []),
    ];
    if (!subject.patient.meta) changed.push(subject.patient);
    const saved = await this.store.save(manager, changed, now);
    await this.updateWorklist(reported, { ...subject, order }, moved, transaction);
    this.tell(reported, saved[0]!, { ...subject, order, appointments: moved }, transaction);
  }

  private async updateWorklist(
    reported: PerformedProcedureStep,
    { patient, order }: { patient: Patient; order?: ServiceRequest },
    appointments: Appointment[],
    transaction: Transaction,
  ): Promise<void> {
    const ids = appointments.map((one) => one.id!);
    const status = reported.status === 'IN PROGRESS' ? 'STARTED' : reported.status;
    if (!returnsToWorklist(reported) || !order || order.status !== 'active')
      return this.worklist.setStatus(transaction.manager, ids, status);
    for (const appointment of appointments) await this.desk.putBack({ patient, order }, appointment, transaction);
  }

  private tell(
    reported: PerformedProcedureStep,
    procedure: FhirResource,
    { patient, order, appointments }: ExamSubject,
    transaction: Transaction,
  ): void {
    const uid = reported.scheduledSteps[0]?.studyInstanceUid ?? reported.studyInstanceUid;
    const study = reported.status === 'IN PROGRESS' ? undefined : expectedStudy(uid, reported, { patient, order, appointments }); // prettier-ignore
    transaction.publish(
      newEvent({
        type: examEvent[reported.status],
        patientId: patient.id!,
        cause: `${procedure.id}/${procedure.meta?.versionId}`,
        now: transaction.now,
        resources: [procedure, patient, ...(order ? [order] : []), ...appointments, ...(study ? [study] : [])],
      }),
    );
  }

  private async orderWith(
    order: ServiceRequest,
    moved: Appointment[],
    { manager }: Transaction,
  ): Promise<ServiceRequest> {
    const all = await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
    return orderAfter(order, all.map((one) => moved.find((other) => other.id === one.id) ?? one)); // prettier-ignore
  }
}

function bytesOf(dataset: Dataset): Buffer {
  return encodeDataset(dataset, explicitVrLittleEndian);
}
