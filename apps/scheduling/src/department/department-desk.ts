import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, Location, Observation, Practitioner, PractitionerRole, Slot, Task } from 'fhir/r4.js';
import { newEvent } from '#events';
import { assertVersion, FhirStore, recordAccess, referencedId, sameContent, type Access } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { fail, INFRASTRUCTURE, SITE, type Infrastructure, type Site } from '#platform';
import { isCleaning } from './cleaning.decider.js';
import { CleaningDesk } from './cleaning-desk.js';
import { changedDowntime, plannedDowntime, stationOfSlot } from './downtime.decider.js';
import { FollowClosures } from './follow-closures.js';
import { readQualityResult } from './quality-control.decider.js';
import { readQualityFile, type QualityFile } from './quality-csv.js';
import { QualityResults } from './quality-results.store.js';
import { changedRoom } from './room-state.decider.js';
import { deviceIdOf } from './site-resources.decider.js';

/** Who asks, and the version they read (`If-Match`). */
export interface Asker {
  client: string;
  ifMatch?: string;
}

/** A resource as it is stored now, and whether it is new. */
export interface Written<R> {
  resource: R;
  isNew: boolean;
}

/**
 * The state of the department as people and systems tell it: rooms, downtime, quality control, cleaning, the roster.
 * What follows for the stations follows in the same transaction, and each change is audited in it.
 */
