import type { Address, CodeableConcept, ContactPoint, HumanName, Identifier, Reference } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import { systems } from '#fhir';
import { ofTable, type Surroundings } from './rows.js';

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
  return {
    ...(type ? { type: { coding: [{ system: systems.identifierType, code: type }] } } : {}),
    ...(system ? { system } : {}),
    value,
  };
}

/** EI → system and value (IG data type map EI[Identifier]). */
export function entityFromEi(segment: Segment | undefined, field: number, around: Surroundings) {
  const value = segment?.get(field);
  if (!segment || !value) return undefined;
  return { value, system: systemOfHd(around, segment.get(field, 2), segment.get(field, 3), segment.get(field, 4)) };
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

const nameUse: Record<string, HumanName['use']> = { L: 'official', D: 'usual', M: 'maiden', N: 'nickname', A: 'anonymous', S: 'anonymous', T: 'temp' }; // prettier-ignore

/** XPN → HumanName (IG data type map XPN[HumanName]). */
export function nameFromXpn(segment: Segment, field: number, repetition: number): HumanName | undefined {
  const get = (component: number) => segment.get(field, component, 1, repetition);
  const given = [get(2), ...(get(3)?.split(' ') ?? [])].filter((one) => one !== undefined);
  if (!get(1) && given.length === 0) return undefined;
  return compact({
    use: ofTable(nameUse, get(7)),
    family: get(1),
    given: given.length > 0 ? given : undefined,
    prefix: get(5) ? [get(5)!] : undefined,
    suffix: [get(4), get(6)].filter((one) => one !== undefined),
  });
}

/** XAD → Address (IG data type map XAD[Address]). */
export function addressFromXad(segment: Segment, field: number, repetition: number): Address | undefined {
  const get = (component: number) => segment.get(field, component, 1, repetition);
  const line = [get(1), get(2)].filter((one) => one !== undefined);
  const address = compact({ line, city: get(3), state: get(4), postalCode: get(5), country: get(6) });
  return Object.keys(address).length > 0 ? address : undefined;
}

/** XTN → ContactPoint (IG data type map XTN[ContactPoint]). */
export function contactFromXtn(segment: Segment, field: number, repetition: number): ContactPoint | undefined {
  const get = (component: number) => segment.get(field, component, 1, repetition);
  const email = get(4);
  if (email) return { system: 'email', value: email };
  const value = get(12) ?? get(1) ?? ([get(5), get(6), get(7)].filter(Boolean).join(' ') || undefined);
  return value ? compact({ system: 'phone' as const, value, use: get(2) === 'WPN' ? ('work' as const) : undefined }) : undefined; // prettier-ignore
}

/** XCN → a reference by identifier and display (IG data type map XCN[Practitioner], kept logical). */
export function personFromXcn(
  segment: Segment | undefined,
  field: number,
  around: Surroundings,
): Reference | undefined {
  if (!segment || segment.raw(field) === '') return undefined;
  const get = (component: number, subcomponent = 1) => segment.get(field, component, subcomponent);
  const display = [get(6), get(3), get(2)].filter(Boolean).join(' ');
  const system = systemOfHd(around, get(9), get(9, 2), get(9, 3));
  const identifier = get(1) ? compact({ system, value: get(1) }) : undefined;
  return identifier || display
    ? compact({ type: 'Practitioner', identifier, display: display || undefined })
    : undefined;
}

/** NDL, whose first component is the person: id, family and given name are subcomponents (HL7 v2.5.1 section 2.A.47). */
export function personFromNdl(segment: Segment, field: number): Reference | undefined {
  const get = (subcomponent: number) => segment.get(field, 1, subcomponent);
  const display = [get(6), get(3), get(2)].filter(Boolean).join(' ');
  const identifier = get(1) ? { value: get(1) } : undefined;
  return identifier || display
    ? compact({ type: 'Practitioner', identifier, display: display || undefined })
    : undefined;
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

const codeSystems: Record<string, string> = {
  LN: 'http://loinc.org',
  SCT: 'http://snomed.info/sct',
  I10: 'http://hl7.org/fhir/sid/icd-10',
  I10C: 'http://hl7.org/fhir/sid/icd-10-cm',
  ICD10GM: 'http://fhir.de/CodeSystem/bfarm/icd-10-gm',
  DCM: systems.dicomCode,
  RADLEX: 'http://radlex.org',
};

function systemOfCodes(name: string | undefined): string | undefined {
  return ofTable(codeSystems, name) ?? localSystem(name);
}

function localSystem(name: string | undefined): string | undefined {
  return name ? `urn:collimator:code-system:${encodeURIComponent(name)}` : undefined;
}

/** Without what is undefined or an empty list. */
export function compact<T extends object>(value: T): T {
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0)),
  ) as T;
}
