import { Module } from '@nestjs/common';
import { bundleOfSurvivor, extensionDefinitionsOn, fhirMigrations, FhirModule, type ServedTypes } from '#fhir';
import { intakeMigrations, IntakeModule } from '#intake';
import { messagingMigrations, MessagingModule } from '#messaging';
import { CancelExamWhenOrderCancelled } from './booking/cancel-exam-when-order-cancelled.handler.js';
import { CleaningDesk } from './department/cleaning-desk.js';
import { DepartmentDesk } from './department/department-desk.js';
import { FhirDepartmentController } from './department/fhir-department.controller.js';
import { FollowClosures } from './department/follow-closures.js';
import { KeepResourcesOfSite } from './department/keep-resources-of-site.js';
import { StationState1700000002600 } from './migrations/1700000002600-station-state.js';
import { OpenStationsOnly } from './worklist/open-stations-only.js';
import { QualityResults } from './department/quality-results.store.js';
import { ReassignedExams1700000002800 } from './migrations/1700000002800-reassigned-exams.js';
import { ReassignedExamsController } from './exam/reassigned-exams.controller.js';
import { ReassignExam } from './exam/reassign-exam.js';
import { RecordSetup } from './exam/record-setup.js';
import { StationClosures } from './department/station-closures.store.js';
import { StationsController } from './department/stations.controller.js';
import { WatchClosures } from './department/watch-closures.worker.js';
import { CountWorklistItems } from './worklist/count-worklist-items.js';
import { DicomListener } from './dicom-listener.js';
import { FhirAppointmentDesk } from './booking/fhir-appointment-desk.js';
import { FhirAppointmentsController } from './booking/fhir-appointments.controller.js';
import { FollowAppointmentWhenSiuArrives } from './booking/follow-appointment-when-siu-arrives.js';
import { FollowedAppointments } from './booking/followed-appointments.store.js';
import { FollowExamWhenMppsArrives } from './exam/follow-exam-when-mpps-arrives.js';
import { Worklist1700000002000 } from './migrations/1700000002000-worklist.js';
import { ExamSteps1700000002100 } from './migrations/1700000002100-exam-steps.js';
import { Lanes1700000002200 } from './migrations/1700000002200-lanes.js';
import { OpenRoomTasks1700000002300 } from './migrations/1700000002300-open-room-tasks.js';
import { UnscheduledExamsOfPatient1700000002310 } from './migrations/1700000002310-unscheduled-exams-of-patient.js';
import { FollowedAppointment1700000002400 } from './migrations/1700000002400-followed-appointment.js';
import { APersonChooses1700000002410 } from './migrations/1700000002410-a-person-chooses.js';
import { WorklistQueries1700000002500 } from './migrations/1700000002500-worklist-queries.js';
import { UncertifiedExams1700000002700 } from './migrations/1700000002700-uncertified-exams.js';
import { MoveExamWhenOrderChanged } from './booking/move-exam-when-order-changed.handler.js';
import { RebookDisplacedSteps } from './booking/rebook-displaced-steps.worker.js';
import { Rebookings } from './booking/rebookings.store.js';
import { PatientDesk } from './patient-desk.js';
import { PerformedProcedureSteps } from './exam/performed-procedure-steps.store.js';
import { RoomTasksController } from './exam/room-tasks.controller.js';
import { OpenRoomTasks } from './exam/room-tasks.store.js';
import { RoomTasks } from './exam/room-tasks.js';
import { ScheduleDesk } from './booking/schedule-desk.js';
import { ScheduleNews } from './booking/schedule-news.js';
import { ScheduleExamWhenOrderPlaced } from './booking/schedule-exam-when-order-placed.handler.js';
import { SchedulingController } from './scheduling.controller.js';
import { ServeWorklistWhenModalityAsks } from './worklist/serve-worklist-when-modality-asks.js';
import { StationBookings } from './booking/station-bookings.store.js';
import { ToldCopies } from './booking/told-copies.js';
import { UncertifiedExams } from './exam/uncertified-exams.store.js';
import { UnscheduledController } from './exam/unscheduled.controller.js';
import { UnscheduledExams } from './exam/unscheduled-exams.js';
import { UpdateWorklistWhenPatientUpdated } from './worklist/update-worklist-when-patient-updated.handler.js';
import { WarnWhenContrastScreened } from './warn-when-contrast-screened.handler.js';
import { WhatIsKnown } from './booking/what-is-known.js';
import { WorklistController } from './worklist/worklist.controller.js';
import { Worklist } from './worklist/worklist.store.js';

