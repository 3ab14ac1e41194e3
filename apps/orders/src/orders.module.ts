import { Module } from '@nestjs/common';
import { bundleOfSurvivor, fhirMigrations, FhirModule } from '#fhir';
import { intakeMigrations, IntakeModule } from '#intake';
import { messagingMigrations, MessagingModule } from '#messaging';
import { AccessionNumbers } from './accession-numbers.store.js';
import { Exams } from './exams.js';
import { FollowExamWhenSchedulingTells } from './follow-exam-when-scheduling-tells.handler.js';
import { FhirOrderDesk } from './fhir-order-desk.js';
import { FhirOrdersController } from './fhir-orders.controller.js';
import { FhirTasksController } from './fhir-tasks.controller.js';
import { MergePatientsWhenAdtArrives } from './merge-patients-when-adt-arrives.js';
import { AccessionNumber1700000001000 } from './migrations/1700000001000-accession-number.js';
import { OrderDesk } from './order-desk.js';
import { OrderReview } from './order-review.js';
import { PlacerDesk } from './placer-desk.js';
import { definitionsOf } from './definitions.js';
import { servedTypes } from './served-types.js';
import { TakeLabsWhenOruArrives } from './take-labs-when-oru-arrives.js';
import { TakeOrderWhenMessageArrives } from './take-order-when-message-arrives.js';
import { UpdatePatientWhenAdtArrives } from './update-patient-when-adt-arrives.js';

const resources = FhirModule.forService(servedTypes, definitionsOf);
const desk = [OrderDesk, OrderReview, AccessionNumbers, PlacerDesk, Exams];

/** The only wiring of the orders service. */
@Module({
  imports: [
    MessagingModule.forService({ service: 'orders', ofSurvivor: bundleOfSurvivor }),
    resources,
    IntakeModule.forService(
      [TakeOrderWhenMessageArrives, UpdatePatientWhenAdtArrives, MergePatientsWhenAdtArrives, TakeLabsWhenOruArrives],
      desk,
      [resources],
    ),
  ],
  controllers: [FhirOrdersController, FhirTasksController, FollowExamWhenSchedulingTells],
  providers: [...desk, FhirOrderDesk],
})
export class OrdersModule {}

export const ordersMigrations = [
  ...fhirMigrations,
  ...messagingMigrations,
  ...intakeMigrations,
  AccessionNumber1700000001000,
];
