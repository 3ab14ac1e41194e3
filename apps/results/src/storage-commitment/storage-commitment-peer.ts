import { ScuAssociation, sopClasses, type ScuResponse } from '#dicom';
import { fail, type Infrastructure } from '#platform';

/** Where a system listens for storage commitment. */
export interface DicomAddress {
  host: string;
  port: number;
  aeTitle: string;
}

/** What is recorded of whoever speaks of storage: which images it was, the transaction says; whose, nobody. */
export const ofStorage = { interaction: 'RAD-10', service: 'results', patientIds: [] as string[] } as const;

const sopClass = sopClasses.storageCommitmentPushModel;
const PROCESSING_FAILURE = 0x0110;

/**
 * Says one thing of storage commitment on an association opened for it, as the user of the service or its provider.
 *
 * @throws Failure peer-error where the peer could not deal with it now, peer-refused where it will not, and as
 *   {@link ScuAssociation.open} and its requests
 */
export async function sayOfStorage(
  to: DicomAddress,
  as: 'user' | 'provider',
  { dicom }: Infrastructure,
  say: (association: ScuAssociation) => Promise<ScuResponse>,
): Promise<void> {
  const association = await ScuAssociation.open(
    {
      host: to.host,
      port: to.port,
      calledAeTitle: to.aeTitle,
      callingAeTitle: dicom?.aeTitle ?? 'COLLIMATOR',
      providing: as === 'provider' ? [sopClass] : [],
    },
    [sopClass],
  );
  try {
    const { status } = await say(association);
    const hex = `0x${status.toString(16).padStart(4, '0')}`;
    if (status === PROCESSING_FAILURE) throw fail('peer-error', `${to.aeTitle} answered ${hex}`);
    if (status !== 0) throw fail('peer-refused', `${to.aeTitle} answered ${hex}`);
    // It was said; how the peer takes leave does not matter.
    await association.release().catch(() => undefined);
  } finally {
    association.destroy();
  }
}
