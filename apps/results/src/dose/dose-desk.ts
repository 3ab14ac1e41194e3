import { Inject, Injectable } from '@nestjs/common';
import type { DetectedIssue, FhirResource, ImagingStudy, Observation, ServiceRequest } from 'fhir/r4.js';
import { datasetFromJson, type Dataset, type DicomJson } from '#dicom';
import { newEvent, type EventType } from '#events';
import { FhirStore, referencedId, systems, uuidFrom } from '#fhir';
import type { Transaction } from '#messaging';
import { asFailure, procedureNamed, SITE, stationByAeTitle, type DoseMeasure, type Site } from '#platform';
import { Rejections } from '../study/rejections.store.js';
import { DoseExams } from './dose-exams.store.js';
import {
  doseInError,
  doseIssue,
  doseIssueIdOf,
  doseObservation,
  doseObservationIdOf,
} from './dose-observation.decider.js';
import { doseOfStudy, type StudyDose } from './dose-of-study.decider.js';
import { doseReportFrom, type Amount, type DoseKind } from './dose-report.js';
import { DoseReports, type StoredDoseReport } from './dose-reports.store.js';
import { comparedWithLevels, irradiated } from './reference-levels.decider.js';
import { reportsOfPatient } from './whose-dose.decider.js';

/** Content of SR documents nests deeper than other data sets. */
const reportBounds = { depth: 64, mostElements: 250_000 };
const kinds: readonly DoseKind[] = ['ct', 'projection', 'radiopharmaceutical'];
/** A dose report as the PACS gave it. */
export interface FetchedDoseReport {
  sopInstanceUid: string;
  json: DicomJson;
}

