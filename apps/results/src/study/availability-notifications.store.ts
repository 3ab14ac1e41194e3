import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { InstanceAvailability } from '#dicom';

/** The table of Instance Availability Notifications. */
@Injectable()
export class AvailabilityNotifications {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  /** Keeps a notification. @returns false if it is there already */
  async insert(
    manager: EntityManager,
    sopInstanceUid: string,
    { studyInstanceUid, instances }: InstanceAvailability,
    notifier: string,
    now: Date,
  ): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      `INSERT INTO availability_notification (sop_instance_uid, study_instance_uid, notifier, received_at, instances)
       VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING seq`,
      [sopInstanceUid, studyInstanceUid, notifier, now, JSON.stringify(instances)],
    );
    return rows.length > 0;
  }

  /** Whether there is any of a study. */
  async isAnyOf(manager: EntityManager, studyInstanceUid: string): Promise<boolean> {
    const rows: unknown[] = await manager.query(
      'SELECT 1 FROM availability_notification WHERE study_instance_uid = $1 LIMIT 1',
      [studyInstanceUid],
    );
    return rows.length > 0;
  }

  /** What was said of a study, in order. */
  async ofStudy(studyInstanceUid: string): Promise<InstanceAvailability['instances'][]> {
    const rows: Pick<InstanceAvailability, 'instances'>[] = await this.dataSource.query(
      'SELECT instances FROM availability_notification WHERE study_instance_uid = $1 ORDER BY seq',
      [studyInstanceUid],
    );
    return rows.map(({ instances }) => instances);
  }
}
