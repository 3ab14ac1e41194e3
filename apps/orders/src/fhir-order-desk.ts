import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, Patient, ServiceRequest, Task } from 'fhir/r4.js';
import { assertVersion, FhirStore, recordAccess, referencedId } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { answerOf } from './clarification.decider.js';
import { commandOfTask, isFulfilment } from './fulfilment.decider.js';
import { OrderDesk } from './order-desk.js';
import { replacementOf } from './order-replacement.decider.js';
import type { TransactionFromFhir } from './request-from-bundle.js';
import type { OrderFromFhir } from './request-from-fhir.js';
import { requestOf } from './transaction.decider.js';

/** A resource as it is stored after a write. */
export interface Written {
  resource: FhirResource;
  isNew: boolean;
}

/** Orders by FHIR, each in one transaction with the record of who placed or changed it. */
@Injectable()
export class FhirOrderDesk {
  constructor(
    @Inject(OrderDesk) private readonly desk: OrderDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /**
   * Places an order of a patient who is known here. One placed before with the same content is that order.
   *
   * @param keepsOther one placed before with other content is that order too, as it stands (conditional create)
   * @throws Failure value-unknown for an unknown patient, and as {@link OrderDesk.take}
   */
  place(
    { patientId, serviceRequest }: OrderFromFhir,
    keepsOther: boolean,
    client: string,
  ): Promise<{ order: ServiceRequest; isNew: boolean }> {
    return this.unitOfWork.run(patientId, async (transaction) => {
      const patient = await this.knownPatient(patientId, transaction);
      const before = await this.store.read(transaction.manager, 'ServiceRequest', serviceRequest.id!);
      const asked = { patient, orders: [{ control: 'NW' as const, serviceRequest }] };
      const orders = before && keepsOther ? [before] : await this.desk.take(asked, transaction);
      await this.audit(transaction, client, 'create', orders);
      return { order: orders[0]!, isNew: !before };
    });
  }

  /**
   * Has an order be what is stated, as far as it can still be changed.
   *
   * @param ifMatch the version the client changed, where it names one
   * @throws Failure not-found, precondition-failed, and as {@link OrderDesk.take}
   */
  replace(
    { patientId, serviceRequest }: OrderFromFhir,
    ifMatch: string | undefined,
    client: string,
  ): Promise<ServiceRequest> {
    return this.unitOfWork.run(patientId, async (transaction) => {
      const current = await this.store.read(transaction.manager, 'ServiceRequest', serviceRequest.id!);
      if (!current) throw fail('not-found', 'there is no ServiceRequest with this id: place it by POST');
      assertVersion(ifMatch, current);
      const patient = await this.knownPatient(patientId, transaction);
      const orders = await this.desk.take({ patient, orders: [replacementOf(current, serviceRequest)] }, transaction);
      await this.audit(transaction, client, 'update', orders);
      return orders[0]!;
    });
  }

  /**
   * Gives a Task of an order another status, which is a command on that order: a question is answered by `completed`,
   * which releases the order; what says how far an order is has it cancelled, held or released. The status it has already
   * changes nothing.
   *
   * @throws Failure not-found, precondition-failed, state-conflict for a status that is not the client's to give, or an
   *   order that is over
   */
  async changeTask(taskId: string, status: Task['status'], ifMatch: string | undefined, client: string): Promise<Task> {
    const asked = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, 'Task', taskId));
    const patientId = referencedId(asked?.for?.reference, 'Patient');
    if (!patientId) throw fail('not-found', 'there is no Task with this id');
    return this.unitOfWork.run(patientId, async (transaction) => {
      const { manager } = transaction;
      const task = (await this.store.read(manager, 'Task', taskId))!;
      assertVersion(ifMatch, task);
      const orderId = referencedId(task.focus?.reference, 'ServiceRequest')!;
      const order = (await this.store.read(manager, 'ServiceRequest', orderId))!;
      const command = isFulfilment(task) ? commandOfTask(task, status, order) : answerOf(task, status, order);
      const patient = await this.knownPatient(patientId, transaction);
      const orders = command ? await this.desk.take({ patient, orders: [command] }, transaction) : [order];
      await this.audit(transaction, client, 'update', orders);
      return (await this.store.read(manager, 'Task', taskId))!;
    });
  }

  /** True if an order is placed under this id. */
  isKnown(id: string): Promise<boolean> {
    return this.unitOfWork.run(
      undefined,
      async ({ manager }) => (await this.store.read(manager, 'ServiceRequest', id)) !== undefined,
    );
  }

  /**
   * Carries a transaction out: all of it, or nothing.
   *
   * @returns what each entry is now, in their order, and whether it is new here
   * @throws Failure not-found, precondition-failed, and as {@link OrderDesk.take}
   */
  carryOut({ patient, entries }: TransactionFromFhir, client: string): Promise<Written[]> {
    return this.unitOfWork.run(patient.id!, async (transaction) => {
      const { manager, merged } = transaction;
      const keys = entries.map(({ resource: { resourceType: type, id } }) => ({
        type,
        id: type === 'Patient' ? (merged?.to ?? id!) : id!,
      }));
      const stored = async () => {
        const found = new Map(
          (await this.store.readMany(manager, keys)).map((one) => [`${one.resourceType}/${one.id}`, one]),
        );
        return keys.map(({ type, id }) => found.get(`${type}/${id}`));
      };
      const before = await stored();
      const orders = await this.desk.take(requestOf(patient, entries, before), transaction);
      await this.audit(transaction, client, 'transaction', orders);
      return (await stored()).map((resource, index) => ({ resource: resource!, isNew: !before[index] }));
    });
  }

  private async knownPatient(patientId: string, { manager, merged }: Transaction): Promise<Patient> {
    const patient = await this.store.read(manager, 'Patient', merged?.to ?? patientId);
    if (patient) return patient;
    throw fail('value-unknown', 'the patient is not known here: send a transaction Bundle with the Patient', {
      field: 'ServiceRequest.subject',
    });
  }

  private async audit(
    { manager, now }: Transaction,
    client: string,
    interaction: 'create' | 'update' | 'transaction',
    orders: ServiceRequest[],
  ): Promise<void> {
    const references = orders.map((order) => `ServiceRequest/${order.id}`);
    const patientIds = [...new Set(orders.flatMap(({ subject }) => referencedId(subject.reference, 'Patient') ?? []))];
    const { service } = this.infrastructure;
    await recordAccess(manager, { interaction, client, service, references, patientIds }, now);
  }
}
