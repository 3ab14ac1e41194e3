import { Module } from '@nestjs/common';
import { fhirMigrations, FhirStore } from '#fhir';
import type { SchemaBeside } from '#platform';
import { StaffDose1700000004800 } from '../migrations/1700000004800-staff-dose.js';
import { FollowStaffDoseAlerts } from './follow-staff-dose-alerts.worker.js';
import { StaffDoseController } from './staff-dose.controller.js';
import { STAFF_DOSE_SCHEMA, StaffDoseDatabase } from './staff-dose-database.js';
import { StaffDoseDesk } from './staff-dose-desk.js';
import { StaffDoseFhirController } from './staff-dose-fhir.controller.js';
import { StaffDoseScope } from './staff-dose-scope.js';
import { StaffDoseViews } from './staff-dose-views.js';
import { StaffDoses } from './staff-doses.store.js';

/** Doses of the staff: a room of its own, which gives nothing to the rest of the service and takes nothing from it. */
@Module({
  controllers: [StaffDoseFhirController, StaffDoseController],
  providers: [
    FhirStore,
    StaffDoseDatabase,
    StaffDoses,
    StaffDoseDesk,
    StaffDoseViews,
    StaffDoseScope,
    FollowStaffDoseAlerts,
  ],
})
export class StaffDoseModule {}

/** The schema it is kept in. */
export const staffDoseSchema: SchemaBeside = {
  suffix: STAFF_DOSE_SCHEMA,
  migrations: [...fhirMigrations, StaffDose1700000004800],
};
