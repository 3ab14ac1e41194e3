import type { DiagnosticReport } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { systems, typedIdentifier, uuidFrom } from '#fhir';
import { ofTable, type Sender, type Site } from '#platform';
import { compact, conceptFromCwe, dateTimeFrom, entityFromEi, personFromNdl } from './data-types.js';
import { fhirDateTime } from './date-time.js';
import { assertSends, missing, missingSegment, senderSystem, surroundingsOf } from './envelope.js';
import { patientFrom } from './patient.js';

import statuses from './tables/report-status.json' with { type: 'json' };

/** What a report message says. The identifiers of the report are its own first, then those of its order (PLAC, ACSN). */
export interface ReportMessage {
  patientId: string;
  report: DiagnosticReport;
}

/** LOINC codes and local abbreviations of the part of a report that concludes it. */
const impression = /^(19005-8|IMP|IMPRESSION)$/i;

/** OBX-3 says so by its code, or by the suffix HL7 v2.5.1 section 7.1.2 puts behind a code (`71020&IMP`). */
function isImpression(obx: Segment): boolean {
  return [obx.get(3, 1), obx.get(3, 1, 2)].some((code) => code !== undefined && impression.test(code));
}

/**
 * Reads ORU^R01 from a reporting system (IG message map ORU_R01, segment map OBR[DiagnosticReport]). The report's text
 * is its OBX of types TX, FT and ST in order; an impression becomes the conclusion.
 *
 * @throws Hl7Refusal naming the field at fault
 */
export function reportFromMessage(message: Hl7Message, sender: Sender, site: Site): ReportMessage {
  assertSends(sender, 'reports', message);
  const patient = patientFrom(message, sender, site);
  const around = surroundingsOf(sender, site);
  const [obr, second] = message.all('OBR');
  if (!obr) throw missingSegment('OBR');
  // Its text would else be taken for the first one's, and its order would never get a report.
  if (second) throw contentError(100, 'a second OBR follows: send one report a message', second.at(4));
  if (!obr.get(25)) throw missing('OBR', 25, 'result status');
  const status = ofTable(statuses, obr.get(25));
  if (!status)
    throw contentError(103, `OBR-25 must be a code of table 0123: ${Object.keys(statuses).join(', ')}`, obr.at(25));
  const placer = entityFromEi(obr, 2, around) ?? entityFromEi(message.first('ORC'), 2, around);
  const filler = entityFromEi(obr, 3, around);
  const accessionNumber = obr.get(18) ?? message.first('IPC')?.get(1);
  const own = filler ?? placer ?? (accessionNumber ? { value: accessionNumber, system: undefined } : undefined);
  if (!own) throw missing('OBR', 3, 'filler order number, or OBR-2 or OBR-18,');
  const system = own.system ?? senderSystem(sender);
  const texts = message.all('OBX').filter((obx) => ['TX', 'FT', 'ST'].includes(obx.get(2) ?? ''));
  const text = linesOf(texts);
  return {
    patientId: patient.id!,
    report: compact<DiagnosticReport>({
      resourceType: 'DiagnosticReport',
      id: uuidFrom('DiagnosticReport', system, own.value),
      identifier: [
        typedIdentifier('FILL', system, own.value),
        ...(placer ? [typedIdentifier('PLAC', placer.system, placer.value)] : []),
        ...(accessionNumber ? [typedIdentifier('ACSN', systems.accessionNumber, accessionNumber)] : []),
      ],
      status: status as DiagnosticReport['status'],
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'RAD' }] }],
      code: conceptFromCwe(obr, 4) ?? { text: 'Diagnostic imaging report' },
      subject: { reference: `Patient/${patient.id}` },
      effectiveDateTime: dateTimeFrom(obr, 7, around),
      issued: instantOf(obr, around.zone),
      resultsInterpreter: [personFromNdl(obr, 32)].filter((one) => one !== undefined),
      conclusion: linesOf(texts.filter(isImpression)) || undefined,
      presentedForm: text ? [{ contentType: 'text/plain; charset=utf-8', data: Buffer.from(text).toString('base64') }] : [], // prettier-ignore
    }),
  };
}

function linesOf(observations: Segment[]): string {
  return observations
    .flatMap((obx) => Array.from({ length: obx.repetitions(5) }, (_, index) => obx.text(5, index + 1) ?? ''))
    .join('\n');
}

/** OBR-22. FHIR wants an instant: a time known less exactly than to the minute is left out rather than made up. */
function instantOf(obr: Segment, zone: string): string | undefined {
  const text = obr.get(22);
  return text && /^\d{12}/.test(text) ? fhirDateTime(text, zone, obr.at(22)) : undefined;
}