/** The department's own resources; an Observation is a result of quality control, or what is known of a patient. */
const department: ServedTypes = {
  Location: { search: ['_id', 'identifier', 'status', '_lastUpdated'], interactions: ['update'] },
  Device: { search: ['_id', 'identifier', 'status', 'location', '_lastUpdated'] },
  HealthcareService: { search: ['_id', 'identifier', 'location', '_lastUpdated'] },
  Schedule: { search: ['_id', 'identifier', '_lastUpdated'] },
  Slot: { search: ['_id', 'identifier', 'schedule', 'status', '_lastUpdated'], interactions: ['create', 'update'] },
  Observation: {
    search: ['_id', 'identifier', 'patient', 'status', 'code', '_lastUpdated'],
    interactions: ['create', 'update'],
  },
  Practitioner: { search: ['_id', 'identifier', '_lastUpdated'], interactions: ['update'], updateCreate: true },
  PractitionerRole: {
    search: ['_id', 'identifier', 'practitioner', 'location', '_lastUpdated'],
    interactions: ['update'],
    updateCreate: true,
  },
};

const resources = FhirModule.forService(
  {
    Appointment: {
      search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'],
      interactions: ['update'],
    },
    Procedure: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
    ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
    Task: {
      search: ['_id', 'patient', 'status', 'code', 'based-on', 'focus', '_lastUpdated'],
      interactions: ['update'],
    },
    Patient: { search: ['_id', 'identifier', '_lastUpdated'] },
    ...department,
  },
  () => extensionDefinitionsOn('Appointment'),
);

const schedule = [
  Worklist,
  StationBookings,
  Rebookings,
  QualityResults,
  StationClosures,
  PerformedProcedureSteps,
  FollowedAppointments,
  RoomTasks,
  OpenRoomTasks,
  WhatIsKnown,
  ToldCopies,
  ScheduleNews,
  ScheduleDesk,
];

/** The only wiring of the scheduling service. */
@Module({
  imports: [
    MessagingModule.forService({ service: 'scheduling', ofSurvivor: bundleOfSurvivor }),
    resources,
    IntakeModule.forService([FollowAppointmentWhenSiuArrives], schedule, [resources]),
  ],
  controllers: [
    SchedulingController,
    RoomTasksController,
    StationsController,
    FhirDepartmentController,
    FhirAppointmentsController,
    UnscheduledController,
    ReassignedExamsController,
    WorklistController,
    ScheduleExamWhenOrderPlaced,
    MoveExamWhenOrderChanged,
    CancelExamWhenOrderCancelled,
    UpdateWorklistWhenPatientUpdated,
    WarnWhenContrastScreened,
  ],
  providers: [
    ...schedule,
    PatientDesk,
    FhirAppointmentDesk,
    RebookDisplacedSteps,
    ServeWorklistWhenModalityAsks,
    FollowExamWhenMppsArrives,
    UnscheduledExams,
    ReassignExam,
    UncertifiedExams,
    DicomListener,
    CountWorklistItems,
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
  ...intakeMigrations,
  Worklist1700000002000,
  ExamSteps1700000002100,
  Lanes1700000002200,
  OpenRoomTasks1700000002300,
  UnscheduledExamsOfPatient1700000002310,
  FollowedAppointment1700000002400,
  APersonChooses1700000002410,
  WorklistQueries1700000002500,
  StationState1700000002600,
  UncertifiedExams1700000002700,
  ReassignedExams1700000002800,
];
