import { Module } from '@nestjs/common';
import { bundleOfSurvivor, fhirMigrations, FhirModule } from '#fhir';
import { messagingMigrations, MessagingModule } from '#messaging';
import { AdministrationsController } from './administrations.controller.js';
import { PlanContrastWhenOrderChanges } from './plan-contrast-when-order-changes.handler.js';
import { UpdatePatientWhenPatientUpdated } from './update-patient-when-patient-updated.handler.js';

/** The only wiring of the contrast service. */
@Module({
  imports: [
    MessagingModule.forService({ service: 'contrast', ofSurvivor: bundleOfSurvivor }),
    FhirModule.forService({
      MedicationRequest: { search: ['_id', 'patient', 'status', 'based-on', '_lastUpdated'] },
      MedicationAdministration: {
        search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'],
        interactions: ['create', 'update'],
      },
      ServiceRequest: { search: ['_id', 'identifier', 'patient', 'status', '_lastUpdated'] },
      Patient: { search: ['_id', 'identifier', '_lastUpdated'] },
    }),
  ],
  controllers: [AdministrationsController, PlanContrastWhenOrderChanges, UpdatePatientWhenPatientUpdated],
})
export class ContrastModule {}

export const contrastMigrations = [...fhirMigrations, ...messagingMigrations];
