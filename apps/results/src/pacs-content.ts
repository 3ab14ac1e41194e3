import { Inject, Injectable } from '@nestjs/common';
import { QidoClient, type SeriesInPacs, type ReferencedInstance } from '#dicom';
import { SITE, type Site } from '#platform';
import { unavailableAfter, withoutInstances } from './availability.decider.js';
import { AvailabilityNotifications } from './availability-notifications.store.js';

const TIMEOUT_SECONDS = 15;

/** What the PACS has: as it answers by QIDO-RS, less what it said by notification that it cannot give. */
@Injectable()
export class PacsContent {
  private readonly qido: QidoClient;

  constructor(
    @Inject(AvailabilityNotifications) private readonly notifications: AvailabilityNotifications,
    @Inject(SITE) site: Site,
  ) {
    const { qidoUrl, timeoutSeconds = TIMEOUT_SECONDS } = site.pacs;
    this.qido = new QidoClient({ url: qidoUrl, timeoutMs: timeoutSeconds * 1000 });
  }

  /** The series of a study; none if it is not there (yet). @throws Failure as {@link QidoClient.seriesOf} */
  async seriesOf(studyInstanceUid: string): Promise<SeriesInPacs[]> {
    const found = await this.qido.seriesOf(studyInstanceUid);
    if (found.length === 0) return found;
    return withoutInstances(found, unavailableAfter(await this.notifications.ofStudy(studyInstanceUid)));
  }

  /**
   * Which of these are there, with the class the PACS says they have ('' where it says none). A study is asked for as a
   * whole. With `stopAtFirst`, nothing is looked for behind the first that is not there.
   *
   * @throws Failure as {@link QidoClient.seriesOf}
   */
  async classesOf(instances: readonly ReferencedInstance[], stopAtFirst: boolean): Promise<Map<string, string>> {
    const classes = new Map<string, string>();
    const asked = new Set<string>();
    for (const { sopInstanceUid } of instances) {
      if (classes.has(sopInstanceUid)) continue;
      const study = await this.qido.studyOf(sopInstanceUid);
      if (study && !asked.has(study))
        for (const series of await this.seriesOf(study))
          for (const one of series.instances) classes.set(one.sopInstanceUid, one.sopClassUid ?? '');
      if (study) asked.add(study);
      if (stopAtFirst && !classes.has(sopInstanceUid)) break;
    }
    return classes;
  }
}
