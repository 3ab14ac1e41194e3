import { Dataset } from './dataset.js';
import { encodeDataset, type EncodeOptions } from './dataset-encoder.js';
import { explicitVrLittleEndian } from './transfer-syntax.js';

/** Names this implementation in files (PS3.10 section 7.1); of the UUID space, so nobody else has it. */
const IMPLEMENTATION_CLASS_UID = '2.25.309021350671493203254116893171436022387';

/**
 * Writes a data set as a DICOM file (PS3.10 section 7): preamble, file meta information, then the data set in Explicit
 * VR Little Endian.
 *
 * @throws Failure `field-invalid` naming the element that cannot be written
 */
export function encodeDicomFile(
  dataset: Dataset,
  { sopClassUid, sopInstanceUid, ...options }: EncodeOptions & { sopClassUid: string; sopInstanceUid: string },
): Buffer {
  const bytes = encodeDataset(dataset, explicitVrLittleEndian, options);
  return dicomFileOf(bytes, { sopClassUid, sopInstanceUid, transferSyntax: explicitVrLittleEndian });
}

/** A data set that is encoded already as a DICOM file, its bytes as they are. */
export function dicomFileOf(
  bytes: Buffer,
  { sopClassUid, sopInstanceUid, transferSyntax }: Record<'sopClassUid' | 'sopInstanceUid' | 'transferSyntax', string>,
): Buffer {
  const meta = new Dataset();
  meta.put({ tag: 0x00020001, vr: 'OB', values: Buffer.from([0, 1]) });
  const uids = [
    [0x00020002, sopClassUid],
    [0x00020003, sopInstanceUid],
    [0x00020010, transferSyntax],
    [0x00020012, IMPLEMENTATION_CLASS_UID],
  ] as const;
  for (const [tag, uid] of uids) meta.put({ tag, vr: 'UI', values: [uid] });
  const body = encodeDataset(meta, explicitVrLittleEndian);
  const length = new Dataset().put({ tag: 0x00020000, vr: 'UL', values: [body.length] });
  return Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    encodeDataset(length, explicitVrLittleEndian),
    body,
    bytes,
  ]);
}
