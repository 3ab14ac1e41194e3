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
  of<I extends Item>(items: I[], manager?: EntityManager): Promise<I[]> {
    return this.forOneAnswer(manager)(items);
  }

  /** The same for an answer of many pages: a station is asked for once, and stays open or closed for all of them. */
  forOneAnswer(manager: EntityManager = this.dataSource.manager): <I extends Item>(page: I[]) => Promise<I[]> {
    const closed = new Map<string, boolean>();
    return async (page) => {
      const waiting = page.filter(({ status }) => status === 'SCHEDULED').map(stationOf);
      const unknown = [...new Set(waiting)].filter((aeTitle) => !closed.has(aeTitle));
      const found = unknown.length > 0 ? await this.closures.closedNow(manager, unknown) : [];
      for (const aeTitle of unknown) closed.set(aeTitle, found.some((one) => one.aeTitle === aeTitle)); // prettier-ignore
      return page.filter((item) => item.status !== 'SCHEDULED' || !closed.get(stationOf(item)));
    };
  }
}

function stationOf({ attributes }: Item): string {
  const [step] = attributes.ScheduledProcedureStepSequence as [{ ScheduledStationAETitle: string }];
  return step.ScheduledStationAETitle;
}
