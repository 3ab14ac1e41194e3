import { Inject, Injectable } from '@nestjs/common';
import type { DetectedIssue, FhirResource, ImagingStudy, Observation, Patient, ServiceRequest } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import { datasetFromJson, type Dataset, type DicomJson } from '#dicom';
import { newEvent, type EventType } from '#events';
import { FhirStore, referencedId, studyInstanceUidOf, systems, uuidFrom, wasWrongWorklistEntry } from '#fhir';
import type { Transaction } from '#messaging';
import { asFailure, procedureNamed, SITE, stationByAeTitle, type DoseMeasure, type Site } from '#platform';
import { Rejections } from '../study/rejections.store.js';
import { asToldBefore, type ToldBefore } from '../emr/emr-fact.js';
import { deliveriesOf } from '../emr/emr-update.decider.js';
import { DoseExams } from './dose-exams.store.js';
import { doseInError, doseIssue, doseIssueIdOf, doseObservation } from './dose-observation.decider.js';
import { doseObservationIdOf, hasMoved } from './dose-number.decider.js';
import { doseOfStudy, type StudyDose } from './dose-of-study.decider.js';
import { doseReportFrom, isOtherDocument, type Amount, type DoseKind } from './dose-report.js';
import { DoseReports, type KeptDoseReport, type StoredDoseReport } from './dose-reports.store.js';
import { comparedWithLevels, irradiated } from './reference-levels.decider.js';
import { ANOTHERS_NUMBER, isUnderOtherNumber, reportsOfPatient } from './whose-dose.decider.js';

/** Content of SR documents nests deeper than other data sets. */
const reportBounds = { depth: 64, mostElements: 250_000 };
const kinds: readonly DoseKind[] = ['ct', 'projection', 'radiopharmaceutical'];
/** A dose report as the PACS gave it. */
export interface FetchedDoseReport {
  sopInstanceUid: string;
  json: DicomJson;
}

