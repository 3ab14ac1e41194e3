import { Inject, Module } from '@nestjs/common';
import { bundleOfSurvivor, fhirMigrations, FhirModule } from '#fhir';
import { intakeMigrations, IntakeModule } from '#intake';
import { messagingMigrations, MessagingModule } from '#messaging';
import { Retention, SITE, type Site } from '#platform';
import { EscalationDesk, taskMigrations, TaskTimers } from '#tasks';
import { AskPacsToCommit } from './storage-commitment/ask-pacs-to-commit.js';
import { AvailabilityNotifications } from './study/availability-notifications.store.js';
import { CheckStorageWhenModalityAsks } from './storage-commitment/check-storage-when-modality-asks.js';
import { Copies } from './copies.js';
import { CriticalResults } from './report/critical-results.js';
import { DicomListener } from './dicom-listener.js';
import { DoseController } from './dose/dose.controller.js';
import { DoseDesk } from './dose/dose-desk.js';
import { DoseExams } from './dose/dose-exams.store.js';
import { DoseReports } from './dose/dose-reports.store.js';
import { RecordDoseWhenDoseReportArrives } from './dose/record-dose-when-dose-report-arrives.js';
import { EmrSenders } from './emr/emr-senders.js';
import { FhirReportDesk } from './report/fhir-report-desk.js';
import { FhirReportsController } from './report/fhir-reports.controller.js';
import { FileDocumentWhenMessageArrives } from './report/file-document-when-message-arrives.js';
import { FileReportWhenMessageArrives } from './report/file-report-when-message-arrives.js';
import { FollowOrthancChanges } from './study/follow-orthanc-changes.worker.js';
import { HideImagesWhenRejectionNoteArrives } from './study/hide-images-when-rejection-note-arrives.js';
import { FollowResultTasks } from './reading/follow-result-tasks.worker.js';
import { ListReadingWhenStudyAvailable } from './reading/list-reading-when-study-available.handler.js';
import { LookForStudyWhenExamCompleted } from './study/look-for-study-when-exam-completed.handler.js';
import { MoveStudyWhenExamReassigned } from './study/move-study-when-exam-reassigned.handler.js';
import { LookForStudyWhenPacsNotifies } from './study/look-for-study-when-pacs-notifies.js';
import { LookForStudyWhenStatusArrives } from './study/look-for-study-when-status-arrives.js';
import { LookForStudy } from './study/look-for-study.worker.js';
import { StudyContent } from './study/study-content.js';
import { TellOfStudy } from './study/tell-of-study.js';
import { MergePatientsWhenPatientMerged } from './merge-patients-when-patient-merged.handler.js';
import { StudyLookup1700000004000 } from './migrations/1700000004000-study-lookup.js';
import { Quality1700000004400 } from './migrations/1700000004400-quality.js';
import { Availability1700000004100 } from './migrations/1700000004100-availability.js';
import { Dose1700000004300 } from './migrations/1700000004300-dose.js';
import { ReassignedDose1700000004410 } from './migrations/1700000004410-reassigned-dose.js';
import { StudyContent1700000004600 } from './migrations/1700000004600-study-content.js';
import { StudyWatch1700000004610 } from './migrations/1700000004610-study-watch.js';
import { PacsContent } from './study/pacs-content.js';
import { PriorStudies } from './study/prior-studies.js';
import { ChecklistsController } from './quality/checklists.controller.js';
import { ExposureLedger } from './quality/exposure-ledger.js';
import { Exposures } from './quality/exposures.store.js';
import { QualityRateStore } from './quality/quality-rates.js';
import { QualityController } from './quality/quality.controller.js';
import { RejectsController } from './quality/rejects.controller.js';
import { WatchQuality } from './quality/watch-quality.worker.js';
import { Rejections } from './study/rejections.store.js';
import { ReadingList1700000004500 } from './migrations/1700000004500-reading-list.js';
import { ReadingDesk } from './reading/reading-desk.js';
import { ReportDesk } from './report/report-desk.js';
import { ResultTaskDesk } from './reading/result-task-desk.js';
import { ResultTasks } from './reading/result-tasks.store.js';
import { ResultTasksController } from './reading/result-tasks.controller.js';
import { ResultsController } from './results.controller.js';
import { StorageCommitments } from './storage-commitment/storage-commitments.store.js';
import { StaffDoseModule, staffDoseSchema } from './staff-dose/staff-dose.module.js';
import { StudiesController } from './study/studies.controller.js';
import { StudyAlerts } from './study/study-alerts.js';
import { StudyAlertList } from './study/study-alerts.store.js';
import { StudyLookups } from './study/study-lookups.store.js';
import { StudyNews } from './study/study-news.js';
import { StudyWatch } from './study/study-watch.store.js';
import { InstructionDesk } from './instructions/instruction-desk.js';
import { InstructionsController } from './instructions/instructions.controller.js';
import { Instructions } from './instructions/instructions.store.js';
import { Reconciliation1700000004700 } from './migrations/1700000004700-reconciliation.js';
import { ReconciliationPeers } from './reconciliation/peers.js';
import { Reconcile } from './reconciliation/reconcile.worker.js';
import { ReconciliationsController } from './reconciliation/reconciliations.controller.js';
import { Reconciliations } from './reconciliation/reconciliations.store.js';
import { RepairDesk } from './reconciliation/repair-desk.js';
import {
  KeepOrderWhenOrderChanged,
  TellEmrWhenSomethingHappened,
} from './emr/tell-emr-when-something-happened.handler.js';
import { TellModalityWhatIsStored } from './storage-commitment/tell-modality-what-is-stored.js';
import { UnmatchedReports } from './report/unmatched-reports.store.js';
import { VerifyOutputSeries } from './reading/verify-output-series.worker.js';
import { WatchStudiesWithoutExam } from './study/watch-studies-without-exam.worker.js';
import { WatchStudyWhenExamBooked } from './study/watch-study-when-exam-booked.handler.js';

