import { Inject, Injectable } from '@nestjs/common';
import type {
  DiagnosticReport,
  DocumentReference,
  FhirResource,
  ImagingStudy,
  Patient,
  ServiceRequest,
} from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, madeBySomeoneElse, referencedId, studyInstanceUidOf, systems, uuidFrom } from '#fhir';
import type { DocumentMessage } from '#mapping';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { CriticalResults } from './critical-results.js';
import { decideDocument, reportIdOf, type DocumentKnown } from './document.decider.js';
import { asToldBefore } from '../emr/emr-fact.js';
import { deliveriesOf } from '../emr/emr-update.decider.js';
import { decideReport, filedUnder, identifiersOf, namedBy, ordersOf, type ReportSubject } from './report.decider.js';
import { ReadingDesk } from '../reading/reading-desk.js';
import { UnmatchedReports } from './unmatched-reports.store.js';

/** Where a report comes from. */
export interface ReportSource {
  /** Stands in for the patient until their own service tells of them. */
  patient: Patient;
  /** Who sent it: MSH-3, or the client by FHIR. */
  from: string;
}

/** Keeps reports under their orders, whichever comes first, and tells every new version. */
@Injectable()
export class ReportDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnmatchedReports) private readonly unmatched: UnmatchedReports,
    @Inject(CriticalResults) private readonly criticalResults: CriticalResults,
    @Inject(ReadingDesk) private readonly readings: ReadingDesk,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Files a report that arrived under its orders; one whose order is not known waits for it under its patient.
   *
   * @returns the report as it is stored, undefined where this version says nothing new or comes late
   * @throws Failure duplicate-key where the report's number is that of another patient's report
   */
  async file(
    stated: DiagnosticReport,
    source: ReportSource,
    candidates: readonly ServiceRequest[],
    transaction: Transaction,
  ): Promise<DiagnosticReport | undefined> {
    const { manager, now } = transaction;
    const subject = await this.subjectOf(ordersOf(stated, candidates), transaction);
    const current = await this.store.read(manager, 'DiagnosticReport', stated.id!);
    const report = decideReport(current, stated, subject);
    if (!report) return undefined;
    const known = await this.store.read(manager, 'Patient', source.patient.id!);
    const newcomer = madeBySomeoneElse(source.patient, 0);
    const [saved, patient = known!] = await this.store.save(manager, known ? [report] : [report, newcomer], now);
    await this.tell(saved as DiagnosticReport, patient as Patient, current, transaction);
    await this.criticalResults.afterReport(saved as DiagnosticReport, source.from, transaction);
    return saved as DiagnosticReport;
  }

  /**
   * Files a document that arrived: the document itself, and the report it is or is part of.
   *
   * @throws Failure duplicate-key where the document's number, or its report's, is of another patient
   */
  async fileDocument(
    stated: DocumentMessage,
    source: ReportSource,
    candidates: readonly ServiceRequest[],
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const { documents, report } = decideDocument(await this.documentKnown(stated, transaction), stated);
    await this.store.save(manager, documents, now);
    if (report) await this.file(report, source, candidates, transaction);
  }

  private async documentKnown(stated: DocumentMessage, { manager }: Transaction): Promise<DocumentKnown> {
    const parentId = referencedId(stated.document.relatesTo?.[0]?.target.reference, 'DocumentReference');
    const ids = [stated.document.id!, parentId].filter((id) => id !== undefined);
    const keys = ids.map((id) => ({ type: 'DocumentReference', id }));
    const found = (await this.store.readMany(manager, keys)) as DocumentReference[];
    const [document, parent] = [stated.document.id, parentId].map((id) => found.find((one) => one.id === id));
    const known = { ...(document ? { document } : {}), ...(parent ? { parent } : {}) };
    const report = await this.store.read(manager, 'DiagnosticReport', reportIdOf(known, stated));
    return { ...known, ...(report ? { report } : {}) };
  }

  /** Files what waits for these orders of one patient, which are stored already, under them. */
  async match(patientId: string, orders: readonly ServiceRequest[], transaction: Transaction): Promise<void> {
    if (orders.length === 0) return;
    const { manager, now } = transaction;
    for (const report of await this.unmatched.ofPatient(manager, patientId)) {
      if (!orders.some((order) => namedBy(report, order))) continue;
      const candidates = await this.candidatesFor(report, transaction);
      const subject = await this.subjectOf(ordersOf(report, candidates), transaction);
      if (subject.orders.length === 0) continue;
      const [saved] = await this.store.save(manager, [filedUnder(report, subject)], now);
      const patient = await this.store.read(manager, 'Patient', patientId);
      await this.tell(saved!, patient!, report, transaction);
    }
  }

  /** Every order known here that has a number the report names, whoever's it is. */
  async candidatesFor(report: DiagnosticReport, { manager }: Transaction): Promise<ServiceRequest[]> {
    const numbers = [
      ...identifiersOf(report, 'ACSN').map(({ value }) => ({ system: systems.accessionNumber, value })),
      ...identifiersOf(report, 'PLAC'),
    ];
    const found: ServiceRequest[] = [];
    for (const { system, value } of numbers)
      if (value) found.push(...(await this.store.withIdentifier(manager, 'ServiceRequest', system, value)));
    return found.filter((one, index) => found.findIndex(({ id }) => id === one.id) === index);
  }

  private async subjectOf(orders: ServiceRequest[], { manager }: Transaction): Promise<ReportSubject> {
    const uid = studyInstanceUidOf(orders[0]);
    const study = uid ? await this.store.read(manager, 'ImagingStudy', uuidFrom('ImagingStudy', uid)) : undefined;
    return { orders, ...(study ? { study } : {}) };
  }

  /** @param before the report as it was told before */
  private async tell(
    report: DiagnosticReport,
    patient: Patient,
    before: DiagnosticReport | undefined,
    transaction: Transaction,
  ): Promise<void> {
    const event = newEvent({
      type: 'imaging.result.reported.v1',
      patientId: patient.id!,
      cause: `${report.id}/${report.meta?.versionId}`,
      now: transaction.now,
      resources: [report, patient, ...(await this.referredTo(report, transaction))],
    });
    transaction.publish(event);
    const told = asToldBefore(before ? [before] : []);
    for (const delivery of deliveriesOf(event, this.site, told)) transaction.deliver(delivery);
    await this.readings.afterReport(report, transaction);
  }

  /** The orders and the study a report is under. */
  private async referredTo(report: DiagnosticReport, { manager }: Transaction): Promise<FhirResource[]> {
    const ids = (type: 'ServiceRequest' | 'ImagingStudy', references: { reference?: string }[] | undefined) =>
      (references ?? []).flatMap(({ reference }) => referencedId(reference, type) ?? []).map((id) => ({ type, id }));
    const found = await this.store.readMany(manager, [
      ...ids('ServiceRequest', report.basedOn),
      ...ids('ImagingStudy', report.imagingStudy),
    ]);
    const isOrder = (one: FhirResource): one is ServiceRequest => one.resourceType === 'ServiceRequest';
    const isStudy = (one: FhirResource): one is ImagingStudy => one.resourceType === 'ImagingStudy';
    return [...found.filter(isOrder), ...found.filter(isStudy)];
  }
}
