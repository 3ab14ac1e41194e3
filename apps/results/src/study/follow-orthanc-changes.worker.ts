import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { LeasedWorker, UnitOfWork } from '#messaging';
import { INFRASTRUCTURE, LOGGER, SITE, type Infrastructure, type Logger, type Site } from '#platform';
import { LookForStudy } from './look-for-study.worker.js';
import { OrthancClient } from './orthanc-changes.js';
import { authorizationOf } from './pacs-content.js';
import { StudyWatch } from './study-watch.store.js';
import { StudyNews } from './study-news.js';

const TIMEOUT_SECONDS = 15;

/**
 * Follows what arrives in an Orthanc by its changes, where the site says that the PACS is one: what is looked for is
 * looked at without waiting, and what no exam told of is noticed. How far it came is kept, so that a restart misses
 * nothing; an Orthanc that begins to count anew is followed from its beginning.
 */
@Injectable()
export class FollowOrthancChanges implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly worker?: ChangesWorker;

  constructor(
    @Inject(StudyWatch) watch: StudyWatch,
    @Inject(StudyNews) news: StudyNews,
    @Inject(LookForStudy) lookForStudy: LookForStudy,
    @Inject(UnitOfWork) unitOfWork: UnitOfWork,
    @Inject(SITE) site: Site,
    @Inject(LOGGER) logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    if (!site.pacs.orthanc) return;
    const { orthanc, timeoutSeconds = TIMEOUT_SECONDS } = site.pacs;
    const client = new OrthancClient(orthanc.url, timeoutSeconds * 1000, authorizationOf(site));
    this.worker = new ChangesWorker(orthanc, client, { watch, news, lookForStudy, unitOfWork }, infrastructure, logger);
  }

  onApplicationBootstrap(): void {
    this.worker?.onApplicationBootstrap();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.worker?.beforeApplicationShutdown();
  }
}

interface Desk {
  watch: StudyWatch;
  news: StudyNews;
  lookForStudy: LookForStudy;
  unitOfWork: UnitOfWork;
}

class ChangesWorker extends LeasedWorker {
  constructor(
    private readonly orthanc: NonNullable<Site['pacs']['orthanc']>,
    private readonly client: OrthancClient,
    private readonly desk: Desk,
    infrastructure: Infrastructure,
    logger: Logger,
  ) {
    super('orthanc-changes', orthanc.everySeconds * 1000, infrastructure, logger);
  }

  protected async turn(): Promise<void> {
    const { watch } = this.desk;
    const source = this.orthanc.url;
    const done = await watch.lastChange(source);
    // What was there before we came is nothing new.
    if (done === undefined) return this.changed(new Set(), await this.client.lastSequence());
    const last = await this.client.lastSequence();
    let since = last < done ? 0 : done;
    while (since < last && !this.stopping) {
      const { changes, last: upTo, done: isAll } = await this.client.changesSince(since);
      const uids = new Set<string>();
      const subjects = new Map(changes.map((change) => [`${change.level}/${change.id}`, change]));
      for (const { level, id } of subjects.values()) {
        const uid = await this.client.studyInstanceUidOf(level, id);
        if (uid) uids.add(uid);
      }
      await this.changed(uids, upTo);
      if (isAll || upTo <= since) return;
      since = upTo;
    }
  }

  private async changed(uids: ReadonlySet<string>, sequence: number): Promise<void> {
    const { watch, news, lookForStudy, unitOfWork } = this.desk;
    await unitOfWork.run(undefined, async (transaction) => {
      for (const uid of [...uids].sort()) await news.seen(uid, transaction);
      await watch.changesDone(transaction.manager, this.orthanc.url, sequence);
    });
    if (uids.size > 0) lookForStudy.wake();
  }
}
