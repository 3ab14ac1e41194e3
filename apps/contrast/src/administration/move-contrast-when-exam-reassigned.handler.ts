import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { MedicationRequest, Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import { findResource, findResources, resourceFrom, type ImagingEvent } from '#events';
import { FhirStore, keepCopies, referencedId, uuidFrom, wasWrongWorklistEntry } from '#fhir';
import { EventContext, WhenEvent, type Transaction } from '#messaging';
import { contrastPlanIdOf } from '../contrast-plan.decider.js';
import { ContrastEscalations } from '../escalation/contrast-escalations.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { AdministrationDesk } from './administration-desk.js';
import { givenInExam, movedTo, planOfMoved, takenBack } from './moved-contrast.decider.js';
import { StatementsStore } from './statements.store.js';

/**
 * Contrast that was recorded under the wrong worklist entry. Whose it was a person says: until then it stays where it was
 * recorded, since a guess would be in another patient's record, and somebody is asked.
 */
@Controller()
export class MoveContrastWhenExamReassigned {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(StatementsStore) private readonly statements: StatementsStore,
    @Inject(AdministrationDesk) private readonly desk: AdministrationDesk,
    @Inject(ContrastEscalations) private readonly escalations: ContrastEscalations,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  @WhenEvent('imaging.schedule.exam-discontinued.v1')
  async discontinued(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const exam = resourceFrom(event, 'Procedure');
    const order = findResource(event, 'ServiceRequest');
    if (!order || !wasWrongWorklistEntry(exam)) return;
    const statements = await this.statements.ofPlan(transaction.manager, contrastPlanIdOf(order.id!));
    if (givenInExam(statements, exam).length === 0) return;
    const matter = {
      id: whoseIdOf(exam),
      code: 'whose-contrast' as const,
      text: 'Say whom contrast was given to',
      description:
        'Contrast was recorded under the wrong worklist entry: POST /exams/<MPPS UID>/reassign at scheduling',
      focus: { reference: `Procedure/${exam.id}` },
      basedOn: [{ reference: `ServiceRequest/${order.id}` }],
      patient: exam.subject,
      isUrgent: false,
    };
    await this.escalations.open(matter, this.policy?.reactions?.unrecorded.escalation, transaction);
  }

  @WhenEvent('imaging.schedule.exam-reassigned.v1')
  async reassigned(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const exam = resourceFrom(event, 'Procedure');
    const [order, ...wrongOrders] = findResources(event, 'ServiceRequest');
    const [patient] = findResources(event, 'Patient');
    if (patient!.id !== event.patientId) await transaction.lock(patient!.id!);
    for (const { id } of wrongOrders) await this.move(contrastPlanIdOf(id!), exam, order!, patient!, transaction);
    await this.escalations.settle(whoseIdOf(exam), 'a person said whose it was', transaction);
  }

  private async move(
    wrongPlanId: string,
    exam: Procedure,
    order: ServiceRequest,
    patient: Patient,
    transaction: Transaction,
  ): Promise<void> {
    const { manager } = transaction;
    const wrongPlan = await this.store.read(manager, 'MedicationRequest', wrongPlanId);
    const given = wrongPlan ? givenInExam(await this.statements.ofPlan(manager, wrongPlanId), exam) : [];
    if (given.length === 0) return;
    const client = exam.note?.at(-1)?.authorString ?? '';
    await this.desk.settle(given.map(takenBack), wrongPlan!, client, transaction);
    const plan = await this.planOf(order, patient, wrongPlan!, transaction);
    await this.desk.settle(
      given.map((one) => movedTo(one, plan)),
      plan,
      client,
      transaction,
    );
  }

  /** The plan of the right order, which may not have been known here yet, or was to have no contrast. */
  private async planOf(
    order: ServiceRequest,
    patient: Patient,
    wrongPlan: MedicationRequest,
    transaction: Transaction,
  ) {
    const { manager, now } = transaction;
    for (const one of [order, patient])
      if (!(await this.store.read(manager, one.resourceType, one.id!)))
        await keepCopies(this.store, manager, [one], now);
    const known = await this.store.read(manager, 'MedicationRequest', contrastPlanIdOf(order.id!));
    if (known && referencedId(known.subject.reference, 'Patient')) return known;
    const [saved] = await this.store.save(manager, [planOfMoved(wrongPlan, order)], now);
    return saved!;
  }
}

/** Identity of the question whose contrast of an exam it was. */
function whoseIdOf({ id }: Procedure): string {
  return uuidFrom('Task', 'whose contrast', `Procedure/${id}`);
}
