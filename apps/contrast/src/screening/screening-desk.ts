import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Appointment, DetectedIssue, MedicationRequest, Patient, ServiceRequest, Task } from 'fhir/r4.js';
import { newEvent } from '#events';
import { contrastScreeningIdOf, FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { contrastPlanIdOf } from '../contrast-plan.decider.js';
import { taskCodeOf } from '../escalation/task-code.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { issuesOf, preparationTasks, standingOf, withdrawnIssues, withdrawnTasks } from './detected-issue.js';
import { examTimeOf, isToBeScreened } from './exam-time.js';
import { factsOfPatient, noFacts, type PatientRecord } from './facts-of-patient.js';
import { PatientFactsStore } from './patient-facts.store.js';
import { plannedContrast } from './planned-contrast.js';
import { decideScreening } from './screening.decider.js';

/** Screens exams with contrast: reads what is known, has it decided, stores and tells what is new of it. */
@Injectable()
export class ScreeningDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(PatientFactsStore) private readonly facts: PatientFactsStore,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /** Screens every exam with contrast that a patient has still ahead: something of what is known of them has changed. */
  async screenPatient(patientId: string, transaction: Transaction): Promise<void> {
    const plans = await this.store.ofPatient(transaction.manager, 'MedicationRequest', patientId);
    for (const plan of plans.filter(({ status }) => status === 'active')) {
      const orderId = referencedId(plan.basedOn?.[0]?.reference, 'ServiceRequest');
      if (orderId) await this.screenOrder(orderId, transaction);
    }
  }

  /**
   * Screens the exam of an order, as its contrast record, its time and its patient are known now. What was said of one
   * that is cancelled, or uses no contrast any more, is taken back; one that is done keeps what was said.
   *
   * @param changed an issue or task that was changed just now, and so is news whatever comes out
   */
  async screenOrder(orderId: string, transaction: Transaction, changed?: string): Promise<void> {
    const { manager } = transaction;
    const reference = `ServiceRequest/${orderId}`;
    const [plan, order] = await this.planAndOrder(orderId, manager);
    if (!plan || !order || plan.status === 'completed') return;
    const patient = await this.store.read(manager, 'Patient', referencedId(plan.subject.reference, 'Patient')!);
    if (!patient) return;
    const around = await this.store.allReferringTo(manager, ['DetectedIssue', 'Task', 'Appointment'], reference);
    const issues = around.filter((one) => one.resourceType === 'DetectedIssue');
    const tasks = around.filter(
      (one) => one.resourceType === 'Task' && taskCodeOf(one) === 'contrast-preparation',
    ) as Task[];
    if (plan.status !== 'active') {
      const over = [...withdrawnIssues(issues), ...withdrawnTasks(tasks)];
      return this.keep(over, { order, patient, plan, issues, tasks }, transaction);
    }
    const appointments = around.filter((one) => one.resourceType === 'Appointment');
    if (!isToBeScreened(order, appointments)) return;
    const found = await this.decide({ order, patient, plan, issues, tasks }, appointments, transaction);
    const news = [...issues, ...tasks].filter((one) => `${one.resourceType}/${one.id}` === changed);
    await this.keep(found, { order, patient, plan, issues, tasks }, transaction, news);
  }

  private async planAndOrder(
    orderId: string,
    manager: EntityManager,
  ): Promise<[MedicationRequest | undefined, ServiceRequest | undefined]> {
    const keys = [
      { type: 'MedicationRequest', id: contrastPlanIdOf(orderId) },
      { type: 'ServiceRequest', id: orderId },
    ];
    const found = await this.store.readMany(manager, keys);
    return [
      found.find((one) => one.resourceType === 'MedicationRequest'),
      found.find((one) => one.resourceType === 'ServiceRequest'),
    ];
  }

  private async decide(
    { order, patient, plan, issues, tasks }: Screened,
    appointments: readonly Appointment[],
    { manager, now }: Transaction,
  ): Promise<(DetectedIssue | Task)[]> {
    const { policy } = this;
    const time = examTimeOf(order, appointments);
    const exam = time.booked && time.booked > now ? time.booked : now;
    const encounterId = referencedId(order.encounter?.reference, 'Encounter');
    const record: PatientRecord | undefined =
      policy && (await this.facts.recordOf(patient, encounterId, policy, manager));
    const facts = policy && record ? factsOfPatient(record, policy, exam) : noFacts;
    const standing = standingOf(order.id!, issues, tasks);
    const screening = decideScreening({ planned: plannedContrast(plan, policy), time, facts, standing }, policy, now);
    const about = { plan, orderId: order.id!, booked: time.booked, policy };
    return [
      ...issuesOf(screening, about, issues, now),
      ...preparationTasks(screening.preparation?.steps ?? [], about, tasks),
    ];
  }

  /** Stores what is new, and tells all that stands. */
  private async keep(
    changed: readonly (DetectedIssue | Task)[],
    { order, patient, plan, issues, tasks }: Screened,
    transaction: Transaction,
    news: readonly (DetectedIssue | Task)[] = [],
  ): Promise<void> {
    if (changed.length + news.length === 0) return;
    const { manager, now } = transaction;
    const saved = await this.store.save(manager, [...changed], now);
    const standing = new Map([...issues, ...tasks, ...saved].map((one) => [one.id, one]));
    const exam = standing.get(contrastScreeningIdOf(order.id!));
    if (!exam) return;
    standing.delete(exam.id);
    const asking = [...standing.values()].filter(({ status }) => status !== 'cancelled');
    const cause = [...news, ...saved].map(({ id, meta }) => `${id}/${meta?.versionId}`).join(' ');
    const resources = [exam, ...asking, order, patient, plan];
    transaction.publish(
      newEvent({ type: 'imaging.contrast.screened.v1', patientId: patient.id!, cause, now, resources }),
    );
  }
}

/** What is known of an exam that is screened. */
interface Screened {
  order: ServiceRequest;
  patient: Patient;
  plan: MedicationRequest;
  issues: DetectedIssue[];
  tasks: Task[];
}
