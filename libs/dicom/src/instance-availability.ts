import type { Association } from './association.js';
import type { Dataset } from './dataset.js';
import { DicomStatus } from './dicom-status.js';
import type { DimseMessage } from './dimse.js';
import {
  answerNormalized,
  INVALID_ATTRIBUTE_VALUE,
  MISSING_ATTRIBUTE,
  newUid,
  requiredUid,
} from './normalized-operation.js';

/** How soon an instance can be had (PS3.3 section C.4.23.1.1). */
export type Availability = 'ONLINE' | 'NEARLINE' | 'OFFLINE' | 'UNAVAILABLE';

/** What a PACS says it has of a study (PS3.4 table R.3.2-1). */
export interface InstanceAvailability {
  studyInstanceUid: string;
  instances: { sopInstanceUid: string; availability: Availability }[];
}

/** Where Instance Availability Notifications go. Success is answered when the promise resolves: durable by then. */
export interface InstanceAvailabilityProvider {
  /** @throws DicomStatus, such as 0x0111 for a notification that is there already */
  notify(sopInstanceUid: string, notification: InstanceAvailability, callingAeTitle: string): Promise<void>;
}

const availabilities: readonly string[] = ['ONLINE', 'NEARLINE', 'OFFLINE', 'UNAVAILABLE'];

/**
 * Reads an Instance Availability Notification: what it must have (type 1), and no more.
 *
 * @throws DicomStatus 0x0120 or 0x0106, naming the attribute
 */
export function instanceAvailabilityFrom(dataset: Dataset): InstanceAvailability {
  const studyInstanceUid = requiredUid(dataset, 'StudyInstanceUID');
  const instances = itemsOf(dataset, 'ReferencedSeriesSequence').flatMap((series) => {
    requiredUid(series, 'SeriesInstanceUID');
    return itemsOf(series, 'ReferencedSOPSequence').map((instance) => ({
      sopInstanceUid: requiredUid(instance, 'ReferencedSOPInstanceUID'),
      availability: availabilityOf(instance),
    }));
  });
  return { studyInstanceUid, instances };
}

/** Answers one N-CREATE of an Instance Availability Notification. @returns its status */
export function answerInstanceAvailability(
  message: DimseMessage,
  association: Association,
  provider: InstanceAvailabilityProvider,
): Promise<number> {
  const sopInstanceUid = message.command.text('AffectedSOPInstanceUID') ?? newUid();
  return answerNormalized(message, association, { sopInstanceUid }, (dataset) =>
    provider.notify(sopInstanceUid, instanceAvailabilityFrom(dataset), association.callingAeTitle),
  );
}

function itemsOf(dataset: Dataset, keyword: 'ReferencedSeriesSequence' | 'ReferencedSOPSequence'): Dataset[] {
  const items = dataset.items(keyword);
  if (items.length === 0) throw new DicomStatus(MISSING_ATTRIBUTE, `missing ${keyword}`);
  return items;
}

function availabilityOf(instance: Dataset): Availability {
  const value = instance.text('InstanceAvailability');
  if (value === undefined) throw new DicomStatus(MISSING_ATTRIBUTE, 'missing InstanceAvailability');
  if (!availabilities.includes(value))
    throw new DicomStatus(INVALID_ATTRIBUTE_VALUE, 'InstanceAvailability is none of PS3.3 C.4.23.1.1');
  return value as Availability;
}
