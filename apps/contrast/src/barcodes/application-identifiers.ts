/** What one application identifier (AI) announces. */
export interface ApplicationIdentifier {
  /** The AI as the table has it; `n` stands for the digit that says where the decimal point is. */
  ai: string;
  /** Fewest and most characters of its value. */
  least: number;
  most: number;
  numeric: boolean;
}

/**
 * The application identifiers that are read (GS1 General Specifications, section 3.2, figure "GS1 Application
 * Identifiers"): all that stand on medicines, and the common ones of trade beside them. `n6` is six digits, `an..20` up to
 * twenty characters.
 */
const rows: readonly (readonly [string, string])[] = [
  ['00', 'n18'],
  ['01', 'n14'],
  ['02', 'n14'],
  ['10', 'an..20'],
  ['11', 'n6'],
  ['12', 'n6'],
  ['13', 'n6'],
  ['15', 'n6'],
  ['16', 'n6'],
  ['17', 'n6'],
  ['20', 'n2'],
  ['21', 'an..20'],
  ['22', 'an..20'],
  ['235', 'an..28'],
  ['240', 'an..30'],
  ['241', 'an..30'],
  ['242', 'n..6'],
  ['243', 'an..20'],
  ['250', 'an..30'],
  ['251', 'an..30'],
  ['254', 'an..20'],
  ['30', 'n..8'],
  ['310n', 'n6'],
  ['311n', 'n6'],
  ['312n', 'n6'],
  ['313n', 'n6'],
  ['314n', 'n6'],
  ['315n', 'n6'],
  ['316n', 'n6'],
  ['320n', 'n6'],
  ['330n', 'n6'],
  ['335n', 'n6'],
  ['356n', 'n6'],
  ['357n', 'n6'],
  ['360n', 'n6'],
  ['361n', 'n6'],
  ['37', 'n..8'],
  ['400', 'an..30'],
  ['410', 'n13'],
  ['411', 'n13'],
  ['412', 'n13'],
  ['413', 'n13'],
  ['414', 'n13'],
  ['415', 'n13'],
  ['416', 'n13'],
  ['417', 'n13'],
  ['422', 'n3'],
  ['426', 'n3'],
  ['710', 'an..20'],
  ['711', 'an..20'],
  ['712', 'an..20'],
  ['713', 'an..20'],
  ['714', 'an..20'],
  ['715', 'an..20'],
  ['7003', 'n10'],
  ['7004', 'n..4'],
  ['7006', 'n6'],
  ['8008', 'n..12'],
  ['8012', 'an..20'],
  ['90', 'an..30'],
  ['91', 'an..90'],
  ['92', 'an..90'],
  ['93', 'an..90'],
  ['94', 'an..90'],
  ['95', 'an..90'],
  ['96', 'an..90'],
  ['97', 'an..90'],
  ['98', 'an..90'],
  ['99', 'an..90'],
];

/**
 * Values that end without a separator, by the first two digits of their AI (section 7.8.5, "Predefined-length"): all
 * others go on to the next FNC1, or to the end.
 */
const predefined = /^(0[0-4]|1[1-9]|20|3[1-6]|41)/;

const identifiers = new Map(rows.map(([ai, format]) => [ai, identifierOf(ai, format)]));

/** The AI a text begins with, as it is written there (`3152`), and what it announces; undefined if none is known. */
export function identifierAt(text: string): { ai: string; of: ApplicationIdentifier } | undefined {
  for (const length of [2, 3, 4]) {
    const ai = text.slice(0, length);
    const of = ai.length === length && (identifiers.get(ai) ?? identifiers.get(ai.replace(/^(3\d\d)[0-5]$/, '$1n')));
    if (of) return { ai, of };
  }
  return undefined;
}

/** True for an AI whose value ends by itself. */
export function endsByItself(ai: string): boolean {
  return predefined.test(ai);
}

function identifierOf(ai: string, format: string): ApplicationIdentifier {
  const [, kind, upTo, length] = /^(a?n)(\.\.)?(\d+)$/.exec(format)!;
  return { ai, least: upTo ? 1 : Number(length), most: Number(length), numeric: kind === 'n' };
}
