import { Inject, Injectable } from '@nestjs/common';
import type { AdverseEvent, MedicationAdministration, Procedure, Task } from 'fhir/r4.js';
import { extensions, FhirStore, referencedId, systems, uuidFrom } from '#fhir';
import type { Transaction } from '#messaging';
import { ContrastEscalations } from '../escalation/contrast-escalations.js';
import { givenAt } from '../observation/observation.decider.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { FollowUps } from './follow-ups.js';
import { isInError, orderOf, suspectOf } from './read-reaction.js';

/** Reasons of DICOM CID 9300 that say that there was a reaction: what they ask to be recorded. */
const reasons: Readonly<Record<string, string>> = {
  '110503': 'The modality says that the exam was stopped because the patient is allergic to contrast',
  '113568': 'The modality says that the exam was stopped because of an extravasation',
};
const EXTRAVASATION = '113568';

/** Identity of the question for the reaction that something tells of. */
export function questionIdOf(reference: string): string {
  return uuidFrom('Task', 'record reaction', reference);
}

/** Somebody said that there was a reaction and nobody has recorded it: a person is asked to, until it is there. */
@Injectable()
export class AskForReaction {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(ContrastEscalations) private readonly escalations: ContrastEscalations,
    @Inject(FollowUps) private readonly followUps: FollowUps,
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
  ) {}

  /** The modality ended an exam; of its reasons two say that contrast did harm. */
  async whenDiscontinued(procedure: Procedure, transaction: Transaction): Promise<void> {
    const code = codeOf(procedure.statusReason);
    const why = code !== undefined && Object.hasOwn(reasons, code) ? reasons[code]! : undefined;
    if (!why) return;
    const reference = `Procedure/${procedure.id}`;
    await this.ask({ reference, why, patient: procedure.subject, basedOn: procedure.basedOn }, transaction);
    if (code !== EXTRAVASATION) return;
    const at = new Date(procedure.performedPeriod?.end ?? transaction.now);
    await this.followUps.plan({ reference, patient: procedure.subject, basedOn: procedure.basedOn, at }, transaction);
  }

  /** What was given may have gone beside the vessel. */
  async whenAdministered(administration: MedicationAdministration, transaction: Transaction): Promise<void> {
    const reference = `MedicationAdministration/${administration.id}`;
    if (administration.status === 'entered-in-error' || !hasExtravasated(administration)) {
      await this.escalations.withdraw(questionIdOf(reference), 'no extravasation is stated any more', transaction);
      return this.followUps.withdraw(reference, transaction);
    }
    const patient = administration.subject;
    const basedOn = administration.supportingInformation?.filter((one) =>
      referencedId(one.reference, 'ServiceRequest'),
    );
    await this.ask(
      { reference, why: 'An extravasation was stated with what was given', patient, basedOn },
      transaction,
    );
    await this.followUps.plan(
      { reference, patient, basedOn, at: givenAt(administration) ?? transaction.now },
      transaction,
    );
  }

  /** A reaction was recorded: what asked for it has its answer. */
  async answer(reaction: AdverseEvent, orderId: string | undefined, transaction: Transaction): Promise<void> {
    const by = { reference: `AdverseEvent/${reaction.id}` };
    const settle = (reference: string) =>
      this.escalations.settle(questionIdOf(reference), 'the reaction was recorded', transaction, by);
    const administration = suspectOf(reaction, 'MedicationAdministration');
    const procedure = suspectOf(reaction, 'Procedure');
    if (administration) await settle(`MedicationAdministration/${administration}`);
    if (procedure) await settle(`Procedure/${procedure}`);
    if (!orderId) return;
    const around = await this.store.referringTo(transaction.manager, 'Task', `ServiceRequest/${orderId}`);
    for (const { focus, id } of around)
      if (focus?.reference && id === questionIdOf(focus.reference)) await settle(focus.reference);
  }

  /** A reaction never was: what it had answered is asked again. */
  async takeBack({ id, subject }: AdverseEvent, transaction: Transaction): Promise<void> {
    const tasks = await this.store.ofPatient(transaction.manager, 'Task', referencedId(subject.reference, 'Patient')!);
    const isAnswer = ({ output = [] }: Task) =>
      output.some(({ valueReference }) => valueReference?.reference === `AdverseEvent/${id}`);
    for (const task of tasks.filter((one) => one.status === 'completed' && isAnswer(one)))
      await this.escalations.reopen(task, transaction);
  }

  private async ask(
    { reference, why, patient, basedOn }: { reference: string; why: string } & Pick<AskedOf, 'patient' | 'basedOn'>,
    transaction: Transaction,
  ): Promise<void> {
    const id = questionIdOf(reference);
    const matter = {
      id,
      code: 'record-reaction' as const,
      text: 'Record the reaction',
      description: why,
      focus: { reference },
      basedOn,
      patient,
      isUrgent: false,
    };
    const escalation = this.policy?.reactions?.unrecorded.escalation;
    const recorded = await this.recordedAlready(reference, patient.reference!, basedOn, transaction);
    await this.escalations.open(matter, escalation, transaction);
    if (recorded)
      await this.escalations.settle(id, 'the reaction was recorded', transaction, {
        reference: `AdverseEvent/${recorded.id}`,
      });
  }

  private async recordedAlready(
    reference: string,
    patient: string,
    basedOn: AskedOf['basedOn'],
    { manager }: Transaction,
  ): Promise<AdverseEvent | undefined> {
    const own = await this.store.ofPatient(manager, 'AdverseEvent', referencedId(patient, 'Patient')!);
    const administrations = await this.store.ofPatient(
      manager,
      'MedicationAdministration',
      referencedId(patient, 'Patient')!,
    );
    const orders = (basedOn ?? []).flatMap((one) => referencedId(one.reference, 'ServiceRequest') ?? []);
    return own.find((one) => {
      if (isInError(one)) return false;
      if (one.suspectEntity?.some(({ instance }) => instance.reference === reference)) return true;
      const given = administrations.find(({ id }) => id === suspectOf(one, 'MedicationAdministration'));
      const order =
        orderOf(one) ?? given?.supportingInformation?.map((two) => referencedId(two.reference, 'ServiceRequest'))[0];
      return order !== undefined && orders.includes(order);
    });
  }
}

type AskedOf = Pick<Parameters<FollowUps['plan']>[0], 'patient' | 'basedOn'>;

/** True for one of which it is said, by its extension or as the reason why it was stopped, that contrast went astray. */
export function hasExtravasated({ extension = [], statusReason = [] }: MedicationAdministration): boolean {
  return (
    extension.some(({ url }) => url === extensions.extravasation) ||
    statusReason.some((one) => codeOf(one) === EXTRAVASATION)
  );
}

function codeOf(reason: Procedure['statusReason']): string | undefined {
  return reason?.coding?.find(({ system }) => system === systems.dicomCode)?.code;
}