/** Keeps dose reports, and the dose of each study whose exam is known. */
@Injectable()
export class DoseDesk {
  constructor(
    @Inject(DoseReports) private readonly reports: DoseReports,
    @Inject(DoseExams) private readonly exams: DoseExams,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Keeps a report that was stored here.
   *
   * @returns the studies whose dose may be another now
   * @throws Failure field-missing, field-invalid for what is no dose report
   */
  async keep(dataset: Dataset, stored: StoredDoseReport, { manager, now }: Transaction): Promise<string[]> {
    const report = doseReportFrom(dataset, this.site.timeZone);
    return [report.studyInstanceUid, ...(await this.reports.keep(manager, report, stored, now))];
  }

  /** Keeps what was read of a study in the PACS; what cannot be read is listed, and holds up nothing. */
  async keepFetched(studyInstanceUid: string, fetched: readonly FetchedDoseReport[], { manager, now }: Transaction) {
    for (const { sopInstanceUid, json } of fetched) {
      try {
        const report = doseReportFrom(datasetFromJson(json, reportBounds), this.site.timeZone);
        // What the PACS says of its own is where it is found again.
        await this.reports.keep(manager, { ...report, sopInstanceUid, studyInstanceUid }, undefined, now);
      } catch (error) {
        const failure = asFailure(error);
        if (failure.fate === 'retry') throw error;
        const reason = `${failure.field ?? 'data set'}: ${failure.message}`;
        await this.reports.keepUnreadable(manager, sopInstanceUid, studyInstanceUid, reason, now);
      }
    }
  }

  /**
   * Files a study's dose by all its reports, once its exam is known, and tells what is new of it. The transaction must have
   * its patient locked.
   */
  async file(studyInstanceUid: string, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const kept = await this.reports.ofStudy(manager, studyInstanceUid);
    if (kept.length === 0) return;
    const study = await this.store.read(manager, 'ImagingStudy', uuidFrom('ImagingStudy', studyInstanceUid));
    if (!study) return;
    const rejected = await this.rejections.ofStudy(manager, studyInstanceUid);
    const ours = reportsOfPatient(
      kept.map(({ report }) => report),
      study,
      rejected,
    );
    const room = this.roomOf(
      study,
      kept.map(({ caller }) => caller),
      ours[0]?.device.stationName,
    );
    for (const kind of kinds) {
      const dose = doseOfStudy(ours, kind);
      if (dose) await this.record(dose, study, room, transaction);
      else await this.takeBack(study, doseObservationIdOf(studyInstanceUid, kind), transaction);
    }
    await this.reports.filed(manager, studyInstanceUid, now);
  }

  /**
   * Has a study's reports that are not its own patient's count for the study they were made for instead: a person said
   * whose the exam was. The transaction must have both patients locked.
   */
  async reassign(from: string, to: string, transaction: Transaction): Promise<void> {
    const { manager } = transaction;
    const reports = (await this.reports.ofStudy(manager, from)).map(({ report }) => report);
    const study = await this.store.read(manager, 'ImagingStudy', uuidFrom('ImagingStudy', from));
    const own = study ? reportsOfPatient(reports, study, await this.rejections.ofStudy(manager, from)) : [];
    // Its dose is taken back as long as its reports are still its own.
    await this.file(from, transaction);
    const others = reports.filter((one) => !own.includes(one)).map(({ sopInstanceUid }) => sopInstanceUid);
    await this.reports.countFor(manager, others, to);
    await this.file(to, transaction);
  }

  private async record(dose: StudyDose, study: ImagingStudy, room: string | undefined, transaction: Transaction) {
    const { manager, now } = transaction;
    const known = await this.store.read(manager, 'Observation', doseObservationIdOf(dose.studyInstanceUid, dose.kind));
    const about = await this.about(study, transaction);
    const orders = about.filter((one): one is ServiceRequest => one.resourceType === 'ServiceRequest');
    const codings = orders.flatMap(({ code }) => code?.coding ?? []);
    const procedure =
      procedureNamed(this.site, codings)?.code ?? codings.find(({ system }) => system === systems.procedure)?.code;
    const patient = about.find((one) => one.resourceType === 'Patient');
    const who = irradiated(dose, patient?.resourceType === 'Patient' ? patient : undefined, this.site);
    const comparisons = comparedWithLevels(dose, procedure, who, this.site.doseReferenceLevels);
    const made = doseObservation(known, dose, { study, room, comparisons });
    if (made === known) return;
    const [observation] = await this.store.save(manager, [made], now);
    await this.exams.keep(manager, made.id!, {
      kind: dose.kind,
      performedAt: made.effectiveDateTime ? new Date(made.effectiveDateTime) : now,
      room,
      procedure,
      protocol: dose.protocol,
      ...who,
      events: dose.events.length,
      measures: valuesOf(dose.totals),
      isAbove: comparisons.some(({ outcome }) => outcome === 'above'),
    });
    const issueId = doseIssueIdOf(made.id!);
    const standing = await this.store.read(manager, 'DetectedIssue', issueId);
    const issue = doseIssue(standing, observation!, comparisons, now);
    await this.tell(observation!, issue, about, transaction);
  }

  /** None of a study's reports is of this patient any more. */
  private async takeBack(study: ImagingStudy, observationId: string, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const known = await this.store.read(manager, 'Observation', observationId);
    const made = known && doseInError(known);
    if (!made) return;
    const [observation] = await this.store.save(manager, [made], now);
    await this.exams.remove(manager, observationId);
    const standing = await this.store.read(manager, 'DetectedIssue', doseIssueIdOf(observationId));
    await this.tell(
      observation!,
      doseIssue(standing, observation!, [], now),
      await this.about(study, transaction),
      transaction,
    );
  }

  private async tell(
    observation: Observation,
    issue: DetectedIssue | undefined,
    about: FhirResource[],
    transaction: Transaction,
  ) {
    const { manager, now } = transaction;
    const patientId = referencedId(observation.subject?.reference, 'Patient')!;
    const saved = issue ? await this.store.save(manager, [issue], now) : [];
    const publish = (type: EventType, focus: FhirResource, others: FhirResource[]) =>
      transaction.publish(
        newEvent({
          type,
          patientId,
          cause: `${focus.id}/${focus.meta?.versionId}`,
          now,
          resources: [focus, ...others],
        }),
      );
    publish('imaging.result.dose-recorded.v1', observation, [...about, ...saved]);
    for (const one of saved)
      if (one.status === 'final') publish('imaging.result.dose-exceeded.v1', one, [...about, observation]);
  }

  /** The patient, who may be known by number alone, the study and its orders. */
  private async about(study: ImagingStudy, { manager }: Transaction): Promise<FhirResource[]> {
    const patientId = referencedId(study.subject.reference, 'Patient')!;
    const orderIds = (study.basedOn ?? []).flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    const keys = [{ type: 'Patient', id: patientId }, ...orderIds.map((id) => ({ type: 'ServiceRequest', id }))];
    const found = await this.store.readMany(manager, keys);
    const patient = found.find((one) => one.resourceType === 'Patient') ?? {
      resourceType: 'Patient' as const,
      id: patientId,
    };
    return [patient, ...found.filter((one) => one.resourceType !== 'Patient'), study];
  }

  /** Where it was done: as the exam says, else who stored the report, else the name the scanner has in it. */
  private roomOf(study: ImagingStudy, callers: (string | null)[], stationName: string | undefined): string | undefined {
    const performers = (study.series ?? []).flatMap(({ performer }) => performer ?? []);
    const stated = performers.flatMap(({ actor }) => [actor.identifier?.value, actor.display]);
    const named = [...stated, ...callers, stationName].filter((one) => one !== undefined && one !== null);
    const found = named.map(
      (name) => stationByAeTitle(this.site, name) ?? this.site.stations.find((one) => one.name === name),
    );
    return found.find((one) => one !== undefined)?.room;
  }
}

function valuesOf(totals: StudyDose['totals']): Partial<Record<DoseMeasure, number>> {
  const known = (Object.entries(totals) as [DoseMeasure, Amount][]).flatMap(([measure, amount]) =>
    'value' in amount ? [[measure, amount.value]] : [],
  );
  return Object.fromEntries(known) as Partial<Record<DoseMeasure, number>>;
}
