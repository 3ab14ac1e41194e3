import { Inject, Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import type { DatasetInput } from '#dicom';
import { SITE, type Site } from '#platform';
import { StationClosures } from '../department/station-closures.store.js';
import type { StepStatus } from './worklist-item.js';
import { stationOf, unitsThatMayTake, whereOpen, withBackups } from './worklist-views.decider.js';

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
    @Inject(SITE) private readonly site: Site,
  ) {}

  /**
   * Without the steps of stations that are closed now, unless another stands in: they are answered as that one's. Those
   * that have begun stay.
   *
   * @param asked the AE titles the answer is about; none for all stations
   */
  of<I extends Item>(items: I[], asked: readonly string[] = [], manager?: EntityManager): Promise<I[]> {
    return this.forOneAnswer(asked, manager)(items);
  }

  /** The same for an answer of many pages: a station is asked for once, and stays open or closed for all of them. */
  forOneAnswer(
    asked: readonly string[] = [],
    manager: EntityManager = this.dataSource.manager,
  ): <I extends Item>(page: I[]) => Promise<I[]> {
    const closed = new Map<string, boolean>();
    return async (page) => {
      const waiting = page.filter(({ status }) => status === 'SCHEDULED');
      const concerned = new Set(
        waiting.flatMap((item) => [...withBackups(stationOf(item), this.site), ...unitsThatMayTake(item, this.site)]),
      );
      const unknown = [...concerned].filter((aeTitle) => !closed.has(aeTitle));
      const found = unknown.length > 0 ? await this.closures.closedNow(manager, unknown) : [];
      for (const aeTitle of unknown)
        closed.set(
          aeTitle,
          found.some((one) => one.aeTitle === aeTitle),
        );
      const isClosed = (aeTitle: string) => closed.get(aeTitle) === true;
      return page.flatMap((item) =>
        item.status === 'SCHEDULED' ? (whereOpen(item, isClosed, this.site, asked) ?? []) : item,
      );
    };
  }
}
