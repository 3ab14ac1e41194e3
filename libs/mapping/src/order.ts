import type {
  Annotation,
  CodeableConcept,
  Encounter,
  Extension,
  Patient,
  Provenance,
  Reference,
  ServiceRequest,
} from 'fhir/r4.js';
import { contentError, type Hl7Message, type Location, type Segment } from '#hl7v2';
import { extensions, serviceRequestIdOf, systems } from '#fhir';
import { procedureFor, procedureNamed, type Sender, type Site, ofTable } from '#platform';
import { clinicalFrom, conditionsOf, withDiagnoses, type About, type Clinical } from './clinical.js';
import {
  compact,
  conceptFromCwe,
  conceptOf,
  conceptOfTable,
  contactsFrom,
  dateTimeFrom,
  listOf,
  systemOfCodes,
} from './data-types.js';
import { encounterFrom } from './encounter.js';
import { fhirDateTime } from './date-time.js';
import { assertSends, missing, missingSegment, senderSystem, surroundingsOf } from './envelope.js';
import { identifiersOf, requisitionOf } from './order-identifiers.js';
import { groupsOf, parentOf, placerOf, type OrderGroup } from './order-group.js';
import { controlOf, needsProcedure, statusOf, type OrderControl } from './order-control.js';
import { agentsFrom, performersFrom, placesFrom, requesterFrom } from './participation.js';
import { patientFrom } from './patient.js';
import { provenanceOfOrder } from './provenance.js';
import { organizationFromXon, personFromNdl, personFromXcn } from './references.js';
import { eachRepetition, type Surroundings } from './rows.js';
import priorities from './tables/priority.json' with { type: 'json' };

/** What an order message asks: one patient, and each of its orders with what is to happen to it. */
export interface OrderMessage {
  patient: Patient;
  encounter?: Encounter;
  clinical?: Clinical[];
  orders: OrderStated[];
}

/** One order and what is to happen to it. */
interface OrderStated {
  control: OrderControl;
  serviceRequest: ServiceRequest;
  /** Who entered and verified it, where the message says so. */
  provenance?: Provenance;
}

/**
 * Reads ORM^O01, OMG^O19 or OMI^O23. The IG has no map for the last two and none for segment IPC: they are composed of
 * the segment maps ORC[ServiceRequest] and OBR[ServiceRequest]; each IPC is one scheduled procedure step.
 *
 * @throws Hl7Refusal naming the field at fault
 */
export function orderFromMessage(message: Hl7Message, sender: Sender, site: Site): OrderMessage {
  assertSends(sender, 'orders', message);
  const patient = patientFrom(message, sender, site);
  const visit = encounterFrom(message, sender, site, patient);
  const about: About = { patient, encounter: visit, sender, site };
  const around = surroundingsOf(sender, site);
  const groups = groupsOf(message);
  if (groups.length === 0) throw missingSegment('ORC');
  const orders = groups.map((group): OrderStated => {
    const control = controlOf(group.orc);
    const serviceRequest = serviceRequestFrom(group, control, about);
    const target = [`ServiceRequest/${serviceRequest.id}`, `Patient/${patient.id}`];
    const said = { orc: group.orc, control, header: message.header };
    const provenance = provenanceOfOrder(
      said,
      { target, meta: confidentialityOf(group.orc), others: agentsFrom(group.participants, around) },
      around,
    );
    return { control, serviceRequest, ...(provenance ? { provenance } : {}) };
  });
  relate(orders, groups, around, sender);
  const encounter = visit && withDiagnoses(visit, message, about);
  return { patient, ...compact({ encounter, clinical: clinicalFrom(message, about) }), orders };
}

/**
 * What the orders of one message are to each other (HL7 v2.5.1 section 4.5.1.1): an RO replaces the orders whose RP stand
 * before it, a CH is a child of the order ORC-8 names, or of the PA before it.
 *
 * @throws Hl7Refusal 100 for an RP or RO without the other, 101 for a CH without parent
 */
