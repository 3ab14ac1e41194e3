import { Inject, Injectable } from '@nestjs/common';
import type { DiagnosticReport, ImagingStudy, ServiceRequest, Task } from 'fhir/r4.js';
import { newEvent, type EventType } from '#events';
import { FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { TaskTimers } from '#tasks';
import { postProcessingOf } from './post-processing.decider.js';
import { cameBack, decideReading, dueOf, isReading, readingIdOf } from './reading.decider.js';

/** Keeps what is to be read and what is to be made of the images, study by study. */
@Injectable()
export class ReadingDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(TaskTimers) private readonly timers: TaskTimers,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** The images of a study are there: it is read, and what its procedures ask for is made of it, each once. */
  async afterStudy(studyId: string, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const study = await this.store.read(manager, 'ImagingStudy', studyId);
    if (study?.status !== 'available') return;
    await this.follow(study, transaction);
    const wanted = postProcessingOf(study, await this.ordersOf(study, transaction), this.site, now);
    const known = await this.store.readMany(
      manager,
      wanted.map(({ id }) => ({ type: 'Task', id: id! })),
    );
    for (const task of wanted.filter(({ id }) => !known.some((one) => one.id === id)))
      await this.keep(task, 'imaging.result.post-processing-changed.v1', transaction);
  }

  /** After a report was filed, or found its orders: what waits to be read may be read by it. */
  async afterReport(report: DiagnosticReport, transaction: Transaction): Promise<void> {
    const { manager } = transaction;
    const ids = new Set(
      (report.imagingStudy ?? []).flatMap(({ reference }) => referencedId(reference, 'ImagingStudy') ?? []),
    );
    for (const { reference } of report.basedOn ?? [])
      for (const task of (await this.store.referringTo(manager, 'Task', reference!)).filter(isReading))
        ids.add(referencedId(task.focus?.reference, 'ImagingStudy')!);
    for (const id of ids) {
      const study = await this.store.read(manager, 'ImagingStudy', id);
      const isListed = await this.store.read(manager, 'Task', readingIdOf(id));
      if (study && isListed) await this.follow(study, transaction);
    }
  }

  /** What was to be read elsewhere by now comes back. */
  async followClock(task: Task, transaction: Transaction): Promise<void> {
    const back = cameBack(task, transaction.now);
    if (back) await this.keep(back, 'imaging.result.reading-changed.v1', transaction);
  }

  /** Stores a Task of a study and tells it; what is due of it next follows from it. */
  async keep(
    task: Task,
    type: Extract<EventType, `imaging.result.${'reading' | 'post-processing'}-changed.v1`>,
    transaction: Transaction,
  ): Promise<Task> {
    const { manager, now } = transaction;
    const [saved] = (await this.store.save(manager, [task], now)) as [Task];
    if (isReading(saved)) await this.timers.set(manager, saved.id!, dueOf(saved));
    const patientId = referencedId(saved.for?.reference, 'Patient')!;
    const study = await this.store.read(manager, 'ImagingStudy', referencedId(saved.focus?.reference, 'ImagingStudy')!);
    const patient = await this.store.read(manager, 'Patient', patientId);
    const resources = [saved, study!, patient!, ...(await this.ordersOf(study!, transaction))];
    transaction.publish(newEvent({ type, patientId, cause: `${saved.id}/${saved.meta?.versionId}`, now, resources }));
    return saved;
  }

  private async follow(study: ImagingStudy, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const known = await this.store.read(manager, 'Task', readingIdOf(study.id!));
    const orders = await this.ordersOf(study, transaction);
    const patientId = referencedId(study.subject.reference, 'Patient')!;
    const own = [`ImagingStudy/${study.id}`, ...orders.map(({ id }) => `ServiceRequest/${id}`)];
    const isOfIt = ({ basedOn = [], imagingStudy = [] }: DiagnosticReport) =>
      [...basedOn, ...imagingStudy].some(({ reference }) => own.includes(reference!));
    const reports = (await this.store.ofPatient(manager, 'DiagnosticReport', patientId)).filter(isOfIt);
    const task = decideReading(known, { study, orders, reports }, this.site, now);
    if (task) await this.keep(task, 'imaging.result.reading-changed.v1', transaction);
  }

  private async ordersOf({ basedOn = [] }: ImagingStudy, { manager }: Transaction): Promise<ServiceRequest[]> {
    const ids = basedOn.flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    return (await this.store.readMany(
      manager,
      ids.map((id) => ({ type: 'ServiceRequest', id })),
    )) as ServiceRequest[];
  }
}
