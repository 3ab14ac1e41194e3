import { Inject, Injectable } from '@nestjs/common';
import type { MedicationAdministration, MedicationRequest } from 'fhir/r4.js';
import { FhirStore, recordAccess, referencedId, sameContent, validateResource, type Access } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { CLOCK, fail, INFRASTRUCTURE, type Clock, type Infrastructure } from '#platform';
import { wasGiven } from '../contrast-plan.decider.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { AdministrationCheck } from './administration-check.js';
import { correctAdministration, ofPlan, recordAdministration } from './administration.decider.js';
import { administrationsOfPlan, type ReconciledAdministration } from './administrations-of-plan.js';
import { completeFromBarcode } from './complete-from-barcode.js';
import { withdrawn } from './withdrawn-administration.js';
import { FollowAdministration } from './follow-administration.js';
import { isUsable, readAdministration, withoutDeviations, type StatedAdministration } from './read-administration.js';
import { refusalAfter, refusalBefore } from './right-issues.js';
import type { Statement } from './same-injection.decider.js';
import { StatementsStore, type KeptStatement } from './statements.store.js';

/** Who says what was given, and through what it came. */
export interface Source {
  by: 'person' | 'injector';
  /** The client as authenticated, or the calling AE title: whom the audit names. */
  client: string;
}

/** What became of a statement, and the administration as it stands. */
export interface Recorded {
  /** `joined`: it is of an injection that was recorded before, and has become part of that. */
  outcome: 'new' | 'same' | 'joined' | 'corrected';
  administration: MedicationAdministration;
}

