import { Module } from '@nestjs/common';
import { bundleOfSurvivor, fhirMigrations, FhirModule } from '#fhir';
import { intakeMigrations, IntakeModule } from '#intake';
import { messagingMigrations, MessagingModule } from '#messaging';
import { CancelExamWhenOrderCancelled } from './cancel-exam-when-order-cancelled.handler.js';
import { CountWorklistItems } from './count-worklist-items.js';
import { DicomListener } from './dicom-listener.js';
import { FhirAppointmentDesk } from './fhir-appointment-desk.js';
import { FhirAppointmentsController } from './fhir-appointments.controller.js';
import { FollowAppointmentWhenSiuArrives } from './follow-appointment-when-siu-arrives.js';
import { FollowedAppointments } from './followed-appointments.store.js';
import { FollowExamWhenMppsArrives } from './follow-exam-when-mpps-arrives.js';
import { Worklist1700000002000 } from './migrations/1700000002000-worklist.js';
import { ExamSteps1700000002100 } from './migrations/1700000002100-exam-steps.js';
import { Lanes1700000002200 } from './migrations/1700000002200-lanes.js';
import { OpenRoomTasks1700000002300 } from './migrations/1700000002300-open-room-tasks.js';
import { UnscheduledExamsOfPatient1700000002310 } from './migrations/1700000002310-unscheduled-exams-of-patient.js';
import { FollowedAppointment1700000002400 } from './migrations/1700000002400-followed-appointment.js';
import { APersonChooses1700000002410 } from './migrations/1700000002410-a-person-chooses.js';
import { MoveExamWhenOrderChanged } from './move-exam-when-order-changed.handler.js';
import { RebookDisplacedSteps } from './rebook-displaced-steps.worker.js';
import { Rebookings } from './rebookings.store.js';
import { PatientDesk } from './patient-desk.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { RoomTasksController } from './room-tasks.controller.js';
import { OpenRoomTasks } from './room-tasks.store.js';
import { RoomTasks } from './room-tasks.js';
import { ScheduleDesk } from './schedule-desk.js';
import { ScheduleNews } from './schedule-news.js';
import { ScheduleExamWhenOrderPlaced } from './schedule-exam-when-order-placed.handler.js';
import { SchedulingController } from './scheduling.controller.js';
import { ServeWorklistWhenModalityAsks } from './serve-worklist-when-modality-asks.js';
import { StationBookings } from './station-bookings.store.js';
import { ToldCopies } from './told-copies.js';
import { UnscheduledController } from './unscheduled.controller.js';
import { UnscheduledExams } from './unscheduled-exams.js';
import { UpdateWorklistWhenPatientUpdated } from './update-worklist-when-patient-updated.handler.js';
import { WhatIsKnown } from './what-is-known.js';
import { Worklist } from './worklist.store.js';

const resources = FhirModule.forService({
  Appointment: {
    search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'],
    interactions: ['update'],
  },
  Procedure: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
  ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
  Task: { search: ['_id', 'patient', 'status', 'code', 'based-on', '_lastUpdated'], interactions: ['update'] },
  Patient: { search: ['_id', 'identifier', '_lastUpdated'] },
});

const schedule = [
  Worklist,
  StationBookings,
  Rebookings,
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
    FhirAppointmentsController,
    UnscheduledController,
    ScheduleExamWhenOrderPlaced,
    MoveExamWhenOrderChanged,
    CancelExamWhenOrderCancelled,
    UpdateWorklistWhenPatientUpdated,
  ],
  providers: [
    ...schedule,
    PatientDesk,
    FhirAppointmentDesk,
    RebookDisplacedSteps,
    ServeWorklistWhenModalityAsks,
    FollowExamWhenMppsArrives,
    UnscheduledExams,
    DicomListener,
    CountWorklistItems,
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
];
