import { Controller, Inject } from '@nestjs/common';
import { Ctx, Payload } from '@nestjs/microservices';
import type { FhirResource, Patient } from 'fhir/r4.js';
import { findResources, type ImagingEvent } from '#events';
import { FhirStore, keepCopies, moveMerged, rekeyed } from '#fhir';
import { Deliveries, EventContext, MergedPatients, WhenEvent, type MergedPatient } from '#messaging';
import { DoseDesk } from './dose/dose-desk.js';
import { ReportDesk } from './report/report-desk.js';
import { StudyLookups } from './study/study-lookups.store.js';

/**
 * Studies, reports, and what is still to be told of a patient who was merged, are those of the one who stands for them.
 * What the EMR was told before is the EMR's to move: the merge was its own.
 */
@Controller()
export class MergePatientsWhenPatientMerged {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(MergedPatients) private readonly mergedPatients: MergedPatients,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(Deliveries) private readonly deliveries: Deliveries,
    @Inject(ReportDesk) private readonly reports: ReportDesk,
    @Inject(DoseDesk) private readonly dose: DoseDesk,
  ) {}

  @WhenEvent('imaging.patient.merged.v1')
  async handle(@Payload() event: ImagingEvent, @Ctx() { transaction }: EventContext): Promise<void> {
    const { manager, now } = transaction;
    const patients = await keepCopies(this.store, manager, findResources(event, 'Patient'), now);
    for (const merged of await moveMerged(this.store, this.mergedPatients, patients, transaction)) {
      const survivor = (await this.store.read(manager, 'Patient', merged.to))!;
      await this.lookups.move(manager, merged.from, merged.to);
      await this.deliveries.move(manager, merged.from, merged.to, (body) => factOf(body, merged, survivor));
      const orders = await this.store.ofPatient(manager, 'ServiceRequest', merged.to);
      await this.reports.match(merged.to, orders, transaction);
      await this.dose.fileListed(merged.to, transaction);
    }
  }
}

/** A fact on its way to the EMR, of the patient it is about now. */
function factOf(body: Record<string, unknown>, merged: MergedPatient, survivor: Patient): object {
  const resources = (body.resources as FhirResource[] | undefined) ?? [];
  const isPrior = (one: FhirResource) => one.resourceType === 'Patient' && one.id === merged.from;
  return { ...body, resources: resources.map((one) => (isPrior(one) ? survivor : rekeyed(one, merged))) };
}
