import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ScuAssociation, sopClasses, type StorageCommitmentResult } from '#dicom';
import { DeliveryQueue, type NewDelivery } from '#messaging';
import { fail, INFRASTRUCTURE, SITE, type Infrastructure, type Site } from '#platform';

const sopClass = sopClasses.storageCommitmentPushModel;
const PROCESSING_FAILURE = 0x0110;
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
          ({ body }) => this.report(body as unknown as StorageCommitmentResult, { ...dicom, aeTitle }),
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

  private async report(result: StorageCommitmentResult, to: { host: string; port: number; aeTitle: string }) {
    const association = await ScuAssociation.open(
      {
        host: to.host,
        port: to.port,
        calledAeTitle: to.aeTitle,
        callingAeTitle: this.infrastructure.dicom?.aeTitle ?? 'COLLIMATOR',
        providing: [sopClass],
      },
      [sopClass],
    );
    try {
      const { status } = await association.reportStorageCommitment(result);
      const hex = `0x${status.toString(16).padStart(4, '0')}`;
      if (status === PROCESSING_FAILURE) throw fail('peer-error', `the modality answered ${hex}`);
      if (status !== 0) throw fail('peer-refused', `the modality answered ${hex}`);
      // It has been told; how it takes leave does not matter.
      await association.release().catch(() => undefined);
    } finally {
      association.destroy();
    }
  }
}

function destinationOf(station: string): string {
  return `storage commitment ${station}`;
}
