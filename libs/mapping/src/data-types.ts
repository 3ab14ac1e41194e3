import type { Address, CodeableConcept, ContactPoint, HumanName, Identifier, Period, Quantity } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import conceptMaps from './tables/concept-maps.json' with { type: 'json' };
import { extensions, systems, typedIdentifier } from '#fhir';
import { ofTable } from '#platform';
import { fhirDateTime } from './date-time.js';
import { eachRepetition, type Surroundings } from './rows.js';

/** CX → Identifier (IG data type map CX[Identifier]); the type stays as CX-5 says. */
export function identifierFromCx(
  segment: Segment,
  field: number,
  repetition: number,
  around: Surroundings,
): Identifier | undefined {
  const get = (component: number, subcomponent = 1) => segment.get(field, component, subcomponent, repetition);
  const value = get(1);
  if (!value) return undefined;
  const system = systemOfHd(around, get(4), get(4, 2), get(4, 3));
  const type = get(5);
  const period = periodOf(segment, field, [7, 8], repetition);
  return {
    ...(type ? { type: { coding: [{ system: systems.identifierType, code: type }] } } : {}),
    ...(system ? { system } : {}),
    value,
    ...(period ? { period } : {}),
  };
}

/** EI → system and value (IG data type map EI[Identifier]). */
export function entityFromEi(segment: Segment | undefined, field: number, around: Surroundings, repetition = 1) {
  const get = (component: number) => segment?.get(field, component, 1, repetition);
  const value = get(1);
  return value ? { value, system: systemOfHd(around, get(2), get(3), get(4)) } : undefined;
}

/** EI → the identifier its filler gave (IG data type map EI[Identifier-Extension]), as a list of one; undefined without. */
export function fillerIdentifiersFrom(segment: Segment, field: number, around: Surroundings): Identifier[] | undefined {
  const own = entityFromEi(segment, field, around);
  return own && [typedIdentifier('FILL', own.system, own.value)];
}

/**
 * The system of an assigning authority. One the site does not know keeps a system of its own: its numbers are somebody
 * else's, and must never pass for those of the authority that is meant where none is named.
 */
export function systemOfHd(
  around: Surroundings,
  namespaceId: string | undefined,
  universalId: string | undefined,
  universalIdType: string | undefined,
): string | undefined {
  const named = namespaceId ?? universalId;
  const known = around.systemOf(namespaceId, universalId, universalIdType);
  return known ?? (named ? `urn:collimator:authority:${encodeURIComponent(named)}` : undefined);
}

/** Table 0200 (IG concept map NameType); S is the pseudonym that ensures anonymity, as MSK is. */
const nameUse: Record<string, HumanName['use']> = {
  L: 'official',
  R: 'official',
  D: 'usual',
  M: 'maiden',
  N: 'nickname',
  BAD: 'old',
  NOUSE: 'old',
  S: 'anonymous',
  MSK: 'anonymous',
  TEMP: 'temp',
  NAV: 'temp',
};

/** Table 0465, name representation, as FHIR names it: letters, ideograms, and how they are spoken. */
const representations: Record<string, string> = { A: 'ABC', I: 'IDE', P: 'SYL' };

/** XPN → HumanName (IG data type map XPN[HumanName]); XPN-8, which the guide leaves out, is how the name is written. */
export function nameFromXpn(segment: Segment, field: number, repetition: number): HumanName | undefined {
  const get = (component: number) => segment.get(field, component, 1, repetition);
  const given = [get(2), ...(get(3)?.split(' ') ?? [])].filter((one) => one !== undefined);
  if (!get(1) && given.length === 0) return undefined;
  const representation = ofTable(representations, get(8));
  return compact({
    extension: representation ? [{ url: extensions.nameRepresentation, valueCode: representation }] : undefined,
    use: ofTable(nameUse, get(7)),
    family: get(1),
    given: given.length > 0 ? given : undefined,
    prefix: get(5) ? [get(5)!] : undefined,
    suffix: [get(4), get(6)].filter((one) => one !== undefined),
    period: periodOf(segment, field, [12, 13], repetition),
  });
}

/** Tables 0190 (IG concept maps AddressType[Use] and AddressType[Type]). */
const addressUse: Record<string, Address['use']> = {
  BA: 'old',
  BI: 'billing',
  C: 'temp',
  B: 'work',
  O: 'work',
  H: 'home',
};
const addressType: Record<string, Address['type']> = { M: 'postal', SH: 'postal' };

