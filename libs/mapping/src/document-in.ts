import type { CodeableConcept, DiagnosticReport, DocumentReference, Identifier, Reference } from 'fhir/r4.js';
import { contentError, type Hl7Message, type Segment } from '#hl7v2';
import { systems, typedIdentifier, uuidFrom } from '#fhir';
import { ofTable, type Sender, type Site } from '#platform';
import { compact, conceptFromCwe, conceptOf, dateTimeFrom, entityFromEi, instantFrom, listOf } from './data-types.js';
import { missing, missingSegment, senderSystem, surroundingsOf } from './envelope.js';
import { patientFrom } from './patient.js';
import { findingsOf } from './report-findings.js';
import { contentOf, plainText, type ReportContent } from './report-content.js';
import { personFromNdl, personFromXcn } from './references.js';
import { applyRows, eachRepetition, row, type Row, type Surroundings } from './rows.js';
import availabilities from './tables/document-availability.json' with { type: 'json' };
import completions from './tables/document-status.json' with { type: 'json' };

/** The document messages that are read (HL7 table 0003). */
export const documentTypes = ['T01', 'T02', 'T03', 'T04', 'T06', 'T08', 'T10', 'T11'].map((event) => `MDM^${event}`);

/** Those that bring a document, not news of one. */
const withContent = ['MDM^T02', 'MDM^T06', 'MDM^T08', 'MDM^T10'];

/** What a document message says. */
export interface DocumentMessage {
  patientId: string;
  /** The document, without content where the message only brings news of it. */
  document: DocumentReference;
  /** The report it is, or is part of; its own number is first, then the document's, then those of its order (PLAC, ACSN). */
  report: DiagnosticReport;
  /** It is taken back (T11, or TXA-19 CA). */
  isCancelled: boolean;
}

