import type { Vr } from './dictionary.js';

/** VRs whose explicit form has a 32-bit length after two reserved bytes (PS3.5 table 7.1-1). */
export const longForm: ReadonlySet<string> = new Set('OB OD OF OL OV OW SQ SV UC UN UR UT UV'.split(' '));

/** VRs written in the Specific Character Set (PS3.5 §6.1.2.2); all other texts are ASCII. */
export const characterSetApplies: ReadonlySet<string> = new Set('LO LT PN SH ST UC UT'.split(' '));

/** Texts that are one value even if they hold a backslash. */
export const singleText: ReadonlySet<string> = new Set('LT ST UT UR'.split(' '));

/** VRs kept as bytes. */
export const byteVrs: ReadonlySet<string> = new Set('OB OD OF OL OV OW UN SV UV'.split(' '));

/** Texts whose leading spaces mean nothing either. */
export const trimmedInFront: ReadonlySet<string> = new Set('AE AS CS DS IS LO PN SH'.split(' '));

/** Bytes of one value of a binary number VR, and how it is read and written. */
export const numberVrs: Readonly<Record<string, NumberVr>> = {
  US: { size: 2, read: (b, at) => b.readUInt16LE(at), write: (b, v, at) => b.writeUInt16LE(v, at) },
  SS: { size: 2, read: (b, at) => b.readInt16LE(at), write: (b, v, at) => b.writeInt16LE(v, at) },
  UL: { size: 4, read: (b, at) => b.readUInt32LE(at), write: (b, v, at) => b.writeUInt32LE(v, at) },
  SL: { size: 4, read: (b, at) => b.readInt32LE(at), write: (b, v, at) => b.writeInt32LE(v, at) },
  FL: { size: 4, read: (b, at) => b.readFloatLE(at), write: (b, v, at) => b.writeFloatLE(v, at) },
  FD: { size: 8, read: (b, at) => b.readDoubleLE(at), write: (b, v, at) => b.writeDoubleLE(v, at) },
  AT: {
    size: 4,
    read: (b, at) => b.readUInt16LE(at) * 0x10000 + b.readUInt16LE(at + 2),
    write: (b, v, at) => b.writeUInt16LE(v % 0x10000, b.writeUInt16LE(Math.floor(v / 0x10000), at)),
  },
};

interface NumberVr {
  size: number;
  read(buffer: Buffer, at: number): number;
  write(buffer: Buffer, value: number, at: number): number;
}

const all: ReadonlySet<string> = new Set([
  ...'AE AS CS DA DS DT IS SQ TM UI'.split(' '),
  ...Object.keys(numberVrs),
  ...characterSetApplies,
  ...byteVrs,
  'UR',
]);

/** Whether two letters are a VR of PS3.5. */
export function isVr(letters: string): letters is Vr {
  return all.has(letters);
}
