import { Module } from '@nestjs/common';
import { bundleOfSurvivor, extensionDefinitionsOn, fhirMigrations, FhirModule } from '#fhir';
import { messagingMigrations, MessagingModule } from '#messaging';
import { INFRASTRUCTURE, type Infrastructure } from '#platform';
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
import { AdministrationStatement1700000003200 } from './migrations/1700000003200-administration-statement.js';
import { InjectorReport1700000003210 } from './migrations/1700000003210-injector-report.js';
import { PlanContrastWhenOrderChanges } from './plan-contrast-when-order-changes.handler.js';
import { CONTRAST_POLICY, loadPolicy } from './policy/load-policy.js';
import { OverridesController } from './screening/overrides.controller.js';
import { PatientFactsStore } from './screening/patient-facts.store.js';
import { ScreenExamWhenScheduleChanges } from './screening/screen-exam-when-schedule-changes.handler.js';
import { ScreeningDesk } from './screening/screening-desk.js';
import { ScreeningTrialsController } from './screening/screening-trials.controller.js';
import { UpdatePatientWhenPatientUpdated } from './update-patient-when-patient-updated.handler.js';

const policy = {
  provide: CONTRAST_POLICY,
  inject: [INFRASTRUCTURE],
  useFactory: ({ contrastPolicyFile }: Infrastructure) => loadPolicy(contrastPolicyFile),
};

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
        DetectedIssue: {
          search: ['_id', 'patient', 'status', 'code', 'implicated', '_lastUpdated'],
          interactions: ['update'],
        },
        Task: { search: ['_id', 'patient', 'status', 'code', 'focus', '_lastUpdated'], interactions: ['update'] },
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
  ],
  providers: [
    policy,
    PatientFactsStore,
    ScreeningDesk,
    FollowAdministration,
    AdministrationCheck,
    StatementsStore,
    AdministrationDesk,
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
  AdministrationStatement1700000003200,
  InjectorReport1700000003210,
];
