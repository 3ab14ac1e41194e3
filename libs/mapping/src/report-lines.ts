import type { DiagnosticReport } from 'fhir/r4.js';
import { writeSegment, type FieldValue } from '#hl7v2';
import contentTypes from './tables/content-types.json' with { type: 'json' };

/** Table 0123 and 0085 by DiagnosticReport.status. */
export const resultStatus: Record<DiagnosticReport['status'], string> = {
  registered: 'I',
  partial: 'R',
  preliminary: 'P',
  final: 'F',
  amended: 'C',
  corrected: 'C',
  appended: 'C',
  cancelled: 'X',
  'entered-in-error': 'X',
  unknown: 'I',
};

/** One OBX to be. */
export interface Line {
  type: 'ST' | 'TX' | 'NM' | 'ED' | 'RP';
  code: string;
  name: string;
  system: string;
  value: FieldValue;
  unit?: string;
  /** Part of the report, whose status it has. */
  isReport?: true;
}

/** The OBX of an order group or document. */
export function observationSegments(lines: readonly Line[], reportStatus: string): string[] {
  return lines.map((line, index) =>
    writeSegment('OBX', {
      1: String(index + 1),
      2: line.type,
      3: [line.code, line.name, line.system],
      4: String(index + 1),
      5: line.value,
      6: line.unit ? [line.unit, line.unit, 'UCUM'] : undefined,
      11: line.isReport ? reportStatus : 'F',
    }),
  );
}

/** A report as it is read: its texts, its other forms, its impression. */
export function reportLines(report: DiagnosticReport | undefined): Line[] {
  const ofReport = { code: '18748-4', name: 'Diagnostic imaging study', system: 'LN', isReport: true } as const;
  const lines: Line[] = [
    ...textOf(report).map((value): Line => ({ type: 'TX', value, ...ofReport })),
    ...formsOf(report).map((form): Line => ({ ...form, ...ofReport })),
  ];
  if (report?.conclusion)
    lines.push({ type: 'TX', code: '19005-8', name: 'Impression', system: 'LN', value: report.conclusion, isReport: true }); // prettier-ignore
  return lines;
}

/** Every text of a report in its order: its own, and what was added. */
function textOf(report: DiagnosticReport | undefined): string[] {
  const plain = (report?.presentedForm ?? []).filter(({ contentType }) => contentType?.startsWith('text/plain'));
  return plain.flatMap(({ data }) => (data ? [Buffer.from(data, 'base64').toString('utf8')] : []));
}

/** What of a report is no text, such as a PDF: encapsulated (ED), or where it is found (RP). */
function formsOf(report: DiagnosticReport | undefined): Pick<Line, 'type' | 'value'>[] {
  const others = (report?.presentedForm ?? []).filter(({ contentType }) => !contentType?.startsWith('text/plain'));
  return others.flatMap(({ contentType = '', data, url }): Pick<Line, 'type' | 'value'>[] => {
    const subtype = subtypes[contentType] ?? contentType;
    if (data) return [{ type: 'ED', value: ['', 'AP', subtype, 'Base64', data] }];
    return url ? [{ type: 'RP', value: [url, '', 'AP', subtype] }] : [];
  });
}

/** Table 0291 by MIME type; of several names the first one of the table counts. */
const subtypes: Record<string, string | undefined> = Object.fromEntries(Object.entries(contentTypes).reverse().map(([subtype, type]) => [type, subtype])); // prettier-ignore
