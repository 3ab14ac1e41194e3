import type { Attachment, DiagnosticReport, DocumentReference, Reference } from 'fhir/r4.js';
import { referencedId, sameContent } from '#fhir';
import { findingsPrefixOf, type DocumentMessage } from '#mapping';
import { fail } from '#platform';
import { isLate, isReleased } from './report.decider.js';

/** What is stored of a document, of the document it names as its parent, and of the report they are of. */
export interface DocumentKnown {
  document?: DocumentReference;
  parent?: DocumentReference;
  report?: DiagnosticReport;
}

/** What is to be stored; the report is decided on further as any other ({@link decideReport}). */
export interface DocumentDecision {
  documents: DocumentReference[];
  report?: DiagnosticReport;
}

/** Where the report of a document is kept: with its parent's, however long the chain of parents is. */
export function reportIdOf({ document, parent }: DocumentKnown, stated: DocumentMessage): string {
  const [known] = [document, parent].flatMap((one) => reportsOf(one));
  return referencedId(known?.reference, 'DiagnosticReport') ?? stated.report.id!;
}

/**
 * Decides on a document, or a new version of one (HL7 v2.5.1 section 9.6). A report is its first document and what was
 * added to it: an addendum stands behind what is there, a replacement or a new version in the place of the old one, and
 * what is cancelled goes. News of a document that brings no content leaves the content as it is; a report without any is
 * registered. A lesser version that comes late changes nothing.
 *
 * @throws Failure duplicate-key where the document's number is that of another patient's document
 */
export function decideDocument(known: DocumentKnown, message: DocumentMessage): DocumentDecision {
  const { subject } = message.document;
  for (const one of [known.document, known.parent])
    if (one && one.subject?.reference !== subject?.reference)
      throw fail(
        'duplicate-key',
        "the document's number is that of another patient's document: check the patient's number",
        {
          field: one === known.document ? 'DocumentReference.masterIdentifier' : 'DocumentReference.relatesTo',
        },
      );
  const isOvertaken = known.document?.docStatus !== 'preliminary' && message.document.docStatus === 'preliminary';
  if (known.document && isOvertaken) return { documents: [] };
  const document = documentOf(known, message);
  const [relation] = document.relatesTo ?? [];
  const replaced = relation?.code === 'replaces' ? known.parent : undefined;
  const before = formsOf(known.document).concat(known.document ? [] : formsOf(replaced));
  const forms = inPlaceOf(before, message.isCancelled ? [] : formsOf(document), known.report?.presentedForm ?? []);
  const isAdded = relation?.code === 'appends' || isAddendum(replaced);
  const told = { forms, message, ...(replaced ? { replaced } : {}) };
  const report = isAdded && known.report ? withAddendum(known.report, told) : asStated(known.report, told);
  if (known.report && report && isLate(known.report, report)) return { documents: [] };
  const documents = [document, ...(replaced && !message.isCancelled ? [superseded(replaced)] : [])];
  // FHIR wants content of every document: one only heard of is known by its report.
  return { documents: documents.filter(({ content }) => content.length > 0), ...(report ? { report } : {}) };
}

/** A document as it is now: what its report is and what it is to its parent stays, and its content where none is stated. */
function documentOf({ document: before, parent }: DocumentKnown, message: DocumentMessage): DocumentReference {
  const { document: stated } = message;
  const [report] = [before, parent, stated].flatMap((one) => reportsOf(one));
  const relatesTo = before?.relatesTo ?? stated.relatesTo;
  const content = stated.content.length > 0 ? stated.content : (before?.content ?? []);
  const isAmended =
    before && isSettled(before) && stated.docStatus === 'final' && !sameContent(before.content, content);
  const isStillAmended = before?.docStatus === 'amended' && stated.docStatus === 'final';
  return {
    ...(stated.content.length > 0 ? {} : before),
    ...stated,
    content,
    ...(isAmended || isStillAmended ? { docStatus: 'amended' as const } : {}),
    ...(relatesTo ? { relatesTo } : {}),
    context: { related: [report!] },
    ...(before?.meta ? { meta: before.meta } : {}),
  };
}

function isSettled({ docStatus }: DocumentReference): boolean {
  return docStatus === 'final' || docStatus === 'amended';
}

function superseded(document: DocumentReference): DocumentReference {
  return { ...document, status: 'superseded' };
}

