import type { Reference } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import { compact, systemOfHd } from './data-types.js';
import type { Surroundings } from './rows.js';

// Practitioners, organizations, places and devices are the EMR's: here they are names and numbers on other resources.

/** PL → where that is, in words: point of care, room, bed, facility's building and floor (IG data type map PL[Location]). */
export function placeFromPl(segment: Segment, field: number): string | undefined {
  return (
    [1, 2, 3, 7, 8]
      .map((component) => segment.get(field, component))
      .filter(Boolean)
      .join(' ') || segment.get(field, 9)
  );
}

/** XON → an organization by name and number (IG data type map XON[Organization], kept logical). */
export function organizationFromXon(segment: Segment, field: number, around: Surroundings): Reference | undefined {
  const get = (component: number, subcomponent = 1) => segment.get(field, component, subcomponent);
  const value = get(10) ?? get(3);
  const system = systemOfHd(around, get(6), get(6, 2), get(6, 3));
  const identifier = value ? compact({ system, value }) : undefined;
  return identifier || get(1) ? compact({ type: 'Organization', identifier, display: get(1) }) : undefined;
}

/** XCN → a reference by identifier and display (IG data type map XCN[Practitioner], kept logical). */
export function personFromXcn(
  segment: Segment | undefined,
  field: number,
  around: Surroundings,
  repetition = 1,
): Reference | undefined {
  if (!segment || segment.raw(field) === '') return undefined;
  const get = (component: number, subcomponent = 1) => segment.get(field, component, subcomponent, repetition);
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

/** CWE → an organization by code and name (IG data type map CWE[Organization], kept logical). */
export function organizationFromCwe(segment: Segment, field: number, around: Surroundings): Reference | undefined {
  const display = segment.get(field, 2) ?? segment.get(field, 9) ?? segment.get(field);
  if (!display) return undefined;
  return compact({ type: 'Organization', identifier: numberIn(segment, field, around), display });
}

/** The code of a CWE as the number of whom it names. */
export function numberIn(segment: Segment, field: number, around?: Surroundings) {
  const value = segment.get(field);
  const system = around?.systemOf(segment.get(field, 3));
  return value ? compact({ system, value }) : undefined;
}

/** XON → a place by name and number (IG data type map XON[Location], kept logical). */
export function placeFromXon(segment: Segment, field: number, around: Surroundings): Reference | undefined {
  const organization = organizationFromXon(segment, field, around);
  return organization && { ...organization, type: 'Location' };
}
