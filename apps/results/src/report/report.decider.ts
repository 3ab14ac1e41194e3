import type { DiagnosticReport, Identifier, ImagingStudy, ServiceRequest } from 'fhir/r4.js';
import { identifierOf, identifierValue, sameContent, systems } from '#fhir';
import { fail } from '#platform';

/** How far a report has come. */
const stages: Record<DiagnosticReport['status'], number> = {
  unknown: 0,
  registered: 0,
  partial: 1,
  preliminary: 2,
  final: 3,
  amended: 3,
  corrected: 3,
  appended: 3,
  cancelled: 4,
  'entered-in-error': 4,
};
const FINAL = stages.final;

/** What a report is filed under. */
export interface ReportSubject {
  /** None where the order is not known (yet); several where one report is of several. */
  orders: readonly ServiceRequest[];
  study?: ImagingStudy;
}

/**
 * Decides on a report, or a new version of one. A lesser version that comes late never overwrites a greater one. After
 * final another final is a correction or an addendum: FHIR wants it called corrected, so that a reader sees that the
 * report changed. A version that does not name the order any more stays under the one it had.
 *
 * @returns the report to store and tell, undefined where it says nothing new or comes late
 * @throws Failure duplicate-key where the report's number is that of another patient's report
 */
export function decideReport(
  current: DiagnosticReport | undefined,
  stated: DiagnosticReport,
  subject: ReportSubject,
): DiagnosticReport | undefined {
  if (!current) return filedUnder(stated, subject);
  if (current.subject?.reference !== stated.subject?.reference)
    throw fail('duplicate-key', "the report's number is that of another patient's report: check the patient's number", {
      field: 'DiagnosticReport.identifier',
    });
  if (isLate(current, stated)) return afterLate(current, stated);
  const { basedOn, imagingStudy, meta } = current;
  const placed = { ...stated, ...(basedOn && { basedOn }), ...(imagingStudy && { imagingStudy }) };
  const report = { ...filedUnder(placed, subject), identifier: joined(current, stated), ...(meta && { meta }) };
  const isFinalAgain = stated.status === 'final' && stages[current.status] === FINAL;
  const compared = isFinalAgain ? { ...report, status: current.status } : report;
  if (sameContent({ ...current, imagingStudy: undefined }, { ...compared, imagingStudy: undefined })) return undefined;
  return isFinalAgain ? { ...report, status: 'corrected' } : report;
}

/**
 * What a version that comes late says of the current one: a final one that another final came before is a correction,
 * whichever of them arrived first. Nothing of the late one is taken.
 */
function afterLate(current: DiagnosticReport, stated: DiagnosticReport): DiagnosticReport | undefined {
  if (current.status !== 'final' || stages[stated.status] !== FINAL) return undefined;
  return sameContent(wordsOf(current), wordsOf(stated)) ? undefined : { ...current, status: 'corrected' };
}

function wordsOf({ conclusion, conclusionCode, contained, presentedForm }: DiagnosticReport): object {
  return { conclusion, conclusionCode, contained, presentedForm };
}

/** A report with its orders, and with their study where that is known; as it was where no order is. */
export function filedUnder(report: DiagnosticReport, { orders, study }: ReportSubject): DiagnosticReport {
  if (orders.length === 0) return report;
  return {
    ...report,
    basedOn: orders.map(({ id }) => ({ reference: `ServiceRequest/${id}` })),
    // A study of an order it was under before is not its own any more.
    imagingStudy: study ? [{ reference: `ImagingStudy/${study.id}` }] : undefined,
  };
}

/** How a report names an order. */
export type NamedBy = 'accession number' | 'placer order number';

/** By which number a report names this order, whoever's it is; undefined if it does not. */
export function namedBy(report: DiagnosticReport, order: ServiceRequest): NamedBy | undefined {
  if (hasItsAccessionNumber(report, order)) return 'accession number';
  return hasItsPlacerNumber(report, order) ? 'placer order number' : undefined;
}

/**
 * The orders a report is of: its patient's orders of that accession number, and of several those of that placer order
 * number if there are any; else the one order of that placer order number. A report of several orders names each.
 */
export function ordersOf(report: DiagnosticReport, candidates: readonly ServiceRequest[]): ServiceRequest[] {
  const own = candidates.filter((order) => isOf(report, order));
  const byAccession = own.filter((order) => hasItsAccessionNumber(report, order));
  const byPlacer = own.filter((order) => hasItsPlacerNumber(report, order));
  if (byAccession.length === 0) return byPlacer.filter((order) => isOnlyOne(order, byPlacer));
  const both = byAccession.filter((order) => byPlacer.includes(order));
  return both.length > 0 ? both : byAccession;
}

/** True of an order that no other shares its placer order number with, whatever its authority. */
function isOnlyOne(order: ServiceRequest, orders: readonly ServiceRequest[]): boolean {
  const number = identifierOf(order, 'PLAC')?.value;
  return orders.filter((one) => identifierOf(one, 'PLAC')?.value === number).length === 1;
}

function hasItsAccessionNumber(report: DiagnosticReport, order: ServiceRequest): boolean {
  const accession = identifierValue(order, systems.accessionNumber);
  return accession !== undefined && identifiersOf(report, 'ACSN').some(({ value }) => value === accession);
}

/** A number whose authority is not named is everybody's: it tells orders of one patient apart, but not patients. */
function hasItsPlacerNumber(report: DiagnosticReport, order: ServiceRequest): boolean {
  const placer = identifierOf(order, 'PLAC');
  return identifiersOf(report, 'PLAC').some(
    ({ system, value }) => value === placer?.value && (system ? system === placer?.system : isOf(report, order)),
  );
}

/** A report's numbers of one kind (HL7 table 0203): of several orders several. */
export function identifiersOf({ identifier = [] }: DiagnosticReport, kind: 'ACSN' | 'PLAC'): Identifier[] {
  return identifier.filter(({ type }) => type?.coding?.some(({ code }) => code === kind));
}

/**
 * True for a version that was overtaken: a lesser one (what was withdrawn may be reported again), or one of the same
 * stage that was issued earlier. Versions that do not say when they were issued count in the order they come.
 */
export function isLate(current: DiagnosticReport, stated: DiagnosticReport): boolean {
  const [was, is] = [stages[current.status], stages[stated.status]];
  const [before, after] = [current.issued, stated.issued].map((text) => (text ? Date.parse(text) : undefined));
  const order = before === undefined || after === undefined ? undefined : after - before;
  if (was > FINAL && is === FINAL) return order === undefined || order <= 0;
  // It was reported again since it was taken back.
  if (was === FINAL && is > FINAL && order !== undefined && order < 0) return true;
  return is < was || (is === was && order !== undefined && order < 0);
}

/** True of a report that was given out as final, whatever was done to it since. */
export function isReleased({ status }: DiagnosticReport): boolean {
  return stages[status] === FINAL;
}

/** The numbers a version states, and those of kinds it does not state any more: an order may still be found by them. */
function joined(current: DiagnosticReport, stated: DiagnosticReport): Identifier[] {
  const kinds = (stated.identifier ?? []).map(kindOf);
  return [...(stated.identifier ?? []), ...(current.identifier ?? []).filter((one) => !kinds.includes(kindOf(one)))];
}

/** A number without type, such as a document's, is of a kind of its own. */
function kindOf({ type, system, value }: Identifier): string {
  return type?.coding?.[0]?.code ?? `${system}|${value}`;
}

function isOf(report: DiagnosticReport, order: ServiceRequest): boolean {
  return order.subject.reference === report.subject?.reference;
}
