import { contentError, Hl7Message, Hl7Refusal, type Segment } from '#hl7v2';
import { describeFieldRow, type FieldRow } from '#platform';
import { adapt } from './sender-fields.js';
import coverage from './tables/ig-coverage.json' with { type: 'json' };

/** What the HL7 v2-to-FHIR guide says of one field, and what we made of it. */
export interface GuideRow {
  /** Segment map of the guide, such as `PID[Patient]`. */
  map: string;
  name: string;
  /** Elements the guide fills from it. */
  targets: string[];
  as: 'mapped' | 'deviates' | 'left out';
  /** Of a deviation, and of what is left out. */
  why?: string;
}

/** One field of a message: what became of it here, and the rows of the guide that say so. */
export interface ExplainedField {
  /**
   * Such as `PID-3`, with the segment's number where there are several: `OBX[2]-5`. Of what a row of the sender's
   * fields makes that no field of the message does, such as a constant: `fields.0`.
   */
  place: string;
  name?: string;
  /** The elements that are not there, or are other ones, without it, such as `Patient.name.family`. */
  makes: string[];
  /** Without it the message would be refused, for this reason. */
  required?: string;
  /** Rows of the sender's fields that take it elsewhere, put something in its place or ignore it. */
  fields?: string[];
  guide: GuideRow[];
}

/** A message is read once a field: one of very many would hold up everybody else. */
const MOST_FIELDS = 500;

/**
 * Says which field of a message makes which FHIR element. It is found out, not looked up: the message is read again
 * without each field in turn, so that what is said is what the mapping does. Holds no value of the message.
 *
 * @param read reads a message as its service does, once the sender's fields are applied; pure
 * @throws Hl7Refusal 100 for a message of more than 500 fields with a value, and as `read`
 */
export function explain(
  message: Hl7Message,
  read: (message: Hl7Message) => unknown,
  rows: readonly FieldRow[] = [],
): ExplainedField[] {
  if (message.segments.flatMap(valuedFields).length > MOST_FIELDS)
    throw contentError(100, `only a message of at most ${MOST_FIELDS} fields is explained: leave out what repeats`);
  const made = (one: Hl7Message, by = rows) => elementsOf(read(adapt(one, by).message));
  const whole = made(message);
  const fields = message.segments.flatMap((segment, index) => {
    const isOneOfMany = message.all(segment.name).length > 1;
    return valuedFields(segment).map((field) => {
      const without = new Hl7Message(message.segments.with(index, segment.without(field)), message.characters);
      const own = `${segment.name}-${field}`;
      const touching = rows.filter((row) => touches(row, segment.name, own));
      const isElsewhere = touching.some(({ from }) => from && fieldOf(from) === own);
      const guide = [
        own,
        ...touching.flatMap(({ from, to }) => (from && fieldOf(from) === own ? fieldOf(to!) : [])),
      ].flatMap(guideRows);
      return {
        place: `${segment.name}${isOneOfMany ? `[${segment.sequence}]` : ''}-${field}`,
        name: isElsewhere ? undefined : guide[0]?.name,
        ...difference(whole, () => made(without)),
        ...(touching.length > 0 ? { fields: touching.map(describeFieldRow) } : {}),
        guide,
      };
    });
  });
  return [...fields, ...rows.flatMap((row, index) => constantOf(row, index))];

  /** What a row makes by its constant. */
  function constantOf(row: FieldRow, index: number): ExplainedField[] {
    if (row.value === undefined) return [];
    const withoutIt = rows
      .with(index, { ...row, value: undefined })
      .filter(({ from, codes, value, ignore }) => from ?? codes ?? value ?? ignore);
    const outcome = difference(whole, () => made(message, withoutIt));
    return [{ place: `fields.${index}`, name: describeFieldRow(row), ...outcome, guide: guideRows(fieldOf(row.to!)) }];
  }
}

/** `OBR-18` of `OBR-18.1`. */
function fieldOf(place: string): string {
  return place.split('.')[0]!;
}

function touches({ to, from, ignore }: FieldRow, segment: string, field: string): boolean {
  return ignore === segment || [to, from, ignore].some((place) => place !== undefined && fieldOf(place) === field);
}

/** What the guide says of a field, map by map. */
export function guideRows(place: string): GuideRow[] {
  return coverage.maps.flatMap(({ map, fields }) =>
    fields.filter(({ field }) => field === place).map(({ field: _field, ...row }) => ({ map, ...row }) as GuideRow),
  );
}

/** MSH-1 and MSH-2 are how a message is read at all. */
function valuedFields(segment: Segment): number[] {
  const first = segment.name === 'MSH' ? 3 : 1;
  return Array.from({ length: segment.length }, (_, index) => index + 1).filter(
    (field) => field >= first && segment.raw(field) !== '',
  );
}

function difference(whole: Set<string>, read: () => Set<string>): Pick<ExplainedField, 'makes' | 'required'> {
  try {
    const rest = read();
    const changed = [...whole].filter((one) => !rest.has(one)).concat([...rest].filter((one) => !whole.has(one)));
    return {
      makes: summary(
        changed.map((one) => one.slice(0, one.indexOf('='))),
        whole,
      ),
    };
  } catch (error) {
    if (!(error instanceof Hl7Refusal)) throw error;
    return { makes: [], required: error.message };
  }
}

/** Elements by name; a resource that is gone as a whole is named as such, and whom others refer to is not repeated. */
function summary(paths: string[], whole: Set<string>): string[] {
  const changed = new Set(paths);
  const all = new Set([...whole].map(pathOf));
  const isGone = (type: string) => type !== '' && [...all].every((path) => typeOf(path) !== type || changed.has(path));
  const gone = [...new Set([...changed].map(typeOf))].filter(isGone);
  const kept = [...changed].filter((path) => !gone.includes(typeOf(path)));
  const own = kept.filter((path) => !path.endsWith('.reference') && !path.endsWith('.id'));
  return [...gone, ...(gone.length > 0 || own.length > 0 ? own : kept)].sort();
}

function pathOf(element: string): string {
  return element.slice(0, element.indexOf('='));
}

function typeOf(path: string): string {
  return path.split('.')[0]!;
}

/** Every element of the resources within, as `Patient.name.family="Doe"`, each as often as it is there. */
function elementsOf(read: unknown): Set<string> {
  const counts = new Map<string, number>();
  const visit = (value: unknown, path: string): void => {
    if (Array.isArray(value)) return value.forEach((one) => visit(one, path));
    if (value === null || typeof value !== 'object') {
      const element = `${path}=${JSON.stringify(value)}`;
      const count = (counts.get(element) ?? 0) + 1;
      counts.set(element, count);
      return;
    }
    const { resourceType, ...elements } = value as Record<string, unknown>;
    const at = typeof resourceType === 'string' ? resourceType : path;
    for (const [name, one] of Object.entries(elements)) visit(one, at === '' ? name : `${at}.${name}`);
  };
  visit(read, '');
  return new Set(
    [...counts].flatMap(([element, count]) => Array.from({ length: count }, (_, index) => `${element}#${index}`)),
  );
}
