import type { WorklistLine } from './scanner.js';

/** A few small CT images (16 × 16 pixels of a disc) that carry what the worklist said (DICOM PS3.3 section A.3). */
export function ctImages(
  line: Pick<WorklistLine, 'patientName' | 'patientId' | 'accessionNumber' | 'studyInstanceUid' | 'procedure'>,
  { seriesInstanceUid, sopInstanceUids }: { seriesInstanceUid: string; sopInstanceUids: string[] },
): Record<string, unknown>[] {
  const now = new Date().toISOString();
  const [date, time] = [now.slice(0, 10).replaceAll('-', ''), now.slice(11, 19).replaceAll(':', '')];
  return sopInstanceUids.map((sopInstanceUid, index) => ({
    SpecificCharacterSet: 'ISO_IR 192',
    ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
    SOPInstanceUID: sopInstanceUid,
    StudyDate: date,
    StudyTime: time,
    AccessionNumber: line.accessionNumber,
    Modality: 'CT',
    StudyDescription: line.procedure,
    SeriesDescription: 'Axial',
    PatientName: line.patientName,
    PatientID: line.patientId,
    StudyInstanceUID: line.studyInstanceUid,
    SeriesInstanceUID: seriesInstanceUid,
    StudyID: '1',
    SeriesNumber: '1',
    InstanceNumber: String(index + 1),
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: 16,
    Columns: 16,
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    RescaleIntercept: '-1024',
    RescaleSlope: '1',
    PixelData: [disc()],
    _vrMap: { PixelData: 'OW' },
  }));
}

function disc(): ArrayBuffer {
  const pixels = new Uint16Array(256);
  for (let n = 0; n < pixels.length; n++)
    pixels[n] = ((n % 16) - 8) ** 2 + (Math.floor(n / 16) - 8) ** 2 < 40 ? 1064 : 24;
  return pixels.buffer;
}