function relate(orders: OrderStated[], groups: OrderGroup[], around: Surroundings, sender: Sender): void {
  let replaced: OrderStated[] = [];
  let parentId: string | undefined;
  const referenceTo = (id: string) => ({ reference: `ServiceRequest/${id}` });
  for (const [index, { control, serviceRequest }] of orders.entries()) {
    const group = groups[index]!;
    const { orc } = group;
    if (control === 'RP' && !['RP', 'RO'].includes(orders[index + 1]?.control ?? ''))
      throw contentError(100, 'RP must be followed by the RO of the order that replaces it', orc.at(1));
    if (control === 'RP')
      replaced = orders[index - 1]?.control === 'RP' ? [...replaced, orders[index]!] : [orders[index]!];
    if (control === 'RO' && replaced.length === 0)
      throw contentError(100, 'RO must follow the RP of the order it replaces', orc.at(1));
    if (control === 'RO') serviceRequest.replaces = replaced.map((one) => referenceTo(one.serviceRequest.id!));
    if (control === 'PA') parentId = serviceRequest.id;
    if (control !== 'CH') continue;
    const named = parentOf(group, around);
    const parent = named ? serviceRequestIdOf({ ...named, system: named.system ?? senderSystem(sender) }) : parentId;
    if (!parent) throw missing('ORC', 8, 'placer order number of the parent order', orc.sequence);
    serviceRequest.basedOn = [referenceTo(parent)];
  }
}

function serviceRequestFrom(group: OrderGroup, control: OrderControl, about: About): ServiceRequest {
  const { orc, obr } = group;
  const { patient, encounter, sender, site } = about;
  const around = surroundingsOf(sender, site);
  const placer = placerOf(group, around);
  const placerSystem = placer.system ?? senderSystem(sender);
  const namesProcedure = needsProcedure(control);
  if (!obr && namesProcedure) throw missing('OBR', 4, 'universal service identifier', orc.sequence);
  const start = startOf(group);
  const stated = compact<ServiceRequest>({
    resourceType: 'ServiceRequest',
    id: serviceRequestIdOf({ system: placerSystem, value: placer.value }),
    identifier: identifiersOf(group, { system: placerSystem, value: placer.value }, around),
    status: statusOf(orc, control),
    // What a parent asks for is done under its children.
    intent: control === 'PA' ? 'original-order' : obr?.get(11) === 'G' ? 'reflex-order' : 'order',
    requisition: requisitionOf(orc, around),
    meta: confidentialityOf(orc),
    priority: priorityOf(group),
    code: obr && (namesProcedure ? procedureOf : procedureIfKnown)(obr, sender, site),
    subject: { reference: `Patient/${patient.id}` },
    encounter: encounter ? { reference: `Encounter/${encounter.id}` } : undefined,
    occurrenceDateTime: start && fhirDateTime(start.text, around.zone, start.place),
    authoredOn: control === 'NW' ? dateTimeFrom(orc, 9, around) : undefined,
    requester: requesterOf(group, around),
    performer: [...performersFrom(group.participants, around), ...(obr ? listOf(personFromNdl(obr, 34)) : [])],
    locationReference: placesFrom(group.participants),
    reasonCode: obr ? eachRepetition(obr, 31, (repetition) => conceptFromCwe(obr, 31, repetition)) : [],
    reasonReference: conditionsOf(group.diagnoses, about).map(({ id }) => ({ reference: `Condition/${id}` })),
    bodySite: bodySiteOf(obr),
    // OBR-45, procedure code modifiers such as the side, is ours: the guide leaves it out.
    orderDetail: [45, 46, 47].flatMap((field) =>
      obr ? eachRepetition(obr, field, (repetition) => conceptFromCwe(obr, field, repetition)) : [],
    ),
    locationCode: portable(obr),
    note: notesOf(group, around),
    extension: [
      ...callbackOf(group),
      ...statusReasonOf(group),
      ...dangerOf(group),
      ...transportOf(group),
      ...group.ipc.map((ipc) => stepFrom(ipc)),
    ],
  });
  return { ...deletionsOf(group), ...stated };
}

