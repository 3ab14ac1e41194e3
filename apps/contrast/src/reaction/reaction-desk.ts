import { Inject, Injectable } from '@nestjs/common';
import type { AdverseEvent, FhirResource, Patient } from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, recordAccess, referencedId, rekeyed, uuidFrom, type Access } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, INFRASTRUCTURE, type Infrastructure } from '#platform';
import { ContrastEscalations } from '../escalation/contrast-escalations.js';
import { agentOf } from '../observation/observation-desk.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { ScreeningDesk } from '../screening/screening-desk.js';
import { allergyIdOf, allergyOf } from './allergy.decider.js';
import { AskForReaction } from './ask-for-reaction.js';
import { FollowUps } from './follow-ups.js';
import { correctReaction, recordReaction, type ReactionDecision } from './reaction.decider.js';
import { agentStated, isInError, kindOf, orderOf, severityOf, suspectOf } from './read-reaction.js';

/** Identity of the escalation of a reaction; of another severity it is another one. */
export function reactionTaskIdOf(reactionId: string, severity: string): string {
  return uuidFrom('Task', 'contrast reaction', reactionId, severity);
}

/**
 * Records reactions: with each what the patient must not be given again, who is asked to see to it, what is looked at
 * again, and every exam ahead screened by it, in one transaction.
 */
