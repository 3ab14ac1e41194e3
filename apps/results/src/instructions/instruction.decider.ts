import { DateTime } from 'luxon';
import type {
  Appointment,
  Communication,
  MedicationAdministration,
  Patient,
  Procedure,
  Reference,
  ServiceRequest,
} from 'fhir/r4.js';
import { extensions, identifierValue, referencedId, sameContent, systems, uuidFrom } from '#fhir';
import { procedureNamed, stationByAeTitle, type InstructionPlaceholder, type Site } from '#platform';
import { languagesOf, writtenFor } from './language.decider.js';

const CATEGORY = 'http://terminology.hl7.org/CodeSystem/communication-category';

/** One instruction in one language, its text read from wherever the site file has it. */
export interface Template {
  id: string;
  when: 'preparation' | 'after-care';
  procedures?: readonly string[] | undefined;
  modalities?: readonly string[] | undefined;
  afterContrast: boolean;
  language: string;
  title: string;
  text: string;
}

/** What instructions are chosen and written by. */
export interface InstructionRules {
  templates: readonly Template[];
  /** Of patients who speak none of the languages that an instruction is written in. */
  language: string;
  contact?: string | undefined;
  site: Site;
}

/** What happened to one order: its appointment is as given, or its exam, or contrast for it. */
export type Occasion = Appointment | Procedure | MedicationAdministration;

/**
 * What a patient is told because of an occasion, beside what they were told of this order before. An appointment that is
 * booked has its preparations, with its time; one that is moved has the same ones in new words, unread; one that is off
 * has none. A completed exam, and contrast that was given, have their after-care until they turn out never to have been.
 *
 * @param known all instructions of the order
 * @returns those that are new or say something else now, as they are to be stored
 */
export function instructionsAfter(
  occasion: Occasion,
  { order, patient }: { order: ServiceRequest; patient: Patient },
  known: readonly Communication[],
  rules: InstructionRules,
  now: Date,
): Communication[] {
  const cause = `${occasion.resourceType}/${occasion.id}`;
  const wanted = wantedFor(occasion, order, rules).map((versions) =>
    written(writtenFor(versions, languagesOf(patient), rules.language), { occasion, order, patient, rules }),
  );
  const given = wanted.flatMap((one) => {
    const before = known.find(({ id }) => id === one.id);
    return again(before, one, cause, now) ?? [];
  });
  if (isPast(occasion)) return given;
  const dropped = known.filter((one) => isCausedBy(one, cause) && !wanted.some(({ id }) => id === one.id));
  return [...given, ...dropped.flatMap((one) => withdrawn(one, cause) ?? [])];
}

/** A patient who comes, or whose exam began, keeps what they were told: it says nothing new any more. */
function isPast(occasion: Occasion): boolean {
  if (occasion.resourceType === 'Appointment') return ['arrived', 'checked-in', 'fulfilled'].includes(occasion.status);
  return occasion.resourceType === 'Procedure' && occasion.status === 'in-progress';
}

/** The instructions that are due, each with its versions by language. */
function wantedFor(occasion: Occasion, order: ServiceRequest, { templates, site }: InstructionRules): Template[][] {
  const procedure = procedureNamed(site, order.code?.coding ?? []);
  const isFor = ({ procedures, modalities }: Template) =>
    (!procedures && !modalities) ||
    (procedure !== undefined && (procedures?.includes(procedure.code) || modalities?.includes(procedure.modality)));
  const due = templates.filter((one) => isDue(one, occasion) && isFor(one));
  return [...new Set(due.map(({ id }) => id))].map((id) => due.filter((one) => one.id === id));
}

function isDue({ when, afterContrast }: Template, occasion: Occasion): boolean {
  switch (occasion.resourceType) {
    case 'Appointment':
      return when === 'preparation' && occasion.status === 'booked' && occasion.start !== undefined;
    case 'Procedure':
      return when === 'after-care' && !afterContrast && occasion.status === 'completed';
    case 'MedicationAdministration':
      return (
        when === 'after-care' && afterContrast && ['completed', 'stopped', 'in-progress'].includes(occasion.status)
      );
  }
}

interface Facts {
  occasion: Occasion;
  order: ServiceRequest;
  patient: Patient;
  rules: InstructionRules;
}

