import { Inject, Injectable } from '@nestjs/common';
import type { Patient, Procedure, ServiceRequest } from 'fhir/r4.js';
import { DataSource, type EntityManager } from 'typeorm';
import type { StudyInPacs } from '#dicom';
import { dicomUidIdentifier, FhirStore, referencedId, systems } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import {
  asFailure,
  CLOCK,
  INFRASTRUCTURE,
  LOGGER,
  SITE,
  type Clock,
  type Infrastructure,
  type Logger,
  type Site,
} from '#platform';
import { DueWork } from '../due-work.js';
import { studyWith } from './imaging-study.decider.js';
import { LookForStudy } from './look-for-study.worker.js';
import { PacsContent } from './pacs-content.js';
import { StudyAlerts } from './study-alerts.js';
import { StudyLookups } from './study-lookups.store.js';
import { decideWatch, hasAccessionNumber, patientOfImages, studyOfOrder, type Known } from './study-watch.decider.js';
import { StudyWatch, type WatchedStudy } from './study-watch.store.js';

const AGAIN_AFTER_FAILURE_MS = 60_000;

/**
 * Looks at studies the PACS has, or may have by now, though no exam told of them: a modality without MPPS, or one whose
 * MPPS was lost; images under no order, or under another patient's. Those of an order are its study all the same.
 */
@Injectable()
export class WatchStudiesWithoutExam extends DueWork<WatchedStudy> {
  constructor(
    @Inject(StudyWatch) private readonly watch: StudyWatch,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(StudyAlerts) private readonly alerts: StudyAlerts,
    @Inject(PacsContent) private readonly pacs: PacsContent,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(LookForStudy) private readonly lookForStudy: LookForStudy,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('study-watch', infrastructure, logger);
  }

  protected keyOf({ studyInstanceUid }: WatchedStudy): string {
    return studyInstanceUid;
  }

  protected due(inWork: string[], limit: number): Promise<WatchedStudy[]> {
    return this.watch.due(this.clock.now(), inWork, limit);
  }

  protected async attempt({ studyInstanceUid, since }: WatchedStudy): Promise<void> {
    try {
      const isKnown = await this.lookups.isKnown(this.dataSource.manager, studyInstanceUid);
      const listed = isKnown ? undefined : await this.pacs.study(studyInstanceUid);
      const { orders } = await this.known(this.dataSource.manager, studyInstanceUid, listed);
      const patientId =
        referencedId(orders[0]?.order.subject.reference, 'Patient') ?? this.patientOf(studyInstanceUid, listed);
      await this.unitOfWork.run(patientId, (transaction) =>
        this.decide({ studyInstanceUid, since }, listed, transaction),
      );
    } catch (error) {
      this.logger.warn({ err: error }, 'a study without an exam could not be looked at');
      const next = new Date(this.clock.now().getTime() + AGAIN_AFTER_FAILURE_MS);
      await this.watch.postpone(this.dataSource.manager, studyInstanceUid, next, asFailure(error));
    }
  }

  private async decide(watched: WatchedStudy, listed: StudyInPacs | undefined, transaction: Transaction) {
    const { manager, now } = transaction;
    const { studyInstanceUid, since } = watched;
    // An exam told of it meanwhile.
    if (await this.lookups.isKnown(manager, studyInstanceUid)) return this.watch.end(manager, studyInstanceUid);
    const known = await this.known(manager, studyInstanceUid, listed);
    const decision = decideWatch(studyInstanceUid, listed, known, this.site, since, now);
    if (decision.is !== 'without-order')
      await this.alerts.resolve(studyInstanceUid, ['images-without-order'], transaction);
    if (decision.is === 'without-mpps') return this.adopt(studyInstanceUid, decision, transaction);
    if (decision.is === 'without-order') {
      const images = this.patientOf(studyInstanceUid, listed);
      const patientId = transaction.merged?.from === images ? transaction.merged.to : images;
      const subject = { studyInstanceUid, patientId, orderIds: [], detail: decision.detail };
      await this.alerts.raise('images-without-order', subject, transaction);
    }
    if (decision.next) await this.watch.postpone(manager, studyInstanceUid, decision.next);
    else await this.watch.end(manager, studyInstanceUid);
  }

  private patientOf(studyInstanceUid: string, listed: StudyInPacs | undefined): string {
    const system = this.site.authorities[this.site.patientAuthority]!;
    return patientOfImages(system, listed?.patientId, studyInstanceUid);
  }

  /** The images are an order's: they are its study, whatever the modality did not say. */
  private async adopt(
    studyInstanceUid: string,
    { order, detail }: { order: ServiceRequest; detail: string },
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const made = studyOfOrder(studyInstanceUid, order);
    const known = await this.store.read(manager, 'ImagingStudy', made.id!);
    await this.store.save(manager, [studyWith(known, made)], now);
    const patientId = referencedId(order.subject.reference, 'Patient')!;
    await this.lookups.begin(manager, { studyInstanceUid, patientId, expectedInstances: [] }, now, now);
    await this.alerts.raise(
      'order-without-mpps',
      { studyInstanceUid, patientId, orderIds: [order.id!], detail },
      transaction,
    );
    await this.watch.end(manager, studyInstanceUid);
    this.lookForStudy.wake();
  }

  private async known(
    manager: EntityManager,
    studyInstanceUid: string,
    listed: StudyInPacs | undefined,
  ): Promise<Known> {
    const byUid = await this.store.withIdentifier(
      manager,
      'ServiceRequest',
      systems.dicomUid,
      dicomUidIdentifier(studyInstanceUid).value!,
    );
    const accession = listed?.accessionNumber;
    const named = accession ? await this.store.withIdentifier(manager, 'ServiceRequest', undefined, accession) : [];
    const orders = [...byUid, ...named.filter((order) => hasAccessionNumber(order, accession!))];
    const known: { order: ServiceRequest; patient: Patient | undefined }[] = [];
    const exams: Procedure[] = [];
    for (const order of orders) {
      const id = referencedId(order.subject.reference, 'Patient');
      known.push({ order, patient: id ? await this.store.read(manager, 'Patient', id) : undefined });
      exams.push(...(await this.store.referringTo(manager, 'Procedure', `ServiceRequest/${order.id}`)));
    }
    return { orders: known, exams };
  }
}