/** XAD → Address (IG data type map XAD[Address]); of SAD, the first component, the street is its first line. */
export function addressFromXad(segment: Segment, field: number, repetition: number): Address | undefined {
  const get = (component: number) => segment.get(field, component, 1, repetition);
  const line = [get(1), get(2)].filter((one) => one !== undefined);
  const place = compact({ line, city: get(3), district: get(9), state: get(4), postalCode: get(5), country: get(6) });
  if (Object.keys(place).length === 0) return undefined;
  const period = periodOf(segment, field, [13, 14], repetition);
  return compact({ use: ofTable(addressUse, get(7)), type: ofTable(addressType, get(7)), ...place, period });
}

/** Tables 0201 and 0202 (IG concept maps TelecommunicationUseCode and TelecommunicationEquipmentType). */
const contactUse: Record<string, ContactPoint['use']> = { PRN: 'home', WPN: 'work', PRS: 'mobile' };
const contactSystem: Record<string, ContactPoint['system']> = {
  PH: 'phone',
  FX: 'fax',
  MD: 'other',
  CP: 'phone',
  SAT: 'other',
  BP: 'pager',
  Internet: 'email',
  'X.400': 'email',
  TDD: 'other',
  TTY: 'other',
};

/**
 * XTN → ContactPoint (IG data type map XTN[ContactPoint]).
 *
 * @param otherwise the use of a number whose own use is not said
 */
export function contactFromXtn(
  segment: Segment,
  field: number,
  repetition: number,
  otherwise?: ContactPoint['use'],
): ContactPoint | undefined {
  const get = (component: number) => segment.get(field, component, 1, repetition);
  const email = get(4);
  const use = ofTable(contactUse, get(2)) ?? (get(3) === 'CP' ? 'mobile' : get(2) ? undefined : otherwise);
  if (email) return compact({ system: 'email' as const, value: email, use });
  const number = get(12) ?? get(1) ?? ([get(5), get(6), get(7)].filter(Boolean).join(' ') || undefined);
  if (!number) return undefined;
  return compact({ system: ofTable(contactSystem, get(3)) ?? ('phone' as const), value: number, use });
}

/** Every repetition of a field of XTN. */
export function contactsFrom(segment: Segment, field: number, otherwise?: ContactPoint['use']): ContactPoint[] {
  return eachRepetition(segment, field, (repetition) => contactFromXtn(segment, field, repetition, otherwise));
}

/** A field of DTM as a FHIR dateTime of the same precision; undefined where it is empty. @throws Hl7Refusal 102 */
export function dateTimeFrom(segment: Segment, field: number, around: Surroundings, component = 1): string | undefined {
  const text = segment.get(field, component);
  if (!text) return undefined;
  return fhirDateTime(text, around.zone, component === 1 ? segment.at(field) : segment.at(field, component));
}

/**
 * A field of DTM as a FHIR instant. FHIR wants seconds and a zone: a time known less exactly than to the minute is left out
 * rather than made up. @throws Hl7Refusal 102
 */
export function instantFrom(
  segment: Segment,
  field: number,
  around: Surroundings,
  component = 1,
  repetition = 1,
): string | undefined {
  const text = segment.get(field, component, 1, repetition);
  if (!text || !/^\d{12}/.test(text)) return undefined;
  const isWhole = component === 1 && repetition === 1;
  return fhirDateTime(text, around.zone, isWhole ? segment.at(field) : segment.at(field, component, repetition));
}

/** A period by the fields that hold its start and end; undefined where both are empty. @throws Hl7Refusal 102 */
export function periodFrom(segment: Segment, from: number, to: number, around: Surroundings): Period | undefined {
  const [start, end] = [from, to].map((field) => dateTimeFrom(segment, field, around));
  return start || end ? compact({ start, end }) : undefined;
}

/** A period by the components of a field that hold its start and end, read to the day. */
function periodOf(
  segment: Segment,
  field: number,
  [from, to]: [number, number],
  repetition: number,
): Period | undefined {
  const [start, end] = [from, to].map((component) => {
    const text = segment.get(field, component, 1, repetition);
    return text ? fhirDateTime(text.slice(0, 8), 'utc', segment.at(field, component, repetition)) : undefined;
  });
  return start || end ? compact({ start, end }) : undefined;
}

/** CQ → Quantity (IG data type map CQ[Quantity]); undefined where it is no number. */
export function quantityFrom(
  number: string | undefined,
  units: { code?: string; display?: string; system?: string },
): Quantity | undefined {
  const value = number === undefined || !/^[+-]?(\d+\.?\d*|\.\d+)$/.test(number) ? undefined : Number(number);
  if (value === undefined) return undefined;
  const isCoded = units.system !== undefined && units.code !== undefined;
  return compact({
    value,
    unit: units.display ?? units.code,
    ...(isCoded ? { system: units.system, code: units.code } : {}),
  });
}

