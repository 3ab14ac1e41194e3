import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { FhirResource } from 'fhir/r4.js';
import { FhirStore, sameContent } from '#fhir';
import { UnitOfWork, type Transaction } from '#messaging';
import { SITE, type Site } from '#platform';
import { FollowClosures } from './follow-closures.js';
import { testsOf } from './quality-control.decider.js';
import { QualityResults } from './quality-results.store.js';
import { resourcesOfSite, retired, withLivingState, type SiteResource } from './site-resources.decider.js';

const TYPES = ['Location', 'Device', 'Schedule', 'HealthcareService'] as const;

/** Has the department's resources say at start what the site file says; nothing is written where nothing changed. */
@Injectable()
export class KeepResourcesOfSite implements OnApplicationBootstrap {
  constructor(
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(QualityResults) private readonly quality: QualityResults,
    @Inject(FollowClosures) private readonly closures: FollowClosures,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.unitOfWork.run(undefined, async (transaction) => {
      await this.keep(transaction);
      const tests = this.site.stations.flatMap((station) =>
        testsOf(station, this.site).map(({ system, code }) => ({ aeTitle: station.aeTitle, system, code })),
      );
      await this.quality.require(transaction.manager, tests, transaction.now);
      await this.closures.follow(transaction);
    });
  }

  private async keep({ manager, now }: Transaction): Promise<void> {
    const stored: SiteResource[] = [];
    for (const type of TYPES) stored.push(...(await this.store.allOf(manager, type)));
    const isSame = (a: SiteResource, b: SiteResource) => a.resourceType === b.resourceType && a.id === b.id;
    const wanted = resourcesOfSite(this.site).map((one) =>
      withLivingState(
        one,
        stored.find((other) => isSame(one, other)),
      ),
    );
    const gone = stored.filter((one) => !wanted.some((other) => isSame(one, other))).map(retired);
    const changed = [...wanted, ...gone].filter((one) => {
      const before = stored.find((other) => isSame(one, other));
      return !before || !sameContent(one, before);
    });
    await this.store.save<FhirResource>(manager, changed, now);
  }
}
