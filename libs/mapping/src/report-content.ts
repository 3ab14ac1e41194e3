import type { Attachment } from 'fhir/r4.js';
import { contentError, type Segment } from '#hl7v2';
import { ofTable } from '#platform';
import { compact } from './data-types.js';
import { isImpression } from './report-sections.js';
import { eachRepetition } from './rows.js';
import contentTypes from './tables/content-types.json' with { type: 'json' };

/** What the OBX of a report say: what is to be read, and the part of it that concludes. */
export interface ReportContent {
  forms: Attachment[];
  conclusion?: string;
}

/** True of a line of text. */
export function isText(obx: Segment): boolean {
  return ['TX', 'FT', 'ST'].includes(obx.get(2) ?? '');
}

/** True of what its sender deleted, or says was wrong (OBX-11, table 0085: D, W): it is no part of the report any more. */
export function isWithdrawn(obx: Segment): boolean {
  return ['D', 'W'].includes(obx.get(11) ?? '');
}

/**
 * The content of a report or document by its OBX in their order: those of types TX, FT and ST are the lines of one text,
 * each ED (encapsulated data, such as a PDF) and RP (a place it is found at) is a form of its own (IG segment map
 * OBX[DocumentReference], data type maps ED[Attachment] and RP[Attachment]). An impression among the lines concludes it.
 * What was deleted or wrong is left out.
 *
 * @throws Hl7Refusal 102 for encapsulated data that cannot be read, 103 for an encoding outside table 0299
 */
export function contentOf(observations: readonly Segment[]): ReportContent {
  const kept = observations.filter((obx) => !isWithdrawn(obx));
  const lines = kept.filter(isText);
  const text = textOf(lines);
  const conclusion = textOf(lines.filter(isImpression));
  const forms = [...(text ? [plainText(text)] : []), ...kept.flatMap(encapsulated)];
  return { forms, ...(conclusion ? { conclusion } : {}) };
}

/** A text as FHIR carries it. */
export function plainText(text: string): Attachment {
  return { contentType: 'text/plain; charset=utf-8', data: Buffer.from(text).toString('base64') };
}

/** The text of lines, a repetition of OBX-5 a line. */
export function textOf(observations: readonly Segment[]): string {
  return observations
    .flatMap((obx) => Array.from({ length: obx.repetitions(5) }, (_, index) => obx.text(5, index + 1) ?? ''))
    .join('\n');
}

function encapsulated(obx: Segment): Attachment[] {
  const read = ofTable<typeof attachmentFromEd>({ ED: attachmentFromEd, RP: attachmentFromRp }, obx.get(2));
  return read ? eachRepetition(obx, 5, (repetition) => read(obx, repetition)) : [];
}

/** ED: ED.2 and ED.3 say what it is, ED.4 (table 0299) how ED.5 holds it. */
function attachmentFromEd(obx: Segment, repetition: number): Attachment | undefined {
  const get = (component: number) => obx.get(5, component, 1, repetition);
  const data = get(5);
  if (!data) return undefined;
  return compact({ contentType: contentTypeOf(get(2), get(3)), data: base64Of(data, get(4) ?? 'A', obx, repetition) });
}

/** RP: RP.1 is where it is found. */
function attachmentFromRp(obx: Segment, repetition: number): Attachment | undefined {
  const get = (component: number) => obx.get(5, component, 1, repetition);
  const url = get(1);
  // FHIR's uri holds no space.
  return url ? compact({ contentType: contentTypeOf(get(3), get(4)), url: url.replaceAll(' ', '%20') }) : undefined;
}

/** Table 0291, else table 0191; a MIME type as it stands is kept. */
function contentTypeOf(type: string | undefined, subtype: string | undefined): string | undefined {
  if (subtype?.includes('/')) return subtype.toLowerCase();
  return ofTable(contentTypes, subtype?.toUpperCase()) ?? ofTable(contentTypes, type?.toUpperCase());
}

const isBase64 = /^[A-Za-z0-9+/]*={0,2}$/;
const isHex = /^([0-9A-Fa-f]{2})*$/;

function base64Of(data: string, encoding: string, obx: Segment, repetition: number): string {
  const packed = data.replace(/\s+/g, '');
  const wrong = (what: string) =>
    contentError(102, `OBX-5.5 must be ${what}, as OBX-5.4 says`, obx.at(5, 5, repetition));
  switch (encoding.toUpperCase()) {
    case 'BASE64':
      if (!isBase64.test(packed) || packed.length % 4 !== 0) throw wrong('base64');
      return packed;
    case 'HEX':
      if (!isHex.test(packed)) throw wrong('hexadecimal');
      return Buffer.from(packed, 'hex').toString('base64');
    case 'A':
      return Buffer.from(data).toString('base64');
    default:
      throw contentError(103, 'OBX-5.4 must be a code of table 0299: A, Hex or Base64', obx.at(5, 4, repetition));
  }
}
