import {
  codeFrom,
  codeIn,
  codeOf,
  dateTimeIn,
  dicomDateTime,
  isSameCode,
  localTimeOf,
  measuredIn,
  sopClasses,
  srDocumentFrom,
  textIn,
  within,
  type Code,
  type Dataset,
  type SrNode,
} from '#dicom';
import { fail, inUnitOf, type DoseMeasure } from '#platform';
import codes from './dose-codes.json' with { type: 'json' };
import concepts from './dose-concepts.json' with { type: 'json' };

/** The SOP classes that only dose reports have, */
const ownClasses: readonly string[] = [sopClasses.xRayRadiationDoseSr, sopClasses.radiopharmaceuticalRadiationDoseSr];
/** and those that other documents have too: CT scanners of GE send theirs as Enhanced SR. */
const sharedClasses: readonly string[] = [sopClasses.enhancedSr, sopClasses.comprehensiveSr];

/** The SOP classes of documents that are, or may be, dose reports. */
export const doseReportClasses: readonly string[] = [...ownClasses, ...sharedClasses];

/** True for a document that is none and says so by its title, of a class that others have too: a letter, a measurement. */
export function isOtherDocument(dataset: Dataset): boolean {
  const title = codeFrom(dataset.items('ConceptNameCodeSequence')[0]);
  const titles = [...concepts.xRayReport.codes, ...concepts.radiopharmaceuticalReport.codes];
  return sharedClasses.includes(dataset.text('SOPClassUID') ?? '') && !isOneOf(title, titles);
}

/** What irradiates: a CT, another X-ray unit (mammography too), or what is given to the patient. */
export type DoseKind = 'ct' | 'projection' | 'radiopharmaceutical';
export type BreastSide = 'left' | 'right' | 'both';

/** A value in the unit of its measure, or why there is none: a value of unknown unit is never guessed. */
export type Amount = { value: number } | { unknown: string };
export type Amounts = Partial<Record<DoseMeasure, Amount>>;

/** One irradiation event, or one administration of a radiopharmaceutical. */
export interface DoseEvent {
  /** Irradiation Event UID; without one it cannot be told whether another report has it too. */
  uid?: string;
  protocol?: string;
  region?: Code;
  /** CT Acquisition Type, or Irradiation Event Type. */
  type?: Code;
  /** A localizer radiograph of a CT (constant angle): it has no CTDIvol. */
  isLocalizer?: boolean;
  isFluoroscopy?: boolean;
  side?: BreastSide;
  phantom?: Code;
  agent?: Code;
  radionuclide?: Code;
  startedAt?: string;
  amounts: Amounts;
}

/** What one dose report says. */
export interface DoseReport {
  kind: DoseKind;
  sopInstanceUid: string;
  studyInstanceUid: string;
  /** What the totals are of: `study`, `series`, `step`, `step-to-this-point`, `event`; undefined where it is not said. */
  scope?: string;
  /** The UID of that. */
  scopeUid?: string;
  isMammography: boolean;
  /** Totals as they are stated. Of the glandular dose that of each breast. */
  totals: Amounts;
  agd: Partial<Record<BreastSide, Amount>>;
  /** How many events it says there were, in a CT report. */
  numberOfEvents?: number;
  events: DoseEvent[];
  /** Content date and time, by which a later report is told from an earlier one. */
  contentAt: string;
  startedAt?: string;
  device: { stationName?: string; manufacturer?: string; model?: string; serialNumber?: string };
  patient: { birthDate?: string; ageYears?: number; sex?: string; weightKg?: number };
  /** Patient ID that it was made under: only to tell whether it is the patient's of its study. */
  patientId?: string;
}

type ConceptName = keyof typeof concepts;
const of = (name: ConceptName): Code[] => concepts[name].codes.map(codeOf);

/**
 * Reads a radiation dose report (PS3.16 TID 10001 projection and mammography, TID 10011 CT, TID 10021
 * radiopharmaceutical). Concepts are looked for wherever they stand under what they belong to, by SNOMED CT or the
 * SNOMED-RT codes of before, since scanners nest and code them differently. Every value is converted from its coded unit;
 * one without a unit, or in one that is none of its measure, is unknown and says why.
 *
 * @param zone IANA zone of times that carry no offset and whose document has none
 * @throws Failure field-missing, field-invalid naming the attribute, without a value in it: for what is no such report
 */
