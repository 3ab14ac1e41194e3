import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { FhirResource, ImagingStudy } from 'fhir/r4.js';
import { QidoClient, type QidoSeries } from '#dicom';
import { newEvent } from '#events';
import { FhirStore, referencedId, uuidFrom } from '#fhir';
import { backoffMs, Lease, UnitOfWork, WakeSignal } from '#messaging';
import { asFailure, CLOCK, INFRASTRUCTURE, LOGGER, SITE, type Clock, type Infrastructure, type Logger, type Site } from '#platform'; // prettier-ignore
import { deliveriesOf } from './emr-update.decider.js';
import { decideLookup, studyFrom } from './study-lookup.decider.js';
import { StudyLookups, type DueLookup } from './study-lookups.store.js';

const POLL_MS = 500;
const AT_ONCE = 4;
const TIMEOUT_MS = 15_000;

/** Looks completed exams' studies up in the PACS until they are there, or for as long as the site says. */
@Injectable()
export class LookForStudy implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly wake = new WakeSignal();
  private readonly lease: Lease;
  private readonly pacs: QidoClient;
  private running?: Promise<void>;
  private stopping = false;

  constructor(
    @Inject(StudyLookups) private readonly lookups: StudyLookups,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(UnitOfWork) private readonly unitOfWork: UnitOfWork,
    @Inject(SITE) private readonly site: Site,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(INFRASTRUCTURE) infrastructure: Infrastructure,
  ) {
    this.pacs = new QidoClient({ url: site.pacs.qidoUrl, timeoutMs: TIMEOUT_MS });
    this.lease = new Lease('study-lookup', infrastructure.database, logger, () => this.wake.wake());
  }

  onApplicationBootstrap(): void {
    this.lease.start();
    this.running = this.run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake.wake();
    await this.running;
    await this.lease.stop();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      if (this.lease.held)
        try {
          const due = await this.lookups.due(this.clock.now(), AT_ONCE);
          await Promise.all(due.map((lookup) => this.lookUp(lookup)));
          if (due.length === AT_ONCE) continue;
        } catch (err) {
          this.logger.warn({ err }, 'study lookup waits for the database');
        }
      await this.wake.wait(POLL_MS);
    }
  }

  private async lookUp(lookup: DueLookup): Promise<void> {
    let found: QidoSeries[];
    try {
      found = await this.pacs.seriesOf(lookup.studyInstanceUid);
    } catch (error) {
      const failure = asFailure(error);
      const next = new Date(this.clock.now().getTime() + backoffMs(lookup.attempts + 1, Math.random()));
      await this.lookups.postponed(lookup.studyInstanceUid, failure, next);
      this.logger.warn({ err: failure, study: uuidFrom('ImagingStudy', lookup.studyInstanceUid) }, 'PACS not asked');
      return;
    }
    await this.unitOfWork.run(lookup.patientId, async (transaction) => {
      const { manager, now } = transaction;
      const current = await this.lookups.forUpdate(manager, lookup.studyInstanceUid);
      if (!current) return;
      const decision = decideLookup(current, found, this.site, now);
      await this.lookups.decided(manager, lookup.studyInstanceUid, decision);
      if (!decision.event) return;
      const id = uuidFrom('ImagingStudy', lookup.studyInstanceUid);
      const known = await this.store.read(manager, 'ImagingStudy', id);
      const [study] = await this.store.save(manager, [studyFrom(known!, found, decision.state, this.site)], now);
      const event = newEvent({
        type: decision.event,
        patientId: lookup.patientId,
        cause: `${study!.id}/${study!.meta?.versionId}`,
        now,
        resources: [study!, ...(await this.about(study!, transaction.manager))],
      });
      transaction.publish(event);
      if (decision.state === 'found')
        for (const delivery of deliveriesOf(event, this.site.destinations)) transaction.deliver(delivery);
    });
  }

  private async about(study: ImagingStudy, manager: Parameters<FhirStore['readMany']>[0]): Promise<FhirResource[]> {
    const patientId = referencedId(study.subject.reference, 'Patient')!;
    const orderId = referencedId(study.basedOn?.[0]?.reference, 'ServiceRequest');
    return this.store.readMany(manager, [
      { type: 'Patient', id: patientId },
      ...(orderId ? [{ type: 'ServiceRequest', id: orderId }] : []),
    ]);
  }
}
