import type {
  CodeableConcept,
  Coding,
  DiagnosticReport,
  Observation,
  Reference,
  Resource,
  ServiceRequest,
  Task,
} from 'fhir/r4.js';
import { extensions, referencedId, systems, uuidFrom } from '#fhir';
import type { CriticalResult, Site } from '#platform';
import type { EscalationPlan, Matter } from '#tasks';

const CRITICAL = 'critical-result';
const WITHDRAWN = 'critical-result-withdrawn';

/** True of a Task that asks somebody to hear of a finding, or that there is none after all. */
export function isCriticalResult(task: Task): boolean {
  return isOf(task, CRITICAL) || isOf(task, WITHDRAWN);
}

/** What follows for those who have to hear of it from a new version of a report. */
export interface CriticalDecision {
  open: Matter[];
  /** Nobody has to hear of these any more. */
  withdraw: { task: Task; why: string }[];
}

/**
 * Decides who has to hear of a report. A category is asked about once, however many versions of the report have it. Where
 * a new version does not have it any more, whoever was asked and did not answer is not asked any more; whoever has heard of
 * it must hear that it was taken back.
 *
 * @param report as it is stored
 * @param from who sent this version
 * @param known every Task about this report
 */
export function decideCriticalResult(
  report: DiagnosticReport,
  from: string,
  orders: readonly ServiceRequest[],
  known: readonly Task[],
  site: Site,
): CriticalDecision {
  const row = criticalRowOf(report, from, site);
  const told = known.filter((task) => isOf(task, CRITICAL) && isStanding(task, known));
  const others = told.filter((task) => categoryOf(task) !== row?.category);
  const why = row ? `the report is of category ${row.category} now` : 'the report does not say so any more';
  const isNew = row && !told.some((task) => categoryOf(task) === row.category);
  return {
    open: [
      ...(isNew ? [matterOf(report, row, orders)] : []),
      ...others.filter((task) => task.owner !== undefined).map((task) => noticeOf(task, report)),
    ],
    withdraw: others.map((task) => ({ task, why })),
  };
}

/** The first row of the site that a report fits; a report that says nothing (yet, or any more) fits none. */
export function criticalRowOf(report: DiagnosticReport, from: string, site: Site): CriticalResult | undefined {
  if (['registered', 'cancelled', 'entered-in-error', 'unknown'].includes(report.status)) return undefined;
  const { flags, codes } = saidBy(report);
  return site.criticalResults.find(
    (row) =>
      (row.from?.includes(from) ?? true) &&
      (row.flags.some((flag) => flags.includes(flag)) ||
        row.codes.some(({ system, code }) =>
          codes.some((one) => one.code === code && (system === undefined || one.system === system)),
        )),
  );
}

/** Who is asked about a category, by the site file as it is now; `orderer` by the order. */
export function planOf(task: Matter | Task, orders: readonly ServiceRequest[], site: Site): EscalationPlan {
  const row = site.criticalResults.find(({ category }) => category === categoryOf(task));
  const orderer: Reference = orders.find(({ requester }) => requester)?.requester ?? { display: 'Ordering provider' };
  const again = { againEveryMinutes: row?.againEveryMinutes ?? 30 };
  const levels = (row?.levels ?? []).map(({ ask, acknowledgeWithinMinutes }) => ({
    ask: ask === 'orderer' ? orderer : { display: ask },
    acknowledgeWithinMinutes,
  }));
  // The row may be gone from the site file: whoever is asked stays asked.
  const first = levels[0] ?? {
    ask: 'restriction' in task ? (task.restriction?.recipient?.[0] ?? orderer) : orderer,
    acknowledgeWithinMinutes: 30,
  };
  const heard = toldTo(task);
  return { levels: heard ? [{ ...first, ask: heard }, ...levels] : levels.length > 0 ? levels : [first], ...again };
}

