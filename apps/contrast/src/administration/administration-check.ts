import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Appointment, DetectedIssue, MedicationAdministration, MedicationRequest } from 'fhir/r4.js';
import { contrastScreeningIdOf, FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { wasGiven } from '../contrast-plan.decider.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { factsOfPatient, noFacts } from '../screening/facts-of-patient.js';
import { PatientFactsStore } from '../screening/patient-facts.store.js';
import { LookUpSupply } from '../supplies/look-up-supply.js';
import { supplyWrongs } from './supply-wrongs.js';
import { wrongsOf, type Wrong } from './five-rights.decider.js';
import { millilitresOf } from './quantities.js';
import { startOf } from './read-administration.js';
import { isOfRight, rightIssues } from './right-issues.js';

/** Looks up what is known around an administration, and has its rights checked by it. */
@Injectable()
export class AdministrationCheck {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(PatientFactsStore) private readonly facts: PatientFactsStore,
    @Inject(LookUpSupply) private readonly supply: LookUpSupply,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /**
   * What speaks against giving this under this plan, or against its having been given.
   *
   * @param beside what else is recorded under the plan, as it will stand
   */
  async wrongsOf(
    given: MedicationAdministration,
    plan: MedicationRequest,
    beside: readonly MedicationAdministration[],
    { manager, now }: Transaction,
  ): Promise<Wrong[]> {
    const { policy } = this;
    const orderId = referencedId(plan.basedOn?.[0]?.reference, 'ServiceRequest');
    const patientId = referencedId(plan.subject.reference, 'Patient');
    const patient = patientId ? await this.store.read(manager, 'Patient', patientId) : undefined;
    const around = policy?.administration && orderId ? await this.aroundOrder(orderId, manager) : [];
    const at = new Date(startOf(given) ?? now);
    const order = orderId ? await this.store.read(manager, 'ServiceRequest', orderId) : undefined;
    const encounterId = referencedId(order?.encounter?.reference, 'Encounter');
    const record =
      policy?.administration && patient && (await this.facts.recordOf(patient, encounterId, policy, manager));
    const others = beside.filter((one) => one.id !== given.id && wasGiven(one));
    const rights = wrongsOf(
      given,
      {
        plan,
        patient,
        issues: around.filter((one) => one.resourceType === 'DetectedIssue'),
        screeningId: orderId && contrastScreeningIdOf(orderId),
        appointments: around.filter((one) => one.resourceType === 'Appointment'),
        facts: policy && record ? factsOfPatient(record, policy, at) : noFacts,
        besideMl: others.reduce((sum, { dosage }) => sum + (millilitresOf(dosage?.dose) ?? 0), 0),
      },
      policy,
      now,
    );
    return [...rights, ...supplyWrongs(await this.supply.objectionsOf(given, now, manager))];
  }

  /** Keeps what speaks against one that is recorded. @returns all that stands of it */
  async flag(
    given: MedicationAdministration,
    wrongs: readonly Wrong[],
    { manager, now }: Transaction,
  ): Promise<DetectedIssue[]> {
    const known = await this.store.referringTo(manager, 'DetectedIssue', `MedicationAdministration/${given.id}`);
    const current = known.filter(isOfRight);
    const saved = await this.store.save(manager, rightIssues(given, wrongs, current, now), now);
    const standing = new Map([...current, ...saved].map((one) => [one.id, one]));
    return [...standing.values()].filter(({ status }) => status === 'final');
  }

  private aroundOrder(orderId: string, manager: EntityManager): Promise<(DetectedIssue | Appointment)[]> {
    return this.store.allReferringTo(manager, ['DetectedIssue', 'Appointment'], `ServiceRequest/${orderId}`);
  }
}
