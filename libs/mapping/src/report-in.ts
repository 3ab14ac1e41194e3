import type { DiagnosticReport, Reference } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { systems, typedIdentifier, uuidFrom } from '#fhir';
import { ofTable, type Sender, type Site } from '#platform';
import { compact, conceptFromCwe, dateTimeFrom, entityFromEi, instantFrom } from './data-types.js';
import { assertSends, missing, missingSegment, senderSystem, surroundingsOf } from './envelope.js';
import { interpretersFrom, participantsOf } from './participation.js';
import { patientFrom } from './patient.js';
import { contentOf } from './report-content.js';
import { personFromNdl } from './references.js';
import type { Surroundings } from './rows.js';
import statuses from './tables/report-status.json' with { type: 'json' };

/** What a report message says. The identifiers of the report are its own first, then those of its order (PLAC, ACSN). */
export interface ReportMessage {
  patientId: string;
  report: DiagnosticReport;
}

/**
 * Reads ORU^R01 from a reporting system (IG message map ORU_R01, segment map OBR[DiagnosticReport]); what it says is
 * in its OBX ({@link contentOf}).
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
  const { forms, conclusion } = contentOf(message.all('OBX'));
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
      ...timeOfExam(obr, around),
      issued: instantFrom(obr, 22, around),
      resultsInterpreter: interpretersOf(message, obr, around),
      conclusion,
      presentedForm: forms,
    }),
  };
}

/** OBR-7 and OBR-8: a period where its end is told. */
function timeOfExam(
  obr: Segment,
  around: Surroundings,
): Pick<DiagnosticReport, 'effectiveDateTime' | 'effectivePeriod'> {
  const [start, end] = [7, 8].map((field) => dateTimeFrom(obr, field, around));
  return end ? { effectivePeriod: compact({ start, end }) } : compact({ effectiveDateTime: start });
}

/** OBR-32, else the PRT behind OBR that took its place in version 2.7. */
function interpretersOf(message: Hl7Message, obr: Segment, around: Surroundings): Reference[] {
  const principal = personFromNdl(obr, 32);
  return principal ? [principal] : interpretersFrom(participantsOf(message).get(obr) ?? [], around);
}
