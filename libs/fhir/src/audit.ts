import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { AuditEvent } from 'fhir/r4.js';
import type { FailureCode } from '#platform';

/** FHIR RESTful interaction, http://hl7.org/fhir/restful-interaction; `operation` is whatever is none of the others. */
type RestInteraction =
  | 'read'
  | 'vread'
  | 'search-type'
  | 'history-type'
  | 'history-instance'
  | 'create'
  | 'update'
  | 'transaction'
  | 'operation';
/**
 * Transaction of IHE RAD by DICOM: a worklist is asked for; an exam begins; it goes on or ends; it is asked or said whether
 * images are safely stored; it is told which can be had.
 */
type DicomInteraction = 'RAD-5' | 'RAD-6' | 'RAD-7' | 'RAD-10' | 'RAD-49';

/** One access to patient data. */
export interface Access {
  interaction: RestInteraction | DicomInteraction | 'login' | 'export';
  /** The client as authenticated; of DICOM the calling AE title, of an export the destination. */
  client: string;
  /** The network address of the client, where it says more than the client does. */
  address?: string;
  /** The service answering. */
  service: string;
  /** `Type/id` of what was touched. */
  references: string[];
  /** The patients it was about. */
  patientIds: string[];
  /** The query of a search, kept base64-coded as IHE BALP asks, since it may hold an identifier. */
  query?: string;
  /** Why it was refused, where it was: then nothing was shown or done. */
  refusedAs?: FailureCode;
}

const DCM = 'http://dicom.nema.org/resources/ontology/DCM';
const action = { create: 'C', update: 'U', transaction: 'E', 'search-type': 'E', operation: 'E' } as const;

/** What the work of one request has recorded. */
const watched = new AsyncLocalStorage<{ isRecorded: boolean }>();

/** Runs what answers a request; tells whether it has recorded an access meanwhile. */
export function watchingRecords<T>(answer: () => T): { answer: T; isRecorded: () => boolean } {
  const state = { isRecorded: false };
  return { answer: watched.run(state, answer), isRecorded: () => state.isRecorded };
}

/** What is DICOM's own about an access by DICOM (event types: DICOM PS3.15 sections A.5.3.9 and A.5.3.10). */
const dicomEvents: Record<
  DicomInteraction,
  { code: string; display: string; transaction: string; action: 'E' | 'C' | 'U' }
> = {
  'RAD-5': { code: '110112', display: 'Query', transaction: 'Query Modality Worklist', action: 'E' },
  'RAD-6': {
    code: '110111',
    display: 'Procedure Record',
    transaction: 'Modality Procedure Step In Progress',
    action: 'C',
  },
  'RAD-7': {
    code: '110111',
    display: 'Procedure Record',
    transaction: 'Modality Procedure Step Completed',
    action: 'U',
  },
  'RAD-10': {
    code: '110103',
    display: 'DICOM Instances Accessed',
    transaction: 'Storage Commitment',
    action: 'E',
  },
  'RAD-49': {
    code: '110103',
    display: 'DICOM Instances Accessed',
    transaction: 'Instance Availability Notification',
    action: 'E',
  },
};

/**
 * Records an access in the transaction of the access itself, so that one cannot happen without the other
 * (IHE ITI Basic Audit Log Patterns: AuditEvent for RESTful operations; DICOM PS3.15 section A.5 for those by DICOM).
 */
export async function recordAccess(manager: EntityManager, access: Access, now: Date): Promise<void> {
  const event = auditEvent(access, now);
  await manager.query('INSERT INTO audit_event (id, recorded, agent, body) VALUES ($1, $2, $3, $4)', [
    event.id,
    now,
    access.client,
    JSON.stringify(event),
  ]);
  const state = watched.getStore();
  if (state) state.isRecorded = true;
}

/** The AuditEvent of an access. */
export function auditEvent(access: Access, now: Date): AuditEvent {
  const dcm = (code: string, display: string) => ({
    coding: [{ system: DCM, code, display }],
  });
  const terminology = (table: string) => (code: string, display: string) => ({
    system: `http://terminology.hl7.org/CodeSystem/${table}`,
    code,
    display,
  });
  const [roleOf, kindOf] = [terminology('object-role'), terminology('audit-entity-type')];
  const thing = kindOf('2', 'System Object');
  // Who is told is the destination of what we begin; who asks is the source of what they begin.
  const isOurs = access.interaction === 'export';
  const [source, destination] = [dcm('110153', 'Source Role ID'), dcm('110152', 'Destination Role ID')];
  return {
    resourceType: 'AuditEvent',
    id: randomUUID(),
    ...whatHappened(access.interaction),
    recorded: now.toISOString(),
    // Table audit-event-outcome: 0 success, 4 minor failure.
    ...(access.refusedAs ? { outcome: '4', outcomeDesc: access.refusedAs } : { outcome: '0' }),
    agent: [
      {
        type: isOurs ? destination : source,
        who: { display: access.client },
        // PS3.15 section A.5.2.2: how an application entity is named beside its host.
        ...(isOfDicom(access.interaction) ? { altId: `AETITLES=${access.client}` } : {}),
        requestor: !isOurs,
        // Table audit-event network type: 2 is an IP address.
        ...(access.address ? { network: { address: access.address, type: '2' } } : {}),
      },
      {
        type: isOurs ? source : destination,
        who: { display: `collimator ${access.service}` },
        requestor: isOurs,
      },
    ],
    source: {
      observer: { display: `collimator ${access.service}` },
      type: [terminology('security-source-type')('4', 'Application Server')],
    },
    entity: [
      ...access.patientIds.map((id) => ({
        what: { reference: `Patient/${id}` },
        type: kindOf('1', 'Person'),
        role: roleOf('1', 'Patient'),
      })),
      ...access.references
        .filter((reference) => !reference.startsWith('Patient/'))
        .map((reference) => ({ what: { reference }, type: thing, role: roleOf('4', 'Domain Resource') })),
      ...(access.query === undefined
        ? []
        : [{ type: thing, role: roleOf('24', 'Query'), query: Buffer.from(access.query).toString('base64') }]),
    ],
  };
}

function isOfDicom(interaction: Access['interaction']): interaction is DicomInteraction {
  return Object.hasOwn(dicomEvents, interaction);
}

function whatHappened(interaction: Access['interaction']): Pick<AuditEvent, 'type' | 'subtype' | 'action'> {
  if (isOfDicom(interaction)) {
    const { code, display, transaction, action } = dicomEvents[interaction];
    return {
      type: { system: DCM, code, display },
      subtype: [{ system: 'urn:ihe:event-type-code', code: interaction, display: transaction }],
      action,
    };
  }
  if (interaction === 'export')
    return {
      type: { system: DCM, code: '110106', display: 'Export' },
      subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: 'transaction' }],
      action: 'R',
    };
  if (interaction === 'login')
    return {
      type: { system: DCM, code: '110114', display: 'User Authentication' },
      subtype: [{ system: DCM, code: '110122', display: 'Login' }],
      action: 'E',
    };
  return {
    type: {
      system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
      code: 'rest',
      display: 'RESTful Operation',
    },
    subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: interaction }],
    action: action[interaction as keyof typeof action] ?? 'R',
  };
}
