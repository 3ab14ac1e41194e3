import { Inject, Injectable } from '@nestjs/common';
import { DicomStatus, type InstanceAvailability, type InstanceAvailabilityProvider } from '#dicom';
import { recordAccess, uuidFrom } from '#fhir';
import { UnitOfWork } from '#messaging';
import { LOGGER, SITE, type Logger, type Site } from '#platform';
import { AvailabilityNotifications } from './availability-notifications.store.js';
import { LookForStudy } from './look-for-study.worker.js';
import { StudyNews } from './study-news.js';

/** PS3.7 annex C. */
const DUPLICATE_SOP_INSTANCE = 0x0111;
const NOT_AUTHORIZED = 0x0124;

/**
 * The PACS says what it has of a study (Instance Availability Notification, PS3.4 annex R; IHE RAD-49). It is kept, the
 * study is looked for at once, and what is unavailable is not counted as there. The notification alone finds no study:
 * it says how soon images can be had, not which there are.
 */
@Injectable()
export class LookForStudyWhenPacsNotifies implements InstanceAvailabilityProvider {
  constructor(
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(AvailabilityNotifications) private readonly notifications: AvailabilityNotifications,
    @Inject(StudyNews) private readonly news: StudyNews,
    @Inject(LookForStudy) private readonly lookForStudy: LookForStudy,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws DicomStatus 0x0111 for a notification that is there already, 0x0124 for one of somebody else */
  async notify(sopInstanceUid: string, notification: InstanceAvailability, notifier: string): Promise<void> {
    if (!this.site.pacs.aeTitles.includes(notifier))
      throw new DicomStatus(NOT_AUTHORIZED, 'not one of pacs.aeTitles of the site file');
    try {
      await this.unitOfWork.run(undefined, async (transaction) => {
        const { manager, now } = transaction;
        if (!(await this.notifications.insert(manager, sopInstanceUid, notification, notifier, now)))
          throw new DicomStatus(DUPLICATE_SOP_INSTANCE, 'a notification with this SOP Instance UID is there');
        await recordAccess(
          manager,
          {
            interaction: 'RAD-49',
            client: notifier,
            service: 'results',
            references: [`ImagingStudy/${uuidFrom('ImagingStudy', notification.studyInstanceUid)}`],
            patientIds: [],
          },
          now,
        );
        await this.news.seen(notification.studyInstanceUid, transaction);
      });
    } catch (error) {
      if (!(error instanceof DicomStatus)) this.logger.warn({ err: error }, 'a notification could not be kept');
      throw error;
    }
    this.lookForStudy.wake();
  }
}
