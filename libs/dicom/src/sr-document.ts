import { fail } from '#platform';
import type { Dataset } from './dataset.js';
import { codeFrom, isSameCode, type Code } from './sr-code.js';

/** How an item belongs to the one above it (PS3.3 table C.17.3-8). */
export type SrRelationship =
  | 'CONTAINS'
  | 'HAS OBS CONTEXT'
  | 'HAS ACQ CONTEXT'
  | 'HAS CONCEPT MOD'
  | 'HAS PROPERTIES'
  | 'INFERRED FROM'
  | 'SELECTED FROM';

/** A measured value: never without its unit, which is a code (UCUM). */
export interface Measured {
  value: number;
  unit: Code;
}

/**
 * The value of a content item by its type (PS3.3 section C.17.3.2). What is missing or cannot be read is undefined, never
 * something made up. Dates and times are as DICOM writes them; `dateFrom` and the like make more of them.
 */
export type SrValue =
  | { type: 'CONTAINER'; template?: string }
  | { type: 'TEXT'; text?: string }
  | { type: 'CODE'; code?: Code }
  /** `qualifier` says why there is no value, or what is special about it, such as not a number. */
  | { type: 'NUM'; measured?: Measured; qualifier?: Code }
  | { type: 'DATETIME' | 'DATE' | 'TIME'; at?: string }
  | { type: 'UIDREF'; uid?: string }
  | { type: 'PNAME'; name?: string }
  | { type: 'IMAGE' | 'COMPOSITE' | 'WAVEFORM'; sopClassUid?: string; sopInstanceUid?: string }
  /** An item that stands elsewhere in the tree: its place, counted from 1, the root first (PS3.3 section C.17.3.2.5). */
  | { type: 'BY-REFERENCE'; place: number[] }
  /** Coordinates, tables and whatever else is not read here. */
  | { type: 'OTHER'; valueType: string };

/** One content item and what stands under it, in the order it stands there. */
export type SrNode = SrValue & {
  concept?: Code;
  relationship?: SrRelationship | string;
  children: SrNode[];
};

/** An SR document (PS3.3 section C.17). */
export interface SrDocument {
  sopClassUid?: string;
  sopInstanceUid?: string;
  /** Content Date and Time, `YYYYMMDDHHMMSS`, in the zone of `timezone` or the device's. */
  contentAt?: string;
  /** Timezone Offset From UTC (0008,0201), such as +0100. */
  timezone?: string;
  isComplete: boolean;
  root: SrNode;
}

/** Bounds of what is read; real documents have some hundreds of items in a dozen levels. */
export interface SrLimits {
  depth: number;
  items: number;
}

const usualLimits: SrLimits = { depth: 40, items: 50_000 };

/**
 * Reads the content tree of an SR document. Values that cannot be read are undefined; items of unknown type are kept as
 * such, so that what stands under them is found.
 *
 * @throws Failure `field-missing`, `field-invalid` naming the attribute, without any value: where the root is no
 *   container, or a limit is passed
 */
export function srDocumentFrom(dataset: Dataset, limits: Partial<SrLimits> = {}): SrDocument {
  const bounds = { ...usualLimits, ...limits };
  if (dataset.text('ValueType') !== 'CONTAINER')
    throw fail(
      dataset.hasValue('ValueType') ? 'field-invalid' : 'field-missing',
      'the root of an SR document must be a container',
      { field: 'ValueType' },
    );
  let items = 0;
  const read = (item: Dataset, depth: number): SrNode => {
    if (++items > bounds.items) throw tooMuch('the content has too many items');
    if (depth > bounds.depth) throw tooMuch('the content is nested too deeply');
    const concept = codeFrom(item.items('ConceptNameCodeSequence')[0]);
    const relationship = item.text('RelationshipType');
    return {
      ...valueOf(item),
      ...(concept ? { concept } : {}),
      ...(relationship ? { relationship } : {}),
      children: item.items('ContentSequence').map((child) => read(child, depth + 1)),
    };
  };
  const date = dataset.text('ContentDate');
  return {
    sopClassUid: dataset.text('SOPClassUID'),
    sopInstanceUid: dataset.text('SOPInstanceUID'),
    contentAt: date && `${date}${dataset.text('ContentTime') ?? ''}`,
    timezone: dataset.text('TimezoneOffsetFromUTC'),
    isComplete: dataset.text('CompletionFlag') === 'COMPLETE',
    root: read(dataset, 0),
  };
}

/** The items right under a node that are of one of these concepts, in their order. */
export function childrenOf(node: SrNode, ...concepts: Code[]): SrNode[] {
  return node.children.filter((child) => isOf(child, concepts));
}

