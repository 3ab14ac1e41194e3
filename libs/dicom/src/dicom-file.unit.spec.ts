import { describe, expect, it } from '@jest/globals';
import { Dataset } from './dataset.js';
import { decodeDataset } from './dataset-decoder.js';
import { encodeDicomFile } from './dicom-file.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';

describe('A DICOM file', () => {
  it('has a preamble, its meta information with its length, and the data set', () => {
    const dataset = Dataset.of({ PatientName: '山田^太郎', PatientID: '700004' });
    const file = encodeDicomFile(dataset, { sopClassUid: '1.2.3', sopInstanceUid: '2.25.4' });
    expect([file.subarray(0, 128).every((byte) => byte === 0), file.toString('latin1', 128, 132)]).toEqual([
      true,
      'DICM',
    ]);
    // (0002,0000) counts the bytes behind itself (PS3.10 table 7.1-1).
    const end = 132 + 12 + file.readUInt32LE(132 + 8);
    const meta = decodeDataset(file.subarray(132, end), explicitVrLittleEndian);
    expect([0x00020002, 0x00020003, 0x00020010].map((tag) => meta.text(tag))).toEqual([
      '1.2.3',
      '2.25.4',
      explicitVrLittleEndian,
    ]);
    expect(meta.bytes(0x00020001)).toEqual(Buffer.from([0, 1]));
    const read = decodeDataset(file.subarray(end), explicitVrLittleEndian);
    expect([read.text('PatientName'), read.text('SpecificCharacterSet')]).toEqual(['山田^太郎', 'ISO_IR 192']);
  });
});
