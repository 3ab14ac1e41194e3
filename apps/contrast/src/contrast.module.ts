import { Module } from '@nestjs/common';
import { bundleOfSurvivor, extensionDefinitionsOn, fhirMigrations, FhirModule } from '#fhir';
import { messagingMigrations, MessagingModule } from '#messaging';
import { INFRASTRUCTURE, type Infrastructure } from '#platform';
import { EscalationDesk, taskMigrations, TaskTimers } from '#tasks';
import { AdministrationCheck } from './administration/administration-check.js';
import { AdministrationDesk } from './administration/administration-desk.js';
import { AdministrationsController } from './administration/administrations.controller.js';
import { FollowAdministration } from './administration/follow-administration.js';
import { StatementsController } from './administration/statements.controller.js';
import { StatementsStore } from './administration/statements.store.js';
import { BarcodesController } from './barcodes/barcodes.controller.js';
import { DicomListener } from './injector/dicom-listener.js';
import { DicomReportsController } from './injector/dicom-reports.controller.js';
import { InjectorReportDesk } from './injector/injector-report-desk.js';
import { InjectorReportsController } from './injector/injector-reports.controller.js';
import { InjectorReports } from './injector/injector-reports.store.js';
import { ReceiveInjectorReportWhenInjectorStores } from './injector/receive-injector-report-when-injector-stores.js';
import { CodedFact1700000003000 } from './migrations/1700000003000-coded-fact.js';
import { Supplies1700000003100 } from './migrations/1700000003100-supplies.js';
import { AdministrationStatement1700000003200 } from './migrations/1700000003200-administration-statement.js';
import { ContrastEscalations } from './escalation/contrast-escalations.js';
import { FollowContrastTasks } from './escalation/follow-contrast-tasks.worker.js';
import { TaskAnswers } from './escalation/task-answers.js';
import { ObservationDesk } from './observation/observation-desk.js';
import { VitalSignsController } from './observation/vital-signs.controller.js';
import { InjectorReport1700000003210 } from './migrations/1700000003210-injector-report.js';
import { PlanContrastWhenOrderChanges } from './plan-contrast-when-order-changes.handler.js';
import { CONTRAST_POLICY, loadPolicy } from './policy/load-policy.js';
import { AskForReaction } from './reaction/ask-for-reaction.js';
import { AskForReactionWhenExamDiscontinued } from './reaction/ask-for-reaction-when-exam-discontinued.handler.js';
import { MoveContrastWhenExamReassigned } from './administration/move-contrast-when-exam-reassigned.handler.js';
import { FollowUps } from './reaction/follow-ups.js';
import { ReactionDesk } from './reaction/reaction-desk.js';
import { ReactionsController } from './reaction/reactions.controller.js';
import { OverridesController } from './screening/overrides.controller.js';
import { PatientFactsStore } from './screening/patient-facts.store.js';
import { ScreenExamWhenScheduleChanges } from './screening/screen-exam-when-schedule-changes.handler.js';
import { ScreeningDesk } from './screening/screening-desk.js';
import { ScreeningTrialsController } from './screening/screening-trials.controller.js';
import { ContrastFacts } from './statistics/contrast-facts.store.js';
import { StatisticsController } from './statistics/statistics.controller.js';
import { AdministeredSupplies } from './supplies/administered-supply.store.js';
import { CheckSupplySettings } from './supplies/check-supply-settings.js';
import { ContainerDesk } from './supplies/container-desk.js';
import { FollowSupply } from './supplies/follow-supply.js';
import { LookUpSupply } from './supplies/look-up-supply.js';
import { LotsStore } from './supplies/lots.store.js';
import { RecallDesk } from './supplies/recall-desk.js';
import { RoomsStock } from './supplies/rooms-stock.js';
import { StockLevels } from './supplies/stock-levels.js';
import { StockStore } from './supplies/stock.store.js';
import { SuppliesController } from './supplies/supplies.controller.js';
import { SuppliesInStockController } from './supplies/supplies-in-stock.controller.js';
import { SupplyDesk } from './supplies/supply-desk.js';
import { SupplyEntries } from './supplies/supply-entries.js';
import { SupplyReports } from './supplies/supply-reports.store.js';
import { WatchStock } from './supplies/watch-stock.worker.js';
import { UpdatePatientWhenPatientUpdated } from './update-patient-when-patient-updated.handler.js';

