import {
  DELETE,
  escape,
  Hl7Message,
  Hl7Refusal,
  Segment,
  unescape,
  type EncodingCharacters,
  type Location,
} from '#hl7v2';
import { describeFieldRow, fieldPlaceOf, ofTable, type FieldPlace, type FieldRow } from '#platform';

/** What one row of a sender's `fields` did to one segment. Holds nothing of the message. */
export interface AppliedRow {
  /** Its place in `fields` of the sender, from 0. */
  row: number;
  /** The row in words, such as `OBR-18 from ZOR-3.1`. */
  rule: string;
  /** What it changed. */
  to: Location;
  /** Where the value came from, if from another place of the message. */
  from?: Location;
}

/** A message as the standard would have it, and what made it so. */
export interface Adapted {
  message: Hl7Message;
  applied: AppliedRow[];
}

/** A segment on its way, with the one it came as, and which order of the message it belongs to. */
interface Part {
  segment: Segment;
  /** Undefined of a segment that a row made. */
  came: Segment | undefined;
  order: number;
}

/** Segments that hold one value of their own: they are made where a row has it. */
const made = ['ZDS'];

/**
 * Applies what the site file says of a sender's fields, in order. Every row reads the message as it came, so that one
 * cannot take what another put there, and two may change places: what a row takes from a place does not stay there where
 * another row fills it. A value is taken from the same segment, else from the
 * same order (an ORC and what follows it, or a further OBR and what follows that), else from what stands before all
 * orders: never from another order. Repetitions are taken one by one. A segment that is not there is not made, but for
 * ZDS.
 *
 * Pure; without rows it gives the message itself.
 */
export function adapt(message: Hl7Message, rows: readonly FieldRow[]): Adapted {
  if (rows.length === 0) return { message, applied: [] };
  const orders = ordersOf(message.segments);
  const came = message.segments.map((segment, index): Part => ({ segment, came: segment, order: orders[index]! }));
  const applied: AppliedRow[] = [];
  let parts = came;
  for (const [row, rule] of rows.entries()) {
    const isMoved = rule.from !== undefined && rows.some(({ from }) => from === rule.to);
    const note = (to: Location, from?: Location) => void applied.push({ row, rule: describeFieldRow(rule), to, from });
    parts = rule.ignore
      ? ignored(parts, rule.ignore, note)
      : changed(parts, came, { ...rule, isMoved }, message.characters, note);
  }
  return {
    message: new Hl7Message(
      parts.map(({ segment }) => segment),
      message.characters,
    ),
    applied,
  };
}

/** A refusal, put where in the message as it came the fault is: its sender knows no other. */
export function placedAsItCame(refusal: Hl7Refusal, applied: readonly AppliedRow[]): Hl7Refusal {
  const { location, acknowledgement, errorCode, message } = refusal;
  const isThere = ({ to, from }: AppliedRow) =>
    from !== undefined &&
    to.segment === location?.segment &&
    to.field === location.field &&
    (to.sequence ?? 1) === (location.sequence ?? 1) &&
    (to.component === undefined || location.component === undefined || to.component === location.component);
  const row = applied.findLast(isThere);
  if (!row) return refusal;
  return new Hl7Refusal(acknowledgement, errorCode, `${message} (this sender's fields: ${row.rule})`, row.from);
}

type Note = (to: Location, from?: Location) => void;
/** A row, and whether another one takes what came in its place. */
type Rule = FieldRow & { isMoved: boolean };

/** Of each segment the number of its order, 0 before the first (compare `groupsOf`). */
function ordersOf(segments: readonly Segment[]): number[] {
  let order = 0;
  let hasRequest = false;
  return segments.map(({ name }) => {
    if (name === 'ORC' || (name === 'OBR' && (hasRequest || order === 0))) {
      order++;
      hasRequest = false;
    }
    hasRequest ||= name === 'OBR';
    return order;
  });
}

function ignored(parts: Part[], what: string, note: Note): Part[] {
  if (!what.includes('-')) {
    for (const { segment } of parts) if (segment.name === what) note({ segment: what, sequence: segment.sequence });
    return parts.filter(({ segment }) => segment.name !== what);
  }
  const { segment: name, field } = fieldPlaceOf(what);
  return parts.map((part) => {
    const { segment } = part;
    if (segment.name !== name || segment.raw(field) === '') return part;
    note(segment.at(field));
    return { ...part, segment: segment.without(field) };
  });
}

