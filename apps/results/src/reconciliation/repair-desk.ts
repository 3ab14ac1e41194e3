import { Inject, Injectable } from '@nestjs/common';
import { newEvent } from '#events';
import { FhirStore, recordAccess, uuidFrom } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, SITE, type Site } from '#platform';
import { tellingAgain } from '../emr/emr-update.decider.js';
import { StudyLookups } from '../study/study-lookups.store.js';
import { StudyWatch } from '../study/study-watch.store.js';
import { differences, type Repair } from './comparison.decider.js';
import { ReconciliationPeers } from './peers.js';
import { Reconciliations, type KeptDifference, type Subject } from './reconciliations.store.js';

/** Who repairs what, and how. */
export interface RepairRequest {
  id: string;
  number: number;
  /** The first of those its kind has, unless given. */
  repair?: string | undefined;
  /** Who confirms it, as they say themselves, */
  name: string;
  /** and as they were authenticated. */
  client: string;
}

/** Repairs a difference once a person says so. */
@Injectable()
export class RepairDesk {
  constructor(
    @Inject(Reconciliations) private readonly runs: Reconciliations,
    @Inject(ReconciliationPeers) private readonly peers: ReconciliationPeers,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(StudyWatch) private readonly watch: StudyWatch,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Looks whether the difference is still there: one that has gone is closed. One that was repaired or closed before is
   * answered as it is.
   *
   * @throws Failure not-found; field-invalid for a repair its kind does not have; state-conflict for one that is repaired
   *   elsewhere; and where the peer does not answer, as it gives cause for: nothing is repaired then
   */
  async repair(request: RepairRequest): Promise<KeptDifference> {
    const { id, number } = request;
    const known = (await this.runs.differences(id)).find((one) => one.number === number);
    if (!known) throw fail('not-found', 'there is no such difference');
    if (known.state !== 'open') return known;
    const repair = repairFor(known, request.repair);
    const stands = (await this.peers.look(known.subject)).some(({ kind }) => kind === known.kind);
    if (stands && !repair)
      throw fail('state-conflict', 'this is corrected in the PACS: then ask again, and it is closed');
    return this.unitOfWork.run(known.patientId ?? undefined, async (transaction) => {
      const { manager, now } = transaction;
      const current = (await this.runs.forUpdate(manager, id, number))!;
      if (current.state !== 'open') return current;
      if (stands) await this.carryOut(repair!, current, `reconciliation/${id}/${number}`, transaction);
      const access = {
        interaction: 'update' as const,
        client: request.client,
        service: 'results',
        references: [referenceOf(current.subject)],
        patientIds: current.patientId ? [current.patientId] : [],
      };
      await recordAccess(manager, access, now);
      const as = stands ? { state: 'repaired' as const, repair: repair! } : { state: 'closed' as const };
      return this.runs.settle(manager, id, number, { ...as, client: request.client, name: request.name }, now);
    });
  }

  private async carryOut(repair: Repair, { subject }: KeptDifference, key: string, transaction: Transaction) {
    if (subject.peer === 'destination') return this.tellAgain(subject, subject.destination, key, transaction);
    if (repair === 'withdraw') return this.withdraw(subject.studyInstanceUid, key, transaction);
    const { manager, now } = transaction;
    if (await this.lookups.isKnown(manager, subject.studyInstanceUid))
      await this.lookups.notified(manager, subject.studyInstanceUid, now);
    else await this.watch.begin(manager, subject.studyInstanceUid, now);
  }

  /** Everybody who was told of the study hears that it is not there any more. */
  private async withdraw(studyInstanceUid: string, key: string, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const subject = { type: 'ImagingStudy' as const, id: uuidFrom('ImagingStudy', studyInstanceUid) };
    const study = (await this.store.read(manager, 'ImagingStudy', subject.id))!;
    const [saved] = await this.store.save(manager, [{ ...study, status: 'cancelled' as const }], now);
    const about = (await this.peers.told(subject))!;
    const resources = [saved!, ...about.orders, about.patient];
    transaction.publish(
      newEvent({ type: 'imaging.result.study-withdrawn.v1', patientId: about.patient.id!, cause: key, now, resources }),
    );
    for (const to of this.peers.destinations) {
      const delivery = tellingAgain(to, saved!, about, key, this.site);
      if (delivery) transaction.deliver(delivery);
    }
  }

  private async tellAgain(
    subject: Subject & { peer: 'destination' },
    name: string,
    key: string,
    transaction: Transaction,
  ): Promise<void> {
    const about = await this.peers.told(subject);
    const to = this.peers.destinations.find((one) => one.name === name);
    const delivery = to && about && tellingAgain(to, about.resource, about, key, this.site);
    if (!delivery) throw fail('state-conflict', 'the site file does not have it told there any more');
    transaction.deliver(delivery);
  }
}

function repairFor({ kind }: KeptDifference, asked: string | undefined): Repair | undefined {
  const repairs: readonly Repair[] = differences[kind].repairs;
  if (asked === undefined) return repairs[0];
  const repair = repairs.find((one) => one === asked);
  if (!repair)
    throw fail('field-invalid', `must be one of: ${repairs.join(', ') || 'none, it is corrected in the PACS'}`, {
      field: 'repair',
    });
  return repair;
}

function referenceOf(subject: Subject): string {
  return subject.peer === 'pacs'
    ? `ImagingStudy/${uuidFrom('ImagingStudy', subject.studyInstanceUid)}`
    : `${subject.type}/${subject.id}`;
}