/** ORC-12, else OBR-16, else the PRT of role OP that took their place; with nobody named it is the facility (ORC-21). */
function requesterOf({ orc, obr, participants }: OrderGroup, around: Surroundings): Reference | undefined {
  const person = personFromXcn(orc, 12, around) ?? personFromXcn(obr, 16, around);
  return person ?? requesterFrom(participants, around) ?? organizationFromXon(orc, 21, around);
}

/** TQ1-7, else ORC-7.4, else OBR-27.4, else OBR-6 of the oldest standards. */
function startOf({ orc, obr, tq1 }: OrderGroup): { text: string; place: Location } | undefined {
  const places = [
    [tq1, 7, 1],
    [orc, 7, 4],
    [obr, 27, 4],
    [obr, 6, 1],
  ] as const;
  for (const [segment, field, component] of places) {
    const text = segment?.get(field, component);
    if (segment && text) return { text, place: component === 1 ? segment.at(field) : segment.at(field, component) };
  }
  return undefined;
}

/** ORC-28, table 0177: who may see it. */
function confidentialityOf(orc: Segment): ServiceRequest['meta'] {
  const security = conceptOf(orc, 28, 'ConfidentialityCode')?.coding;
  return security ? { security } : undefined;
}

/** OBR-17, else ORC-14: whom to call about the order. */
function callbackOf({ orc, obr }: OrderGroup): Extension[] {
  const numbers = obr ? contactsFrom(obr, 17) : [];
  const stated = numbers.length > 0 ? numbers : contactsFrom(orc, 14);
  return stated.map((valueContactPoint) => ({ url: extensions.callback, valueContactPoint }));
}

/** ORC-16: why it is cancelled, held or changed. */
function statusReasonOf({ orc }: OrderGroup): Extension[] {
  const valueCodeableConcept = conceptFromCwe(orc, 16);
  return valueCodeableConcept ? [{ url: extensions.statusReason, valueCodeableConcept }] : [];
}

/** Ours: OBR-12 danger code, which the IG leaves out and IHE RAD-5 brings to the modality. */
function dangerOf({ obr }: OrderGroup): Extension[] {
  const valueCodeableConcept = obr && conceptFromCwe(obr, 12);
  return valueCodeableConcept ? [{ url: extensions.danger, valueCodeableConcept }] : [];
}

/** Ours: OBR-30, table 0124, how the patient comes; the guide leaves it out and IHE RAD-5 brings it to the modality. */
function transportOf({ obr }: OrderGroup): Extension[] {
  const url = extensions.transport;
  if (obr?.isDeleted(30)) return [{ url }];
  const valueCodeableConcept = obr && conceptOfTable(obr, 30, '0124');
  return valueCodeableConcept ? [{ url, valueCodeableConcept }] : [];
}

/**
 * Elements the placer says are no more: undefined, which replaces what is known, where an element left out does not. A
 * field that is `""` says so (HL7 v2.5.1 section 2.5.3), and a transportation mode other than PORT ends a bedside exam.
 */
function deletionsOf({ orc, obr, tq1 }: OrderGroup): Partial<ServiceRequest> {
  const deleted = (segment: Segment | undefined, field: number) => segment?.isDeleted(field) === true;
  const rows: [keyof ServiceRequest, boolean][] = [
    ['occurrenceDateTime', deleted(tq1, 7) || deleted(orc, 7) || deleted(obr, 27)],
    ['priority', deleted(tq1, 9) || deleted(orc, 7) || deleted(obr, 27)],
    ['requester', deleted(orc, 12) || deleted(obr, 16)],
    ['performer', deleted(obr, 34)],
    ['reasonCode', deleted(obr, 31)],
    ['locationCode', obr !== undefined && obr.raw(30) !== ''],
    ['note', deleted(obr, 13)],
  ];
  return Object.fromEntries(rows.filter(([, isDeleted]) => isDeleted).map(([element]) => [element, undefined]));
}

/** OBR-4 by the sender's own table or the site's procedures; the sender's code is kept beside ours. */
function procedureOf(obr: Segment, sender: Sender, site: Site): CodeableConcept {
  const code = obr.get(4);
  if (!code) throw missing('OBR', 4, 'universal service identifier', obr.sequence);
  const known = procedureIfKnown(obr, sender, site);
  if (!known)
    throw contentError(
      103,
      'OBR-4 is no procedure of this site: add it to procedures, or to the procedureCodes of this sender, in the site file',
      obr.at(4),
    );
  return known;
}

