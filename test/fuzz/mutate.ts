/** A small generator of numbers (xorshift32): the same seed gives the same run on every machine. */
export class Chance {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
  }

  /** A whole number from 0 up to, not including, the limit. */
  below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state % limit;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}

type Mutation = (message: Buffer, chance: Chance, corpus: readonly Buffer[]) => Buffer;

const CR = '\r';
/** What tends to be read wrong in a field. */
const values = [
  '""',
  '\\',
  '\\X',
  '\\XZZ\\',
  '\\X41\\\\X42\\',
  '\\.br\\',
  '^^^^',
  '~~~~',
  '&&&&',
  '20261399',
  '2026',
  '99999999999999',
  '-1',
  '1e9',
  '\0',
  'ÿ',
  '😀',
  '__proto__',
  'constructor',
  'toString',
  '%s',
  "'; --",
  ' ',
  '0'.repeat(400),
];
const sets = ['UNICODE UTF-8', '8859/1', '8859/5', 'ISO IR87', 'ASCII', 'UNICODE', 'NONE'];

/** A mutation of the text, kept in latin1 so that no byte is lost. */
const ofText =
  (change: (text: string, chance: Chance) => string): Mutation =>
  (message, chance) =>
    Buffer.from(change(message.toString('latin1'), chance), 'latin1');
const ofSegments = (change: (segments: string[], chance: Chance) => string[]) =>
  ofText((text, chance) => change(text.split(CR), chance).join(CR));
const ofField = (change: (field: string, chance: Chance) => string) =>
  ofSegments((segments, chance) => {
    const at = chance.below(segments.length);
    const fields = segments[at]!.split('|');
    const index = chance.below(fields.length);
    fields[index] = change(fields[index]!, chance);
    return segments.with(at, fields.join('|'));
  });

const mutations: Mutation[] = [
  (message, chance) => {
    const copy = Buffer.from(message);
    for (let flips = 1 + chance.below(8); flips > 0 && copy.length > 0; flips--)
      copy[chance.below(copy.length)]! ^= 1 << chance.below(8);
    return copy;
  },
  (message, chance) => message.subarray(0, chance.below(message.length + 1)),
  (message, chance) => message.subarray(chance.below(message.length + 1)),
  (message, chance) => {
    const at = chance.below(message.length + 1);
    const noise = Buffer.from(Array.from({ length: 1 + chance.below(16) }, () => chance.below(256)));
    return Buffer.concat([message.subarray(0, at), noise, message.subarray(at)]);
  },
  (message, chance, corpus) => {
    const other = chance.of(corpus);
    return Buffer.concat([
      message.subarray(0, chance.below(message.length + 1)),
      other.subarray(chance.below(other.length + 1)),
    ]);
  },
  ofSegments((segments, chance) => segments.toSpliced(chance.below(segments.length), 0, chance.of(segments))),
  ofSegments((segments, chance) => segments.toSpliced(chance.below(segments.length), 1)),
  ofSegments((segments, chance) => {
    const [a, b] = [chance.below(segments.length), chance.below(segments.length)];
    return segments.with(a, segments[b]!).with(b, segments[a]!);
  }),
  ofSegments((segments, chance) => Array.from({ length: 1 + chance.below(40) }, () => chance.of(segments))),
  ofText((text, chance) =>
    text.replaceAll(chance.of(['|', '^', '~', '&', '\\', CR]), chance.of(['|', '^', '~', '&', '\\', CR, ''])),
  ),
  ofText((text, chance) =>
    text.replace(/^(MSH(?:\|[^|\r]*){16}\|)[^|\r]*/, (_, before: string) => before + chance.of(sets)),
  ),
  ofText((text, chance) =>
    text.replace(
      /\|(ORM|OMG|OMI|ADT|ORU|SIU|MDM)\^[AORST]\d\d/,
      () =>
        `|${chance.of(['ORM^O01', 'OMI^O23', 'ADT^A40', 'ADT^A08', 'ORU^R01', 'MDM^T02', 'MDM^T06', 'ADT^A01', 'SIU^S12', 'SIU^S15'])}`,
    ),
  ),
  ofField((_, chance) => chance.of(values)),
  ofField((field, chance) => field.repeat(1 + chance.below(50))),
  ofField((field, chance) => Array.from({ length: chance.below(200) }, () => field).join(chance.of(['~', '^', '&']))),
  ofField((field, chance) => field + 'x'.repeat(chance.below(20_000))),
  ofField((field, chance) => chance.of(['\\F\\', '\\E', '\\X0D\\', '\\X1C0D\\', '\\Z1\\']) + field),
];

/** One message changed in one to three ways. */
export function mutate(message: Buffer, chance: Chance, corpus: readonly Buffer[]): Buffer {
  let changed = message;
  for (let times = 1 + chance.below(3); times > 0; times--) changed = chance.of(mutations)(changed, chance, corpus);
  return changed;
}
