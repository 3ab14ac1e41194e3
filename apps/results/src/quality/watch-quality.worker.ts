import { Inject, Injectable } from '@nestjs/common';
import type { DetectedIssue, FhirResource } from 'fhir/r4.js';
import { DataSource, type EntityManager } from 'typeorm';
import { newEvent } from '#events';
import { FhirStore } from '#fhir';
import { LeasedWorker, UnitOfWork, type Transaction } from '#messaging';
import {
  INFRASTRUCTURE,
  LOGGER,
  rate,
  SITE,
  type Infrastructure,
  type Logger,
  type QualityAlarm,
  type Site,
} from '#platform';
import { followAlarm, qualityAlarmIdOf, qualityAlarmSystem, roomIdOf, takenBack } from './quality-alarm.decider.js';
import { NOT_KNOWN, QualityRateStore } from './quality-rates.js';

/** What time alone brings: an old week leaves the window. */
const POLL_MS = 10 * 60_000;
const DAY_MS = 86_400_000;

/** Tells of reject and repeat rates that are above what the site accepts, and when they are not any more; at each entry, and by the clock. */
@Injectable()
export class WatchQuality extends LeasedWorker {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(QualityRateStore) private readonly rates: QualityRateStore,
    @Inject(DataSource) private readonly dataSource: DataSource,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    super('quality-alarms', POLL_MS, infrastructure, logger);
  }

  /** Alarms that stand, or were taken back, longest standing first. */
  async list(state: 'open' | 'resolved'): Promise<object[]> {
    const found = await this.alarms(this.dataSource.manager, state === 'open' ? 'final' : 'cancelled');
    return found.map(({ id, identifier, identifiedDateTime, detail }) => ({
      detectedIssueId: id,
      about: identifier![0]!.value,
      since: identifiedDateTime,
      detail,
    }));
  }

  protected async turn(): Promise<void> {
    await this.unitOfWork.run(undefined, (transaction) => this.follow(transaction));
  }

  private async follow(transaction: Transaction): Promise<void> {
    const open = new Map((await this.alarms(transaction.manager, 'final')).map((one) => [one.id!, one]));
    for (const row of this.site.qualityAlarms) await this.followRow(row, open, transaction);
    // Of what is left the site does not ask any more, or there is nothing left in the window.
    for (const known of open.values()) await this.tell(takenBack(known, transaction.now), undefined, transaction);
  }

  private async followRow(
    row: QualityAlarm,
    open: Map<string, DetectedIssue>,
    transaction: Transaction,
  ): Promise<void> {
    const { manager, now } = transaction;
    const { total, rows } = await this.rates.rates(
      new Date(now.getTime() - row.windowDays * DAY_MS),
      now,
      row.by,
      manager,
    );
    const measured = row.measure === 'reject' ? ('rejects' as const) : ('repeats' as const);
    const values = rows.filter(({ value }) => value !== NOT_KNOWN);
    for (const { value, [measured]: found } of values) {
      const subject = { row, value };
      const id = qualityAlarmIdOf(subject);
      const known = await this.store.read(manager, 'DetectedIssue', id);
      open.delete(id);
      const next = followAlarm(known, subject, found, now);
      if (next) await this.tell(next, row.by === 'room' ? value : undefined, transaction);
    }
    if (row.by === 'reason') await this.reasonsOver(row, total.rejects.of, open, transaction);
  }

  /** A reason that nothing was rejected for is in no row: its rate is none of all images. */
  private async reasonsOver(row: QualityAlarm, of: number, open: Map<string, DetectedIssue>, transaction: Transaction) {
    const prefix = `${row.measure}/reason/${row.windowDays}/`;
    for (const [id, known] of open) {
      const about = known.identifier?.[0]?.value ?? '';
      if (!about.startsWith(prefix)) continue;
      open.delete(id);
      const next = followAlarm(known, { row, value: about.slice(prefix.length) }, rate(0, of), transaction.now);
      if (next) await this.tell(next, undefined, transaction);
    }
  }

  private async tell(issue: DetectedIssue, room: string | undefined, transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const [saved] = await this.store.save(manager, [issue], now);
    const location: FhirResource[] = room ? [{ resourceType: 'Location', id: roomIdOf(room), name: room }] : [];
    const cause = `${saved!.id}/${saved!.meta?.versionId}`;
    transaction.publish(
      newEvent({
        type: 'imaging.result.quality-alarm.v1',
        patientId: saved!.id!,
        cause,
        now,
        resources: [saved!, ...location],
      }),
    );
  }

  private async alarms(manager: EntityManager, status: 'final' | 'cancelled'): Promise<DetectedIssue[]> {
    const rows: { body: DetectedIssue }[] = await manager.query(
      `SELECT body FROM resource WHERE type = 'DetectedIssue' AND status = $1 AND body #>> '{identifier,0,system}' = $2
        ORDER BY body ->> 'identifiedDateTime', id LIMIT 500`,
      [status, qualityAlarmSystem],
    );
    return rows.map(({ body }) => body);
  }
}