/** The one way in for what was given, by whomever it is said: REST, a list of an injector's, a structured report. */
@Injectable()
export class AdministrationDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(StatementsStore) private readonly statements: StatementsStore,
    @Inject(AdministrationCheck) private readonly rights: AdministrationCheck,
    @Inject(FollowAdministration) private readonly followers: FollowAdministration,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** Reads a MedicationAdministration from outside, completed from its barcode. @throws Failure field-missing, field-invalid */
  read(body: unknown, by: Source['by']): StatedAdministration {
    const stated = validateResource(body, 'MedicationAdministration');
    return readAdministration(completeFromBarcode(stated, this.policy, this.clock.now()), by);
  }

  /**
   * Records what was given; the same again is the same. All of it, with the audit, in one unit of work.
   *
   * @param stated as {@link read} reads it
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
    const { manager } = transaction;
    const [there, second] = unless ? await this.known([unless], transaction) : [];
    if (second) throw fail('precondition-failed', 'If-None-Exist matches several administrations');
    if (there) return this.audited({ outcome: 'same', administration: there }, 'create', source, transaction);
    const plan = await this.store.read(manager, 'MedicationRequest', planId);
    const statements = await this.statements.ofPlan(manager, planId, stated.id);
    const before = statements.find(({ id }) => id === stated.id);
    const known = await this.known(stated.identifier!.filter(isUsable), transaction);
    // What is compared is what was said under this number, not what became of it with what others said.
    const current = before
      ? [asOfPlan(before.administration, plan), ...others(known, before, statements, plan, this.policy)]
      : known;
    const decision = recordAdministration(current, stated, plan);
    if (decision.outcome === 'same') {
      const standing = before && (await this.holding(before, statements, plan!, transaction));
      return this.audited(
        { outcome: 'same', administration: standing ?? decision.administration },
        'create',
        source,
        transaction,
      );
    }
    const statement: Statement = {
      id: stated.id!,
      planId,
      by: source.by,
      settles: [],
      administration: decision.administration,
    };
    const administration = await this.take(statement, statements, plan!, source, transaction);
    const outcome = administration.id === stated.id ? 'new' : 'joined';
    return this.audited({ outcome, administration }, 'create', source, transaction);
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
      const { manager } = transaction;
      const current = await this.store.read(manager, 'MedicationAdministration', id);
      if (!current) throw fail('not-found', 'there is no MedicationAdministration with this id');
      const decision = correctAdministration(withoutDeviations(current), stated, planId, version);
      if (decision.outcome === 'same')
        return this.audited({ outcome: 'same', administration: current }, 'update', source, transaction);
      const plan = await this.store.read(manager, 'MedicationRequest', planId);
      const statements = await this.statements.ofPlan(manager, planId);
      const of = administrationsOfPlan(statements, plan!, this.policy).find((one) => one.administration.id === id);
      const first = statements.find((one) => one.id === id);
      if (!of || !first)
        throw fail('state-conflict', 'this one became part of another administration: correct that one');
      // Who corrects what both said has seen both: it stays one, whatever else is told.
      const settles = of.statements.filter((one) => one !== id);
      const statement: Statement = { ...first, settles, administration: withoutMeta(decision.administration) };
      const administration = await this.take(statement, statements, plan!, source, transaction, id);
      return this.audited({ outcome: 'corrected', administration }, 'update', source, transaction);
    });
  }

  /**
   * What speaks against giving this now: the five rights, before. Nothing is stored.
   *
   * @throws Failure state-conflict naming every reason, as an administration that begins is refused with
   */
  async check({ administration: stated, planId }: StatedAdministration, source: Source): Promise<void> {
    const patientId = await this.patientOf('MedicationRequest', planId);
    await this.unitOfWork.run(patientId, async (transaction) => {
      const { manager } = transaction;
      const plan = await this.store.read(manager, 'MedicationRequest', planId);
      const { administration } = recordAdministration([], stated, plan);
      if (!this.policy?.administration)
        throw fail('state-conflict', 'the contrast policy has no section administration: nothing can be checked');
      if (plan!.status === 'cancelled')
        throw fail('state-conflict', 'the contrast record is cancelled: nothing is to be given', {
          field: 'MedicationAdministration.request',
        });
      const beside = await this.store.referringTo(manager, 'MedicationAdministration', `MedicationRequest/${planId}`);
      const refusal = refusalBefore(
        administration,
        await this.rights.wrongsOf(administration, plan!, beside, transaction),
      );
      await this.audited({ outcome: 'same', administration }, 'read', source, transaction);
      if (refusal) throw refusal;
    });
  }

  /** All that was said of an administration, by whom and when; what was corrected stays among it. */
  async statementsOf(id: string, source: Source): Promise<KeptStatement[]> {
    return this.unitOfWork.run(undefined, async (transaction) => {
      const { manager } = transaction;
      const current = await this.store.read(manager, 'MedicationAdministration', id);
      if (!current) throw fail('not-found', 'there is no MedicationAdministration with this id');
      const planId = referencedId(current.request?.reference, 'MedicationRequest')!;
      const plan = await this.store.read(manager, 'MedicationRequest', planId);
      const standing = plan
        ? administrationsOfPlan(await this.statements.ofPlan(manager, planId), plan, this.policy)
        : [];
      const of = standing.find((one) => one.administration.id === id)?.statements ?? [id];
      await this.audited({ outcome: 'same', administration: current }, 'read', source, transaction);
      return this.statements.history(manager, of);
    });
  }

  /** Has all administrations of a plan follow from statements that are facts already: nothing of it is refused. */
  async settle(
    changed: readonly Statement[],
    plan: MedicationRequest,
    client: string,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    for (const statement of changed) await this.statements.keep(manager, statement, client, now);
    const all = administrationsOfPlan(await this.statements.ofPlan(manager, plan.id!), plan, this.policy);
    const stored = await this.store.referringTo(manager, 'MedicationAdministration', `MedicationRequest/${plan.id}`);
    for (const change of changesOf(all, stored)) await this.change(change, all, plan, transaction);
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
        // One that became part of another is found by that.
        if (!one.identifier?.every(({ use }) => use === 'old')) found.set(one.id!, one);
    return [...found.values()];
  }

  /** Keeps a statement, and has all administrations of its plan follow from what is said now. */
  private async take(
    statement: Statement,
    before: readonly Statement[],
    plan: MedicationRequest,
    source: Source,
    transaction: Transaction,
    corrected?: string,
  ): Promise<MedicationAdministration> {
    const { manager, now } = transaction;
    const ofPlanBefore = before.filter(({ planId }) => planId === statement.planId);
    const statements = ofPlanBefore.some(({ id }) => id === statement.id)
      ? ofPlanBefore.map((one) => (one.id === statement.id ? statement : one))
      : [...ofPlanBefore, statement];
    const all = administrationsOfPlan(statements, plan, this.policy);
    const stored = await this.store.referringTo(manager, 'MedicationAdministration', `MedicationRequest/${plan.id}`);
    const own = all.find((one) => one.statements.includes(statement.id))!.administration;
    await this.assertAllowed(own, all, plan, source, transaction, corrected !== undefined);
    await this.statements.keep(manager, statement, source.client, now);
    for (const changed of changesOf(all, stored)) await this.change(changed, all, plan, transaction);
    return (await this.store.read(manager, 'MedicationAdministration', own.id!))!;
  }

  private async assertAllowed(
    own: MedicationAdministration,
    all: readonly ReconciledAdministration[],
    plan: MedicationRequest,
    { by }: Source,
    transaction: Transaction,
    isCorrection: boolean,
  ): Promise<void> {
    if (!wasGiven(own)) return;
    const beside = all.map(({ administration }) => administration);
    const wrongs = await this.rights.wrongsOf(own, plan, beside, transaction);
    // What an injector says has begun has; only a person can still be held back.
    const isBefore = own.status === 'in-progress' && by === 'person' && !isCorrection && this.policy?.administration;
    const refusal = isBefore ? refusalBefore(own, wrongs) : refusalAfter(own, wrongs, by, this.policy);
    if (refusal) throw refusal;
  }

  private async change(
    { before, after }: Change,
    all: readonly ReconciledAdministration[],
    plan: MedicationRequest,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const [saved] = await this.store.save(manager, [after], now);
    const beside = all.map(({ administration }) => administration);
    const wrongs = wasGiven(saved!) ? await this.rights.wrongsOf(saved!, plan, beside, transaction) : [];
    const issues = await this.rights.flag(saved!, wrongs, transaction);
    const tell = wasGiven(saved!) || (before !== undefined && wasGiven(before));
    await this.followers.follow({ before, administration: saved!, issues, tell }, transaction);
  }

  /** The administration that a statement is part of, as it is stored. */
  private async holding(
    { id }: Statement,
    statements: readonly Statement[],
    plan: MedicationRequest,
    { manager }: Transaction,
  ): Promise<MedicationAdministration | undefined> {
    const of = administrationsOfPlan(statements, plan, this.policy).find((one) => one.statements.includes(id));
    return of && this.store.read(manager, 'MedicationAdministration', of.administration.id!);
  }

  private async audited(
    recorded: Recorded,
    interaction: Access['interaction'],
    { client }: Source,
    { manager, now }: Transaction,
  ): Promise<Recorded> {
    const { administration } = recorded;
    await recordAccess(
      manager,
      {
        interaction,
        client,
        service: this.infrastructure.service,
        references: [`MedicationAdministration/${administration.id}`],
        patientIds: [referencedId(administration.subject.reference, 'Patient')!],
      },
      now,
    );
    return recorded;
  }
}

