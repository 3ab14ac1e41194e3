import { Inject, Injectable } from '@nestjs/common';
import type { ImagingStudy } from 'fhir/r4.js';
import { studyInstanceUidOf } from '#fhir';
import type { Transaction } from '#messaging';
import { DoseDesk } from '../dose/dose-desk.js';
import { ExposureLedger } from '../quality/exposure-ledger.js';
import type { ContentOfStudy } from './pacs-content.js';
import { Rejections } from './rejections.store.js';
import type { Look } from './study-lookup.decider.js';
import { StudyLookups } from './study-lookups.store.js';

/** What was read of a study in the PACS, given to all who make something of it. */
@Injectable()
export class StudyContent {
  constructor(
    @Inject(Rejections) private readonly rejections: Rejections,
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(DoseDesk) private readonly dose: DoseDesk,
    @Inject(ExposureLedger) private readonly ledger: ExposureLedger,
  ) {}

  /**
   * Keeps the rejection notes among it.
   *
   * @returns what there is, with what was rejected of it until now, by what was read just now or before
   */
  async keep(studyInstanceUid: string, content: ContentOfStudy | undefined, transaction: Transaction): Promise<Look> {
    const { manager, now } = transaction;
    for (const note of content?.notes ?? [])
      for (const touched of await this.rejections.keep(manager, note, now))
        if (touched !== studyInstanceUid) await this.lookups.notified(manager, touched, now);
    for (const uid of content?.otherDocuments ?? [])
      await this.rejections.keepOther(manager, uid, studyInstanceUid, now);
    const rejected = await this.rejections.ofStudy(manager, studyInstanceUid);
    return { found: content?.series ?? [], rejected };
  }

  /**
   * Files its doses and exposures.
   *
   * @param before the study as it was before what was rejected left it
   */
  async file(before: ImagingStudy, content: ContentOfStudy | undefined, transaction: Transaction): Promise<void> {
    const studyInstanceUid = studyInstanceUidOf(before)!;
    await this.dose.keepFetched(studyInstanceUid, content?.doseReports ?? [], transaction);
    await this.dose.file(studyInstanceUid, transaction);
    await this.ledger.follow(before, content?.series ?? [], content?.notes ?? [], transaction);
  }
}
