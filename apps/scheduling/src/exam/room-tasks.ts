import { Inject, Injectable } from '@nestjs/common';
import type { Appointment, FhirResource, Patient, ServiceRequest, Task } from 'fhir/r4.js';
import { newEvent } from '#events';
import { assertVersion, FhirStore, recordAccess, referencedId, uuidFrom } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import { orderReferenceOf } from '../booking/appointment.decider.js';
import type { ExamSubject } from './exam.decider.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { acknowledged, askToStop, isUnwanted, settled, stopTaskIdOf, withdrawn } from './stop-exam.decider.js';

/** Asks rooms to stop exams that their orders do not want any more, each in the transaction of its cause. */
@Injectable()
export class RoomTasks {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(PerformedProcedureSteps) private readonly performed: PerformedProcedureSteps,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * After an order changed: asks to stop what is under way and not wanted, and takes back what was asked of the others.
   *
   * @param unwanted steps under way that the order no longer wants
   */
  async afterOrder(
    exam: { patient: Patient; order: ServiceRequest },
    appointments: readonly Appointment[],
    unwanted: readonly Appointment[],
    transaction: Transaction,
  ): Promise<void> {
    // Said to be done: nobody wants what still goes on to stop.
    if (exam.order.status === 'completed') return;
    for (const appointment of appointments.filter(({ status }) => status === 'arrived')) {
      const about = { ...exam, appointment };
      if (unwanted.includes(appointment)) await this.ask(about, transaction);
      else
        await this.settle(about, withdrawn(await this.taskOf(appointment, transaction), transaction.now), transaction);
    }
  }

  /** After a modality reported: what was asked is over with its exam, and an exam that begins unwanted is asked to stop. */
  async afterExam({ patient, orders, appointments }: ExamSubject, transaction: Transaction): Promise<void> {
    for (const appointment of appointments) {
      const order = orders.find(({ id }) => orderReferenceOf(appointment) === `ServiceRequest/${id}`)!;
      const about = { patient, order, appointment };
      if (appointment.status === 'arrived' && isUnwanted(order)) await this.ask(about, transaction);
      const task = await this.taskOf(appointment, transaction);
      await this.settle(about, settled(task, appointment, transaction.now), transaction);
    }
  }

  /**
   * Keeps what a person in the room says of a Task, and who said it.
   *
   * @throws Failure not-found, precondition-failed, field-invalid, state-conflict
   */
  async acknowledge(id: string, status: Task['status'], ifMatch: string | undefined, client: string): Promise<Task> {
    const known = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, 'Task', id));
    const patientId = referencedId(known?.for?.reference, 'Patient');
    if (!patientId) throw fail('not-found', 'there is no Task with this id');
    return this.unitOfWork.run(patientId, async ({ manager, now, merged }) => {
      const task = (await this.store.read(manager, 'Task', id))!;
      assertVersion(ifMatch, task);
      const next = acknowledged(task, status, now);
      const [saved] = next === task ? [task] : await this.store.save(manager, [next], now);
      const references = [`Task/${id}`];
      const patientIds = [merged?.to ?? patientId];
      await recordAccess(
        manager,
        { interaction: 'update', client, service: 'scheduling', references, patientIds },
        now,
      );
      return saved!;
    });
  }

  private async ask(about: About, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const { appointment, order } = about;
    const [mppsUid] = await this.performed.inProgress(manager, appointment.id!);
    const exam = mppsUid ? await this.store.read(manager, 'Procedure', uuidFrom('Procedure', mppsUid)) : undefined;
    const before = await this.taskOf(appointment, transaction);
    const task = askToStop({ order, appointment, exam }, before, this.site, now);
    if (!task) return;
    const [saved] = await this.store.save(manager, [task], now);
    this.tell('imaging.schedule.exam-stop-requested.v1', [saved!, ...(exam ? [exam] : [])], about, transaction);
  }

  private async settle(about: About, task: Task | undefined, transaction: Transaction): Promise<void> {
    if (!task) return;
    const [saved] = await this.store.save(transaction.manager, [task], transaction.now);
    const exam = await this.examOf(saved!, transaction);
    this.tell('imaging.schedule.exam-stop-settled.v1', [saved!, ...(exam ? [exam] : [])], about, transaction);
  }

  private tell(
    type: 'imaging.schedule.exam-stop-requested.v1' | 'imaging.schedule.exam-stop-settled.v1',
    [task, ...exam]: FhirResource[],
    { patient, order, appointment }: About,
    transaction: Transaction,
  ): void {
    transaction.publish(
      newEvent({
        type,
        patientId: patient.id!,
        cause: `${task!.id}/${task!.meta?.versionId}`,
        now: transaction.now,
        resources: [task!, appointment, order, patient, ...exam],
      }),
    );
  }

  private taskOf(appointment: Appointment, { manager }: Transaction): Promise<Task | undefined> {
    return this.store.read(manager, 'Task', stopTaskIdOf(appointment));
  }

  private async examOf({ input }: Task, { manager }: Transaction) {
    const id = referencedId(input?.[0]?.valueReference?.reference, 'Procedure');
    return id ? this.store.read(manager, 'Procedure', id) : undefined;
  }
}

interface About {
  patient: Patient;
  order: ServiceRequest;
  appointment: Appointment;
}
