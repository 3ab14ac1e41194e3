import { v5 as uuidv5 } from 'uuid';
import type { Bundle, FhirResource, MessageHeader, Resource } from 'fhir/r4.js';
import { eventCatalog, isEventType, type EventType } from './catalog.js';

/** Namespace of event ids; fixed for ever, since ids must come out the same on every host. */
const EVENT_NAMESPACE = '6f1f3c0a-8f0b-5d43-9a55-3f0f5a2c7c11';

/** One fact, as it travels: a CloudEvent 1.0 whose data is a FHIR R4 Bundle of type `message`. */
export interface ImagingEvent {
  /** `ce_id`: the same fact always has the same id, so that a second delivery is recognised. */
  id: string;
  /** `ce_type`. */
  type: EventType;
  /** `ce_source`: `collimator/<service>`. */
  source: string;
  /**
   * `ce_subject` and the record's key: the internal patient id (a uuid, never a medical record number); of a fact about
   * a station, which concerns no patient, the id of its Device.
   */
  patientId: string;
  /** `ce_time`: when it became true, ISO 8601 with zone. */
  time: string;
  data: Bundle;
}

/** Thrown when a record is not an event of the catalog; the message names what is wrong and holds no patient data. */
export class MalformedEvent extends Error {
  override readonly name = 'MalformedEvent';
}

/**
 * Builds an event. Its id is derived from `cause` (the message, event or command that made it true), its type and its
 * focus: handling the same cause twice gives the same event, so consumers' inboxes drop the second.
 *
 * @param fact.resources focus first; must hold every resource type the catalog says the event carries
 * @throws MalformedEvent if a resource the catalog promises is not there
 */
export function newEvent(fact: {
  type: EventType;
  patientId: string;
  /** A stable name of what caused it: an event id, a message log id, a request id. */
  cause: string;
  now: Date;
  resources: FhirResource[];
}): ImagingEvent {
  const { type, patientId, cause, now, resources } = fact;
  const { publisher, carries, meaning } = eventCatalog[type];
  for (const needed of carries)
    if (!resources.some((resource) => resource.resourceType === needed))
      throw new MalformedEvent(`${type} must carry a ${needed}`);
  const focus = resources[0] as Resource & { resourceType: string };
  const id = uuidv5([type, cause, focus.resourceType, focus.id ?? ''].join('|'), EVENT_NAMESPACE);
  const source = `collimator/${publisher}`;
  const header: MessageHeader = {
    resourceType: 'MessageHeader',
    id,
    eventCoding: { system: 'urn:collimator:event', code: type, display: meaning },
    source: { endpoint: `urn:${source.replace('/', ':')}` },
    focus: [{ reference: `${focus.resourceType}/${focus.id}` }],
  };
  return {
    id,
    type,
    source,
    patientId,
    time: now.toISOString(),
    data: {
      resourceType: 'Bundle',
      id,
      type: 'message',
      timestamp: now.toISOString(),
      entry: [header, ...resources].map((resource) => ({ fullUrl: fullUrlOf(resource), resource })),
    },
  };
}

/** Every resource of that type an event carries, in its order. */
export function findResources<T extends FhirResource['resourceType']>(
  event: ImagingEvent,
  resourceType: T,
): Extract<FhirResource, { resourceType: T }>[] {
  const all = (event.data.entry ?? []).map((entry) => entry.resource as FhirResource | undefined);
  return all.filter((one): one is Extract<FhirResource, { resourceType: T }> => one?.resourceType === resourceType);
}

/** The first resource of that type in the event, if it carries one. */
export function findResource<T extends FhirResource['resourceType']>(
  event: ImagingEvent,
  resourceType: T,
): Extract<FhirResource, { resourceType: T }> | undefined {
  return findResources(event, resourceType)[0];
}

/**
 * The first resource of that type in the event.
 *
 * @throws MalformedEvent if the event carries none
 */
export function resourceFrom<T extends FhirResource['resourceType']>(
  event: ImagingEvent,
  resourceType: T,
): Extract<FhirResource, { resourceType: T }> {
  const found = findResource(event, resourceType);
  if (!found) throw new MalformedEvent(`${event.type} carries no ${resourceType}`);
  return found;
}

/** CloudEvents 1.0 Kafka binding, binary mode: the record's headers (section 3.2). */
export function cloudEventHeaders(event: ImagingEvent): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_type: event.type,
    ce_source: event.source,
    ce_subject: event.patientId,
    ce_time: event.time,
    'content-type': 'application/fhir+json',
  };
}

/**
 * Reads a CloudEvent in binary mode back.
 *
 * @returns undefined for an event type this catalog does not know (a newer publisher's: not ours to handle)
 * @throws MalformedEvent if a mandatory attribute is missing or the value is no message Bundle
 */
export function readCloudEvent(headers: Record<string, string>, value: Buffer | null): ImagingEvent | undefined {
  for (const name of ['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time'])
    if (!headers[name]) throw new MalformedEvent(`header ${name} is missing`);
  const type = headers.ce_type!;
  if (!isEventType(type)) return undefined;
  let data: Bundle;
  try {
    data = JSON.parse(value?.toString('utf8') ?? '') as Bundle;
  } catch {
    // The parser's own message quotes the text it stumbled on, which may be patient data.
    throw new MalformedEvent('the value is not JSON');
  }
  if (data?.resourceType !== 'Bundle' || data.type !== 'message' || !Array.isArray(data.entry))
    throw new MalformedEvent('the value is not a FHIR Bundle of type message');
  return {
    id: headers.ce_id!,
    type,
    source: headers.ce_source!,
    patientId: headers.ce_subject!,
    time: headers.ce_time!,
    data,
  };
}

function fullUrlOf(resource: FhirResource): string {
  return resource.resourceType === 'MessageHeader'
    ? `urn:uuid:${resource.id}`
    : `urn:collimator:${resource.resourceType}/${resource.id}`;
}
