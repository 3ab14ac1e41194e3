import { Inject, Injectable } from '@nestjs/common';
import type { FhirResource, Location, Patient, ServiceRequest, Task } from 'fhir/r4.js';
import type { PerformedProcedureStep } from '#dicom';
import { FhirStore, referencedId, sameContent } from '#fhir';
import type { Transaction } from '#messaging';
import { fail, SITE, stationByAeTitle, type Site } from '#platform';
import {
  changedCleaning,
  cleanedReference,
  cleaningMinutes,
  cleaningTask,
  dangerIn,
  isCleaning,
  isOpenTask,
  isOverByTime,
  isToBegin,
  isUnfinished,
  releasedByTime,
  roomAfterCleaning,
  roomToClean,
} from './cleaning.decider.js';
import { wasWrongWorklistEntry } from '../exam/exam.decider.js';
import { FollowClosures } from './follow-closures.js';
import { StationClosures } from './station-closures.store.js';

/** Has rooms cleaned behind patients in isolation, and opens them again. */
@Injectable()
export class CleaningDesk {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(StationClosures) private readonly states: StationClosures,
    @Inject(FollowClosures) private readonly closures: FollowClosures,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * The room of an exam that ended is closed and to be cleaned if its patient is in isolation; where they have another
   * exam there right away, after that. Nothing where the site file has no turnover.
   */
  async cleanAfter(
    exam: { mppsUid: string; reported: PerformedProcedureStep; patient: Patient; orders: readonly ServiceRequest[] },
    transaction: Transaction,
  ): Promise<void> {
    const { reported, orders, patient, mppsUid } = exam;
    const station = stationByAeTitle(this.site, reported.performedStationAeTitle);
    const danger = dangerIn(orders);
    if (!this.site.turnover || !station || !danger) return;
    if (reported.status === 'IN PROGRESS' || wasWrongWorklistEntry(reported)) return;
    const { manager, now } = transaction;
    const minutes = cleaningMinutes(this.site);
    const hasNextExam = await this.states.hasExamWithin(manager, station.aeTitle, patient.id!, minutes, now);
    const unfinished = await this.unfinishedTaskFor(cleanedReference(station), transaction);
    const task = cleaningTask({ mppsUid, station, danger, hasNextExam }, unfinished, minutes, now);
    await this.save(task, isOpenTask(task) ? roomToClean : asItIs, transaction);
    await this.closures.follow(transaction);
  }

  /** @throws Failure not-found, field-invalid, state-conflict */
  async change(current: Task | undefined, stated: Task, transaction: Transaction): Promise<Task> {
    if (!current || !isCleaning(current)) throw fail('not-found', 'there is no cleaning Task with this id');
    const task = changedCleaning(current, stated, transaction.now);
    return this.save(task, isUnfinished(task) ? asItIs : roomAfterCleaning, transaction);
  }

  /**
   * What the clock brings: a cleaning that waited for an exam nobody came to begins, and one whose time is over ends,
   * where the site file says that this is enough.
   */
  async followClock(transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const { cleaning } = await this.states.state(manager, [], now, false);
    for (const task of cleaning)
      if (isToBegin(task, now)) await this.save({ ...task, status: 'requested' }, roomToClean, transaction);
      else if (isOverByTime(task, this.site, now))
        await this.save(releasedByTime(task, now), roomAfterCleaning, transaction);
  }

  /** The Task to clean a room or a unit, now or later. */
  async unfinishedTaskFor(reference: string, { manager }: Transaction): Promise<Task | undefined> {
    const tasks = await this.store.referringTo(manager, 'Task', reference);
    return tasks.find((task) => isCleaning(task) && isUnfinished(task));
  }

  private async save(task: Task, change: (room: Location) => Location, { manager, now }: Transaction): Promise<Task> {
    const id = referencedId(task.focus?.reference, 'Location');
    const room: Location | undefined = id ? await this.store.read(manager, 'Location', id) : undefined;
    const changed = room && change(room);
    const rooms = room && changed && !sameContent(room, changed) ? [changed] : [];
    const [saved] = await this.store.save<FhirResource>(manager, [task, ...rooms], now);
    return saved as Task;
  }
}

function asItIs(room: Location): Location {
  return room;
}
