import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, DocumentReference, Observation } from 'fhir/r4.js';
import { parseMessage } from '#hl7v2';
import { documentFromMessage, type DocumentMessage } from '#mapping';
import { anMdmMessage, site } from '#testing';
import { decideDocument, reportIdOf, type DocumentKnown } from './document.decider.js';
import { decideReport } from './report.decider.js';

type Parts = Parameters<typeof anMdmMessage>[0];
const sender = site().senders.find(({ application }) => application === 'RIS-REPORTS')!;
const read = (parts: Parts): DocumentMessage => documentFromMessage(parseMessage(anMdmMessage(parts)), sender, site());
const textOf = ({ data }: { data?: string }) => Buffer.from(data ?? '', 'base64').toString();

/** What is stored after these messages, one after the other. */
function after(...messages: Parts[]): { documents: DocumentReference[]; report?: DiagnosticReport; told: string[] } {
  const documents = new Map<string, DocumentReference>();
  const reports = new Map<string, DiagnosticReport>();
  const told: string[] = [];
  let last: string | undefined;
  for (const parts of messages) {
    const stated = read(parts);
    const parentId = stated.document.relatesTo?.[0]?.target.reference?.split('/')[1];
    const [document, parent] = [documents.get(stated.document.id!), documents.get(parentId ?? '')];
    const found = { ...(document && { document }), ...(parent && { parent }) };
    last = reportIdOf(found, stated);
    const current = reports.get(last);
    const known: DocumentKnown = { ...found, ...(current && { report: current }) };
    const decision = decideDocument(known, stated);
    for (const one of decision.documents) documents.set(one.id!, one);
    const report = decision.report && decideReport(current, decision.report, { orders: [] });
    if (!report) continue;
    reports.set(last, report);
    told.push(`${report.status}: ${(report.presentedForm ?? []).map(textOf).join(' + ')}`);
  }
  const report = reports.get(last!);
  return { documents: [...documents.values()], told, ...(report ? { report } : {}) };
}

