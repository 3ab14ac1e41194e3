import { isDeepStrictEqual } from 'node:util';
import type { Coding, DetectedIssue, ImagingStudy, Observation, ObservationComponent, Quantity } from 'fhir/r4.js';
import { dicomUidIdentifier, systems, uuidFrom } from '#fhir';
import { doseUnitOf, type DoseMeasure } from '#platform';
import codes from './dose-codes.json' with { type: 'json' };
import { doseObservationIdOf, hasMoved, numberFor, radiationExposure } from './dose-number.decider.js';
import type { StudyDose } from './dose-of-study.decider.js';
import type { Amount, BreastSide } from './dose-report.js';
import { quantityText, type Comparison } from './reference-levels.decider.js';

const UCUM = 'http://unitsofmeasure.org';
/** What identifies things of DICOM, code system of the radiation dose summary guide. */
const DICOM_IDENTIFIER_TYPE = 'http://hl7.org/fhir/uv/radiation-dose-summary/CodeSystem/dicom-identifier-type';
const exceededCoding: Coding = {
  system: 'urn:collimator:dose-alert',
  code: 'above-reference-level',
  display: 'A dose is above a diagnostic reference level.',
};

/**
 * The dose of a study as HL7's Radiation Dose Summary guide 1.0.0 has it (LOINC 73569-6, components by DICOM code), beside
 * the reference levels it was compared with: a component above one is flagged H. It names no authorizing person, whom the
 * guide wants and dose reports seldom know, so it claims no profile. A new version is `amended` where reports were added,
 * `corrected` where one says something else, and as it was where it only is of more orders. One that moved (see
 * {@link hasMoved}) begins anew, under a number of its own.
 *
 * @param known as it is stored
 * @returns `known` itself where it says the same
 */
export function doseObservation(
  known: Observation | undefined,
  dose: StudyDose,
  { study, room, comparisons }: { study: ImagingStudy; room?: string | undefined; comparisons: readonly Comparison[] },
): Observation {
  const at = dose.startedAt ?? study.started;
  const notes = notesOf(comparisons);
  const stated: Omit<Observation, 'status'> = {
    resourceType: 'Observation',
    id: doseObservationIdOf(dose.studyInstanceUid, dose.kind),
    identifier: [
      { system: systems.dose, value: numberFor(known, dose, study) },
      ...dose.sources.map((uid) => dicomIdentifier('sop-instance-uid', 'SOP Instance UID', uid)),
    ],
    ...(study.basedOn ? { basedOn: study.basedOn } : {}),
    partOf: [
      {
        reference: `ImagingStudy/${study.id}`,
        identifier: dicomIdentifier('study-instance-uid', 'Study Instance UID', dose.studyInstanceUid),
      },
    ],
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'imaging' }] }],
    code: {
      coding: [
        {
          ...radiationExposure,
          display: 'Radiation exposure and protection information [Description] Document Diagnostic imaging',
        },
      ],
    },
    subject: study.subject,
    focus: [{ reference: `ImagingStudy/${study.id}` }],
    ...(at ? { effectiveDateTime: at } : {}),
    valueString: summaryOf(dose),
    ...(room ? { device: { display: room } } : {}),
    // A dose report has no resource here: it is named by its UID.
    derivedFrom: dose.sources.map((uid) => ({ type: 'DocumentReference', identifier: dicomUidIdentifier(uid) })),
    component: componentsOf(dose, comparisons),
    ...(notes.length > 0 ? { note: notes.map((text) => ({ text })) } : {}),
  };
  if (!known) return { ...stated, status: 'final' };
  const wasRight = known.status !== 'entered-in-error';
  if (wasRight && isDeepStrictEqual(contentOf(known), contentOf(stated))) return known;
  return { ...stated, meta: known.meta, status: statusAfter(known, stated, hasMoved(known, study)) } as Observation;
}

function statusAfter(
  known: Observation,
  stated: Omit<Observation, 'status'>,
  isElsewhere: boolean,
): Observation['status'] {
  if (isElsewhere) return 'final';
  if (known.status === 'entered-in-error') return 'corrected';
  const withoutOrders = (one: Partial<Observation>) => contentOf({ ...one, basedOn: undefined });
  if (isDeepStrictEqual(withoutOrders(known), withoutOrders(stated))) return known.status;
  return known.derivedFrom!.length < stated.derivedFrom!.length ? 'amended' : 'corrected';
}

/** The dose of a study whose reports were all rejected as another patient's; undefined where it says so already. */
export function doseInError(known: Observation): Observation | undefined {
  return known.status === 'entered-in-error' ? undefined : { ...known, status: 'entered-in-error' };
}

/**
 * What is to look at in a dose above reference levels; undefined where nothing changed. It stays `final` as long as a level
 * is exceeded, and is `cancelled` when none is.
 */
export function doseIssue(
  known: DetectedIssue | undefined,
  observation: Observation,
  comparisons: readonly Comparison[],
  now: Date,
): DetectedIssue | undefined {
  const above =
    observation.status === 'entered-in-error' ? [] : comparisons.filter(({ outcome }) => outcome === 'above');
  if (above.length === 0) return known?.status === 'final' ? { ...known, status: 'cancelled' } : undefined;
  const detail = above.map(aboveText).join('; ');
  if (
    known?.status === 'final' &&
    known.detail === detail &&
    known.patient?.reference === observation.subject?.reference
  )
    return undefined;
  return {
    resourceType: 'DetectedIssue',
    id: uuidFrom('DetectedIssue', 'dose-above-reference-level', observation.id!),
    ...(known ? { meta: known.meta } : {}),
    identifier: [{ system: exceededCoding.system!, value: observation.id! }],
    status: 'final',
    code: { coding: [exceededCoding] },
    severity: 'moderate',
    patient: observation.subject!,
    identifiedDateTime: now.toISOString(),
    implicated: [{ reference: `Observation/${observation.id}` }, ...(observation.basedOn ?? [])],
    detail,
  };
}

