import { Inject, Injectable } from '@nestjs/common';
import type { DetectedIssue, FhirResource, MedicationAdministration } from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { planAfter } from '../contrast-plan.decider.js';

/** An administration that was recorded or corrected just now, as it is stored. */
export interface ChangedAdministration {
  /** As it stood before; undefined if it is new. */
  before: MedicationAdministration | undefined;
  administration: MedicationAdministration;
  /** What speaks against it. */
  issues: readonly DetectedIssue[];
  /** True if others must hear of it. */
  tell: boolean;
}

/** The one place where an administration that was recorded or corrected takes effect, in the transaction of its cause. */
@Injectable()
export class FollowAdministration {
  constructor(@Inject(FhirStore) private readonly store: FhirStore) {}

  /** The contrast record follows, and others hear of it. */
  async follow({ administration, issues, tell }: ChangedAdministration, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const patientId = referencedId(administration.subject.reference, 'Patient')!;
    const planReference = administration.request!.reference!;
    const orderReference = administration.supportingInformation?.[0]?.reference;
    const keys = [`Patient/${patientId}`, planReference, orderReference].flatMap(keyOf);
    const around = await this.store.readMany(manager, keys);
    const find = <T extends FhirResource['resourceType']>(type: T) =>
      around.find((one): one is Extract<FhirResource, { resourceType: T }> => one.resourceType === type);
    const plan = find('MedicationRequest')!;
    const all = await this.store.referringTo(manager, 'MedicationAdministration', planReference);
    const changed = planAfter(plan, all, find('ServiceRequest'));
    const [saved] = changed ? await this.store.save(manager, [changed], now) : [plan];
    if (!tell) return;
    const resources = [administration, ...around.filter((one) => one !== plan), saved!, ...issues];
    const cause = `${administration.id}/${administration.meta?.versionId}`;
    transaction.publish(newEvent({ type: 'imaging.contrast.administered.v1', patientId, cause, now, resources }));
  }
}

function keyOf(reference: string | undefined): { type: string; id: string }[] {
  const [type, id] = reference?.split('/') ?? [];
  return type && id ? [{ type, id }] : [];
}