/** The report a Task is about. */
export function reportIdOf({ focus }: Pick<Task, 'focus'>): string | undefined {
  return referencedId(focus?.reference, 'DiagnosticReport');
}

function matterOf(report: DiagnosticReport, row: CriticalResult, orders: readonly ServiceRequest[]): Matter {
  return {
    // Of a finding that is taken back and stated again it is another one.
    id: uuidFrom('Task', CRITICAL, report.id!, row.category, report.meta?.versionId ?? ''),
    code: codeOf(CRITICAL, 'Critical result to be acknowledged'),
    priority: row.priority,
    reasonCode: {
      coding: [{ system: systems.criticalResult, code: row.category, display: row.display }],
      text: row.display,
    },
    focus: { reference: `DiagnosticReport/${report.id}` },
    for: report.subject!,
    ...(orders.length > 0 ? { basedOn: orders.map(({ id }) => ({ reference: `ServiceRequest/${id}` })) } : {}),
  };
}

/** Whoever has heard of it is asked to hear that it was taken back. */
function noticeOf(task: Task, report: DiagnosticReport): Matter {
  return {
    id: uuidFrom('Task', WITHDRAWN, task.id!, report.meta?.versionId ?? ''),
    code: codeOf(WITHDRAWN, 'Critical result taken back, to be acknowledged'),
    ...(task.priority ? { priority: task.priority } : {}),
    reasonCode: task.reasonCode!,
    partOf: [{ reference: `Task/${task.id}` }],
    focus: task.focus!,
    for: report.subject!,
    ...(task.basedOn ? { basedOn: task.basedOn } : {}),
    input: [{ type: { text: 'acknowledged by' }, valueReference: task.owner! }],
  };
}

function toldTo(task: Matter | Task): Reference | undefined {
  return isOf(task, WITHDRAWN) ? task.input?.[0]?.valueReference : undefined;
}

/** True while what a Task told is so: it was neither withdrawn nor taken back by a notice. */
function isStanding(task: Task, known: readonly Task[]): boolean {
  const isTakenBack = known.some((one) => one.partOf?.some(({ reference }) => reference === `Task/${task.id}`));
  return task.status !== 'cancelled' && !isTakenBack;
}

/** What a report is flagged and coded with. */
function saidBy(report: DiagnosticReport): { flags: string[]; codes: Coding[] } {
  const within = ((report.contained ?? []) as Resource[]).filter(
    (one): one is Observation =>
      one.resourceType === 'Observation' && (one as Observation).status !== 'entered-in-error',
  );
  const categories = (report.extension ?? []).filter(({ url }) => url === extensions.actionableCategory);
  const stated = categories.flatMap(({ valueCodeableConcept, valueCoding, valueCode }) =>
    [
      valueCodeableConcept ?? [],
      valueCoding ? { coding: [valueCoding] } : [],
      valueCode ? { coding: [{ code: valueCode }] } : [],
    ].flat(),
  );
  const flagged: CodeableConcept[] = [...within.flatMap(({ interpretation }) => interpretation ?? []), ...stated];
  const coded = [
    ...within.flatMap(({ valueCodeableConcept }) => valueCodeableConcept ?? []),
    ...(report.conclusionCode ?? []),
  ];
  const codingsOf = (concepts: CodeableConcept[]) => concepts.flatMap(({ coding }) => coding ?? []);
  return {
    flags: codingsOf(flagged).flatMap(({ code }) => code ?? []),
    codes: codingsOf([...flagged, ...coded]),
  };
}

function categoryOf({ reasonCode }: Pick<Task, 'reasonCode'>): string | undefined {
  return reasonCode?.coding?.find(({ system }) => system === systems.criticalResult)?.code;
}

function isOf({ code }: Pick<Task, 'code'>, kind: string): boolean {
  return code?.coding?.some((one) => one.system === systems.task && one.code === kind) ?? false;
}

function codeOf(code: string, display: string): CodeableConcept {
  return { coding: [{ system: systems.task, code, display }] };
}