/** A preparation is of an appointment, since each has its time; after-care of the order, however often something was done. */
function written(template: Template, facts: Facts): Communication {
  const { occasion, order, patient, rules } = facts;
  const of = template.when === 'preparation' ? occasion.id! : order.id!;
  const id = uuidFrom('Communication', of, template.id);
  const values = valuesOf(template, facts);
  const contentString = template.text.replace(
    /\{([^{}]*)\}/g,
    (whole, name: InstructionPlaceholder) => values[name] ?? whole,
  );
  return {
    resourceType: 'Communication',
    id,
    language: template.language,
    identifier: [{ system: systems.instruction, value: id }],
    basedOn: [{ reference: `ServiceRequest/${order.id}` }],
    status: 'in-progress',
    category: [{ coding: [{ system: CATEGORY, code: 'instruction' }] }],
    subject: { reference: `Patient/${patient.id}` },
    topic: { coding: [{ system: systems.instructionTemplate, code: template.id }], text: template.title },
    about: [{ reference: `ServiceRequest/${order.id}` }],
    recipient: [{ reference: `Patient/${patient.id}` }],
    sender: { display: rules.site.name },
    payload: [{ contentString }],
  };
}

/** In the site's zone, as they are written in the language of the text. */
function valuesOf({ language }: Template, { occasion, order, rules }: Facts): Record<InstructionPlaceholder, string> {
  const { site, contact = '' } = rules;
  const at = DateTime.fromISO(timeOf(occasion) ?? '', { zone: site.timeZone }).setLocale(language);
  const station = stationByAeTitle(site, aeTitleOf(occasion));
  const procedure = procedureNamed(site, order.code?.coding ?? []);
  return {
    procedure: procedure?.display ?? order.code?.text ?? '',
    date: at.isValid ? at.toLocaleString(DateTime.DATE_FULL) : '',
    time: at.isValid ? at.toLocaleString(DateTime.TIME_SIMPLE) : '',
    room: station?.room ?? '',
    contact,
  };
}

function timeOf(occasion: Occasion): string | undefined {
  if (occasion.resourceType === 'Appointment') return occasion.start;
  if (occasion.resourceType === 'Procedure')
    return occasion.performedPeriod?.end ?? occasion.performedPeriod?.start ?? occasion.performedDateTime;
  return occasion.effectivePeriod?.end ?? occasion.effectivePeriod?.start ?? occasion.effectiveDateTime;
}

function aeTitleOf(occasion: Occasion): string | undefined {
  return occasion.extension?.find(({ url }) => url === extensions.stationAeTitle)?.valueString;
}

/** What is said again in other words is unread; in the same words it stays as it was, and nothing is said. */
function again(
  before: Communication | undefined,
  one: Communication,
  cause: string,
  now: Date,
): Communication | undefined {
  const causes = [...(before && before.status !== 'stopped' ? (before.partOf ?? []) : [])];
  const partOf: Reference[] = causes.some(({ reference }) => reference === cause)
    ? causes
    : [...causes, { reference: cause }];
  const stands = before !== undefined && before.status !== 'stopped';
  // One more of what led to it, such as a second injection, is no news for the patient.
  if (stands && sameWords(before, one))
    return sameContent(before.partOf ?? [], partOf) ? undefined : { ...before, partOf };
  return { ...one, ...(before?.meta ? { meta: before.meta } : {}), partOf, sent: now.toISOString() };
}

/** Whether a patient reads the same. */
export function sameWords(one: Communication, other: Communication): boolean {
  return sameContent(one.payload ?? [], other.payload ?? []) && one.topic?.text === other.topic?.text;
}

function isCausedBy({ partOf = [] }: Communication, cause: string): boolean {
  return partOf.some(({ reference }) => reference === cause);
}

/** Without one of its causes; with none left it does not apply any more. */
function withdrawn(one: Communication, cause: string): Communication | undefined {
  if (one.status === 'stopped') return undefined;
  const partOf = (one.partOf ?? []).filter(({ reference }) => reference !== cause);
  if (partOf.length > 0) return { ...one, partOf };
  return { ...one, status: 'stopped', statusReason: { text: 'It does not apply any more.' } };
}

/** The order that an instruction is of. */
export function orderIdOf({ basedOn = [] }: Communication): string | undefined {
  return referencedId(basedOn[0]?.reference, 'ServiceRequest');
}

/**
 * An instruction that its patient has read, as a portal says it (`received`, or `completed`).
 *
 * @returns undefined where it is known to be read
 */
export function readAt(current: Communication, stated: Communication, now: Date): Communication | undefined {
  if (current.status === 'completed') return undefined;
  return { ...current, status: 'completed', received: stated.received ?? now.toISOString() };
}

/** The number by which everybody knows it. */
export function numberOf(one: Communication): string | undefined {
  return identifierValue(one, systems.instruction);
}
