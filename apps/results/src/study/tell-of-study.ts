import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, ImagingStudy } from 'fhir/r4.js';
import type { EntityManager } from 'typeorm';
import { newEvent, type EventType } from '#events';
import { FhirStore, referencedId } from '#fhir';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { DoseDesk } from '../dose/dose-desk.js';
import { deliveriesOf } from '../emr/emr-update.decider.js';
import { AskPacsToCommit } from '../storage-commitment/ask-pacs-to-commit.js';
import { StudyAlerts } from './study-alerts.js';
import { alertAfter, type Look, type LookupDecision } from './study-lookup.decider.js';
import type { DueLookup } from './study-lookups.store.js';

/** Tells everybody what became of a study that was looked for. */
@Injectable()
export class TellOfStudy {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(StudyAlerts) private readonly alerts: StudyAlerts,
    @Inject(DoseDesk) private readonly dose: DoseDesk,
    @Inject(AskPacsToCommit) private readonly commitment: AskPacsToCommit,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** Raises and resolves its alerts. */
  async settle(
    current: DueLookup,
    state: LookupDecision['state'],
    look: Look,
    study: ImagingStudy,
    transaction: Transaction,
  ) {
    if (state === 'searching') return;
    const { studyInstanceUid, patientId } = current;
    const orderIds = (study.basedOn ?? []).flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    const subject = { studyInstanceUid, patientId, orderIds };
    await this.alerts.settle(alertAfter(current, state, look), subject, transaction);
    if (orderIds.length === 0 && study.status === 'available')
      await this.alerts.raise(
        'images-without-order',
        { ...subject, detail: 'The exam was done without an order.' },
        transaction,
      );
  }

  /** By an event and to the EMR; what is available the PACS is asked to commit to. */
  async tell(type: EventType, study: ImagingStudy, patientId: string, transaction: Transaction): Promise<void> {
    const event = newEvent({
      type,
      patientId,
      cause: `${study.id}/${study.meta?.versionId}`,
      now: transaction.now,
      resources: [study, ...(await this.about(study, transaction.manager))],
    });
    transaction.publish(event);
    if (type === 'imaging.result.study-missing.v1') return;
    const isThere = type === 'imaging.result.study-available.v1';
    // A dose report is often here before the images are found: then its dose could not refer to the study.
    const doses = isThere ? await this.dose.ofStudy(study, transaction.manager) : [];
    for (const delivery of deliveriesOf(event, this.site, [], doses)) transaction.deliver(delivery);
    if (isThere) await this.commitment.ask(study, transaction);
  }

  /** The patient and the orders of a study. */
  private async about(study: ImagingStudy, manager: EntityManager): Promise<FhirResource[]> {
    const patientId = referencedId(study.subject.reference, 'Patient')!;
    const orderIds = (study.basedOn ?? []).flatMap(({ reference }) => referencedId(reference, 'ServiceRequest') ?? []);
    return this.store.readMany(manager, [
      { type: 'Patient', id: patientId },
      ...orderIds.map((id) => ({ type: 'ServiceRequest', id })),
    ]);
  }
}