export function doseReportFrom(dataset: Dataset, zone: string): DoseReport {
  const { root, timezone, contentAt = '' } = srDocumentFrom(dataset);
  const [sopInstanceUid, studyInstanceUid] = ['SOPInstanceUID', 'StudyInstanceUID'].map((keyword) =>
    uidOf(dataset, keyword as 'SOPInstanceUID'),
  ) as [string, string];
  const instant = (nodes: SrNode[]) =>
    nodes.flatMap((one) => dicomDateTime(dateTimeIn([one]), timezone, zone) ?? []).sort(byTime)[0];
  const kind = kindOf(root);
  const events = within(root, of(eventConcept[kind])).map((node) => eventFrom[kind](node, instant));
  const started = events.flatMap(({ startedAt }) => startedAt ?? []).sort(byTime)[0];
  const scope = within(root, of('scope'))[0];
  const count = measuredIn(within(root, of('numberOfEvents')))?.value;
  return {
    kind,
    sopInstanceUid,
    studyInstanceUid,
    ...defined({
      scope: (codes.scopes as Record<string, string>)[codeIn(scope ? [scope] : [])?.value ?? ''],
      scopeUid: scope && textIn(scope.children),
    }),
    isMammography: isMammography(root, events),
    ...totalsOf(root, kind),
    ...defined({ numberOfEvents: count }),
    events,
    contentAt,
    ...defined({ startedAt: started ?? instant(within(root, of('started'))) ?? studyTime(dataset, timezone, zone) }),
    device: deviceOf(dataset, root),
    patient: patientOf(dataset),
    ...defined({ patientId: dataset.text('PatientID')?.trim() || undefined }),
  };
}

const eventConcept = { ct: 'ctAcquisition', projection: 'event', radiopharmaceutical: 'administration' } as const;
type Instant = (nodes: SrNode[]) => string | undefined;

const eventFrom: Readonly<Record<DoseKind, (node: SrNode, instant: Instant) => DoseEvent>> = {
  ct: (node, instant) => ({
    ...anyEvent(node, 'eventUid', instant),
    ...defined({ type: codeIn(within(node, of('ctAcquisitionType'))), phantom: codeIn(within(node, of('phantom'))) }),
    ...(isOneOf(codeIn(within(node, of('ctAcquisitionType'))), codes.localizer) ? { isLocalizer: true } : {}),
    amounts: amountsIn(node, { 'ctdi-vol': 'ctdiVol', dlp: 'dlp' }),
  }),
  projection: (node, instant) => {
    const type = codeIn(within(node, of('eventType')));
    const isFluoroscopy = isOneOf(type, codes.fluoroscopy);
    return {
      ...anyEvent(node, 'eventUid', instant),
      ...defined({ type, side: sideOf(node) }),
      ...(isFluoroscopy ? { isFluoroscopy } : {}),
      amounts: amountsIn(node, {
        dap: 'dap',
        'dose-rp': 'doseRp',
        agd: 'agd',
        ...(isFluoroscopy ? { 'fluoro-time': 'irradiationDuration' as const } : {}),
      }),
    };
  },
  radiopharmaceutical: (node, instant) => ({
    ...anyEvent(node, 'administrationUid', instant),
    ...defined({ agent: codeIn(within(node, of('agent'))), radionuclide: codeIn(within(node, of('radionuclide'))) }),
    amounts: amountsIn(node, { activity: 'activity' }),
  }),
};

function anyEvent(node: SrNode, uid: ConceptName, instant: Instant): Omit<DoseEvent, 'amounts'> {
  return defined({
    uid: textIn(within(node, of(uid))),
    protocol: textIn(within(node, of('protocol'))),
    region: codeIn(within(node, of('targetRegion'))),
    startedAt: instant(within(node, of('started'))),
  });
}

/** One accumulation for each plane of a biplane unit: their sum. Fluoroscopy times of both planes are added, as CID 10050 has it. */
function totalsOf(root: SrNode, kind: DoseKind): Pick<DoseReport, 'totals' | 'agd'> {
  if (kind === 'ct') return { totals: amountsIn(within(root, of('ctAccumulated')), { dlp: 'dlpTotal' }), agd: {} };
  if (kind === 'radiopharmaceutical') return { totals: {}, agd: {} };
  const planes = within(root, of('accumulated'));
  const totals = amountsIn(planes, {
    dap: 'dapTotal',
    'dap-fluoro': 'fluoroDapTotal',
    'dap-acquisition': 'acquisitionDapTotal',
    'dose-rp': 'doseRpTotal',
    'fluoro-time': 'fluoroTimeTotal',
  });
  const agd: DoseReport['agd'] = {};
  for (const node of planes.flatMap((plane) => within(plane, of('agdTotal')))) {
    const side = sideOf(node) ?? 'both';
    agd[side] = sumOf([...(agd[side] ? [agd[side]] : []), amountOf('agd', node)]);
  }
  return { totals, agd };
}

/** The sum of amounts, without the noise of binary fractions; unknown where one of them is. */
export function sumOf(amounts: readonly Amount[]): Amount {
  const unknown = amounts.find((one) => 'unknown' in one);
  if (unknown) return unknown;
  const sum = amounts.reduce((all, one) => all + (one as { value: number }).value, 0);
  return { value: Number(sum.toPrecision(12)) };
}

