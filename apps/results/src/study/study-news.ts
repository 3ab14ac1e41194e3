import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { StudyLookups } from './study-lookups.store.js';
import { StudyWatch } from './study-watch.store.js';

/** Takes what others say of studies in the PACS: by notification, by its changes, by the status of an order. */
@Injectable()
export class StudyNews {
  constructor(
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(StudyWatch) private readonly watch: StudyWatch,
    @Inject(SITE) private readonly site: Site,
  ) {}

  /** There is something of a study in the PACS: it is looked for if an exam told of it, else it is watched. */
  async seen(studyInstanceUid: string, { manager, now }: Transaction): Promise<void> {
    if (await this.lookups.isKnown(manager, studyInstanceUid))
      return this.lookups.notified(manager, studyInstanceUid, now);
    const graceMs = this.site.pacs.lookup.withoutExamAfterSeconds * 1000;
    await this.watch.begin(manager, studyInstanceUid, new Date(now.getTime() + graceMs));
  }
}