interface Change {
  before: MedicationAdministration | undefined;
  after: MedicationAdministration;
}

/** What is to be stored: what follows now and is not stored so, and before that what follows no more. */
function changesOf(all: readonly ReconciledAdministration[], stored: readonly MedicationAdministration[]): Change[] {
  const gone = stored.flatMap((before): Change[] => {
    const into = all.find(
      ({ administration, statements }) => administration.id !== before.id && statements.includes(before.id!),
    );
    const after = into && withdrawn(before, into.administration.id!);
    return after && !sameContent(before, after) ? [{ before, after }] : [];
  });
  const standing = all.flatMap(({ administration }): Change[] => {
    const before = stored.find(({ id }) => id === administration.id);
    if (before && sameContent(before, administration)) return [];
    return [{ before, after: { ...administration, ...(before?.meta ? { meta: before.meta } : {}) } }];
  });
  // Who was told of one number must hear that it moved before hearing of the one it moved to.
  const known = standing.filter(({ before }) => before);
  return [...gone, ...known, ...standing.filter(({ before }) => !before)];
}

/** Others under one of the numbers of a statement: a number that was given to two is no one's. */
function others(
  known: readonly MedicationAdministration[],
  { id }: Statement,
  statements: readonly Statement[],
  plan: MedicationRequest | undefined,
  policy: ContrastPolicy | undefined,
): MedicationAdministration[] {
  const of = plan && administrationsOfPlan(statements, plan, policy).find((one) => one.statements.includes(id));
  return known.filter((one) => one.id !== id && one.id !== of?.administration.id);
}

function asOfPlan(stated: MedicationAdministration, plan: MedicationRequest | undefined): MedicationAdministration {
  return plan ? ofPlan(stated, plan) : stated;
}

function withoutMeta(administration: MedicationAdministration): MedicationAdministration {
  const { meta, ...rest } = administration;
  void meta;
  return rest;
}