/** IG segment map TXA[DocumentReference]. */
const documentRows: readonly Row<DocumentReference>[] = [
  row(2, 'type', (txa, field) => conceptFromCwe(txa, field)),
  row(6, 'date', (txa, field, around) => instantFrom(txa, field, around)),
  row(9, 'author', peopleFrom),
  row(10, 'authenticator', (txa, field, around) => personFromXcn(txa, field, around)),
  row(16, 'identifier', (txa, field) => (txa.get(field) ? [{ value: txa.get(field)! }] : undefined)),
  row(18, 'securityLabel', (txa, field) => listOf(conceptOf(txa, field, 'DocumentConfidentialityStatus'))),
  row(19, '_status', (txa, field) => {
    const code = txa.get(field);
    if (!code || code === 'AV') return undefined;
    const valueCodeableConcept = { coding: [{ system: `${systems.hl7Table}0273`, code }] };
    return { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/alternate-codes', valueCodeableConcept }] };
  }),
  row(
    25,
    'description',
    (txa, field) => eachRepetition(txa, field, (repetition) => txa.get(field, 1, 1, repetition)).join(' ') || undefined,
  ),
];

/**
 * Reads MDM from a dictation system (IG message map MDM_T02, segment maps TXA[DocumentReference], OBX[DocumentReference],
 * NTE[DocumentReference]; HL7 v2.5.1 section 9.6). The IG makes a document of it; the report it is of is ours, so that
 * it is filed as one of ORU^R01 is. A document that names a parent (TXA-13) belongs to its parent's report: it replaces
 * the parent with T10, else it is added.
 *
 * @throws Hl7Refusal naming the field at fault
 */
export function documentFromMessage(message: Hl7Message, sender: Sender, site: Site): DocumentMessage {
  const patient = patientFrom(message, sender, site);
  const around = surroundingsOf(sender, site);
  const [txa, second] = message.all('TXA');
  if (!txa) throw missingSegment('TXA');
  if (second) throw contentError(100, 'a second TXA follows: send one document a message', second.at(12));
  const numberIn = (field: number) => {
    const number = entityFromEi(txa, field, around);
    return number && { system: number.system ?? senderSystem(sender), value: number.value };
  };
  const own = numberIn(12);
  if (!own) throw missing('TXA', 12, 'unique document number');
  const named = numberIn(13);
  const parent = named && (named.value !== own.value || named.system !== own.system) ? named : undefined;
  const isCancelled = message.type === 'MDM^T11' || txa.get(19) === 'CA';
  const completion = completionOf(txa, isCancelled);
  const subject = { reference: `Patient/${patient.id}` };
  const { forms, conclusion } = contentIn(message, txa);
  const observations = observationsIn(message, txa);
  const root = parent ?? own;
  const reportId = uuidFrom('DiagnosticReport', root.system, root.value);
  const code = message.type === 'MDM^T10' ? ('replaces' as const) : ('appends' as const);
  const document: DocumentReference = {
    resourceType: 'DocumentReference',
    id: documentIdOf(own),
    masterIdentifier: own,
    status: isCancelled ? 'entered-in-error' : availabilityOf(txa),
    docStatus: isCancelled ? 'entered-in-error' : completion!,
    subject,
    ...compact(applyRows(documentRows, txa, around)),
    ...(parent ? { relatesTo: [{ code, target: { reference: `DocumentReference/${documentIdOf(parent)}` } }] } : {}),
    content: forms.map((attachment) => ({ attachment })),
    context: { related: [{ reference: `DiagnosticReport/${reportId}` }] },
  };
  return {
    patientId: patient.id!,
    document,
    report: compact<DiagnosticReport>({
      resourceType: 'DiagnosticReport',
      id: reportId,
      identifier: [root, ...(parent ? [own] : []), ...orderNumbersOf(message, txa, around)],
      status: isCancelled ? 'cancelled' : completion!,
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0074', code: 'RAD' }] }],
      code: codeOf(message.first('OBR'), txa),
      subject,
      effectiveDateTime: timeOfExam(message.first('OBR'), txa, around),
      issued: issuedOf(txa, around),
      resultsInterpreter: interpretersOf(message.first('OBR'), txa, around),
      ...findingsOf(observations, patient, around, findingsPrefixOf(documentIdOf(own))),
      conclusion,
      presentedForm: forms,
    }),
    isCancelled,
  };
}

/** What the findings of a document are known by within its report, beside those of other documents. */
export function findingsPrefixOf(documentId: string): string {
  return `document-${documentId.slice(0, 8)}`;
}

function documentIdOf({ system, value }: { system: string; value: string }): string {
  return uuidFrom('DocumentReference', system, value);
}

/** TXA-17, table 0271: what is not authenticated is preliminary. */
function completionOf(txa: Segment, isCancelled: boolean): 'preliminary' | 'final' | undefined {
  if (isCancelled) return undefined;
  if (!txa.get(17)) throw missing('TXA', 17, 'document completion status');
  const completion = ofTable(completions, txa.get(17));
  if (completion) return completion as 'preliminary' | 'final';
  throw contentError(103, `TXA-17 must be a code of table 0271: ${Object.keys(completions).join(', ')}`, txa.at(17));
}

/** TXA-19, table 0273: an obsolete document is superseded; one that is not available (yet) is there all the same. */
function availabilityOf(txa: Segment): DocumentReference['status'] {
  return (ofTable(availabilities, txa.get(19)) as DocumentReference['status'] | undefined) ?? 'current';
}

/** Those of the order stand before TXA. */
function observationsIn(message: Hl7Message, txa: Segment): Segment[] {
  return message.segments.slice(message.segments.indexOf(txa)).filter(({ name }) => name === 'OBX');
}

/** The OBX, and the NTE behind them. */
function contentIn(message: Hl7Message, txa: Segment): ReportContent {
  const behind = message.segments.slice(message.segments.indexOf(txa));
  const observations = observationsIn(message, txa);
  const content = contentOf(observations);
  const { forms } = content;
  if (forms.length === 0 && withContent.includes(message.type)) {
    if (!observations[0]) throw missingSegment('OBX');
    throw contentError(101, 'OBX-5 must hold the document: OBX-2 TX, FT, ST, ED or RP', observations[0].at(5));
  }
  const comments = behind.filter(({ name }) => name === 'NTE').flatMap(commentOf);
  return { ...content, forms: [...forms, ...comments.map(plainText)] };
}

/** NTE-3, and NTE-9 as the guide spells a coded comment. */
function commentOf(nte: Segment): string[] {
  const lines = eachRepetition(nte, 3, (repetition) => nte.text(3, repetition));
  const coded = eachRepetition(nte, 9, (repetition) => {
    const code = [1, 2, 3]
      .map((component) => nte.get(9, component, 1, repetition))
      .filter(Boolean)
      .join('-');
    return listOf(nte.get(9, 9, 1, repetition), code || undefined).join('\n') || undefined;
  });
  const text = [...lines, ...coded].join('\n');
  return text ? [text] : [];
}

/**
 * TXA-14, else OBR-2 or ORC-2, the placer's number of the order. Its accession number is OBR-18 or IPC-1, else the filler
 * order number (TXA-15, OBR-3, ORC-3): Collimator tells others the accession number as such.
 */
function orderNumbersOf(message: Hl7Message, txa: Segment, around: Surroundings): Identifier[] {
  const [orc, obr, ipc] = ['ORC', 'OBR', 'IPC'].map((name) => message.first(name));
  const placer = entityFromEi(txa, 14, around) ?? entityFromEi(obr, 2, around) ?? entityFromEi(orc, 2, around);
  const accession = obr?.get(18) ?? ipc?.get(1) ?? txa.get(15) ?? obr?.get(3) ?? orc?.get(3);
  return [
    ...(placer ? [typedIdentifier('PLAC', placer.system, placer.value)] : []),
    ...(accession ? [typedIdentifier('ACSN', systems.accessionNumber, accession)] : []),
  ];
}

/** OBR-4, else TXA-2. */
function codeOf(obr: Segment | undefined, txa: Segment): CodeableConcept {
  return (obr && conceptFromCwe(obr, 4)) ?? conceptFromCwe(txa, 2) ?? { text: 'Diagnostic imaging report' };
}

/** OBR-7, else TXA-4 activity date/time. */
function timeOfExam(obr: Segment | undefined, txa: Segment, around: Surroundings): string | undefined {
  return (obr && dateTimeFrom(obr, 7, around)) ?? dateTimeFrom(txa, 4, around);
}

/** When this version was made: the latest of origination, transcription, edits and authentication (TXA-6, 7, 8, 22.15). */
function issuedOf(txa: Segment, around: Surroundings): string | undefined {
  const times = (
    [
      [6, 1],
      [7, 1],
      [8, 1],
      [22, 15],
    ] as const
  ).flatMap(([field, component]) =>
    eachRepetition(txa, field, (repetition) => instantFrom(txa, field, around, component, repetition)),
  );
  return times.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
}

/** OBR-32, else who authenticated it (TXA-22), or is to (TXA-10), and who dictated it (TXA-9): each once. */
function interpretersOf(obr: Segment | undefined, txa: Segment, around: Surroundings): Reference[] {
  const principal = obr && personFromNdl(obr, 32);
  if (principal) return [principal];
  const authenticated = peopleFrom(txa, 22, around);
  const people = [
    ...(authenticated.length > 0 ? authenticated : peopleFrom(txa, 10, around)),
    ...peopleFrom(txa, 9, around),
  ];
  const keyOf = ({ identifier, display }: Reference) => identifier?.value ?? display;
  return people.filter((one, index) => people.findIndex((other) => keyOf(other) === keyOf(one)) === index);
}

function peopleFrom(segment: Segment, field: number, around: Surroundings): Reference[] {
  return eachRepetition(segment, field, (repetition) => personFromXcn(segment, field, around, repetition));
}
