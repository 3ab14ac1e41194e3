import { Module } from '@nestjs/common';
import { bundleOfSurvivor, fhirMigrations, FhirModule } from '#fhir';
import { messagingMigrations, MessagingModule } from '#messaging';
import { CancelExamWhenOrderCancelled } from './cancel-exam-when-order-cancelled.handler.js';
import { CountWorklistItems } from './count-worklist-items.js';
import { DicomListener } from './dicom-listener.js';
import { FollowExamWhenMppsArrives } from './follow-exam-when-mpps-arrives.js';
import { Worklist1700000002000 } from './migrations/1700000002000-worklist.js';
import { ExamSteps1700000002100 } from './migrations/1700000002100-exam-steps.js';
import { MoveExamWhenOrderChanged } from './move-exam-when-order-changed.handler.js';
import { PerformedProcedureSteps } from './performed-procedure-steps.store.js';
import { ScheduleDesk } from './schedule-desk.js';
import { ScheduleExamWhenOrderPlaced } from './schedule-exam-when-order-placed.handler.js';
import { SchedulingController } from './scheduling.controller.js';
import { ServeWorklistWhenModalityAsks } from './serve-worklist-when-modality-asks.js';
import { StationBookings } from './station-bookings.store.js';
import { UpdateWorklistWhenPatientUpdated } from './update-worklist-when-patient-updated.handler.js';
import { WarnWhenContrastScreened } from './warn-when-contrast-screened.handler.js';
import { Worklist } from './worklist.store.js';

/** The only wiring of the scheduling service. */
@Module({
  imports: [
    MessagingModule.forService({ service: 'scheduling', ofSurvivor: bundleOfSurvivor }),
    FhirModule.forService({
      Appointment: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
      Procedure: { search: ['_id', 'identifier', 'patient', 'status', 'based-on', '_lastUpdated'] },
      ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
      Patient: { search: ['_id', 'identifier', '_lastUpdated'] },
    }),
  ],
  controllers: [
    SchedulingController,
    ScheduleExamWhenOrderPlaced,
    MoveExamWhenOrderChanged,
    CancelExamWhenOrderCancelled,
    UpdateWorklistWhenPatientUpdated,
    WarnWhenContrastScreened,
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
  ],
})
export class SchedulingModule {}

export const schedulingMigrations = [
  ...fhirMigrations,
  ...messagingMigrations,
  Worklist1700000002000,
  ExamSteps1700000002100,
];