@Injectable()
export class ReactionDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(ContrastEscalations) private readonly escalations: ContrastEscalations,
    @Inject(FollowUps) private readonly followUps: FollowUps,
    @Inject(AskForReaction) private readonly questions: AskForReaction,
    @Inject(ScreeningDesk) private readonly screening: ScreeningDesk,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** Records a reaction as {@link readReaction} reads it; the same again is the same. @throws Failure */
  async record(said: AdverseEvent, client: string): Promise<ReactionDecision> {
    return this.unitOfWork.run(patientIdOf(said), async (transaction) => {
      const stated = ofSurvivor(said, transaction);
      const context = await this.contextOf(stated, transaction);
      const current = await this.store.read(transaction.manager, 'AdverseEvent', stated.id!);
      const decision = recordReaction(current, stated, context.patientReference, transaction.now);
      return this.carryOut(decision, context, { interaction: 'create', client }, transaction);
    });
  }

  /** Corrects a reaction; the version before stays in its history. @throws Failure */
  async correct(id: string, said: AdverseEvent, version: string, client: string): Promise<ReactionDecision> {
    const found = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, 'AdverseEvent', id));
    if (!found) throw fail('not-found', 'there is no AdverseEvent with this id');
    // Whoever sends it may know its patient under the record that is no more.
    return this.unitOfWork.run(patientIdOf(isInError(said) ? found : said), async (transaction) => {
      const stated = ofSurvivor(said, transaction);
      const current = (await this.store.read(transaction.manager, 'AdverseEvent', id))!;
      const context = await this.contextOf(isInError(stated) ? current : stated, transaction);
      const decision = correctReaction(current, stated, version, context.patientReference);
      return this.carryOut(decision, context, { interaction: 'update', client }, transaction);
    });
  }

  /** What a reaction refers to, as it is known here. */
  private async contextOf(stated: AdverseEvent, { manager }: Transaction): Promise<Context> {
    const administrationId = suspectOf(stated, 'MedicationAdministration');
    const administration =
      administrationId === undefined
        ? undefined
        : await this.store.read(manager, 'MedicationAdministration', administrationId);
    if (administrationId !== undefined && !administration)
      throw fail('unknown-key', 'there is no MedicationAdministration with this id', {
        field: 'AdverseEvent.suspectEntity',
      });
    const procedureId = suspectOf(stated, 'Procedure');
    const procedure = procedureId === undefined ? undefined : await this.store.read(manager, 'Procedure', procedureId);
    const ofSuspect = [...(administration?.supportingInformation ?? []), ...(procedure?.basedOn ?? [])];
    const orderId =
      orderOf(stated) ?? ofSuspect.flatMap((one) => referencedId(one.reference, 'ServiceRequest') ?? [])[0];
    const order = orderId === undefined ? undefined : await this.store.read(manager, 'ServiceRequest', orderId);
    const subject = administration?.subject ?? order?.subject ?? procedure?.subject;
    const patientReference = subject?.reference;
    const patientId = referencedId(patientReference, 'Patient') ?? patientIdOf(stated);
    const patient = await this.store.read(manager, 'Patient', patientId);
    if (!patient) throw fail('unknown-key', 'there is no Patient with this id', { field: 'AdverseEvent.subject' });
    const planId = referencedId(administration?.request?.reference, 'MedicationRequest');
    const plan = planId === undefined ? undefined : await this.store.read(manager, 'MedicationRequest', planId);
    const agent = agentStated(stated) ?? (administration && agentOf(administration));
    const around = [administration, order, procedure].filter((one) => one !== undefined);
    return { patient, patientReference, orderId, around, agent: named(agent, plan?.medicationCodeableConcept) };
  }

  private async carryOut(
    decision: ReactionDecision,
    context: Context,
    { interaction, client }: Pick<Access, 'interaction' | 'client'>,
    transaction: Transaction,
  ): Promise<ReactionDecision> {
    const { manager, now } = transaction;
    const { outcome } = decision;
    const [reaction] =
      outcome === 'same' ? [decision.reaction] : await this.store.save(manager, [decision.reaction], now);
    if (outcome !== 'same') await this.follow(reaction!, context, transaction);
    const access = { interaction, client, service: this.infrastructure.service };
    await recordAccess(
      manager,
      { ...access, references: [`AdverseEvent/${reaction!.id}`], patientIds: [context.patient.id!] },
      now,
    );
    return { outcome, reaction: reaction! };
  }

  private async follow(reaction: AdverseEvent, context: Context, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const { patient, agent, around } = context;
    const known = await this.store.read(manager, 'AllergyIntolerance', allergyIdOf(reaction.id!));
    const allergy = allergyOf(known, reaction, agent, this.policy);
    const [saved] = allergy ? await this.store.save(manager, [allergy], now) : [known];
    const cause = `${reaction.id}/${reaction.meta?.versionId}`;
    const resources: FhirResource[] = [reaction, patient, ...(saved ? [saved] : []), ...around];
    transaction.publish(
      newEvent({ type: 'imaging.contrast.reaction-recorded.v1', patientId: patient.id!, cause, now, resources }),
    );
    await this.escalate(reaction, context, transaction);
    await this.followUp(reaction, context, transaction);
    if (isInError(reaction)) await this.questions.takeBack(reaction, transaction);
    else await this.questions.answer(reaction, context.orderId, transaction);
    if (allergy) await this.screening.screenPatient(patient.id!, transaction);
  }

  /** One escalation by its severity as it stands; those of another severity, or of an error, are withdrawn. */
  private async escalate(reaction: AdverseEvent, { orderId }: Context, transaction: Transaction): Promise<void> {
    const severity = isInError(reaction) ? undefined : severityOf(reaction, this.policy);
    for (const other of ['mild', 'moderate', 'severe'] as const)
      if (other !== severity)
        await this.escalations.withdraw(
          reactionTaskIdOf(reaction.id!, other),
          'the reaction was corrected',
          transaction,
        );
    if (!severity) return;
    const matter = {
      id: reactionTaskIdOf(reaction.id!, severity),
      code: 'contrast-reaction' as const,
      text: kindOf(reaction) === 'extravasation' ? 'See to an extravasation' : 'See to a reaction to contrast',
      description: `${severity}, ${kindOf(reaction)}`,
      focus: { reference: `AdverseEvent/${reaction.id}` },
      ...(orderId ? { basedOn: [{ reference: `ServiceRequest/${orderId}` }] } : {}),
      patient: reaction.subject,
      isUrgent: severity !== 'mild',
    };
    await this.escalations.open(matter, this.policy?.reactions?.severities[severity].escalation, transaction);
  }

  private async followUp(
    reaction: AdverseEvent,
    { orderId, around }: Context,
    transaction: Transaction,
  ): Promise<void> {
    // Named by the administration where it is known: it may have told of the extravasation itself.
    const administration = around.find((one) => one.resourceType === 'MedicationAdministration');
    const reference = administration ? `MedicationAdministration/${administration.id}` : `AdverseEvent/${reaction.id}`;
    const basedOn = orderId ? [{ reference: `ServiceRequest/${orderId}` }] : undefined;
    const isMeant = kindOf(reaction) === 'extravasation' && !isInError(reaction);
    if (isMeant)
      await this.followUps.plan(
        { reference, patient: reaction.subject, basedOn, at: new Date(reaction.date!) },
        transaction,
      );
    else if (!administration) await this.followUps.withdraw(reference, transaction);
  }
}

interface Context {
  patient: Patient;
  /** Of whom it must be by what it refers to; undefined where nothing it refers to is known here. */
  patientReference: string | undefined;
  orderId: string | undefined;
  around: FhirResource[];
  agent: ReturnType<typeof agentOf>;
}

/** The agent by its codes: where what was given bears only its name, by those of the plan of the same name. */
function named(agent: Context['agent'], planned: Context['agent']): Context['agent'] {
  if (!agent) return planned;
  if (agent.coding?.length || !planned) return agent;
  const names = [planned.text, ...(planned.coding ?? []).map(({ display }) => display)].map((one) =>
    one?.toLowerCase(),
  );
  return agent.text && names.includes(agent.text.toLowerCase()) ? { ...planned, text: agent.text } : agent;
}

/** As said of whom the patient's record was merged into. */
function ofSurvivor(said: AdverseEvent, { merged }: Transaction): AdverseEvent {
  return merged ? rekeyed(said, merged) : said;
}

function patientIdOf({ subject }: AdverseEvent): string {
  const id = referencedId(subject?.reference, 'Patient');
  if (id !== undefined) return id;
  throw fail('field-missing', 'AdverseEvent.subject is required: Patient/<id>', { field: 'AdverseEvent.subject' });
}
