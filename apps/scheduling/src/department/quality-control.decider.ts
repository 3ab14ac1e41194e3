import { DateTime } from 'luxon';
import type { CodeableConcept, Observation, ObservationReferenceRange, Quantity } from 'fhir/r4.js';
import { referencedId, uuidFrom } from '#fhir';
import { fail, ofTable, type QualityTest, type Site, type Station } from '#platform';
import { deviceIdOf } from './site-resources.decider.js';

/** The result of one test of one station. */
export interface QualityResult {
  aeTitle: string;
  system: string;
  code: string;
  at: Date;
  isPassed: boolean;
}

/** What is known of one test that a station needs. */
export interface KnownQuality {
  aeTitle: string;
  system: string;
  code: string;
  /** Since when the site file asks for it. */
  since: Date;
  /** When it was passed last, and failed last. */
  passedAt?: Date;
  failedAt?: Date;
}

/** How a station stands with one of its tests. */
export interface QualityState {
  test: QualityTest;
  state: 'fit' | 'failed' | 'overdue';
  passedAt?: Date;
  failedAt?: Date;
  /** When it has to be passed again. */
  due: Date;
}

/** A result from the future is a wrong clock or a wrong date; a little is let pass. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
const FINAL = ['final', 'amended', 'corrected'];

/** What results are called in words. */
const words: Readonly<Record<string, boolean>> = { pass: true, passed: true, fail: false, failed: false };
/** Codes of v3-ObservationInterpretation that say whether a value is as it should be. */
const interpretations: Readonly<Record<string, boolean>> = {
  ...{ N: true, A: false, AA: false, H: false, HH: false, HU: false, L: false, LL: false, LU: false, IND: false },
};

/** The tests a station needs by the site file. */
export function testsOf({ aeTitle, modalities }: Station, site: Site): QualityTest[] {
  return site.qualityControl.filter(
    (test) => test.stations?.includes(aeTitle) ?? test.modalities!.some((one) => modalities.includes(one)),
  );
}

/**
 * Reads the result of a test from an Observation on a station's Device: passed or failed by its interpretation, by a
 * coded value, or by a measured value within its reference range or the limits of the site file. Where it says both,
 * it failed. Its identity is its identifier, else its station, test and time.
 *
 * @returns the result, and the Observation under its identity
 * @throws Failure field-missing, field-invalid, value-unknown
 */
export function readQualityResult(
  stated: Observation,
  site: Site,
  now: Date,
): { result: QualityResult; observation: Observation } {
  const deviceId = referencedId(stated.subject?.reference, 'Device');
  const station = site.stations.find(({ aeTitle }) => deviceIdOf(aeTitle) === deviceId);
  if (!station)
    throw fail('value-unknown', 'must be the Device of a station: see /fhir/Device', { field: 'Observation.subject' });
  const test = testNamed(stated.code, station, site);
  if (!FINAL.includes(stated.status))
    throw fail('field-invalid', `must be one of ${FINAL.join(', ')}`, { field: 'Observation.status' });
  const at = momentOf(stated.effectiveDateTime ?? stated.effectiveInstant, now);
  const isPassed = verdictOf(stated, test);
  const { system = '', value } = stated.identifier?.[0] ?? {};
  const { aeTitle } = station;
  const own = value ? [system, value] : [test.system, test.code, at.toISOString()];
  return {
    result: { aeTitle, system: test.system, code: test.code, at, isPassed },
    observation: { ...stated, id: uuidFrom('Observation', aeTitle, ...own), meta: undefined },
  };
}

/**
 * How a station stands with each of its tests: the last result counts, and of two at the same moment the failed one. A
 * test is due so many days after it was passed, or after the site file first asked for it.
 */
export function qualityStates(station: Station, known: readonly KnownQuality[], site: Site, now: Date): QualityState[] {
  return testsOf(station, site).map((test) => {
    const isOfTest = (one: KnownQuality) => one.system === test.system && one.code === test.code;
    const {
      since = now,
      passedAt,
      failedAt,
    } = known.find((one) => one.aeTitle === station.aeTitle && isOfTest(one)) ?? {};
    const due = dueAfter(passedAt ?? since, test, site);
    const hasFailed = failedAt !== undefined && (passedAt === undefined || failedAt >= passedAt);
    const state = hasFailed ? 'failed' : due <= now ? 'overdue' : 'fit';
    return { test, state, due, ...(passedAt ? { passedAt } : {}), ...(failedAt ? { failedAt } : {}) };
  });
}

/** Why and since when a test closes its station; undefined while it is fit. */
export function closureOfQuality({
  test,
  state,
  due,
  failedAt,
}: QualityState): { start: Date; reason: string } | undefined {
  if (state === 'failed') return { start: failedAt!, reason: `quality control failed: ${test.display}` };
  return state === 'overdue' ? { start: due, reason: `quality control is overdue: ${test.display}` } : undefined;
}

