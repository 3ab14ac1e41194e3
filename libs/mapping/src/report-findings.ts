import type { CodeableConcept, DiagnosticReport, Observation, Patient } from 'fhir/r4.js';
import type { Segment } from '#hl7v2';
import { ofTable } from '#platform';
import { compact, conceptFromCwe, conceptKey, conceptOf } from './data-types.js';
import { observationFrom } from './observation.js';
import { isText, isWithdrawn, textOf } from './report-content.js';
import { headingOf, isImpression, sectionOf } from './report-sections.js';
import { eachRepetition, type Surroundings } from './rows.js';
import statuses from './tables/observation-status.json' with { type: 'json' };

/** What of a report is not only text: contained Observations, `result` that refers to them, and what it concludes. */
export type ReportFindings = Pick<DiagnosticReport, 'contained' | 'result' | 'conclusionCode'>;

/**
 * The sections and findings of a report by its OBX in their order. Lines of text that follow each other under one heading
 * (OBX-3) are a section, an Observation of their text, where any line of the report is in a section that is known or is
 * flagged (OBX-8); coded, measured and other values are findings each. A coded impression is a conclusion as well.
 *
 * @param prefix of the ids within the report
 */
export function findingsOf(
  observations: readonly Segment[],
  patient: Patient,
  around: Surroundings,
  prefix = 'finding',
): ReportFindings {
  const kept = observations.filter((obx) => !isWithdrawn(obx));
  const isSectioned = kept.some((obx) => isText(obx) && (sectionOf(obx) !== undefined || obx.get(8) !== undefined));
  const runs = runsOf(kept).filter(([first]) => isSectioned || !isText(first!));
  const contained = runs
    .flatMap((run) => (isText(run[0]!) ? sectionFrom(run, patient) : (observationFrom(run[0]!, patient, around) ?? [])))
    .map((one, index): Observation => ({ ...one, id: `${prefix}-${index + 1}` }));
  return compact({
    contained,
    result: contained.map(({ id }) => ({ reference: `#${id}` })),
    conclusionCode: onceEach(
      kept.filter((obx) => isCoded(obx) && isImpression(obx)).flatMap((obx) => conceptFromCwe(obx, 5) ?? []),
    ),
  });
}

/** Lines of one heading together, everything else by itself. */
function runsOf(observations: readonly Segment[]): Segment[][] {
  const runs: Segment[][] = [];
  for (const obx of observations) {
    const before = runs.at(-1)?.[0];
    const isMore = before && isText(before) && isText(obx) && keyOf(before) === keyOf(obx);
    if (isMore) runs.at(-1)!.push(obx);
    else runs.push([obx]);
  }
  return runs;
}

function keyOf(obx: Segment): string {
  return conceptKey(headingOf(obx));
}

function sectionFrom(lines: readonly Segment[], patient: Patient): Observation[] {
  const [first] = lines;
  const valueString = textOf(lines);
  if (!valueString.trim()) return [];
  const flags = lines.flatMap((obx) =>
    eachRepetition(obx, 8, (repetition) => conceptOf(obx, 8, 'InterpretationCodes', repetition)),
  );
  return [
    compact<Observation>({
      resourceType: 'Observation',
      status: (ofTable(statuses, first!.get(11)) as Observation['status'] | undefined) ?? 'final',
      code: headingOf(first!),
      subject: { reference: `Patient/${patient.id}` },
      interpretation: onceEach(flags),
      valueString,
    }),
  ];
}

/** Data types whose value is a code. */
function isCoded(obx: Segment): boolean {
  return ['CE', 'CWE', 'CF', 'CNE'].includes(obx.get(2) ?? '');
}

function onceEach(concepts: readonly CodeableConcept[]): CodeableConcept[] {
  const keys = concepts.map(conceptKey);
  return concepts.filter((_, index) => keys.indexOf(keys[index]!) === index);
}
