import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Appointment, FhirResource, Procedure, ServiceRequest } from 'fhir/r4.js';
import { Dataset, decodeDataset, encodeDataset, explicitVrLittleEndian, type DatasetInput } from '#dicom';
import { newEvent } from '#events';
import { FhirStore, recordAccess, referencedId } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import { orderReferenceOf, stepIdOf } from '../booking/appointment.decider.js';
import { patientNumberOf } from '../worklist/worklist-item.js';
import { expectedStudy, procedureIdOf, wasWrongWorklistEntry } from './exam.decider.js';
import { FollowExamWhenMppsArrives } from './follow-exam-when-mpps-arrives.js';
import { noteOnExam } from './note-on-exam.js';
import { orderNamed, type OrderNamed } from './order-named.js';
import {
  PerformedProcedureSteps,
  reportedIn,
  type PerformedProcedureStepRow,
} from './performed-procedure-steps.store.js';
import {
  asWrongWorklistEntry,
  isReassignedTo,
  reopened,
  underRightEntry,
  uidUnderRightEntry,
} from './reassign-exam.decider.js';
import { stepToLink } from './unscheduled.decider.js';

/** Gives an exam that was done under the wrong worklist entry to the order it was done for, also once it is completed. */
@Injectable()
export class ReassignExam {
  constructor(
    @Inject(PerformedProcedureSteps) private readonly steps: PerformedProcedureSteps,
    @Inject(FollowExamWhenMppsArrives) private readonly exams: FollowExamWhenMppsArrives,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * The step of the wrong entry goes back on the worklist. One that was completed is the right order's exam from now on,
   * unless that has one of its own. Contrast and dose follow by the event. Said twice, it is so already.
   *
   * @throws Failure not-found, value-unknown, state-conflict as {@link isReassignedTo} and for another patient's order
   *   unless that is confirmed, and as {@link stepToLink}
   */
  async reassign(mppsUid: string, asked: OrderNamed, client: string): Promise<Procedure> {
    const named = await orderNamed(this.store, this.dataSource.manager, asked);
    const right = referencedId(named.subject.reference, 'Patient')!;
    return this.unitOfWork.run(right, async (transaction) => {
      const { manager, now, merged } = transaction;
      const patientId = merged?.to ?? right;
      const unlocked = await this.steps.find(manager, mppsUid);
      if (!unlocked) throw fail('not-found', 'no MPPS was created with this SOP Instance UID');
      if (unlocked.patientId !== patientId) await transaction.lock(unlocked.patientId);
      const row = (await this.steps.find(manager, mppsUid))!;
      const order = (await this.store.read(manager, 'ServiceRequest', named.id!))!;
      const wrongOrders = await this.ordersOf(row, transaction);
      if (
        !isReassignedTo(
          order.id!,
          row,
          wrongOrders.map(({ id }) => id!),
        )
      ) {
        if (row.patientId !== patientId && !asked.patientConfirmed)
          throw fail('state-conflict', "the order is another patient's: confirm whose exam it was", {
            field: 'patientConfirmed',
          });
        const wasDone = row.status === 'COMPLETED';
        const step = wasDone ? await this.stepOf(order, row, asked.stepId, transaction) : undefined;
        await noteOnExam(this.store, row.sopInstanceUid, { client, text: asked.reason }, transaction);
        await this.takeBack(row, wrongOrders, transaction);
        if (step) await this.giveTo(order, step, { ...row, patientId }, transaction);
        await this.steps.reassigned(manager, mppsUid, order.id!, now);
        await this.tell(row, order, wrongOrders, patientId, transaction);
      }
      const references = [`Procedure/${procedureIdOf(mppsUid)}`, `ServiceRequest/${order.id}`];
      const patientIds = [...new Set([patientId, row.patientId])];
      const access = { interaction: 'update' as const, client, service: 'scheduling', references, patientIds };
      await recordAccess(manager, access, now);
      return (await this.store.read(manager, 'Procedure', procedureIdOf(mppsUid)))!;
    });
  }

  private async ordersOf({ appointmentIds }: PerformedProcedureStepRow, { manager }: Transaction) {
    const keys = appointmentIds.map((id) => ({ type: 'Appointment', id }));
    const appointments = (await this.store.readMany(manager, keys)) as Appointment[];
    const ids = new Set(appointments.map((one) => referencedId(orderReferenceOf(one), 'ServiceRequest')!));
    const orders = await this.store.readMany(
      manager,
      [...ids].map((id) => ({ type: 'ServiceRequest', id })),
    );
    return orders as ServiceRequest[];
  }

  /** The step of the right order, undefined where that has an exam of its own. */
  private async stepOf(
    order: ServiceRequest,
    row: PerformedProcedureStepRow,
    stepId: string | undefined,
    { manager }: Transaction,
  ): Promise<Appointment | undefined> {
    const appointments = await this.store.referringTo(manager, 'Appointment', `ServiceRequest/${order.id}`);
    const step = stepToLink(reportedIn(row.attributes), order, appointments, stepId);
    const own = await this.steps.othersOf(manager, row.sopInstanceUid, [step.id!]);
    return own.some(({ status }) => status !== 'DISCONTINUED') ? undefined : step;
  }

  /** The exam never was that of its worklist entry. */
  private async takeBack(row: PerformedProcedureStepRow, orders: ServiceRequest[], transaction: Transaction) {
    const { manager, now } = transaction;
    // Its modality has said so before.
    if (wasWrongWorklistEntry(reportedIn(row.attributes))) return;
    for (const order of orders.filter(({ status }) => status === 'completed'))
      await this.store.save(manager, [reopened(order, await this.statusBefore(order, transaction), now)], now);
    const attributes = modified(row, asWrongWorklistEntry);
    const wrong = { ...row, status: 'DISCONTINUED', attributes };
    await this.steps.update(manager, wrong, now);
    await this.exams.follow(wrong, reportedIn(attributes), transaction);
  }

  private async giveTo(
    order: ServiceRequest,
    step: Appointment,
    row: PerformedProcedureStepRow,
    transaction: Transaction,
  ) {
    const { manager, now } = transaction;
    const patient = (await this.store.read(manager, 'Patient', row.patientId))!;
    const right: PerformedProcedureStepRow = {
      sopInstanceUid: uidUnderRightEntry(row.sopInstanceUid, order.id!),
      status: 'COMPLETED',
      patientId: row.patientId,
      appointmentIds: [step.id!],
      reason: null,
      attributes: modified(row, underRightEntry(order, stepIdOf(step), patientNumberOf(patient, this.site))),
    };
    await this.steps.insert(manager, right, now);
    await this.exams.follow(right, reportedIn(right.attributes), transaction);
  }

  /** What an order was before its exam completed it: an order may have been cancelled while that went on. */
  private async statusBefore({ id }: ServiceRequest, { manager }: Transaction): Promise<ServiceRequest['status']> {
    const [row]: { status: ServiceRequest['status'] }[] = await manager.query(
      `SELECT body->>'status' AS status FROM resource_history
        WHERE type = 'ServiceRequest' AND id = $1 AND body->>'status' <> 'completed' ORDER BY version DESC LIMIT 1`,
      [id],
    );
    return row?.status ?? 'active';
  }

  private async tell(
    row: PerformedProcedureStepRow,
    order: ServiceRequest,
    wrongOrders: ServiceRequest[],
    patientId: string,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const procedure = (await this.store.read(manager, 'Procedure', procedureIdOf(row.sopInstanceUid)))!;
    const patients = await this.patientsOf([patientId, row.patientId], transaction);
    const wrong = { patient: patients.at(-1)!, orders: wrongOrders, appointments: [] };
    const study = expectedStudy(reportedIn(row.attributes), wrong);
    const resources: FhirResource[] = [procedure, order, ...wrongOrders, ...patients, ...(study ? [study] : [])];
    // Behind what was told of the exam until now.
    const of = { patientId: row.patientId, cause: `${procedure.id}/${procedure.meta?.versionId}`, now, resources };
    transaction.publish(newEvent({ type: 'imaging.schedule.exam-reassigned.v1', ...of }));
  }

  private async patientsOf(ids: string[], { manager }: Transaction) {
    const found = await this.store.readMany(
      manager,
      [...new Set(ids)].map((id) => ({ type: 'Patient', id })),
    );
    return [...new Set(ids)].flatMap((id) =>
      found.filter((one) => one.resourceType === 'Patient' && one.id === id),
    ) as Extract<FhirResource, { resourceType: 'Patient' }>[];
  }
}

function modified({ attributes }: PerformedProcedureStepRow, changes: DatasetInput): Buffer {
  const dataset = decodeDataset(attributes, explicitVrLittleEndian).modifiedBy(Dataset.of(changes));
  return encodeDataset(dataset, explicitVrLittleEndian);
}
