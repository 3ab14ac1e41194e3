import { Inject, Injectable } from '@nestjs/common';
import type { Communication, Patient, ServiceRequest } from 'fhir/r4.js';
import { findResource, findResources, newEvent, type ImagingEvent } from '#events';
import { assertVersion, FhirStore, recordAccess, referencedId } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, INFRASTRUCTURE, SITE, type Infrastructure, type Site } from '#platform';
import { deliveriesOf } from '../emr/emr-update.decider.js';
import { instructionRulesOf } from './instruction-templates.js';
import {
  instructionsAfter,
  orderIdOf,
  readAt,
  sameWords,
  type InstructionRules,
  type Occasion,
} from './instruction.decider.js';

/** What in which events makes a patient be told something; an appointment travels with its exam, which says more. */
const occasions: Record<string, Occasion['resourceType']> = {
  'imaging.schedule.booked.v1': 'Appointment',
  'imaging.schedule.moved.v1': 'Appointment',
  'imaging.schedule.cancelled.v1': 'Appointment',
  'imaging.schedule.exam-completed.v1': 'Procedure',
  'imaging.contrast.administered.v1': 'MedicationAdministration',
};

/** Tells patients what to do before and after their exams, and keeps what they have read. */
@Injectable()
export class InstructionDesk {
  private readonly rules: InstructionRules;

  /** @throws SiteFileInvalid as {@link instructionRulesOf} */
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) { siteFile }: Infrastructure,
  ) {
    this.rules = instructionRulesOf(site, siteFile);
  }

  /** Gives, replaces and withdraws what an event changes of its orders' instructions. */
  async follow(event: ImagingEvent, transaction: Transaction): Promise<void> {
    const type = occasions[event.type];
    const patient = findResource(event, 'Patient');
    if (!type || !patient || this.rules.templates.length === 0) return;
    for (const order of findResources(event, 'ServiceRequest'))
      for (const occasion of findResources(event, type))
        await this.followOne(occasion, { order, patient }, transaction);
  }

  /**
   * A portal, or the EMR, says that a patient has read one.
   *
   * @param id of the Communication, which is also its number
   * @throws Failure not-found, precondition-failed; state-conflict where the patient read a text that does not stand any more
   */
  async read(id: string, stated: Communication, ifMatch: string | undefined, client: string): Promise<Communication> {
    const known = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, 'Communication', id));
    if (!known) throw fail('not-found', 'there is no Communication with this id');
    return this.unitOfWork.run(referencedId(known.subject?.reference, 'Patient'), async (transaction) => {
      const { manager, now } = transaction;
      const current = (await this.store.read(manager, 'Communication', id))!;
      assertVersion(ifMatch, current);
      if (stated.status !== 'completed' && stated.received === undefined)
        throw fail('field-missing', 'say that it was read: status completed, and received', {
          field: 'Communication.received',
        });
      if (current.status === 'stopped' || !sameWords(current, stated))
        throw fail('state-conflict', 'another text stands now, or none: read it again', {
          field: 'Communication.payload',
        });
      const news = readAt(current, stated, now);
      const saved = news ? await this.keep(news, transaction) : current;
      const patientIds = [referencedId(current.subject?.reference, 'Patient')!];
      await recordAccess(
        manager,
        { interaction: 'update', client, service: 'results', references: [`Communication/${id}`], patientIds },
        now,
      );
      return saved;
    });
  }

  private async followOne(
    occasion: Occasion,
    { order, patient }: { order: ServiceRequest; patient: Patient },
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const known = await this.store.referringTo(manager, 'Communication', `ServiceRequest/${order.id}`);
    for (const one of instructionsAfter(occasion, { order, patient }, known, this.rules, now)) {
      const before = known.find(({ id }) => id === one.id);
      const isNews = !before || before.status !== one.status || !sameWords(before, one);
      if (isNews) this.tell(await this.keep(one, transaction), { order, patient }, transaction);
      else await this.store.save(manager, [one], now);
    }
  }

  /** Stores one and publishes it. */
  private async keep(one: Communication, transaction: Transaction): Promise<Communication> {
    const { manager, now } = transaction;
    const [saved] = await this.store.save(manager, [one], now);
    const patientId = referencedId(one.subject?.reference, 'Patient')!;
    const about = await this.store.readMany(manager, [
      { type: 'ServiceRequest', id: orderIdOf(one)! },
      { type: 'Patient', id: patientId },
    ]);
    transaction.publish(eventOf(saved!, patientId, about, now));
    return saved!;
  }

  private tell(one: Communication, about: { order: ServiceRequest; patient: Patient }, transaction: Transaction) {
    const event = eventOf(one, about.patient.id!, [about.order, about.patient], transaction.now);
    for (const delivery of deliveriesOf(event, this.site))
      transaction.deliver({ ...delivery, idempotencyKey: deliveryKeyOf(one) });
  }
}

/** By which the deliveries of one version of an instruction are known. */
export function deliveryKeyOf({ id, meta }: Communication): string {
  return `instruction/${id}/${meta?.versionId}`;
}

function eventOf(one: Communication, patientId: string, about: object[], now: Date): ImagingEvent {
  return newEvent({
    type: 'imaging.result.instruction-changed.v1',
    patientId,
    cause: `${one.id}/${one.meta?.versionId}`,
    now,
    resources: [one, ...(about as ServiceRequest[])],
  });
}