/** CE / CWE → CodeableConcept (IG data type map CWE[CodeableConcept]); the coding system stays as the sender names it. */
export function conceptFromCwe(segment: Segment, field: number, repetition = 1): CodeableConcept | undefined {
  const get = (component: number) => segment.get(field, component, 1, repetition);
  const coding = [
    { code: get(1), display: get(2), system: systemOfCodes(get(3)) },
    { code: get(4), display: get(5), system: systemOfCodes(get(6)) },
  ]
    .filter((one) => one.code !== undefined)
    .map(compact);
  const text = get(9) ?? get(2);
  return coding.length > 0 || text ? compact({ coding, text }) : undefined;
}

/** Which concept map of the IG a code is read by. */
export type ConceptMap = keyof typeof conceptMaps;

/**
 * A code by its concept map (IG, tables/concept-maps.json). One the map does not have stays as the sender's: of the coding
 * system they name, else of the HL7 table of the field.
 */
export function conceptOf(
  segment: Segment,
  field: number,
  map: ConceptMap,
  repetition = 1,
): CodeableConcept | undefined {
  const code = segment.get(field, 1, 1, repetition);
  const { table, codes } = conceptMaps[map];
  const known = ofTable<{ code: string; display?: string; system: string }>(codes, code);
  const said = segment.get(field, 9, 1, repetition) ?? segment.get(field, 2, 1, repetition);
  return known
    ? compact({ coding: [known], text: said ?? known.display })
    : conceptOfTable(segment, field, table, repetition);
}

/** A code that is of this HL7 table where the sender names no coding system. */
export function conceptOfTable(
  segment: Segment,
  field: number,
  table: string,
  repetition = 1,
): CodeableConcept | undefined {
  const stated = conceptFromCwe(segment, field, repetition);
  const [first, ...others] = stated?.coding ?? [];
  if (!stated || !first?.code || first.system) return stated;
  return { ...stated, coding: [{ system: `${systems.hl7Table}${table}`, ...first }, ...others] };
}

const codeSystems: Record<string, string> = {
  C4: 'http://www.ama-assn.org/go/cpt',
  I9C: 'http://hl7.org/fhir/sid/icd-9-cm',
  UCUM: 'http://unitsofmeasure.org',
  RXNORM: 'http://www.nlm.nih.gov/research/umls/rxnorm',

  LN: 'http://loinc.org',
  SCT: 'http://snomed.info/sct',
  I10: 'http://hl7.org/fhir/sid/icd-10',
  I10C: 'http://hl7.org/fhir/sid/icd-10-cm',
  ICD10GM: 'http://fhir.de/CodeSystem/bfarm/icd-10-gm',
  DCM: systems.dicomCode,
  RADLEX: 'http://radlex.org',
};

/** The system of a coding system by its name of table 0396; one that is not known keeps a system of its own. */
export function systemOfCodes(name: string | undefined): string | undefined {
  const table = /^HL7(\d{4})$/.exec(name ?? '')?.[1];
  return ofTable(codeSystems, name) ?? (table ? `${systems.hl7Table}${table}` : localSystem(name));
}

/**
 * The name of a coding system (table 0396) by its system, or the one its sender gave it; `L` for one that has none,
 * undefined for none.
 */
export function nameOfSystem(system: string | undefined): string | undefined {
  if (!system) return undefined;
  const known = Object.entries(codeSystems).find(([, one]) => one === system)?.[0];
  const table = system.startsWith(systems.hl7Table) ? `HL7${system.slice(systems.hl7Table.length)}` : undefined;
  return known ?? table ?? (system.startsWith(LOCAL) ? decoded(system.slice(LOCAL.length)) : 'L');
}

/** Somebody else's system may look like ours, and be none. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

const LOCAL = 'urn:collimator:code-system:';

function localSystem(name: string | undefined): string | undefined {
  return name ? LOCAL + encodeURIComponent(name) : undefined;
}

/** What tells a concept from others: its first code with its system, else its text. */
export function conceptKey({ coding: [first] = [], text = '' }: CodeableConcept): string {
  return first?.code ? `${first.system ?? ''}|${first.code}` : text.toLowerCase();
}

/** A list of what is there. */
export function listOf<T>(...values: (T | undefined)[]): T[] {
  return values.filter((one) => one !== undefined);
}

/** Without what is undefined or an empty list. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0)),
  ) as T;
}
