import { Inject, Injectable } from '@nestjs/common';
import type { DiagnosticReport, FhirResource, Patient, ServiceRequest, Task } from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { EscalationDesk } from '#tasks';
import { decideCriticalResult, isCriticalResult, planOf, reportIdOf } from './critical-result.decider.js';

/** Sees to it that somebody hears of critical results, and says so. */
@Injectable()
export class CriticalResults {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(EscalationDesk) private readonly escalations: EscalationDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** After a version of a report was filed. @param from who sent it */
  async afterReport(report: DiagnosticReport, from: string, transaction: Transaction): Promise<void> {
    if (this.site.criticalResults.length === 0) return;
    const { manager } = transaction;
    const known = await this.store.referringTo(manager, 'Task', `DiagnosticReport/${report.id}`);
    const orders = await this.ordersOf(report, transaction);
    const decision = decideCriticalResult(report, from, orders, known.filter(isCriticalResult), this.site);
    for (const { task, why } of decision.withdraw) {
      const withdrawn = await this.escalations.withdraw(task.id!, why, transaction);
      if (withdrawn) await this.tell(withdrawn, 'imaging.result.critical-result.v1', transaction);
    }
    for (const matter of decision.open) {
      const opened = await this.escalations.open(matter, planOf(matter, orders, this.site), transaction);
      if (opened) await this.tell(opened, 'imaging.result.critical-result.v1', transaction);
    }
  }

  /** What a person says of one. @throws Failure state-conflict, field-missing, field-invalid */
  async answer(current: Task, stated: Task, transaction: Transaction): Promise<Task> {
    const answered = await this.escalations.answer(current, stated, transaction);
    await this.tell(answered, 'imaging.result.critical-result.v1', transaction);
    return answered;
  }

  /** Its deadline is over: the next one is asked. */
  async followClock(task: Task, transaction: Transaction): Promise<void> {
    // The report may have found its orders since.
    const report = await this.store.read(transaction.manager, 'DiagnosticReport', reportIdOf(task)!);
    const orders = await this.ordersOf(report ?? task, transaction);
    const escalated = await this.escalations.followClock(task, planOf(task, orders, this.site), transaction);
    if (escalated) await this.tell(escalated, 'imaging.result.escalated.v1', transaction);
  }

  private async tell(
    task: Task,
    type: 'imaging.result.critical-result.v1' | 'imaging.result.escalated.v1',
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const patientId = referencedId(task.for?.reference, 'Patient')!;
    const report = await this.store.read(manager, 'DiagnosticReport', reportIdOf(task)!);
    const patient: Patient | undefined = await this.store.read(manager, 'Patient', patientId);
    const around: (FhirResource | undefined)[] = [report, patient, ...(await this.ordersOf(task, transaction))];
    const resources = [task, ...around.filter((one) => one !== undefined)];
    transaction.publish(newEvent({ type, patientId, cause: `${task.id}/${task.meta?.versionId}`, now, resources }));
  }

  private async ordersOf({ basedOn = [] }: Pick<Task, 'basedOn'>, { manager }: Transaction): Promise<ServiceRequest[]> {
    const ids = basedOn.flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    return (await this.store.readMany(
      manager,
      ids.map((id) => ({ type: 'ServiceRequest', id })),
    )) as ServiceRequest[];
  }
}