function procedureIfKnown(obr: Segment, sender: Sender, site: Site): CodeableConcept | undefined {
  const code = obr.get(4);
  const codings = conceptFromCwe(obr, 4)?.coding ?? [];
  const procedure = procedureFor(site, ofTable(sender.procedureCodes, code)) ?? procedureNamed(site, codings);
  if (!procedure) return undefined;
  const theirs = procedure.code === code ? [] : codings;
  return {
    coding: [{ system: systems.procedure, code: procedure.code, display: procedure.display }, ...theirs],
    text: obr.get(4, 2) ?? procedure.display,
  };
}

/**
 * TQ1-9, else ORC-7.6, else OBR-27.6, else OBR-5 of the oldest standards, by table 0485. Deviation: P, C and T (also with
 * its time, such as TM30), which the IG leaves out, become urgent, since an urgency must not become routine; for the same
 * reason an unknown code is refused.
 */
function priorityOf({ orc, obr, tq1 }: OrderGroup): ServiceRequest['priority'] {
  const places = [
    [tq1, 9, 1],
    [orc, 7, 6],
    [obr, 27, 6],
    [obr, 5, 1],
  ] as const;
  const [segment, field, component] = places.find(([one, at, part]) => one?.get(at, part)) ?? places[2];
  const code = segment?.get(field, component);
  if (!segment || code === undefined || code === 'PRN') return undefined;
  const priority = ofTable(priorities, /^T[SMHDWL]\d*$/.test(code) ? 'T' : code);
  if (!priority)
    throw contentError(
      103,
      'the priority must be a code of table 0485: S, A, R, P, C or T',
      segment.at(field, component),
    );
  return priority as ServiceRequest['priority'];
}

/** Ours: OBR-15.4 and OBR-15.5 (data type SPS), site and its modifier, which the guide leaves to the specimen. */
function bodySiteOf(obr: Segment | undefined): CodeableConcept[] {
  const [code, display, name] = [1, 2, 3].map((part) => obr?.get(15, 4, part));
  const modifier = obr?.get(15, 5, 2) ?? obr?.get(15, 5);
  const text = [modifier, display ?? code].filter(Boolean).join(' ');
  return text ? [compact({ coding: code ? [compact({ system: systemOfCodes(name), code, display })] : [], text })] : [];
}

/** OBR-30 transportation mode PORT: the exam is done at the bedside. */
function portable(obr: Segment | undefined): CodeableConcept[] {
  if (obr?.get(30) !== 'PORT') return [];
  return [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0124', code: 'PORT' }], text: 'bedside' }];
}

/** OBR-13 relevant clinical information, TQ1-11 text instruction, and each NTE behind OBR with its author and time. */
function notesOf({ obr, tq1, notes }: OrderGroup, around: Surroundings): Annotation[] {
  const texts = listOf(obr?.text(13), tq1?.text(11)).map((text): Annotation => ({ text }));
  const comments = notes.flatMap((note): Annotation[] => {
    const text = eachRepetition(note, 3, (repetition) => note.text(3, repetition)).join('\n');
    if (!text) return [];
    return [compact({ text, time: dateTimeFrom(note, 6, around), authorReference: personFromXcn(note, 5, around) })];
  });
  return [...texts, ...comments];
}

function stepFrom(ipc: Segment): Extension {
  const protocol = conceptFromCwe(ipc, 6)?.coding?.[0];
  const parts: Extension[] = [
    { url: 'stepId', valueString: ipc.get(4) },
    { url: 'modality', valueCode: ipc.get(5) },
    { url: 'protocol', valueCoding: protocol },
    { url: 'stationName', valueString: ipc.get(7) },
    { url: 'location', valueString: ipc.get(8) },
    { url: 'stationAeTitle', valueString: ipc.get(9) },
  ];
  return {
    url: extensions.scheduledProcedureStep,
    extension: parts.filter((part) => Object.values(part).every((value) => value !== undefined)),
  };
}
