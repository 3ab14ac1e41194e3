import { Inject, Injectable } from '@nestjs/common';
import type { MedicationAdministration } from 'fhir/r4.js';
import { FhirStore, recordAccess, referencedId, type Access } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { correctAdministration, recordAdministration, type AdministrationDecision } from './administration.decider.js';
import { FollowAdministration } from './follow-administration.js';
import { isUsable, type StatedAdministration } from './read-administration.js';

/** Who says what was given, and through what it came. */
export interface Source {
  by: 'person' | 'injector';
  /** The client as authenticated, or the calling AE title: whom the audit names. */
  client: string;
}

/** What became of a statement, and the administration as it stands. */
export type Recorded = Pick<AdministrationDecision, 'outcome' | 'administration'>;

/** The one way in for what was given, by whomever it is said: REST, a list of an injector's, a structured report. */
@Injectable()
export class AdministrationDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(FollowAdministration) private readonly followers: FollowAdministration,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /**
   * Records what was given; the same again is the same. All of it, with the audit, in one unit of work.
   *
   * @param stated as {@link readAdministration} reads it
   * @param unless an identifier: where one is recorded under it, that one is the answer (FHIR R4 conditional create)
   * @throws Failure unknown-key, state-conflict, duplicate-key, precondition-failed
   */
  async record(
    stated: StatedAdministration,
    source: Source,
    unless?: { system: string; value: string },
  ): Promise<Recorded> {
    const patientId = await this.patientOf('MedicationRequest', stated.planId);
    return this.unitOfWork.run(patientId, (transaction) => this.recordWithin(transaction, stated, source, unless));
  }

  /** The same as part of a unit of work that was begun for the patient, so that more can happen with it. */
  async recordWithin(
    transaction: Transaction,
    { administration: stated, planId }: StatedAdministration,
    source: Source,
    unless?: { system: string; value: string },
  ): Promise<Recorded> {
    const [there, second] = unless ? await this.known([unless], transaction) : [];
    if (second) throw fail('precondition-failed', 'If-None-Exist matches several administrations');
    const plan = await this.store.read(transaction.manager, 'MedicationRequest', planId);
    const current = await this.known(stated.identifier!.filter(isUsable), transaction);
    const decision: AdministrationDecision = there
      ? { outcome: 'same', administration: there, tell: false }
      : recordAdministration(current, stated, plan);
    return this.carryOut(undefined, decision, { interaction: 'create', ...source }, transaction);
  }

  /**
   * Corrects an administration; the version before stays in its history.
   *
   * @param version the version the correction was made from
   * @throws Failure not-found, precondition-failed, field-invalid, state-conflict
   */
  async correct(
    id: string,
    { administration: stated, planId }: StatedAdministration,
    version: string,
    source: Source,
  ): Promise<Recorded> {
    const patientId = await this.patientOf('MedicationAdministration', id);
    return this.unitOfWork.run(patientId, async (transaction) => {
      const current = await this.store.read(transaction.manager, 'MedicationAdministration', id);
      if (!current) throw fail('not-found', 'there is no MedicationAdministration with this id');
      const decision = correctAdministration(current, stated, planId, version);
      return this.carryOut(current, decision, { interaction: 'update', ...source }, transaction);
    });
  }

  /** The patient of a contrast record or an administration, whose unit of work it takes; undefined if there is none. */
  async patientOf(type: 'MedicationRequest' | 'MedicationAdministration', id: string): Promise<string | undefined> {
    const found = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, type, id));
    return referencedId(found?.subject.reference, 'Patient');
  }

  /** What is recorded under any of these identifiers, each once. */
  private async known(
    identifiers: readonly { system?: string; value?: string }[],
    { manager }: Transaction,
  ): Promise<MedicationAdministration[]> {
    const found = new Map<string, MedicationAdministration>();
    for (const { system, value } of identifiers)
      for (const one of await this.store.withIdentifier(manager, 'MedicationAdministration', system, value!))
        found.set(one.id!, one);
    return [...found.values()];
  }

  private async carryOut(
    before: MedicationAdministration | undefined,
    { outcome, administration, tell }: AdministrationDecision,
    { interaction, client }: Pick<Access, 'interaction'> & Source,
    transaction: Transaction,
  ): Promise<Recorded> {
    const { manager, now } = transaction;
    const [saved] = outcome === 'same' ? [administration] : await this.store.save(manager, [administration], now);
    if (outcome !== 'same') await this.followers.follow({ before, administration: saved!, tell }, transaction);
    await recordAccess(
      manager,
      {
        interaction,
        client,
        service: this.infrastructure.service,
        references: [`MedicationAdministration/${saved!.id}`],
        patientIds: [referencedId(saved!.subject.reference, 'Patient')!],
      },
      now,
    );
    return { outcome, administration: saved! };
  }
}
