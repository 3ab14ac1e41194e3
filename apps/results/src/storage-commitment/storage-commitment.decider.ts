import type { ImagingStudy } from 'fhir/r4.js';
import type { ReferencedInstance, StorageCommitmentResult } from '#dicom';
import type { Failure, Site } from '#platform';

/** A modality's question whether its images are safely stored, while it is not answered. */
export interface OpenCommitment {
  transactionUid: string;
  instances: ReferencedInstance[];
  /** When it was asked: the bound counts from here. */
  since: Date;
  attempts: number;
}

/** What follows from one look at the PACS: the answer, or when to look again. */
export type CommitmentDecision = { result: StorageCommitmentResult } | { next: Date };

/** Failure reasons (PS3.3 section C.14.1.1). */
const PROCESSING_FAILURE = 0x0110;
const NO_SUCH_OBJECT_INSTANCE = 0x0112;
const CLASS_INSTANCE_CONFLICT = 0x0119;

/** Whether a look at the PACS now is the last one before the question is answered, whatever it shows. */
export function isLastLook({ since }: OpenCommitment, site: Site, now: Date): boolean {
  return now.getTime() - since.getTime() >= site.pacs.lookup.giveUpAfterSeconds * 1000;
}

/**
 * Decides on what the PACS has: the classes of instances that are there ('' where it does not say). All there and of the
 * class that was asked for: committed. Else images may be on their way, for as long as studies are looked for.
 */
export function decideCommitment(
  commitment: OpenCommitment,
  classes: ReadonlyMap<string, string>,
  site: Site,
  now: Date,
): CommitmentDecision {
  const { transactionUid, instances } = commitment;
  const judged = instances.map((one) => ({ ...one, reason: reasonOf(one, classes) }));
  const failed = judged.filter(({ reason }) => reason !== 0);
  const isMissing = failed.some(({ reason }) => reason === NO_SUCH_OBJECT_INSTANCE);
  if (isMissing && !isLastLook(commitment, site, now))
    return { next: new Date(now.getTime() + site.pacs.lookup.everySeconds * 1000) };
  const committed = instances.filter((_, index) => judged[index]!.reason === 0);
  return { result: { transactionUid, committed, failed } };
}

/**
 * Decides where the PACS gave no answer. That says nothing of the images: it is asked again, but the modality does not
 * wait for ever. It is told then that nothing could be made sure of, and keeps them.
 */
export function decideFailedCommitment(
  commitment: OpenCommitment,
  failure: Failure,
  waitMs: number,
  site: Site,
  now: Date,
): CommitmentDecision {
  const { transactionUid, instances } = commitment;
  if (isLastLook(commitment, site, now))
    return {
      result: {
        transactionUid,
        committed: [],
        failed: instances.map((one) => ({ ...one, reason: PROCESSING_FAILURE })),
      },
    };
  const wait = failure.fate === 'retry' ? waitMs : site.pacs.lookup.everySeconds * 1000;
  return { next: new Date(now.getTime() + wait) };
}

/** The instances of a study by class, those whose class is not known left out: nobody can be asked for them. */
export function instancesToCommit({ series = [] }: ImagingStudy): ReferencedInstance[] {
  return series
    .flatMap(({ instance = [] }) => instance)
    .flatMap(({ uid, sopClass }) => {
      const [, sopClassUid] = /^urn:oid:([0-9.]+)$/.exec(sopClass.code ?? '') ?? [];
      return sopClassUid ? [{ sopClassUid, sopInstanceUid: uid }] : [];
    });
}

/** Whether two questions are about the same instances, in whatever order. */
export function areSameInstances(one: readonly ReferencedInstance[], other: readonly ReferencedInstance[]): boolean {
  const textsOf = (instances: readonly ReferencedInstance[]) =>
    [...new Set(instances.map(({ sopClassUid, sopInstanceUid }) => `${sopInstanceUid} ${sopClassUid}`))].sort().join();
  return textsOf(one) === textsOf(other);
}

function reasonOf({ sopClassUid, sopInstanceUid }: ReferencedInstance, classes: ReadonlyMap<string, string>): number {
  const there = classes.get(sopInstanceUid);
  if (there === undefined) return NO_SUCH_OBJECT_INSTANCE;
  return there === '' || there === sopClassUid ? 0 : CLASS_INSTANCE_CONFLICT;
}
