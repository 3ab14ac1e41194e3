import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { AuditEvent } from 'fhir/r4.js';

/** One access to patient data. */
export interface Access {
  /** FHIR RESTful interaction, http://hl7.org/fhir/restful-interaction. */
  interaction:
    'read' | 'vread' | 'search-type' | 'history-type' | 'history-instance' | 'create' | 'update' | 'transaction';
  /** The client as authenticated. */
  client: string;
  /** The service answering. */
  service: string;
  /** `Type/id` of what was touched. */
  references: string[];
  /** The patients it was about. */
  patientIds: string[];
  /** The query of a search, kept base64-coded as IHE BALP asks, since it may hold an identifier. */
  query?: string;
}

const action = { create: 'C', update: 'U', transaction: 'E' } as const;

/**
 * Records an access in the transaction of the access itself, so that one cannot happen without the other
 * (IHE ITI Basic Audit Log Patterns: AuditEvent for RESTful operations).
 */
export async function recordAccess(manager: EntityManager, access: Access, now: Date): Promise<void> {
  const event = auditEvent(access, now);
  await manager.query('INSERT INTO audit_event (id, recorded, agent, body) VALUES ($1, $2, $3, $4)', [
    event.id,
    now,
    access.client,
    JSON.stringify(event),
  ]);
}

/** The AuditEvent of an access. */
export function auditEvent(access: Access, now: Date): AuditEvent {
  const dcm = (code: string, display: string) => ({
    coding: [{ system: 'http://dicom.nema.org/resources/ontology/DCM', code, display }],
  });
  const terminology = (table: string) => (code: string, display: string) => ({
    system: `http://terminology.hl7.org/CodeSystem/${table}`,
    code,
    display,
  });
  const [roleOf, kindOf] = [terminology('object-role'), terminology('audit-entity-type')];
  const thing = kindOf('2', 'System Object');
  return {
    resourceType: 'AuditEvent',
    id: randomUUID(),
    type: {
      system: 'http://terminology.hl7.org/CodeSystem/audit-event-type',
      code: 'rest',
      display: 'RESTful Operation',
    },
    subtype: [{ system: 'http://hl7.org/fhir/restful-interaction', code: access.interaction }],
    action: action[access.interaction as keyof typeof action] ?? (access.interaction === 'search-type' ? 'E' : 'R'),
    recorded: now.toISOString(),
    outcome: '0',
    agent: [
      { type: dcm('110153', 'Source Role ID'), who: { display: access.client }, requestor: true },
      {
        type: dcm('110152', 'Destination Role ID'),
        who: { display: `collimator ${access.service}` },
        requestor: false,
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
