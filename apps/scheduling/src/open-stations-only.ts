import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { DatasetInput } from '#dicom';
import { StationClosures } from './station-closures.store.js';
import type { StepStatus } from './worklist-item.js';

interface Item {
  status: StepStatus;
  attributes: DatasetInput;
}

/** The gate in front of the worklist: at a station that is closed no exam may begin. */
@Injectable()
export class OpenStationsOnly {
  constructor(
    @Inject(StationClosures) private readonly closures: StationClosures,
    @Inject(DataSource) private readonly dataSource: DataSource,
  ) {}

  /** Without the steps of stations that are closed now; those that have begun stay. */
  async of<I extends Item>(items: I[], manager: EntityManager = this.dataSource.manager): Promise<I[]> {
    const waiting = items.filter(({ status }) => status === 'SCHEDULED');
    if (waiting.length === 0) return items;
    const closed = await this.closures.closedNow(manager, [...new Set(waiting.map(stationOf))]);
    const isClosed = (aeTitle: string) => closed.some((one) => one.aeTitle === aeTitle);
    return items.filter((item) => item.status !== 'SCHEDULED' || !isClosed(stationOf(item)));
  }
}

function stationOf({ attributes }: Item): string {
  const [step] = attributes.ScheduledProcedureStepSequence as [{ ScheduledStationAETitle: string }];
  return step.ScheduledStationAETitle;
}