describe('A document', () => {
  it.each<[string, Parts[], string[]]>([
    ['is the report it is of', [{}], ['final: No abnormality.']],
    [
      'goes on from dictated to authenticated',
      [
        { status: 'DI', text: 'a' },
        { event: 'T04', time: '20260302120000', text: 'a' },
      ],
      ['preliminary: a', 'final: a'],
    ],
    [
      'keeps its content where only its status is told',
      [
        { status: 'DI', text: 'a' },
        { event: 'T03', text: '' },
      ],
      ['preliminary: a', 'final: a'],
    ],
    [
      'is registered while there is nothing to be read of it',
      [{ event: 'T01', text: '' }, { text: 'a' }],
      ['registered: ', 'final: a'],
    ],
    [
      'that is authenticated by law as well has not changed',
      [{}, { event: 'T04', status: 'LA', time: '20260302120000' }],
      ['final: No abnormality.'],
    ],
    ['is corrected by an edit', [{ text: 'a' }, { event: 'T08', text: 'b' }], ['final: a', 'corrected: b']],
    [
      'has an addendum behind it',
      [{ text: 'a' }, { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' }],
      ['final: a', 'appended: a + b'],
    ],
    [
      'has an addendum of its addendum behind it',
      [
        { text: 'a' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' },
        { event: 'T06', number: 'DOC3', parent: 'DOC2', text: 'c' },
      ],
      ['final: a', 'appended: a + b', 'appended: a + b + c'],
    ],
    [
      'keeps its addendum when it is edited',
      [{ text: 'a' }, { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' }, { event: 'T08', text: 'c' }],
      ['final: a', 'appended: a + b', 'corrected: c + b'],
    ],
    [
      'has an edited addendum in its place',
      [
        { text: 'a' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' },
        { event: 'T08', number: 'DOC2', parent: 'DOC1', text: 'c' },
      ],
      ['final: a', 'appended: a + b', 'corrected: a + c'],
    ],
    [
      'loses an addendum that is taken back',
      [
        { text: 'a' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' },
        { event: 'T11', number: 'DOC2', parent: 'DOC1', text: '' },
      ],
      ['final: a', 'appended: a + b', 'corrected: a'],
    ],
    [
      'has no addendum that nobody authenticated, until somebody does',
      [
        { text: 'a' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', status: 'DI', text: 'b' },
        { event: 'T03', number: 'DOC2', parent: 'DOC1', text: '' },
      ],
      ['final: a', 'appended: a + b'],
    ],
    [
      'is told of an addendum once',
      [
        { text: 'a' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' },
      ],
      ['final: a', 'appended: a + b'],
    ],
    [
      'takes two addenda in whatever order they come',
      [
        { text: 'a' },
        { event: 'T06', number: 'DOC3', parent: 'DOC1', time: '20260304', text: 'c' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', time: '20260303', text: 'b' },
      ],
      ['final: a', 'appended: a + c', 'appended: a + c + b'],
    ],
    [
      'that is replaced is so in its report',
      [{ text: 'a' }, { event: 'T10', number: 'DOC2', parent: 'DOC1', text: 'b' }],
      ['final: a', 'corrected: b'],
    ],
    [
      'that replaces an addendum takes its place only',
      [
        { text: 'a' },
        { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' },
        { event: 'T10', number: 'DOC3', parent: 'DOC2', text: 'c' },
      ],
      ['final: a', 'appended: a + b', 'corrected: a + c'],
    ],
    ['that is cancelled is not to be read', [{ text: 'a' }, { event: 'T11', text: '' }], ['final: a', 'cancelled: ']],
    ['never goes back to preliminary', [{ text: 'a' }, { status: 'DI', text: 'late' }], ['final: a']],
    [
      'that was edited later is not undone by a version that comes late',
      [
        { text: 'a', time: '20260302130000' },
        { event: 'T08', text: 'late', time: '20260302120000' },
      ],
      ['final: a'],
    ],
    [
      'whose parent was never heard of is a report all the same',
      [{ event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' }],
      ['final: b'],
    ],
  ])('%s', (_what, messages, told) => {
    expect(after(...messages).told).toEqual(told);
  });

  it('says what became of it', () => {
    const statusesOf = (...messages: Parts[]) =>
      after(...messages).documents.map(({ status, docStatus }) => [status, docStatus]);
    expect(statusesOf({ text: 'a' }, { event: 'T08', text: 'b' })).toEqual([['current', 'amended']]);
    expect(statusesOf({ text: 'a' }, { event: 'T11', text: '' })).toEqual([['entered-in-error', 'entered-in-error']]);
    expect(statusesOf({ text: 'a' }, { event: 'T10', number: 'DOC2', parent: 'DOC1', text: 'b' })).toEqual([
      ['superseded', 'final'],
      ['current', 'final'],
    ]);
    expect(statusesOf({ event: 'T01', text: '' })).toEqual([]);
  });

  it('is as it was where a version comes late', () => {
    const late = { time: '20260302120000', text: 'late' };
    for (const parts of [
      { event: 'T08', ...late },
      { status: 'DI', text: 'late' },
    ]) {
      const { documents } = after({ text: 'a', time: '20260302130000' }, parts);
      expect(documents.map(({ docStatus, content }) => [docStatus, textOf(content[0]!.attachment)])).toEqual([
        ['final', 'a'],
      ]);
    }
  });

  it('is as it was where an addendum goes back to preliminary', () => {
    const addendum = { event: 'T06', number: 'DOC2', parent: 'DOC1' };
    const { documents } = after({ text: 'a' }, { ...addendum, text: 'b' }, { ...addendum, status: 'DI', text: 'late' });
    expect(documents[1]).toMatchObject({
      docStatus: 'final',
      content: [{ attachment: { data: Buffer.from('b').toString('base64') } }],
    });
  });

  it('that replaces an addendum leaves the conclusion of the report', () => {
    const concludes = ['OBX|2|TX|19005-8^Impression^LN||Normal.||||||F'];
    const addendum = { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' };
    const { report } = after({ extra: concludes }, addendum, {
      event: 'T10',
      number: 'DOC3',
      parent: 'DOC2',
      text: 'c',
    });
    expect(report!.conclusion).toBe('Normal.');
  });

  it('is known by its number beside those of its order, whichever version is the last', () => {
    const { report } = after(
      { number: 'A' },
      { event: 'T06', number: 'B', parent: 'A', text: 'b' },
      { event: 'T03', number: 'A', text: '' },
    );
    expect(report!.identifier!.map(({ value }) => value)).toEqual(['A', 'ORD1', 'B']);
  });

  it("is refused where its number, or its parent's, is that of another patient's document", () => {
    const [document] = after({}).documents;
    const others = { ...document!, subject: { reference: 'Patient/other' } };
    expect(() => decideDocument({ document: others }, read({}))).toThrow("another patient's document");
    expect(() => decideDocument({ parent: others }, read({ number: 'DOC2', parent: 'DOC1' }))).toThrow(
      "another patient's document",
    );
  });
});

describe('The findings of documents', () => {
  const found = (report: DiagnosticReport | undefined) =>
    ((report?.contained ?? []) as Observation[]).map(({ valueString }) => valueString);
  const addendum = { event: 'T06', number: 'DOC2', parent: 'DOC1', text: 'b' };

  it('are those of each document of a report, as each is now', () => {
    expect(found(after({ text: 'a' }, addendum).report)).toEqual(['a', 'b']);
    expect(found(after({ text: 'a' }, addendum, { event: 'T08', text: 'c' }).report)).toEqual(['b', 'c']);
    expect(found(after({ text: 'a' }, addendum, { ...addendum, event: 'T11', text: '' }).report)).toEqual(['a']);
    expect(found(after({ text: 'a' }, { event: 'T10', number: 'DOC2', parent: 'DOC1', text: 'b' }).report)).toEqual([
      'b',
    ]);
    expect(found(after({ text: 'a' }, addendum, { event: 'T11', text: '' }).report)).toEqual([]);
    const { contained = [], result = [] } = after({ text: 'a' }, addendum).report!;
    expect(result.map(({ reference }) => reference)).toEqual(contained.map(({ id }) => `#${id}`));
  });

  it('stay where only the status of their document is told', () => {
    expect(found(after({ status: 'DI', text: 'a' }, { event: 'T03', text: '' }).report)).toEqual(['a']);
  });
});
