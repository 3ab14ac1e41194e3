import table from './dictionary.json' with { type: 'json' };

/** An attribute by its PS3.6 keyword, of those Collimator speaks of. */
export type Keyword = keyof typeof table;

/** Value representation (PS3.5 §6.2). */
export type Vr =
  | 'AE'
  | 'AS'
  | 'AT'
  | 'CS'
  | 'DA'
  | 'DS'
  | 'DT'
  | 'FD'
  | 'FL'
  | 'IS'
  | 'LO'
  | 'LT'
  | 'OB'
  | 'OD'
  | 'OF'
  | 'OL'
  | 'OV'
  | 'OW'
  | 'PN'
  | 'SH'
  | 'SL'
  | 'SQ'
  | 'SS'
  | 'ST'
  | 'SV'
  | 'TM'
  | 'UC'
  | 'UI'
  | 'UL'
  | 'UN'
  | 'UR'
  | 'US'
  | 'UT'
  | 'UV';

/** What the dictionary says of one attribute; the tag is group and element as one number: (0010,0010) = 0x00100010. */
export interface Attribute {
  keyword: Keyword;
  tag: number;
  vr: Vr;
}

const attributes = (Object.entries(table) as [Keyword, [string, Vr]][]).map(([keyword, [hex, vr]]): Attribute => ({
  keyword,
  tag: Number.parseInt(hex, 16),
  vr,
}));
const byKeyword = new Map(attributes.map((attribute) => [attribute.keyword, attribute]));
const byTag = new Map(attributes.map((attribute) => [attribute.tag, attribute]));

/** The attribute with this keyword. */
export function attributeOf(keyword: Keyword): Attribute {
  return byKeyword.get(keyword) as Attribute;
}

/** The tag of a keyword. */
export function tagOf(keyword: Keyword): number {
  return attributeOf(keyword).tag;
}

/** The attribute with this tag, or undefined for one the dictionary does not hold (private ones are never held). */
export function attributeAt(tag: number): Attribute | undefined {
  return byTag.get(tag);
}

/** How a tag is named in messages: its keyword, or `(gggg,eeee)`. Never shows a value. */
export function nameOfTag(tag: number): string {
  const hex = tag.toString(16).padStart(8, '0').toUpperCase();
  return byTag.get(tag)?.keyword ?? `(${hex.slice(0, 4)},${hex.slice(4)})`;
}
