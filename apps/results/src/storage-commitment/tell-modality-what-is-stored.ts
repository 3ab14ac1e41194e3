import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { StorageCommitmentResult } from '#dicom';
import { DeliveryQueue, type NewDelivery } from '#messaging';
import { INFRASTRUCTURE, SITE, type Infrastructure, type Site } from '#platform';
import { sayOfStorage } from './storage-commitment-peer.js';

/** A modality takes one association at a time at least; more would only be refused by many. */
const CONCURRENCY = 1;

/**
 * Tells modalities by N-EVENT-REPORT what is safely stored, each on an association opened for it: the one on which it was
 * asked may be long gone. One that is switched off is told when it is back.
 */
@Injectable()
export class TellModalityWhatIsStored implements OnModuleInit {
  constructor(
    @Inject(DeliveryQueue) private readonly queue: DeliveryQueue,
    @Inject(SITE) private readonly site: Site,
    @Inject(INFRASTRUCTURE) private readonly infrastructure: Infrastructure,
  ) {}

  onModuleInit(): void {
    for (const { aeTitle, dicom } of this.site.stations)
      if (dicom)
        this.queue.register(
          destinationOf(aeTitle),
          ({ body }) =>
            sayOfStorage({ ...dicom, aeTitle }, 'provider', this.infrastructure, (association) =>
              association.reportStorageCommitment(body as unknown as StorageCommitmentResult),
            ),
          { concurrency: CONCURRENCY },
        );
  }

  /** What is to be sent to a station. */
  delivery(station: string, result: StorageCommitmentResult, timesAsked: number): NewDelivery {
    const { transactionUid } = result;
    return {
      destination: destinationOf(station),
      key: transactionUid,
      kind: 'storage-commitment',
      idempotencyKey: `${transactionUid} ${timesAsked}`,
      body: result,
    };
  }
}

function destinationOf(station: string): string {
  return `storage commitment ${station}`;
}