function amountsIn(under: SrNode | readonly SrNode[], wanted: Partial<Record<DoseMeasure, ConceptName>>): Amounts {
  const nodes = Array.isArray(under) ? (under as readonly SrNode[]) : [under as SrNode];
  const amounts: Amounts = {};
  for (const [measure, concept] of Object.entries(wanted) as [DoseMeasure, ConceptName][]) {
    const found = nodes.flatMap((node) => within(node, of(concept)).map((one) => amountOf(measure, one)));
    if (found.length > 0) amounts[measure] = sumOf(found);
  }
  return amounts;
}

function amountOf(measure: DoseMeasure, node: SrNode): Amount {
  const measured = measuredIn([node]);
  if (!measured) return { unknown: 'it is stated without a value or a unit' };
  const { scheme, value: unit } = measured.unit;
  if (scheme.toUpperCase() !== 'UCUM') return { unknown: `its unit is of scheme ${scheme}, not UCUM` };
  const value = inUnitOf(measure, measured.value, unit);
  if (value === undefined) return { unknown: `its unit ${unit} is none of this measure` };
  return value < 0 ? { unknown: 'it is stated as less than nothing' } : { value };
}

/** @throws Failure field-invalid */
function kindOf(root: SrNode): DoseKind {
  if (isOneOf(root.concept, concepts.radiopharmaceuticalReport.codes)) return 'radiopharmaceutical';
  if (!isOneOf(root.concept, concepts.xRayReport.codes))
    throw fail('field-invalid', 'is no radiation dose report (113701 or 113500, DCM)', {
      field: 'ConceptNameCodeSequence',
    });
  const isCt = within(root, [...of('ctAcquisition'), ...of('ctAccumulated')]).length > 0;
  return isCt ? 'ct' : 'projection';
}

function isMammography(root: SrNode, events: readonly DoseEvent[]): boolean {
  const isSaid = isOneOf(codeIn(within(root, of('procedureReported'))), codes.mammography);
  return isSaid || within(root, of('agdTotal')).length > 0 || events.some(({ amounts }) => amounts.agd !== undefined);
}

/** By laterality, wherever it stands, else by the region or finding site, which may be the left breast itself. */
function sideOf(node: SrNode): BreastSide | undefined {
  const said = (['laterality', 'targetRegion', 'findingSite'] as const).map((name) => codeIn(within(node, of(name))));
  const sides = Object.keys(codes.sides) as BreastSide[];
  return said.flatMap((code) => sides.find((side) => isOneOf(code, codes.sides[side])) ?? [])[0];
}

function deviceOf(dataset: Dataset, root: SrNode): DoseReport['device'] {
  return defined({
    stationName: dataset.text('StationName') ?? textIn(within(root, of('stationObserver'))),
    manufacturer: dataset.text('Manufacturer'),
    model: dataset.text('ManufacturerModelName'),
    serialNumber: dataset.text('DeviceSerialNumber'),
  });
}

/** No name: the study says who it is. */
function patientOf(dataset: Dataset): DoseReport['patient'] {
  const [, count, unit] = /^(\d{3})([DWMY])$/.exec(dataset.text('PatientAge') ?? '') ?? [];
  const perYear: Readonly<Record<string, number>> = { D: 365.25, W: 52.18, M: 12, Y: 1 };
  const weight = dataset.number('PatientWeight');
  return defined({
    birthDate: localTimeOf(dataset.text('PatientBirthDate'), undefined),
    ageYears: unit ? Number(count) / perYear[unit]! : undefined,
    sex: dataset.text('PatientSex'),
    weightKg: weight && weight > 0 ? weight : undefined,
  });
}

function studyTime(dataset: Dataset, timezone: string | undefined, zone: string): string | undefined {
  const [date, time] = [dataset.text('StudyDate'), dataset.text('StudyTime')];
  return date && time ? dicomDateTime(`${date}${time}`, timezone, zone) : undefined;
}

/** @throws Failure field-missing, field-invalid */
function uidOf(dataset: Dataset, keyword: 'SOPInstanceUID' | 'StudyInstanceUID'): string {
  const uid = dataset.text(keyword);
  if (!uid) throw fail('field-missing', 'a dose report needs it', { field: keyword });
  if (!/^[0-9][0-9.]{0,63}$/.test(uid)) throw fail('field-invalid', 'is no UID', { field: keyword });
  return uid;
}

function isOneOf(code: Code | undefined, some: readonly string[]): boolean {
  return some.some((one) => isSameCode(code, codeOf(one)));
}

function byTime(one: string, other: string): number {
  return Date.parse(one) - Date.parse(other);
}

/** Without what is undefined. */
function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