/** The report as its own document states it. */
function asStated(current: DiagnosticReport | undefined, told: ToldDocument): DiagnosticReport | undefined {
  const { forms, message } = told;
  const { report: stated, document, isCancelled } = message;
  const isNewsOnly = document.content.length === 0 && !isCancelled;
  const report: DiagnosticReport = {
    ...(isNewsOnly ? current : {}),
    ...stated,
    ...(current ? { id: current.id!, identifier: onceEach([current.identifier![0]!, ...stated.identifier!]) } : {}),
    ...(isNewsOnly && current ? { code: current.code } : {}),
    status: forms.length > 0 || isCancelled ? stated.status : 'registered',
    // TXA has no time of its cancellation: it is of what is there, addenda included.
    ...(isCancelled ? latest(current?.issued, stated.issued) : {}),
    // What is taken back, because it is of another patient, is not to be read.
    presentedForm: forms.length > 0 && !isCancelled ? forms : undefined,
    ...(isNewsOnly ? {} : isCancelled ? noFindings : findingsAfter(current, told)),
  };
  // Authenticated once more, or by law: the report has not changed.
  const isSame = current && sameContent(readable(current), readable(report));
  return isSame && isReleased(current) && report.status === 'final' ? undefined : report;
}

function readable({ presentedForm, conclusion, contained, conclusionCode }: DiagnosticReport): object {
  return { presentedForm, conclusion, contained, conclusionCode };
}

/**
 * A report with what is added to it. What is not authenticated is no part of a released report yet; who added it is among
 * its interpreters.
 */
function withAddendum(current: DiagnosticReport, told: ToldDocument): DiagnosticReport | undefined {
  const { forms, message } = told;
  const { report: stated, document, isCancelled } = message;
  if (isReleased(current) && stated.status === 'preliminary') return undefined;
  const findings = findingsAfter(current, told);
  const isSame = sameContent(readable(current), readable({ ...current, ...findings, presentedForm: forms }));
  if (isSame) return undefined;
  const isMore = forms.length > (current.presentedForm ?? []).length;
  const released = isMore ? ('appended' as const) : ('corrected' as const);
  const people = onceEach([...(current.resultsInterpreter ?? []), ...(stated.resultsInterpreter ?? [])]);
  return {
    ...current,
    identifier: onceEach([...current.identifier!, document.masterIdentifier!]),
    status: isReleased(current) ? released : current.status === 'registered' ? stated.status : current.status,
    ...latest(current.issued, stated.issued),
    ...(people.length > 0 && !isCancelled ? { resultsInterpreter: people } : {}),
    presentedForm: forms,
    ...findings,
  };
}

/** A document that was told, and the forms of its report with it. */
interface ToldDocument {
  forms: Attachment[];
  message: DocumentMessage;
  /** The document whose place it takes. */
  replaced?: DocumentReference;
}

type Findings = Pick<DiagnosticReport, 'contained' | 'result' | 'conclusionCode'>;
const noFindings: Findings = { contained: undefined, result: undefined, conclusionCode: undefined };

/** The findings of a report as those of its document are now: in the place of its own before, beside those of others. */
function findingsAfter(current: DiagnosticReport | undefined, { message, replaced }: ToldDocument): Findings {
  const { report: stated, document, isCancelled } = message;
  if (document.content.length === 0 && !isCancelled) return {};
  const gone = [document, replaced].flatMap((one) => (one ? [findingsPrefixOf(one.id!)] : []));
  const isOther = (id = '') => !gone.some((prefix) => id.startsWith(`${prefix}-`));
  const own = isCancelled ? noFindings : stated;
  const others = current?.contained?.filter(({ id }) => isOther(id)) ?? [];
  const contained = [...others, ...(own.contained ?? [])];
  const result = [
    ...(current?.result ?? []).filter(({ reference }) => isOther(reference?.slice(1))),
    ...(own.result ?? []),
  ];
  const conclusions = onceEach([
    ...(others.length > 0 ? (current?.conclusionCode ?? []) : []),
    ...(own.conclusionCode ?? []),
  ]);
  return {
    contained: contained.length > 0 ? contained : undefined,
    result: result.length > 0 ? result : undefined,
    conclusionCode: conclusions.length > 0 ? conclusions : undefined,
  };
}

function latest(...times: (string | undefined)[]): { issued?: string } {
  const [issued] = times.filter((one) => one !== undefined).sort((a, b) => Date.parse(b) - Date.parse(a));
  return issued ? { issued } : {};
}

/** Forms with the new ones in the place of the old ones, or at the end where none of those is there. */
function inPlaceOf(old: readonly Attachment[], now: readonly Attachment[], forms: readonly Attachment[]): Attachment[] {
  const isOld = (form: Attachment) => old.some((one) => sameContent(one, form));
  const at = forms.findIndex(isOld);
  const [before, behind] = at < 0 ? [forms, []] : [forms.slice(0, at), forms.slice(at)];
  return [...before, ...now, ...behind.filter((form) => !isOld(form))];
}

function reportsOf(document: DocumentReference | undefined): Reference[] {
  return document?.context?.related ?? [];
}

function isAddendum(document: DocumentReference | undefined): boolean {
  return document?.relatesTo?.some(({ code }) => code === 'appends') === true;
}

function formsOf(document: DocumentReference | undefined): Attachment[] {
  return (document?.content ?? []).map(({ attachment }) => attachment);
}

function onceEach<T extends object>(values: readonly T[]): T[] {
  return values.filter((one, index) => values.findIndex((other) => sameContent(other, one)) === index);
}
