import { Inject, Injectable } from '@nestjs/common';
import type { Device, FhirResource, Location } from 'fhir/r4.js';
import { newEvent } from '#events';
import { FhirStore, referencedId, sameContent } from '#fhir';
import type { Transaction } from '#messaging';
import { LOGGER, SITE, type Logger, type Site } from '#platform';
import { closureNews, deviceAfter } from './closure-news.decider.js';
import { Rebookings } from '../booking/rebookings.store.js';
import { deviceIdOf } from './site-resources.decider.js';
import { StationClosures } from './station-closures.store.js';

/**
 * Has the exams of a station that is closed booked anew, and tells others, each once: in the transaction that changed
 * something, and by the clock (watch-closures.worker.ts).
 */
@Injectable()
export class FollowClosures {
  constructor(
    @Inject(StationClosures) private readonly closures: StationClosures,
    @Inject(Rebookings) private readonly rebookings: Rebookings,
    @Inject(FhirStore) private readonly store: FhirStore,
    @Inject(SITE) private readonly site: Site,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async follow(transaction: Transaction): Promise<void> {
    const { manager, now } = transaction;
    const known = await this.closures.known(manager);
    const aeTitles = this.site.stations.map(({ aeTitle }) => aeTitle);
    const closures = await this.closures.caused(manager, aeTitles, now);
    const news = closureNews(closures, known, this.site.rebookAheadHours, now);
    // In one order for all, so that two that want the same stations do not wait for each other.
    for (const wish of [...news.wishes].sort((a, b) => (a.aeTitle < b.aeTitle ? -1 : 1)))
      await this.rebookings.request(manager, wish, now);
    for (const one of news.known) await this.closures.remember(manager, one);
    for (const one of news.over) await this.closures.forget(manager, one);

    const devices = await this.store.readMany(
      manager,
      aeTitles.map((one) => ({ type: 'Device', id: deviceIdOf(one) })),
    );
    for (const device of devices as Device[]) {
      const aeTitle = aeTitles.find((one) => deviceIdOf(one) === device.id)!;
      await this.tell(
        device,
        deviceAfter(
          device,
          closures.filter((one) => one.aeTitle === aeTitle),
          now,
        ),
        transaction,
      );
    }
  }

  /** The station and its room, as events carry them. */
  async stationAndRoom(device: Device, { manager }: Transaction): Promise<FhirResource[]> {
    const id = referencedId(device.location?.reference, 'Location');
    const room: Location | undefined = id ? await this.store.read(manager, 'Location', id) : undefined;
    return [device, ...(room ? [room] : [])];
  }

  private async tell(before: Device, after: Device, transaction: Transaction): Promise<void> {
    if (sameContent(before, after)) return;
    const { manager, now } = transaction;
    const [saved] = await this.store.save(manager, [after], now);
    if (before.status === after.status) return;
    const type =
      after.status === 'active' ? 'imaging.schedule.station-opened.v1' : 'imaging.schedule.station-closed.v1';
    // Not the reasons: what people write of a downtime is theirs.
    this.logger.info({ deviceId: saved!.id }, after.status === 'active' ? 'station opened' : 'station closed');
    const cause = `${saved!.id}/${saved!.meta?.versionId}`;
    const resources = await this.stationAndRoom(saved!, transaction);
    transaction.publish(newEvent({ type, patientId: saved!.id!, cause, now, resources }));
  }
}
