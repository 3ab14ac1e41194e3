import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, Reference, Task } from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, referencedId, systems, uuidFrom } from '#fhir';
import type { Transaction } from '#messaging';
import { EscalationDesk, type EscalationPlan, type Matter } from '#tasks';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';

/** On a Task: the plan of the policy by which it is escalated. */
const PLAN = 'urn:collimator:contrast-escalation:';

/** What somebody must see to after contrast. */
export interface ContrastMatter {
  id: string;
  /** Of `systems.task`. */
  code: 'contrast-reaction' | 'record-reaction' | 'overdue' | 'whose-contrast';
  text: string;
  description: string;
  focus: Reference;
  basedOn?: Reference[] | undefined;
  patient: Reference;
  isUrgent: boolean;
}

/** Identity of what asks for something that a Task wanted and that did not come in time. */
export function overdueIdOf(taskId: string, what: string): string {
  return uuidFrom('Task', 'overdue', taskId, what);
}

/** Escalations of this service: by the plans of its policy, and told to whoever pages people. */
@Injectable()
export class ContrastEscalations {
  constructor(
    @Inject(EscalationDesk) private readonly desk: EscalationDesk,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /** Asks somebody, unless somebody was asked about the same before. Without a plan in the policy nobody is. */
  async open(matter: ContrastMatter, planName: string | undefined, transaction: Transaction): Promise<void> {
    const plan = planName === undefined ? undefined : this.planNamed(planName);
    if (!plan) return;
    const { id, code, text, description, focus, basedOn, patient, isUrgent } = matter;
    const task: Matter = {
      id,
      instantiatesUri: PLAN + planName,
      priority: isUrgent ? 'stat' : 'urgent',
      code: { coding: [{ system: systems.task, code }], text },
      description,
      focus,
      ...(basedOn?.length ? { basedOn } : {}),
      for: patient,
    };
    await this.tell(await this.desk.open(task, plan, transaction), transaction);
  }

  /** The deadline of one may be over: the next is asked. */
  async followClock(task: Task, transaction: Transaction): Promise<void> {
    await this.tell(await this.desk.followClock(task, this.planOf(task), transaction), transaction);
  }

  /** What it asked for has come by another way, or is not needed any more; one that is over, or was none, stays so. */
  async settle(taskId: string, why: string, transaction: Transaction, by?: Reference): Promise<void> {
    await this.desk.settle(taskId, why, transaction, by);
  }

  async withdraw(taskId: string, why: string, transaction: Transaction): Promise<void> {
    await this.desk.withdraw(taskId, why, transaction);
  }

  /** What settled it was recorded in error: it is asked again. */
  async reopen(task: Task, transaction: Transaction): Promise<void> {
    await this.tell(await this.desk.reopen(task, this.planOf(task), transaction), transaction);
  }

  private planNamed(name: string): EscalationPlan | undefined {
    const plan = this.policy && Object.hasOwn(this.policy.escalation, name) ? this.policy.escalation[name] : undefined;
    const levels = plan?.levels.map(({ ask, acknowledgeWithinMinutes }) => ({
      ask: { display: ask },
      acknowledgeWithinMinutes,
    }));
    return plan && levels && { levels, againEveryMinutes: plan.againEveryMinutes };
  }

  /** As the policy has it now; where it has it no more, whoever was asked last is asked again, as often as before. */
  private planOf({ instantiatesUri, restriction }: Task): EscalationPlan {
    const named = instantiatesUri?.startsWith(PLAN) ? this.planNamed(instantiatesUri.slice(PLAN.length)) : undefined;
    if (named) return named;
    const { start, end } = restriction!.period!;
    const minutes = (Date.parse(end!) - Date.parse(start!)) / 60_000;
    const ask = restriction!.recipient![0]!;
    return { levels: [{ ask, acknowledgeWithinMinutes: minutes }], againEveryMinutes: minutes };
  }

  private async tell(task: Task | undefined, transaction: Transaction): Promise<void> {
    if (!task) return;
    const { manager, now } = transaction;
    const patientId = referencedId(task.for?.reference, 'Patient')!;
    const references = [task.for, task.focus, ...(task.basedOn ?? [])].flatMap((one) => one?.reference ?? []);
    const keys = references.flatMap((reference) => {
      const [type, id] = reference.split('/');
      return type && id && ['Patient', 'AdverseEvent', 'ServiceRequest'].includes(type) ? [{ type, id }] : [];
    });
    const around: FhirResource[] = await this.store.readMany(manager, keys);
    const cause = `${task.id}/${task.meta?.versionId}`;
    transaction.publish(
      newEvent({ type: 'imaging.contrast.escalated.v1', patientId, cause, now, resources: [task, ...around] }),
    );
  }
}