function testNamed(code: CodeableConcept, station: Station, site: Site): QualityTest {
  const codings = code.coding ?? [];
  const test = testsOf(station, site).find((one) =>
    codings.some(({ system, code: given }) => given === one.code && (system ?? one.system) === one.system),
  );
  if (test) return test;
  throw fail('value-unknown', `must be a test of ${station.aeTitle} in qualityControl of the site file`, {
    field: 'Observation.code',
  });
}

/** A date alone does not say whether the test was before or after another of that day. */
function momentOf(text: string | undefined, now: Date): Date {
  const field = 'Observation.effective[x]';
  if (text === undefined) throw fail('field-missing', 'must say when the test was made', { field });
  const at = DateTime.fromISO(text, { setZone: true });
  if (!text.includes('T') || !at.isValid)
    throw fail('field-invalid', 'must be a date and time with its zone', { field });
  if (at.toMillis() > now.getTime() + CLOCK_TOLERANCE_MS)
    throw fail('field-invalid', 'must not be in the future', { field });
  return at.toJSDate();
}

function verdictOf(stated: Observation, test: QualityTest): boolean {
  const { valueQuantity, valueCodeableConcept, valueString, interpretation = [] } = stated;
  const verdicts = [
    ...interpretation.map((one) => conceptVerdict(one, 'Observation.interpretation')),
    ...(valueCodeableConcept ? [conceptVerdict(valueCodeableConcept, 'Observation.valueCodeableConcept')] : []),
    ...(valueString ? [wordVerdict(valueString, 'Observation.valueString')] : []),
    ...(valueQuantity ? measuredVerdict(valueQuantity, stated.referenceRange, test) : []),
  ];
  if (verdicts.length > 0) return verdicts.every(Boolean);
  throw fail('field-missing', 'must say pass or fail, by interpretation, coded value, or a value with its limits', {
    field: 'Observation.value[x]',
  });
}

function conceptVerdict({ coding = [], text }: CodeableConcept, field: string): boolean {
  const [code] = coding.flatMap(
    (one) => ofTable(interpretations, one.code) ?? ofTable(words, one.code?.toLowerCase()) ?? [],
  );
  return code ?? wordVerdict(text ?? '', field);
}

function wordVerdict(text: string, field: string): boolean {
  const verdict = ofTable(words, text.trim().toLowerCase());
  if (verdict !== undefined) return verdict;
  throw fail('value-unknown', 'must be pass or fail, or a code of v3-ObservationInterpretation such as N or A', {
    field,
  });
}

function measuredVerdict(
  measured: Quantity,
  ranges: readonly ObservationReferenceRange[] = [],
  test: QualityTest,
): boolean[] {
  const stated = ranges.filter(({ low, high }) => low?.value !== undefined || high?.value !== undefined);
  const limits = stated.length > 0 ? stated : siteLimits(test);
  if (limits.length === 0) return [];
  const { value, comparator } = measured;
  if (value === undefined || comparator)
    throw fail('field-invalid', 'must be a plain number', { field: 'Observation.valueQuantity' });
  for (const { low, high } of limits)
    for (const limit of [low, high])
      if (limit && !isSameUnit(limit, measured))
        throw fail('field-invalid', 'must be in the unit of its limits', { field: 'Observation.valueQuantity' });
  return [limits.every(({ low, high }) => value >= (low?.value ?? -Infinity) && value <= (high?.value ?? Infinity))];
}

function siteLimits({ limits }: QualityTest): ObservationReferenceRange[] {
  if (!limits) return [];
  const { low, high, unit } = limits;
  const of = (value: number) => ({ value, unit });
  return [{ ...(low === undefined ? {} : { low: of(low) }), ...(high === undefined ? {} : { high: of(high) }) }];
}

/** Units are compared as they are written, by code or by name; one that gives none means the other's. */
function isSameUnit(a: Quantity, b: Quantity): boolean {
  const [one, other] = [a, b].map(({ code, unit }) => [code, unit].filter((name) => name !== undefined)) as [
    string[],
    string[],
  ];
  return one.length === 0 || other.length === 0 || one.some((name) => other.includes(name));
}

function dueAfter(from: Date, { everyDays, dueAt }: QualityTest, site: Site): Date {
  const day = DateTime.fromJSDate(from, { zone: site.timeZone }).startOf('day').plus({ days: everyDays });
  const [hour = 0, minute = 0] = dueAt.split(':').map(Number);
  return (hour === 24 ? day.plus({ days: 1 }) : day.set({ hour, minute })).toJSDate();
}
