import { Inject, Injectable } from '@nestjs/common';
import type {
  CodeableConcept,
  Medication,
  MedicationAdministration,
  MedicationRequest,
  Observation,
  Task,
} from 'fhir/r4.js';
import { FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { TaskTimers } from '#tasks';
import { wasGiven } from '../contrast-plan.decider.js';
import { ContrastEscalations, overdueIdOf } from '../escalation/contrast-escalations.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { factsOfPatient } from '../screening/facts-of-patient.js';
import { PatientFactsStore } from '../screening/patient-facts.store.js';
import { plannedContrast } from '../screening/planned-contrast.js';
import { isToAgent, isToClass } from '../screening/rules/prior-reaction.js';
import {
  beginObservation,
  cancelObservation,
  givenAt,
  nextDueOf,
  observationIdOf,
  overdueOf,
  withMeasurement,
} from './observation.decider.js';
import { observationRowFor } from './observation-plan.js';

const HOUR = 60 * 60 * 1000;

/** Keeps who is watched after contrast: with its timer, what was measured, and who is asked where it is overdue. */
@Injectable()
export class ObservationDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(PatientFactsStore) private readonly facts: PatientFactsStore,
    @Inject(TaskTimers) private readonly timers: TaskTimers,
    @Inject(ContrastEscalations) private readonly escalations: ContrastEscalations,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /** Contrast was given, or what was told of it corrected. */
  async followAdministration(administration: MedicationAdministration, transaction: Transaction): Promise<void> {
    const { policy } = this;
    const { manager, now } = transaction;
    const current = await this.store.read(manager, 'Task', observationIdOf(administration.id!));
    if (!wasGiven(administration)) {
      const cancelled = cancelObservation(current, 'contrast was not given');
      return cancelled && this.keep(cancelled, transaction);
    }
    const from = givenAt(administration) ?? now;
    const knownWithin = policy?.observation && policy.observation.knownWithinHours * HOUR;
    if (!policy || !knownWithin || (!current && now.getTime() - from.getTime() > knownWithin)) return;
    const row = observationRowFor(await this.watched(administration, policy, transaction), policy);
    const begun = row && beginObservation(current, administration, { row, from, policy });
    if (begun) await this.keep(begun, transaction);
  }

  /** A vital sign of a patient who is watched was recorded or corrected. */
  async measured(task: Task, measured: Observation, transaction: Transaction): Promise<void> {
    await this.keep(withMeasurement(task, measured) ?? task, transaction);
  }

  /** Something of it is due by the clock. */
  async followClock(task: Task, transaction: Transaction): Promise<void> {
    await this.follow(task, transaction);
  }

  /** A person handed it over, or ended it. */
  async answered(task: Task, transaction: Transaction): Promise<void> {
    await this.follow(task, transaction);
  }

  private async keep(task: Task, transaction: Transaction): Promise<void> {
    const [saved] = await this.store.save(transaction.manager, [task], transaction.now);
    await this.follow(saved!, transaction);
  }

  /** Asks about what is overdue, settles what has come or is over, and sets the timer. */
  private async follow(task: Task, transaction: Transaction): Promise<void> {
    const { policy } = this;
    const { manager, now } = transaction;
    if (!policy) return this.timers.set(manager, task.id!, undefined);
    const measured = await this.measurementsOf(task, transaction);
    const overdue = overdueOf(task, measured, policy, now);
    const keys = [...(task.input ?? []).map((_, index) => `step ${index}`), 'end'];
    for (const key of keys.filter((one) => !overdue.some((open) => open.key === one))) {
      const id = overdueIdOf(task.id!, key);
      const why = task.status === 'completed' ? 'the patient was released' : 'it was done';
      if (task.status === 'cancelled') await this.escalations.withdraw(id, 'nobody has to be watched', transaction);
      else await this.escalations.settle(id, why, transaction, { reference: `Task/${task.id}` });
    }
    for (const { key, what } of overdue)
      await this.escalations.open(
        {
          id: overdueIdOf(task.id!, key),
          code: 'overdue',
          text: 'Observation after contrast is overdue',
          description: what,
          focus: { reference: `Task/${task.id}` },
          basedOn: task.basedOn,
          patient: task.for!,
          isUrgent: true,
        },
        policy.observation?.overdue.escalation,
        transaction,
      );
    await this.timers.set(manager, task.id!, nextDueOf(task, measured, policy, now));
  }

  private async measurementsOf({ output = [] }: Task, { manager }: Transaction): Promise<Observation[]> {
    const ids = output.flatMap(({ valueReference }) => referencedId(valueReference?.reference, 'Observation') ?? []);
    const found = await this.store.readMany(
      manager,
      ids.map((id) => ({ type: 'Observation', id })),
    );
    return found.filter((one): one is Observation => one.resourceType === 'Observation');
  }

  private async watched(
    administration: MedicationAdministration,
    policy: ContrastPolicy,
    { manager, now }: Transaction,
  ) {
    const asPlan = {
      medicationCodeableConcept: agentOf(administration),
      dosageInstruction: [{ route: administration.dosage?.route }],
    } as MedicationRequest;
    const { agent, route } = plannedContrast(asPlan, policy);
    const patient = await this.store.read(
      manager,
      'Patient',
      referencedId(administration.subject.reference, 'Patient')!,
    );
    const record = patient && (await this.facts.recordOf(patient, undefined, policy, manager));
    const reactions = record ? factsOfPatient(record, policy, now).allergies.reactions : [];
    const isToIt = (one: (typeof reactions)[number]) =>
      !agent || isToAgent(one, agent) || isToClass(one, agent.class, policy);
    return { group: agent?.group, route, hasReacted: reactions.some(isToIt) };
  }
}

/** What was given, as the administration says it. */
export function agentOf({
  medicationCodeableConcept,
  medicationReference,
  contained = [],
}: MedicationAdministration): CodeableConcept | undefined {
  const medications = contained.filter((one): one is Medication => one.resourceType === 'Medication');
  return medicationCodeableConcept ?? medications.find(({ id }) => `#${id}` === medicationReference?.reference)?.code;
}