/** Keeps dose reports, and the dose of each study whose exam is known; tells what becomes of it, whoever gets doses too. */
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
        const dataset = datasetFromJson(json, reportBounds);
        if (isOtherDocument(dataset)) {
          await this.reports.keepOther(manager, sopInstanceUid, studyInstanceUid, now);
          continue;
        }
        const report = doseReportFrom(dataset, this.site.timeZone);
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
    // Its only report may have been corrected to be of another study.
    if (kept.length === 0 && (await this.known(studyInstanceUid, manager)).length === 0) return;
    const study = await this.store.read(manager, 'ImagingStudy', uuidFrom('ImagingStudy', studyInstanceUid));
    if (!study) return;
    const rejected = await this.rejections.ofStudy(manager, studyInstanceUid);
    const others = await this.othersAmong(kept, study, transaction);
    const ours = reportsOfPatient(
      kept.map(({ report }) => report).filter(({ sopInstanceUid }) => !others.includes(sopInstanceUid)),
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
    await this.reports.filed(manager, studyInstanceUid, { except: others, reason: ANOTHERS_NUMBER }, now);
  }

  /** Files the doses anew that were listed, for the patient has more numbers since a merge. */
  async fileListed(patientId: string, transaction: Transaction): Promise<void> {
    const { manager } = transaction;
    const studies = await this.store.ofPatient(manager, 'ImagingStudy', patientId);
    const uids = studies.flatMap((study) => studyInstanceUidOf(study) ?? []);
    for (const uid of await this.reports.disagreeing(manager, uids)) await this.file(uid, transaction);
  }

  /**
   * Which reports were made under the number of somebody whose study this never was. A number that the technologist typed
   * or chose by mistake is that of whose images these are all the same, where a person or the exam said so.
   */
  private async othersAmong(
    kept: readonly KeptDoseReport[],
    study: ImagingStudy,
    { manager }: Transaction,
  ): Promise<string[]> {
    const ids = await this.store.patientsEver(manager, { type: 'ImagingStudy', id: study.id! });
    const patients = await this.store.readMany(
      manager,
      ids.map((id) => ({ type: 'Patient', id })),
    );
    const others: string[] = [];
    for (const { report, isReassigned } of kept)
      if (
        !isReassigned &&
        isUnderOtherNumber(report, patients as Patient[]) &&
        !(await this.wasChosenByMistake(report.patientId!, manager))
      )
        others.push(report.sopInstanceUid);
    return others;
  }

  private async wasChosenByMistake(number: string, manager: EntityManager): Promise<boolean> {
    const system = this.site.authorities[this.site.patientAuthority]!;
    for (const { id } of await this.store.withIdentifier(manager, 'Patient', system, number)) {
      const exams = await this.store.ofPatient(manager, 'Procedure', id!);
      if (exams.some(wasWrongWorklistEntry)) return true;
    }
    return false;
  }

  /** The doses that are a study's as it stands: none in error, none that is still told of elsewhere. */
  async ofStudy(study: ImagingStudy, manager: EntityManager): Promise<Observation[]> {
    const found = await this.known(studyInstanceUidOf(study)!, manager);
    return found.filter((one) => one.status !== 'entered-in-error' && !hasMoved(one, study));
  }

  /** The doses that were told of a study, those in error too. */
  async known(studyInstanceUid: string, manager: EntityManager): Promise<Observation[]> {
    const keys = kinds.map((kind) => ({ type: 'Observation', id: doseObservationIdOf(studyInstanceUid, kind) }));
    return (await this.store.readMany(manager, keys)) as Observation[];
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
    const id = doseObservationIdOf(dose.studyInstanceUid, dose.kind);
    const before = await this.store.read(manager, 'Observation', id);
    const isElsewhere = before !== undefined && hasMoved(before, study);
    // Whoever was told of it there hears that first.
    const known = isElsewhere ? ((await this.takeBack(study, id, transaction)) ?? before) : before;
    const about = await this.about(study, study, transaction);
    const orders = about.filter((one): one is ServiceRequest => one.resourceType === 'ServiceRequest');
    const codings = orders.flatMap(({ code }) => code?.coding ?? []);
    const procedure =
      procedureNamed(this.site, codings)?.code ?? codings.find(({ system }) => system === systems.procedure)?.code;
    const patient = about.find((one) => one.resourceType === 'Patient');
    const who = irradiated(dose, patient?.resourceType === 'Patient' ? patient : undefined, this.site);
    const comparisons = comparedWithLevels(dose, procedure, who, this.site.doseReferenceLevels);
    const made = doseObservation(known, dose, { study, room, comparisons });
    if (made === known) return;
    const told = known && !isElsewhere ? asToldBefore([known]) : [];
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
    await this.tell(observation!, issue, { about, told }, transaction);
  }

  /**
   * None of a study's reports is of that patient and those orders any more.
   *
   * @returns the dose in error; undefined where there is none, or it is so already
   */
  private async takeBack(
    study: ImagingStudy,
    observationId: string,
    transaction: Transaction,
  ): Promise<Observation | undefined> {
    const { manager, now } = transaction;
    const known = await this.store.read(manager, 'Observation', observationId);
    const made = known && doseInError(known);
    if (!made) return undefined;
    // It may have been another patient's.
    await transaction.lock(referencedId(known.subject?.reference, 'Patient')!);
    const [observation] = await this.store.save(manager, [made], now);
    await this.exams.remove(manager, observationId);
    const standing = await this.store.read(manager, 'DetectedIssue', doseIssueIdOf(observationId));
    const issue = doseIssue(standing, observation!, [], now);
    const about = await this.about({ subject: known.subject!, basedOn: known.basedOn }, study, transaction);
    await this.tell(observation!, issue, { about, told: asToldBefore([known]) }, transaction);
    return observation;
  }

  private async tell(
    observation: Observation,
    issue: DetectedIssue | undefined,
    { about, told }: { about: FhirResource[]; told: ToldBefore[] },
    transaction: Transaction,
  ) {
    const { manager, now } = transaction;
    const patientId = referencedId(observation.subject?.reference, 'Patient')!;
    const saved = issue ? await this.store.save(manager, [issue], now) : [];
    const newsOf = (type: EventType, focus: FhirResource, others: FhirResource[]) =>
      newEvent({
        type,
        patientId,
        cause: `${focus.id}/${focus.meta?.versionId}`,
        now,
        resources: [focus, ...others],
      });
    const recorded = newsOf('imaging.result.dose-recorded.v1', observation, [...about, ...saved]);
    transaction.publish(recorded);
    for (const delivery of deliveriesOf(recorded, this.site, told)) transaction.deliver(delivery);
    for (const one of saved)
      if (one.status === 'final')
        transaction.publish(newsOf('imaging.result.dose-exceeded.v1', one, [...about, observation]));
  }

  /** The patient, who may be known by number alone, their orders, and the study where it is theirs. */
  private async about(
    { subject, basedOn = [] }: Pick<ImagingStudy, 'subject' | 'basedOn'>,
    study: ImagingStudy,
    { manager }: Transaction,
  ): Promise<FhirResource[]> {
    const patientId = referencedId(subject.reference, 'Patient')!;
    const orderIds = basedOn.flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    const keys = [{ type: 'Patient', id: patientId }, ...orderIds.map((id) => ({ type: 'ServiceRequest', id }))];
    const found = await this.store.readMany(manager, keys);
    const patient = found.find((one) => one.resourceType === 'Patient') ?? {
      resourceType: 'Patient' as const,
      id: patientId,
    };
    const orders = found.filter(
      (one) => one.resourceType === 'ServiceRequest' && one.subject.reference === subject.reference,
    );
    return [patient, ...orders, ...(study.subject.reference === subject.reference ? [study] : [])];
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
