import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Dataset, type DatasetInput } from './dataset.js';
import { datasetFromJson, datasetToJson } from './dicom-json.js';
import { rejectionNoteFrom, rejectionReasons, type RejectionReason } from './rejection-note.js';
import { sopClasses } from './uids.js';

const references = (uids: string[]) =>
  uids.map((uid) => ({ ReferencedSOPClassUID: '1.9', ReferencedSOPInstanceUID: uid }));
/** A Key Object Selection document; evidence is by study. */
const aNote = (
  title: string,
  content: string[],
  evidence: Record<string, string[]>,
  changes: DatasetInput = {},
  scheme = 'DCM',
): Dataset =>
  Dataset.of({
    SOPClassUID: sopClasses.keyObjectSelection,
    SOPInstanceUID: '1.5.1',
    StudyInstanceUID: '1.5',
    Modality: 'KO',
    ConceptNameCodeSequence: [{ CodeValue: title, CodingSchemeDesignator: scheme, CodeMeaning: 'a title' }],
    CurrentRequestedProcedureEvidenceSequence: Object.entries(evidence).map(([study, uids]) => ({
      StudyInstanceUID: study,
      ReferencedSeriesSequence: [{ SeriesInstanceUID: `${study}.1`, ReferencedSOPSequence: references(uids) }],
    })),
    ContentSequence: content.map((uid) => ({
      RelationshipType: 'CONTAINS',
      ValueType: 'IMAGE',
      ReferencedSOPSequence: references([uid]),
    })),
    ...changes,
  });

describe('a rejection note', () => {
  it.each(Object.keys(rejectionReasons) as RejectionReason[])(
    'with title %s says what is rejected, by study',
    (reason) => {
      expect(
        rejectionNoteFrom(aNote(reason, ['1.5.1.1', '1.6.1.1'], { '1.5': ['1.5.1.1'], '1.6': ['1.6.1.1'] })),
      ).toEqual({
        sopInstanceUid: '1.5.1',
        studyInstanceUid: '1.5',
        reason,
        instances: [
          { sopInstanceUid: '1.5.1.1', studyInstanceUid: '1.5' },
          { sopInstanceUid: '1.6.1.1', studyInstanceUid: '1.6' },
        ],
      });
    },
  );

  it('says what is wrong with the images, and when it was written', () => {
    const code = (value: string, scheme = 'DCM') => [{ CodeValue: value, CodingSchemeDesignator: scheme }];
    const modifier = (name: string, value: string, scheme?: string) => ({
      ValueType: 'CODE',
      ConceptNameCodeSequence: code(name),
      ConceptCodeSequence: code(value, scheme),
    });
    const note = (...content: DatasetInput[]) =>
      rejectionNoteFrom(
        aNote(
          '113001',
          [],
          { '1.5': ['1.5.1.1'] },
          { ContentDate: '20260302', ContentTime: '101500', ContentSequence: content },
        ),
      )!;
    expect(note(modifier('113011', '111209'))).toMatchObject({
      qualityReason: '111209',
      writtenAt: '2026-03-02T10:15:00',
      instances: [{ sopInstanceUid: '1.5.1.1' }],
    });
    expect(note(modifier('113012', '111209')).qualityReason).toBeUndefined();
    expect(note(modifier('113011', '111209', '99SGH')).qualityReason).toBeUndefined();
  });

  it('rejects what its content refers to only, else its evidence', () => {
    const evidence = { '1.5': ['1.5.1.1', '1.5.1.2'] };
    const rejected = (note: Dataset) => rejectionNoteFrom(note)!.instances.map(({ sopInstanceUid }) => sopInstanceUid);
    expect(rejected(aNote('113001', ['1.5.1.2'], evidence))).toEqual(['1.5.1.2']);
    expect(rejected(aNote('113001', [], evidence))).toEqual(['1.5.1.1', '1.5.1.2']);
    expect(rejected(aNote('113001', [], {}))).toEqual([]);
  });

  it.each<[string, Dataset]>([
    ['of another title, such as Of Interest', aNote('113000', ['1.5.1.1'], {})],
    ['whose title is a name of every object', aNote('constructor', ['1.5.1.1'], {})],
    ['whose title is of another scheme', aNote('113001', ['1.5.1.1'], {}, {}, '99LOCAL')],
    ['without a title', aNote('113001', ['1.5.1.1'], {}, { ConceptNameCodeSequence: [] })],
    ['of another class', aNote('113001', ['1.5.1.1'], {}, { SOPClassUID: '1.9' })],
    ['without its own UID', aNote('113001', ['1.5.1.1'], {}, { SOPInstanceUID: '' })],
  ])('is no document %s', (_case, document) => expect(rejectionNoteFrom(document)).toBeUndefined());

  it('is the same read from DICOM JSON, whatever its size', () => {
    const uids = fc.uniqueArray(
      fc.nat(100_000).map((n) => `1.5.1.${n}`),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(uids, (rejected) => {
        const note = aNote('113037', rejected, { '1.5': rejected });
        const read = datasetFromJson(JSON.parse(JSON.stringify(datasetToJson(note))), {
          depth: 12,
          mostElements: 200_000,
        });
        expect(rejectionNoteFrom(read)).toEqual(rejectionNoteFrom(note));
        expect(rejectionNoteFrom(read)!.instances).toHaveLength(rejected.length);
      }),
      { numRuns: 25 },
    );
  });
});