function changed(parts: Part[], came: Part[], rule: Rule, characters: EncodingCharacters, note: Note): Part[] {
  const to = fieldPlaceOf(rule.to!);
  const from = rule.from ? fieldPlaceOf(rule.from) : undefined;
  const sourceOf = from ? sources(came, from.segment) : () => undefined;
  const targets = from && made.includes(to.segment) ? withMade(parts, came, to.segment, from, sourceOf) : parts;
  return targets.map((part) => {
    if (part.segment.name !== to.segment) return part;
    const source = from && (from.segment === to.segment ? part.came : sourceOf(part.order));
    const taken = source && valuesAt(source, from, to.component !== undefined, characters);
    const raw = fieldAfter(part.segment, to, taken ?? [], rule, characters);
    if (raw === part.segment.raw(to.field)) return part;
    note(
      part.segment.at(to.field, to.component),
      taken && taken.length > 0 ? source.at(from!.field, from!.component) : undefined,
    );
    return { ...part, segment: part.segment.with(to.field, raw) };
  });
}

/** Where an order finds a segment of that name: the first of its own, else the first before all orders. */
function sources(came: Part[], name: string): (order: number) => Segment | undefined {
  const first = new Map<number, Segment>();
  for (const { segment, order } of came) if (segment.name === name && !first.has(order)) first.set(order, segment);
  // What is about the whole message may stand behind its orders.
  return (order) => first.get(order) ?? first.get(0) ?? (order === 0 ? first.values().next().value : undefined);
}

/** With the segment at the end of each order that has none but has what the row takes. */
function withMade(
  parts: Part[],
  came: Part[],
  name: string,
  from: FieldPlace,
  sourceOf: (order: number) => Segment | undefined,
): Part[] {
  const has = new Set(parts.filter(({ segment }) => segment.name === name).map(({ order }) => order));
  let sequence = came.filter(({ segment }) => segment.name === name).length;
  return parts.flatMap((part, index) => {
    const isLast = parts[index + 1]?.order !== part.order;
    if (part.order === 0 || !isLast || has.has(part.order) || !sourceOf(part.order)?.raw(from.field)) return [part];
    return [
      part,
      { segment: new Segment(name, part.segment.characters, ++sequence), came: undefined, order: part.order },
    ];
  });
}

/** What stands at a place, repetition by repetition, as it is written; nothing where all are empty. */
function valuesAt(segment: Segment, at: FieldPlace, isPart: boolean, characters: EncodingCharacters): string[] {
  const raw = segment.raw(at.field);
  const component = at.component ?? (isPart ? 1 : undefined);
  const values = parted(raw, characters.repetition).map((one) =>
    component === undefined ? one : (parted(one, characters.component)[component - 1] ?? ''),
  );
  return values.some((one) => !isEmpty(one, characters)) ? values : [];
}

/** The field with what was taken, translated, or else the constant, in place. */
function fieldAfter(
  segment: Segment,
  to: FieldPlace,
  taken: string[],
  { codes, value, isMoved }: Rule,
  characters: EncodingCharacters,
): string {
  const there = parted(isMoved && to.component === undefined ? '' : segment.raw(to.field), characters.repetition);
  // A whole field that is taken takes the place of a whole field.
  const length = to.component === undefined && taken.length > 0 ? taken.length : Math.max(there.length, taken.length);
  const repetitions = Array.from({ length }, (_, index) => {
    const whole = there[index] ?? '';
    const own = to.component === undefined ? whole : (parted(whole, characters.component)[to.component - 1] ?? '');
    const isTaken = taken[index] !== undefined && !isEmpty(taken[index], characters);
    const found = isTaken ? taken[index]! : isMoved ? '' : own;
    const translated = codes ? translate(found, codes, characters) : found;
    // A field that is to be deleted has no part that is missing.
    const isMissing = value !== undefined && whole !== DELETE && isEmpty(translated, characters);
    const after = isMissing ? escape(value, characters) : translated;
    if (to.component === undefined || after === own) return to.component === undefined ? after : whole;
    const components = whole === DELETE ? [] : parted(whole, characters.component);
    const size = Math.max(components.length, to.component);
    return Array.from({ length: size }, (_, at) => (at === to.component! - 1 ? after : (components[at] ?? ''))).join(
      characters.component,
    );
  });
  return repetitions.join(characters.repetition);
}

/** The code, which is the first part of what stands there, by the sender's table. */
function translate(raw: string, codes: Record<string, string>, characters: EncodingCharacters): string {
  const [first = ''] = parted(raw, characters.component);
  const [code = ''] = parted(first, characters.subcomponent);
  const known = ofTable(codes, unescape(code, characters).trim());
  return known === undefined ? raw : escape(known, characters) + raw.slice(code.length);
}

function isEmpty(raw: string, { component, repetition, subcomponent }: EncodingCharacters): boolean {
  for (const one of raw)
    if (one !== ' ' && one !== component && one !== repetition && one !== subcomponent) return false;
  return true;
}

function parted(text: string, separator: string): string[] {
  return separator === '' ? [text] : text.split(separator);
}
