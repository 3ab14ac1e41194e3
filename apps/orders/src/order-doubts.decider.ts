import { DateTime } from 'luxon';
import type { CodeableConcept, Observation, Patient, ServiceRequest } from 'fhir/r4.js';
import { extensions, pregnancyStatus } from '#fhir';
import { procedureNamed, type Site, type SiteProcedure } from '#platform';
import sides from './tables/sides.json' with { type: 'json' };

/** Something about an order that its placer should look at before the exam is scheduled. */
export interface Doubt {
  code: 'laterality' | 'body-part' | 'modality' | 'age' | 'sex' | 'pregnancy' | 'duplicate';
  /** What does not fit, and what to do about it; names no patient. */
  text: string;
}

/** What an order is checked against. */
export interface Known {
  patient: Patient;
  /** Of the patient. */
  observations: readonly Observation[];
  /** Of the patient, this one perhaps among them. */
  orders: readonly ServiceRequest[];
  site: Site;
  now: Date;
}

/** DICOM modalities that use ionizing radiation. */
const ionizing = ['CT', 'CR', 'DX', 'MG', 'NM', 'PT', 'PX', 'RF', 'XA'];
const clear = 'change the order, or release it as it is';

/**
 * What is doubtful about an order, as a technologist would ask: nothing where its procedure says nothing to check. A code
 * that is no procedure of the site never gets here; it is refused.
 */
export function doubtsOf(order: ServiceRequest, known: Known): Doubt[] {
  const procedure = procedureNamed(known.site, order.code?.coding ?? []);
  if (!procedure) return [];
  const texts: [Doubt['code'], string | undefined][] = [
    ['laterality', lateralityDoubt(order, procedure)],
    ['body-part', bodyPartDoubt(order, procedure)],
    ['modality', modalityDoubt(order, procedure)],
    ['sex', sexDoubt(known.patient, procedure)],
    ['age', ageDoubt(known.patient, procedure, known.now)],
    ['pregnancy', pregnancyDoubt(order, known)],
    ['duplicate', duplicateDoubt(order, procedure, known)],
  ];
  return texts.flatMap(([code, text]) => (text ? [{ code, text }] : []));
}

type Side = keyof typeof sides;

/** The sides an order speaks of, in its codes or in words. */
function sidesOf(concepts: readonly CodeableConcept[], more: readonly string[] = []): Side[] {
  const texts = concepts.flatMap(({ text, coding = [] }) => [
    text,
    ...coding.flatMap(({ code, display }) => [code, display]),
  ]);
  const words =
    [...texts, ...more]
      .join(' ')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return (Object.keys(sides) as Side[]).filter((side) => words.some((word) => sides[side].includes(word)));
}

function lateralityDoubt(order: ServiceRequest, { laterality }: SiteProcedure): string | undefined {
  if (!laterality) return undefined;
  const { code, bodySite = [], orderDetail = [], reasonCode = [], note = [] } = order;
  const stated = sidesOf([...(code ? [code] : []), ...bodySite, ...orderDetail]);
  const said =
    stated.length > 0
      ? stated
      : sidesOf(
          reasonCode,
          note.map(({ text }) => text),
        );
  if (laterality === 'either')
    return said.length === 0
      ? 'the order does not say which side: add it to the procedure, body site or reason'
      : undefined;
  // Who speaks of both sides may compare them.
  const [only, ...others] = said;
  return only && others.length === 0 && only !== laterality
    ? `the order speaks of the ${only} side, its procedure is of the ${laterality}: ${clear}`
    : undefined;
}

function bodyPartDoubt({ bodySite = [] }: ServiceRequest, procedure: SiteProcedure): string | undefined {
  const own = procedure.bodySite;
  const stated = bodySite.flatMap(({ coding = [] }) => coding).filter(({ system }) => system === own?.system);
  if (!own || stated.length === 0 || stated.some(({ code }) => code === own.code)) return undefined;
  return `the body site of the order is not that of its procedure, ${own.display}: ${clear}`;
}

function modalityDoubt({ extension = [] }: ServiceRequest, { modality }: SiteProcedure): string | undefined {
  const steps = extension.filter(({ url }) => url === extensions.scheduledProcedureStep);
  const stated = steps.flatMap((step) => step.extension?.find(({ url }) => url === 'modality')?.valueCode ?? []);
  return stated.some((one) => one !== modality)
    ? `a step asks for another modality than its procedure, ${modality}: ${clear}`
    : undefined;
}

function sexDoubt({ gender }: Patient, { sex }: SiteProcedure): string | undefined {
  const isOther = (gender === 'female' || gender === 'male') && sex !== undefined && gender !== sex;
  return isOther ? `the procedure is for ${sex} patients: ${clear}` : undefined;
}

function ageDoubt({ birthDate }: Patient, { ages }: SiteProcedure, now: Date): string | undefined {
  if (!ages || !/^\d{4}-\d\d-\d\d$/.test(birthDate ?? '')) return undefined;
  const years = DateTime.fromJSDate(now).diff(DateTime.fromISO(birthDate!), 'years').years;
  const { fromYears, toYears } = ages;
  if (years >= fromYears && (toYears === undefined || years < toYears + 1)) return undefined;
  return `the procedure is for patients ${toYears === undefined ? `from ${fromYears}` : `of ${fromYears} to ${toYears}`} years: ${clear}`;
}

/** True of an order for which it matters whether the patient is pregnant: the site asks, and there are X-rays. */
export function asksOfPregnancy(order: ServiceRequest, site: Site): boolean {
  const modality = procedureNamed(site, order.code?.coding ?? [])?.modality;
  return site.orderReview.pregnancy && modality !== undefined && ionizing.includes(modality);
}

function pregnancyDoubt(order: ServiceRequest, { observations, site, now }: Known): string | undefined {
  if (!asksOfPregnancy(order, site)) return undefined;
  const status = pregnancyStatus(observations, now);
  return status === 2 || status === 3
    ? `the patient is said to be ${status === 3 ? '' : 'possibly '}pregnant, and the exam uses ionizing radiation: ${clear}`
    : undefined;
}

/** The same procedure before it, within the site's window, unless the one replaces or is part of the other. */
function duplicateDoubt(
  order: ServiceRequest,
  procedure: SiteProcedure,
  { orders, site, now }: Known,
): string | undefined {
  const hours = site.orderReview.duplicateWindowHours;
  if (hours === undefined) return undefined;
  const replaced = [...(order.replaces ?? []), ...(order.basedOn ?? [])].map(({ reference }) => reference);
  const placedAt = ({ authoredOn, meta }: ServiceRequest) =>
    Date.parse(authoredOn ?? meta?.lastUpdated ?? now.toISOString());
  const isEarlier = (one: ServiceRequest) =>
    placedAt(one) <= placedAt(order) && now.getTime() - placedAt(one) <= hours * 60 * 60 * 1000;
  const other = orders.find(
    (one) =>
      one.id !== order.id &&
      ['active', 'on-hold', 'completed'].includes(one.status) &&
      one.intent !== 'original-order' &&
      procedureNamed(site, one.code?.coding ?? []) === procedure &&
      !replaced.includes(`ServiceRequest/${one.id}`) &&
      isEarlier(one),
  );
  return other
    ? `the same procedure was ordered within ${hours} hours: cancel one of them, or release this one`
    : undefined;
}
