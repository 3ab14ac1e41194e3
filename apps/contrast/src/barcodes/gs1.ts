import { fail, type Failure } from '#platform';
import { endsByItself, identifierAt } from './application-identifiers.js';
import { gtin14Of, isGtin14 } from './gtin.js';

/** What a package says of itself. What the barcode does not say is left out. */
export interface Barcode {
  /** Global Trade Item Number, 14 digits (AI 01). */
  gtin?: string;
  /** Batch or lot number (AI 10). */
  lot?: string;
  /** Last day it may be used, `YYYY-MM-DD` (AI 17, or the day of 7003). */
  expiry?: string;
  /** Serial number of the one package (AI 21). */
  serial?: string;
  /** Day it was produced (AI 11). */
  produced?: string;
  /** Day it was packed (AI 13). */
  packed?: string;
  /** Best before (AI 15). */
  bestBefore?: string;
  /** What is in it, in millilitres (AI 315n, litres). */
  netVolumeMl?: number;
  /** Everything that was read, in its order. */
  elements: Element[];
}

/** One application identifier with its value. */
export interface Element {
  ai: string;
  value: string;
}

/** FNC1 as scanners send it: the ASCII group separator. */
const FNC1 = '\x1d';
/** The symbol for it, as some show it. */
const SHOWN_FNC1 = '\u241d';
/** Symbology identifiers (ISO/IEC 15424) of GS1 DataMatrix, GS1-128, GS1 DataBar, GS1 QR Code and GS1 DotCode. */
const GS1_SYMBOLOGY = /^\](d2|C1|e0|Q3|J1)/;
/** Of EAN/UPC and ITF-14, which hold a GTIN and nothing else. */
const GTIN_SYMBOLOGY = /^\](E0|E4|I1)/;
/** GS1 AI encodable character set 82 (section 7.11). */
const CHARACTERS = /^[!"%&'()*+,\-./0-9:;<=>?A-Z_a-z]*$/;

/**
 * Reads what a scanner sends, or a person copies, of a GS1 barcode: an element string with or without symbology
 * identifier, its human-readable form with parentheses, a GS1 Digital Link, or a GTIN alone (GS1 General Specifications,
 * sections 3 and 7.8; GS1 Digital Link Standard, URI Syntax). Nothing is guessed: a barcode with a part that cannot be
 * read is not read.
 *
 * @param now decides the century of two-digit years (section 7.12)
 * @param field named where it cannot be read
 * @throws Failure field-invalid
 */
export function readBarcode(scanned: string, now: Date, field = 'barcode'): Barcode {
  const text = scanned.replace(/^[\r\n\t ]+|[\r\n\t ]+$/g, '').replaceAll(SHOWN_FNC1, FNC1);
  const elements = elementsOf(text, field);
  if (elements.length === 0) throw invalid(field, 'holds no barcode');
  const values = new Map<string, string>();
  for (const { ai, value } of elements) {
    if ((values.get(ai) ?? value) !== value) throw invalid(field, `has AI (${ai}) twice with different values`);
    values.set(ai, value);
  }
  return { ...contentOf(values, now, field), elements };
}

/** The same in parentheses, as printed under a barcode; unlike an element string it holds no control characters. */
export function humanReadable({ elements }: Pick<Barcode, 'elements'>): string {
  return elements.map(({ ai, value }) => `(${ai})${value}`).join('');
}

/**
 * A date of a barcode, `YYMMDD`, as `YYYY-MM-DD`: day 00 is the last of its month, and the year is the one of three
 * centuries that is nearest, 49 years ahead to 50 back (section 7.12). Undefined if there is no such day.
 */
export function barcodeDate(digits: string, now: Date): string | undefined {
  const [year, month, day] = [0, 2, 4].map((at) => Number(digits.slice(at, at + 2))) as [number, number, number];
  const thisYear = now.getUTCFullYear();
  const century = thisYear - (thisYear % 100);
  const ahead = year - (thisYear % 100);
  const whole = century + year + (ahead >= 51 ? -100 : ahead <= -50 ? 100 : 0);
  const last = new Date(Date.UTC(whole, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day > last) return undefined;
  const two = (number: number) => String(number).padStart(2, '0');
  return `${whole}-${two(month)}-${two(day === 0 ? last : day)}`;
}

function elementsOf(text: string, field: string): Element[] {
  if (/^https?:\/\//i.test(text)) return ofDigitalLink(text, field);
  if (text.startsWith('(')) return ofHumanReadable(text, field);
  const gtin = gtin14Of(text.replace(GTIN_SYMBOLOGY, ''));
  if (gtin) return [{ ai: '01', value: gtin }];
  return ofElementString(text.replace(GS1_SYMBOLOGY, ''), field);
}

function ofElementString(text: string, field: string): Element[] {
  const elements: Element[] = [];
  for (let rest = text; rest !== '';) {
    // A separator before the first, or behind one that ends by itself, is none too many.
    if (rest.startsWith(FNC1)) {
      rest = rest.slice(1);
      continue;
    }
    const found = identifierAt(rest);
    if (!found) throw invalid(field, `has no known application identifier behind ${elements.length} others`);
    const { ai, of } = found;
    const behind = rest.slice(ai.length);
    const separator = behind.indexOf(FNC1);
    const upToSeparator = separator < 0 ? behind.length : separator;
    const end = endsByItself(ai) ? Math.min(of.most, upToSeparator) : upToSeparator;
    elements.push(element(ai, behind.slice(0, end), field));
    rest = behind.slice(end);
  }
  return elements;
}

function ofHumanReadable(text: string, field: string): Element[] {
  const parts = text.split(/\((\d{2,4})\)/);
  const elements: Element[] = [];
  for (let at = 1; at < parts.length; at += 2) elements.push(element(parts[at]!, parts[at + 1]!.trim(), field));
  return elements;
}

/** `https://example.com/anything/01/<GTIN>/10/<lot>/21/<serial>?17=<YYMMDD>`. */
function ofDigitalLink(text: string, field: string): Element[] {
  // Not by URL: it would take a serial number of one dot for a step in the path.
  const [, path = '', query = ''] = /^https?:\/\/[^/?#]*([^?#]*)(?:\?([^#]*))?/i.exec(text) ?? [];
  const segments = path.split('/').filter(Boolean);
  const from = segments.findIndex((one, at) => one === '01' && segments[at + 1] !== undefined);
  if (from < 0) throw invalid(field, 'is no GS1 Digital Link with a GTIN: it must hold /01/<GTIN>');
  const elements: Element[] = [];
  for (let at = from; at < segments.length; at += 2)
    elements.push(element(segments[at]!, decoded(segments[at + 1] ?? '', field), field));
  // What is no application identifier, such as linkType, is for whoever resolves the link.
  for (const [ai, value] of new URLSearchParams(query))
    if (/^\d{2,4}$/.test(ai)) elements.push(element(ai, value, field));
  return elements;
}

function decoded(segment: string, field: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw invalid(field, 'has a percent sign that encodes nothing');
  }
}

function element(ai: string, value: string, field: string): Element {
  const found = identifierAt(ai);
  if (!found || found.ai !== ai) throw invalid(field, 'has an application identifier that is not known');
  const { least, most, numeric } = found.of;
  const filled = ai === '01' ? (gtin14Of(value) ?? value) : value;
  if (filled.length < least || filled.length > most)
    throw invalid(field, `AI (${ai}) must have ${least === most ? most : `${least} to ${most}`} characters`);
  if (numeric ? !/^\d+$/.test(filled) : !CHARACTERS.test(filled))
    throw invalid(field, `AI (${ai}) must have ${numeric ? 'digits only' : 'characters of GS1 set 82 only'}`);
  if ((ai === '01' || ai === '02') && !isGtin14(filled)) throw invalid(field, `AI (${ai}) has a wrong check digit`);
  return { ai, value: filled };
}

function contentOf(values: ReadonlyMap<string, string>, now: Date, field: string): Omit<Barcode, 'elements'> {
  const date = (ai: string) => {
    const digits = values.get(ai);
    if (digits === undefined) return undefined;
    const day = barcodeDate(digits.slice(0, 6), now);
    if (!day) throw invalid(field, `AI (${ai}) is no date`);
    return day;
  };
  const litres = [...values].find(([ai]) => /^315\d$/.test(ai));
  const content = {
    gtin: values.get('01'),
    lot: values.get('10'),
    expiry: date('17') ?? date('7003'),
    serial: values.get('21'),
    produced: date('11'),
    packed: date('13'),
    bestBefore: date('15'),
    // The digits as they stand, moved by powers of ten: 0.0001 L is 0.1 mL, not 0.09999.
    netVolumeMl: litres && Number(`${litres[1]}e${3 - Number(litres[0][3])}`),
  };
  return Object.fromEntries(Object.entries(content).filter(([, one]) => one !== undefined));
}

function invalid(field: string, what: string): Failure {
  return fail('field-invalid', `the barcode ${what}`, { field });
}
