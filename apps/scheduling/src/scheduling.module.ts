import { Module } from '@nestjs/common';
import { bundleOfSurvivor, fhirMigrations, FhirModule, type ServedTypes } from '#fhir';
import { messagingMigrations, MessagingModule } from '#messaging';
import { CancelExamWhenOrderCancelled } from './cancel-exam-when-order-cancelled.handler.js';
import { CleaningDesk } from './cleaning-desk.js';
import { CountWorklistItems } from './count-worklist-items.js';
import { DepartmentDesk } from './department-desk.js';
import { DicomListener } from './dicom-listener.js';
import { FhirDepartmentController } from './fhir-department.controller.js';
import { FollowClosures } from './follow-closures.js';
import { FollowExamWhenMppsArrives } from './follow-exam-when-mpps-arrives.js';
import { KeepResourcesOfSite } from './keep-resources-of-site.js';
import { Worklist1700000002000 } from './migrations/1700000002000-worklist.js';
import { ExamSteps1700000002100 } from './migrations/1700000002100-exam-steps.js';
import { Rebooking1700000002390 } from './migrations/1700000002390-rebooking.js';
import { StationState1700000002400 } from './migrations/1700000002400-station-state.js';
import { MoveExamWhenOrderChanged } from './move-exam-when-order-changed.handler.js';
import { OpenStationsOnly } from './open-stations-only.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { QualityResults } from './quality-results.store.js';
import { Rebookings } from './rebookings.store.js';
import { RecordSetup } from './record-setup.js';
import { ScheduleDesk } from './schedule-desk.js';
import { ScheduleExamWhenOrderPlaced } from './schedule-exam-when-order-placed.handler.js';
import { SchedulingController } from './scheduling.controller.js';
import { ServeWorklistWhenModalityAsks } from './serve-worklist-when-modality-asks.js';
import { StationBookings } from './station-bookings.store.js';
import { StationClosures } from './station-closures.store.js';
import { StationsController } from './stations.controller.js';
import { UpdateWorklistWhenPatientUpdated } from './update-worklist-when-patient-updated.handler.js';
import { WatchClosures } from './watch-closures.worker.js';
import { Worklist } from './worklist.store.js';

/** The department's own resources; an Observation is a result of quality control, or what is known of a patient. */
const department: ServedTypes = {
  Location: { search: ['_id', 'identifier', 'status', '_lastUpdated'], interactions: ['update'] },
  Device: { search: ['_id', 'identifier', 'status', 'location', '_lastUpdated'] },
  HealthcareService: { search: ['_id', 'identifier', 'location', '_lastUpdated'] },
  Schedule: { search: ['_id', 'identifier', '_lastUpdated'] },
  Slot: { search: ['_id', 'identifier', 'schedule', 'status', '_lastUpdated'], interactions: ['create', 'update'] },
  Observation: {
    search: ['_id', 'identifier', 'patient', 'subject', 'status', 'code', '_lastUpdated'],
    interactions: ['create', 'update'],
  },
  Task: { search: ['_id', 'status', 'code', 'focus', '_lastUpdated'], interactions: ['update'] },
  Practitioner: { search: ['_id', 'identifier', '_lastUpdated'], interactions: ['update'], updateCreate: true },
  PractitionerRole: {
    search: ['_id', 'identifier', 'practitioner', 'location', '_lastUpdated'],
    interactions: ['update'],
    updateCreate: true,
  },
};

/** The only wiring of the scheduling service. */
@Module({
  imports: [
    MessagingModule.forService({ service: 'scheduling', ofSurvivor: bundleOfSurvivor }),
    FhirModule.forService({
      Appointment: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
      Procedure: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
      ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
      Patient: { search: ['_id', 'identifier', '_lastUpdated'] },
      ...department,
    }),
  ],
  controllers: [
    SchedulingController,
    StationsController,
    FhirDepartmentController,
    ScheduleExamWhenOrderPlaced,
    MoveExamWhenOrderChanged,
    CancelExamWhenOrderCancelled,
    UpdateWorklistWhenPatientUpdated,
  ],
  providers: [
    Worklist,
    StationBookings,
    PerformedProcedureSteps,
    ScheduleDesk,
    ServeWorklistWhenModalityAsks,
    FollowExamWhenMppsArrives,
    DicomListener,
    CountWorklistItems,
    StationClosures,
    QualityResults,
    Rebookings,
    FollowClosures,
    CleaningDesk,
    DepartmentDesk,
    RecordSetup,
    OpenStationsOnly,
    KeepResourcesOfSite,
    WatchClosures,
  ],
})
export class SchedulingModule {}

export const schedulingMigrations = [
  ...fhirMigrations,
  ...messagingMigrations,
  Worklist1700000002000,
  ExamSteps1700000002100,
  Rebooking1700000002390,
  StationState1700000002400,
];