const policy = {
  provide: CONTRAST_POLICY,
  inject: [INFRASTRUCTURE],
  useFactory: ({ contrastPolicyFile }: Infrastructure) => loadPolicy(contrastPolicyFile),
};

const supplies = [
  CheckSupplySettings,
  LotsStore,
  StockStore,
  RoomsStock,
  StockLevels,
  AdministeredSupplies,
  SupplyReports,
  SupplyEntries,
  SupplyDesk,
  ContainerDesk,
  RecallDesk,
  LookUpSupply,
  FollowSupply,
  WatchStock,
];

/** The only wiring of the contrast service. */
@Module({
  imports: [
    MessagingModule.forService({ service: 'contrast', ofSurvivor: bundleOfSurvivor }),
    FhirModule.forService(
      {
        MedicationRequest: { search: ['_id', 'patient', 'status', 'based-on', '_lastUpdated'] },
        MedicationAdministration: {
          search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'],
          interactions: ['create', 'update'],
        },
        Medication: { search: ['_id', 'identifier', 'code', 'status', '_lastUpdated'] },
        DetectedIssue: {
          search: ['_id', 'patient', 'status', 'code', 'implicated', '_lastUpdated'],
          interactions: ['update'],
        },
        Task: { search: ['_id', 'patient', 'status', 'code', 'focus', '_lastUpdated'], interactions: ['update'] },
        AdverseEvent: {
          search: ['_id', 'identifier', 'patient', '_lastUpdated'],
          interactions: ['create', 'update'],
        },
        AllergyIntolerance: { search: ['_id', 'identifier', 'patient', '_lastUpdated'] },
        Observation: {
          search: ['_id', 'identifier', 'patient', 'status', 'code', '_lastUpdated'],
          interactions: ['create', 'update'],
        },
        ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
        Patient: { search: ['_id', 'identifier', '_lastUpdated'] },
      },
      () => [...extensionDefinitionsOn('MedicationAdministration'), ...extensionDefinitionsOn('Medication')],
    ),
  ],
  controllers: [
    AdministrationsController,
    StatementsController,
    BarcodesController,
    InjectorReportsController,
    DicomReportsController,
    OverridesController,
    ScreeningTrialsController,
    PlanContrastWhenOrderChanges,
    UpdatePatientWhenPatientUpdated,
    ScreenExamWhenScheduleChanges,
    SuppliesController,
    SuppliesInStockController,
    VitalSignsController,
    ReactionsController,
    AskForReactionWhenExamDiscontinued,
    MoveContrastWhenExamReassigned,
    StatisticsController,
  ],
  providers: [
    policy,
    PatientFactsStore,
    ScreeningDesk,
    FollowAdministration,
    AdministrationCheck,
    StatementsStore,
    AdministrationDesk,
    ...supplies,
    TaskTimers,
    EscalationDesk,
    ContrastEscalations,
    ObservationDesk,
    FollowUps,
    AskForReaction,
    ReactionDesk,
    TaskAnswers,
    FollowContrastTasks,
    ContrastFacts,
    InjectorReports,
    InjectorReportDesk,
    ReceiveInjectorReportWhenInjectorStores,
    DicomListener,
  ],
})
export class ContrastModule {}

export const contrastMigrations = [
  ...fhirMigrations,
  ...messagingMigrations,
  CodedFact1700000003000,
  Supplies1700000003100,
  AdministrationStatement1700000003200,
  ...taskMigrations,
  InjectorReport1700000003210,
];