/** The id of what is to look at in a dose. */
export function doseIssueIdOf(observationId: string): string {
  return uuidFrom('DetectedIssue', 'dose-above-reference-level', observationId);
}

function componentsOf(dose: StudyDose, comparisons: readonly Comparison[]): ObservationComponent[] {
  const measures = Object.entries(dose.totals) as [DoseMeasure, Amount][];
  const ofExam = measures
    .filter(([measure]) => measure !== 'agd')
    .map(([measure, amount]) => component(measure, amount, comparisons));
  const breasts = (Object.entries(dose.agd) as [BreastSide, Amount][]).sort(([a], [b]) => a.localeCompare(b));
  // Both breasts are beside the level of one: each is flagged by itself.
  const ofBreasts = breasts.map(([side, amount]) =>
    component('agd', amount, comparisons, `${side === 'both' ? 'side not stated, or both' : side} breast`),
  );
  const agents = dose.events.flatMap(({ agent, radionuclide }) => [
    ...(agent ? [coded('349358000', 'Radiopharmaceuticals', agent)] : []),
    ...(radionuclide ? [coded('89457008', 'Radioisotope', radionuclide)] : []),
  ]);
  return [...ofExam.sort(byCode), ...ofBreasts, ...agents];
}

function component(
  measure: DoseMeasure,
  amount: Amount,
  comparisons: readonly Comparison[],
  side?: string,
): ObservationComponent {
  const { code, display } = codes.components[measure];
  const levels = comparisons.filter(({ level, outcome }) => level.measure === measure && outcome !== 'not-compared');
  const isAbove = 'value' in amount && levels.some(({ limit, outcome }) => outcome === 'above' && amount.value > limit);
  return {
    code: { coding: [{ system: systems.dicomCode, code, display }], ...(side ? { text: `${display}, ${side}` } : {}) },
    ...('value' in amount
      ? { valueQuantity: quantity(measure, amount.value) }
      : {
          dataAbsentReason: {
            coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'unknown' }],
            text: amount.unknown,
          },
        }),
    ...(isAbove
      ? {
          interpretation: [
            {
              coding: [
                {
                  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
                  code: 'H',
                  display: 'High',
                },
              ],
            },
          ],
        }
      : {}),
    ...(levels.length > 0
      ? {
          referenceRange: levels.map(({ level, limit }) => ({
            high: quantity(measure, limit),
            text: `Diagnostic reference level: ${level.source}`,
          })),
        }
      : {}),
  };
}

function coded(code: string, display: string, value: { scheme: string; value: string; meaning?: string }) {
  const system = { SCT: systems.snomed as string, DCM: systems.dicomCode }[value.scheme];
  const { meaning } = value;
  const coding = { ...(system ? { system } : {}), code: value.value, ...(meaning ? { display: meaning } : {}) };
  return {
    code: { coding: [{ system: systems.snomed, code, display }] },
    valueCodeableConcept: { coding: [coding], ...(meaning ? { text: meaning } : {}) },
  };
}

function quantity(measure: DoseMeasure, value: number): Quantity {
  const unit = doseUnitOf(measure);
  return { value, unit, system: UCUM, code: unit };
}

/** A few words for people, as the guide has it in valueString. */
function summaryOf(dose: StudyDose): string {
  const said = (Object.entries(dose.totals) as [DoseMeasure, Amount][]).map(([measure, amount]) => {
    const { display } = codes.components[measure];
    return `${display}: ${'value' in amount ? quantityText(measure, amount.value) : `unknown, ${amount.unknown}`}`;
  });
  const events = dose.events.length > 0 ? [`Irradiation events: ${dose.events.length}`] : [];
  return [...said.sort(), ...events].join('; ') || 'The dose report states no dose.';
}

function notesOf(comparisons: readonly Comparison[]): string[] {
  const silent = comparisons.filter(({ outcome }) => outcome === 'not-compared');
  const notes = silent.map(
    ({ level, why }) =>
      `Not compared with the reference level of ${codes.components[level.measure].display} (${level.source}): ${why}.`,
  );
  return [
    ...new Set([
      ...comparisons.filter(({ outcome }) => outcome === 'above').map((one) => `${aboveText(one)}.`),
      ...notes,
    ]),
  ];
}

function aboveText({ level, limit, value }: Comparison): string {
  const { display } = codes.components[level.measure];
  const of = level.procedure ? `procedure ${level.procedure}` : `protocol ${level.protocol}`;
  return `${display} ${quantityText(level.measure, value!)} is above the reference level of ${quantityText(level.measure, limit)} for ${of} (${level.source})`;
}

function dicomIdentifier(code: string, display: string, uid: string) {
  return { type: { coding: [{ system: DICOM_IDENTIFIER_TYPE, code, display }] }, ...dicomUidIdentifier(uid) };
}

/** What the dose says, without its number and what the store and its history put on it. */
function contentOf({ meta: _meta, status: _status, identifier = [], ...content }: Partial<Observation>): object {
  const sources = identifier.filter(({ system }) => system !== systems.dose);
  return JSON.parse(JSON.stringify({ ...content, identifier: sources })) as object;
}

function byCode(one: ObservationComponent, other: ObservationComponent): number {
  return one.code.coding![0]!.code!.localeCompare(other.code.coding![0]!.code!);
}