const resources = FhirModule.forService({
  ImagingStudy: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
  DetectedIssue: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
  DiagnosticReport: {
    search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'],
    interactions: ['create', 'update'],
    conditionalUpdate: true,
    documentation:
      "`identifier` must have the report's own number first, `subject` be `Patient/<id>` or a number of the site's patients, " +
      '`basedOn` be `ServiceRequest/<id>` or the accession number or placer order number of the order; `result` refers to ' +
      'contained Observations. A version that comes late changes nothing: the report is answered as it stands. An update by ' +
      'id needs If-Match.',
  },
  DocumentReference: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
  Observation: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
  MedicationAdministration: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
  QuestionnaireResponse: { search: ['_id', 'identifier', 'status', '_lastUpdated'] },
  Procedure: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
  ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
  Task: {
    search: ['_id', 'identifier', 'patient', 'status', 'code', 'focus', 'business-status', '_lastUpdated'],
    interactions: ['create', 'update'],
    documentation:
      'Critical results, studies to be read, post-processing. A create asks for post-processing; an update needs If-Match ' +
      'and says who acknowledged, claimed, released, took on or made it: `status`, `owner`, `note`, `statusReason`, `output`.',
  },
  Communication: {
    search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'],
    interactions: ['update'],
    conditionalUpdate: true,
    documentation:
      'What patients are told before and after an exam. An update says that it was read, by `received` or status ' +
      '`completed`, with the text that was read: one that was replaced since is refused. Nothing else is taken from it.',
  },
  Patient: { search: ['_id', 'identifier', '_lastUpdated'] },
});

const reports = [UnmatchedReports, ReportDesk, CriticalResults, ReadingDesk, EscalationDesk, TaskTimers];
const doses = [DoseReports, DoseExams, DoseDesk, RecordDoseWhenDoseReportArrives];
const quality = [Exposures, ExposureLedger, QualityRateStore, WatchQuality];
const news = [StudyLookups, StudyWatch, StudyNews];

/** The only wiring of the results service. */
@Module({
  imports: [
    MessagingModule.forService({ service: 'results', ofSurvivor: bundleOfSurvivor }),
    resources,
    IntakeModule.forService(
      [FileReportWhenMessageArrives, FileDocumentWhenMessageArrives, LookForStudyWhenStatusArrives],
      [...reports, ...news],
      [resources],
    ),
    StaffDoseModule,
  ],
  controllers: [
    ResultsController,
    StudiesController,
    FhirReportsController,
    ResultTasksController,
    InstructionsController,
    ReconciliationsController,
    RejectsController,
    ChecklistsController,
    QualityController,
    ListReadingWhenStudyAvailable,
    DoseController,
    KeepOrderWhenOrderChanged,
    TellEmrWhenSomethingHappened,
    LookForStudyWhenExamCompleted,
    MoveStudyWhenExamReassigned,
    WatchStudyWhenExamBooked,
    MergePatientsWhenPatientMerged,
  ],
  providers: [
    Copies,
    ...reports,
    ...news,
    FhirReportDesk,
    InstructionDesk,
    Instructions,
    Reconciliations,
    ReconciliationPeers,
    Reconcile,
    RepairDesk,
    ResultTasks,
    ResultTaskDesk,
    FollowResultTasks,
    VerifyOutputSeries,
    AvailabilityNotifications,
    Rejections,
    ...doses,
    ...quality,
    StudyAlerts,
    StudyAlertList,
    PacsContent,
    PriorStudies,
    WatchStudiesWithoutExam,
    FollowOrthancChanges,
    AskPacsToCommit,
    LookForStudy,
    StudyContent,
    TellOfStudy,
    LookForStudyWhenPacsNotifies,
    HideImagesWhenRejectionNoteArrives,
    StorageCommitments,
    TellModalityWhatIsStored,
    CheckStorageWhenModalityAsks,
    DicomListener,
    EmrSenders,
  ],
})
export class ResultsModule {
  constructor(@Inject(Retention) retention: Retention, @Inject(SITE) site: Site) {
    // Who repaired what is a record like the audit trail.
    retention.keep({
      table: 'reconciliation',
      since: 'asked_at',
      over: "state <> 'waiting'",
      days: site.retention.auditDays,
    });
  }
}

/** What is kept apart from all else. */
export const resultsBeside = [staffDoseSchema];

export const resultsMigrations = [
  ...fhirMigrations,
  ...messagingMigrations,
  ...intakeMigrations,
  StudyLookup1700000004000,
  Availability1700000004100,
  Dose1700000004300,
  Quality1700000004400,
  ReassignedDose1700000004410,
  StudyContent1700000004600,
  StudyWatch1700000004610,
  ...taskMigrations,
  ReadingList1700000004500,
  Reconciliation1700000004700,
];