@Injectable()
export class DepartmentDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(FollowClosures) private readonly closures: FollowClosures,
    @Inject(CleaningDesk) private readonly cleaning: CleaningDesk,
    @Inject(QualityResults) private readonly quality: QualityResults,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  /** @throws Failure not-found, precondition-failed, value-unknown, field-invalid, state-conflict */
  changeRoom(stated: Location, asker: Asker): Promise<Written<Location>> {
    return this.change(asker, 'update', async (transaction) => {
      const current = await this.standing('Location', stated, asker, transaction);
      const cleaning = await this.cleaning.unfinishedTaskFor(`Location/${current.id}`, transaction);
      return this.keep(current, changedRoom(current, stated, cleaning), transaction);
    });
  }

  /** @throws Failure field-invalid, value-unknown, state-conflict */
  planDowntime(stated: Slot, asker: Asker): Promise<Written<Slot>> {
    return this.change(asker, 'create', async (transaction) => {
      const slot = plannedDowntime(stated, this.site, transaction.now);
      const current = await this.store.read(transaction.manager, 'Slot', slot.id!);
      const written = await this.keep(current, slot, transaction);
      return this.announced(current, written, transaction);
    });
  }

  /** @throws Failure not-found, precondition-failed, field-invalid, state-conflict */
  changeDowntime(stated: Slot, asker: Asker): Promise<Written<Slot>> {
    return this.change(asker, 'update', async (transaction) => {
      const current = await this.standing('Slot', stated, asker, transaction);
      const slot = changedDowntime(current, stated, this.site, transaction.now);
      return this.announced(current, await this.keep(current, slot, transaction), transaction);
    });
  }

  /** @throws Failure field-missing, field-invalid, value-unknown */
  recordQuality(stated: Observation, asker: Asker): Promise<Written<Observation>> {
    return this.change(asker, 'create', (transaction) =>
      this.keepQuality(readQualityResult(stated, this.site, transaction.now), transaction),
    );
  }

  /** A result that was entered in error never was. @throws Failure not-found, precondition-failed, state-conflict */
  withdrawQuality(stated: Observation, asker: Asker): Promise<Written<Observation>> {
    return this.change(asker, 'update', async (transaction) => {
      const current = await this.standing('Observation', stated, asker, transaction);
      // The patients' own observations are copies of what another service keeps.
      if (!referencedId(current.subject?.reference, 'Device')) throw nothing('Observation');
      if (stated.status !== 'entered-in-error')
        throw fail('state-conflict', 'must be entered-in-error: a new result is a new Observation', {
          field: 'Observation.status',
        });
      await this.quality.remove(transaction.manager, current.id!);
      return this.keep(current, { ...current, status: stated.status }, transaction);
    });
  }

  /** Takes every good line of a file in one transaction. @throws Failure field-missing, field-invalid for its header */
  async importQuality(text: string, { client }: Asker): Promise<QualityFile & { known: number }> {
    return this.unitOfWork.run(undefined, async (transaction) => {
      const file = readQualityFile(text, this.site, transaction.now);
      const references: string[] = [];
      let known = 0;
      for (const one of file.results) {
        const { resource, isNew } = await this.keepQuality(one, transaction);
        if (!isNew) known++;
        references.push(`Observation/${resource.id}`);
      }
      await this.closures.follow(transaction);
      await this.audit({ interaction: 'create', client, references: [...new Set(references)] }, transaction);
      return { ...file, known };
    });
  }

  /** True for the Task of a cleaning. */
  async isCleaning(id: string): Promise<boolean> {
    const task = await this.unitOfWork.run(undefined, ({ manager }) => this.store.read(manager, 'Task', id));
    return task !== undefined && isCleaning(task);
  }

  /** @throws Failure not-found, precondition-failed, field-invalid, state-conflict */
  changeCleaning(stated: Task, asker: Asker): Promise<Written<Task>> {
    return this.change(asker, 'update', async (transaction) => {
      const current = await this.standing('Task', stated, asker, transaction);
      return { resource: await this.cleaning.change(current, stated, transaction), isNew: false };
    });
  }

  /** Who works here, what they are certified for, when they are on: made where it is not there yet. */
  putRoster<R extends Practitioner | PractitionerRole>(stated: R, asker: Asker): Promise<Written<R>> {
    return this.change(asker, 'update', async (transaction) => {
      const { manager } = transaction;
      const current = (await this.store.read(manager, stated.resourceType, stated.id!)) as R | undefined;
      if (current || asker.ifMatch !== undefined) assertVersion(asker.ifMatch, current);
      if (stated.resourceType === 'PractitionerRole') await this.assertPractitioner(stated, transaction);
      return this.keep(current, stated, transaction);
    });
  }

  private async assertPractitioner({ practitioner }: PractitionerRole, { manager }: Transaction): Promise<void> {
    const id = referencedId(practitioner?.reference, 'Practitioner');
    if (id && (await this.store.read(manager, 'Practitioner', id))) return;
    throw fail('value-unknown', 'must be a Practitioner of this server: PUT that first', {
      field: 'PractitionerRole.practitioner',
    });
  }

  private async keepQuality(
    { result, observation }: ReturnType<typeof readQualityResult>,
    transaction: Transaction,
  ): Promise<Written<Observation>> {
    const current = await this.store.read(transaction.manager, 'Observation', observation.id!);
    const written = await this.keep(current, observation, transaction);
    await this.quality.put(transaction.manager, written.resource.id!, result);
    return written;
  }

  private async announced(before: Slot | undefined, { resource, isNew }: Written<Slot>, transaction: Transaction) {
    const { manager, now } = transaction;
    if (resource.meta?.versionId === before?.meta?.versionId) return { resource, isNew };
    const id = deviceIdOf(stationOfSlot(resource, this.site)!.aeTitle);
    const device = (await this.store.read(manager, 'Device', id))!;
    const resources = [resource, ...(await this.closures.stationAndRoom(device, transaction))];
    const cause = `${resource.id}/${resource.meta?.versionId}`;
    transaction.publish(
      newEvent({ type: 'imaging.schedule.downtime-announced.v1', patientId: id, cause, now, resources }),
    );
    return { resource, isNew };
  }

  /** Stores what changed as the next version of what is there. */
  private async keep<R extends FhirResource>(
    current: R | undefined,
    wanted: R,
    { manager, now }: Transaction,
  ): Promise<Written<R>> {
    if (current && sameContent(current, wanted)) return { resource: current, isNew: false };
    const next = { ...wanted, meta: { ...wanted.meta, versionId: current?.meta?.versionId } };
    const [saved] = await this.store.save(manager, [next], now);
    return { resource: saved!, isNew: current === undefined };
  }

  private async standing<T extends 'Location' | 'Slot' | 'Observation' | 'Task'>(
    type: T,
    { id }: { id?: string },
    { ifMatch }: Asker,
    { manager }: Transaction,
  ) {
    const current = await this.store.read(manager, type, id!);
    if (!current) throw nothing(type);
    // Two people who look at the same room must not undo each other's word unseen.
    if (ifMatch === undefined) throw fail('precondition-failed', 'send If-Match with the ETag of the version you read');
    assertVersion(ifMatch, current);
    return current;
  }

  private change<R extends FhirResource>(
    { client }: Asker,
    interaction: Access['interaction'],
    work: (transaction: Transaction) => Promise<Written<R>>,
  ): Promise<Written<R>> {
    return this.unitOfWork.run(undefined, async (transaction) => {
      const written = await work(transaction);
      await this.closures.follow(transaction);
      const { resourceType, id } = written.resource;
      await this.audit({ interaction, client, references: [`${resourceType}/${id}`] }, transaction);
      return written;
    });
  }

  private audit(access: Pick<Access, 'interaction' | 'client' | 'references'>, { manager, now }: Transaction) {
    return recordAccess(manager, { ...access, service: this.infrastructure.service, patientIds: [] }, now);
  }
}

function nothing(type: string) {
  return fail('not-found', `there is no ${type} with this id`);
}
