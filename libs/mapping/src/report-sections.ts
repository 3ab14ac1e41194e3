import type { CodeableConcept, Coding } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import { ofTable } from '#platform';
import { conceptFromCwe } from './data-types.js';
import sections from './tables/report-sections.json' with { type: 'json' };

const LOINC = 'http://loinc.org';

/** LOINC code of the part of a report that concludes it. */
export const IMPRESSION = '19005-8';

/** Suffixes behind a code (HL7 v2.5.1 section 7.1.2, `71020&IMP`) and local abbreviations, by the section they mean. */
const suffixes: Record<string, string> = {
  IMP: IMPRESSION,
  GDT: '18782-3',
  REC: '18783-1',
  CMS: '18834-2',
  ADT: '55107-7',
};
const abbreviations: Record<string, string> = { IMP: IMPRESSION, IMPRESSION };

/**
 * The section of a report that an OBX is in, by the LOINC code in OBX-3 (those of DICOM PS3.20 imaging reports), by its
 * suffix or by a usual abbreviation; undefined where OBX-3 names none.
 */
export function sectionOf(obx: Segment): Coding | undefined {
  const [code, suffix] = [obx.get(3, 1), obx.get(3, 1, 2)].map((one) => one?.toUpperCase());
  const named = [code, obx.get(3, 4)].find((one) => ofTable(sections, one) !== undefined);
  const section = named ?? ofTable(suffixes, suffix) ?? ofTable(abbreviations, code);
  return section ? { system: LOINC, code: section, display: ofTable<string>(sections, section)! } : undefined;
}

/** True of what concludes a report. */
export function isImpression(obx: Segment): boolean {
  return sectionOf(obx)?.code === IMPRESSION;
}

/** What an OBX is of: its section beside what the sender calls it; a text without any name is a report. */
export function headingOf(obx: Segment): CodeableConcept {
  const [section, stated] = [sectionOf(obx), conceptFromCwe(obx, 3)];
  const codings = stated?.coding ?? [];
  const own =
    section && !codings.some(({ system, code }) => system === LOINC && code === section.code) ? [section] : [];
  const coding = [...own, ...codings];
  const text = stated?.text ?? section?.display ?? 'Report';
  return { ...(coding.length > 0 ? { coding } : {}), text };
}