/**
 * The items at the end of a path of concepts, each right under the one before: `pathTo(root, dose, total)`.
 */
export function pathTo(node: SrNode, ...path: Code[]): SrNode[] {
  return path.reduce<SrNode[]>((nodes, concept) => nodes.flatMap((one) => childrenOf(one, concept)), [node]);
}

/**
 * All items of one of these concepts under a node, at any depth, in the order of the document. Under one that is found it
 * is looked on only where `nested`.
 */
export function within(node: SrNode, concepts: readonly Code[], { nested = false } = {}): SrNode[] {
  return node.children.flatMap((child) => {
    if (!isOf(child, concepts)) return within(child, concepts, { nested });
    return nested ? [child, ...within(child, concepts, { nested })] : [child];
  });
}

/** The first text of these items; a name or an UID is text too. */
export function textIn(nodes: readonly SrNode[]): string | undefined {
  for (const node of nodes) {
    const text =
      node.type === 'TEXT'
        ? node.text
        : node.type === 'UIDREF'
          ? node.uid
          : node.type === 'PNAME'
            ? node.name
            : undefined;
    if (text) return text;
  }
  return undefined;
}

/** The first code of these items. */
export function codeIn(nodes: readonly SrNode[]): Code | undefined {
  for (const node of nodes) if (node.type === 'CODE' && node.code) return node.code;
  return undefined;
}

/** The first measured value of these items. */
export function measuredIn(nodes: readonly SrNode[]): Measured | undefined {
  for (const node of nodes) if (node.type === 'NUM' && node.measured) return node.measured;
  return undefined;
}

/** The first date, time or both of these items, as DICOM writes it. */
export function dateTimeIn(nodes: readonly SrNode[]): string | undefined {
  for (const node of nodes) if ((node.type === 'DATETIME' || node.type === 'DATE') && node.at) return node.at;
  return undefined;
}

function isOf(node: SrNode, concepts: readonly Code[]): boolean {
  return concepts.some((concept) => isSameCode(node.concept, concept));
}

function valueOf(item: Dataset): SrValue {
  const valueType = item.text('ValueType');
  switch (valueType) {
    case undefined: {
      const place = item.texts('ReferencedContentItemIdentifier').map(Number);
      return place.length > 0 ? { type: 'BY-REFERENCE', place } : { type: 'OTHER', valueType: '' };
    }
    case 'CONTAINER': {
      const template = item.items('ContentTemplateSequence')[0]?.text('TemplateIdentifier');
      return { type: valueType, ...(template ? { template } : {}) };
    }
    case 'TEXT':
      return { type: valueType, text: item.text('TextValue') };
    case 'CODE':
      return { type: valueType, code: codeFrom(item.items('ConceptCodeSequence')[0]) };
    case 'NUM':
      return {
        type: valueType,
        measured: measuredFrom(item),
        qualifier: codeFrom(item.items('NumericValueQualifierCodeSequence')[0]),
      };
    case 'DATETIME':
      return { type: valueType, at: item.text('DateTime') };
    case 'DATE':
      return { type: valueType, at: item.text('Date') };
    case 'TIME':
      return { type: valueType, at: item.text('Time') };
    case 'UIDREF':
      return { type: valueType, uid: item.text('UID') };
    case 'PNAME':
      return { type: valueType, name: item.text('PersonName') };
    case 'IMAGE':
    case 'COMPOSITE':
    case 'WAVEFORM': {
      const reference = item.items('ReferencedSOPSequence')[0];
      return {
        type: valueType,
        sopClassUid: reference?.text('ReferencedSOPClassUID'),
        sopInstanceUid: reference?.text('ReferencedSOPInstanceUID'),
      };
    }
    default:
      return { type: 'OTHER', valueType };
  }
}

/** Undefined without a number or without a unit: a number alone measures nothing. Of several numbers none is the value. */
function measuredFrom(item: Dataset): Measured | undefined {
  const [measured] = item.items('MeasuredValueSequence');
  const unit = codeFrom(measured?.items('MeasurementUnitsCodeSequence')[0]);
  // The decimal string is cut to 16 characters; where it had to be, the double beside it is exact (PS3.3 table C.18.1-1).
  const written = measured && measured.texts('NumericValue').length === 1 ? measured.number('NumericValue') : undefined;
  const value = measured?.number('FloatingPointValue') ?? written;
  return unit && value !== undefined ? { value, unit } : undefined;
}

function tooMuch(what: string) {
  return fail('field-invalid', what, { field: 'ContentSequence' });
}
