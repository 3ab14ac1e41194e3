import type { MedicationAdministration, Observation, Reference, Task, TaskInput } from 'fhir/r4.js';
import { sameContent, systems, uuidFrom } from '#fhir';
import { fail } from '#platform';
import type { ObservationRow } from '../policy/after-contrast-policy.js';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { isCoded } from '../screening/facts-of-patient.js';

const MINUTE = 60_000;
/** On the Task: each time it went from one person to another. */
export const HANDED_OVER = 'urn:collimator:extension:handed-over';
/** On a step: the vital signs of the policy that are to be measured. */
const MEASURE = 'urn:collimator:vital-sign';

/** Something of an observation that should have happened by now: a step, or its end. */
export interface Overdue {
  /** The same thing is overdue once. */
  key: string;
  what: string;
}

/** Identity of the observation after an administration. */
export function observationIdOf(administrationId: string): string {
  return uuidFrom('Task', 'contrast observation', administrationId);
}

/** When contrast was given: of a period its beginning, as far as a moment was stated. */
export function givenAt({ effectiveDateTime, effectivePeriod }: MedicationAdministration): Date | undefined {
  const at = effectiveDateTime ?? effectivePeriod?.start ?? '';
  // A day is no moment to count minutes from.
  return at.includes('T') ? new Date(at) : undefined;
}

/**
 * Begins, or keeps true, the observation after an administration. It runs from when contrast was given, not from when
 * that was told: `restriction.period` is from then until it may end, `input` are the vital signs that are due, each with
 * the time from which and until which, `output` what was measured. One that is over stays as it is.
 *
 * @param row how the policy has the patient watched
 * @param from when contrast was given, or became known where no moment was stated
 * @returns undefined where nothing changes
 */
export function beginObservation(
  current: Task | undefined,
  administration: MedicationAdministration,
  { row, from, policy }: { row: ObservationRow; from: Date; policy: ContrastPolicy },
): Task | undefined {
  if (current && current.status !== 'in-progress' && current.status !== 'cancelled') return undefined;
  const after = (minutes: number) => new Date(from.getTime() + minutes * MINUTE).toISOString();
  const { vitalSigns } = row;
  const input = vitalSigns?.atMinutes.map((minute): TaskInput => ({
    type: {
      coding: vitalSigns.measure.map((code) => ({ system: MEASURE, code, display: policy.vitalSigns[code]!.display })),
      text: `vital signs after ${minute} min`,
    },
    valuePeriod: { start: after(minute), end: after(minute + vitalSigns.withinMinutes) },
  }));
  const order = administration.supportingInformation?.find(({ reference }) => reference?.startsWith('ServiceRequest/'));
  const owner = current?.owner ?? administration.performer?.[0]?.actor;
  const task: Task = {
    resourceType: 'Task',
    id: observationIdOf(administration.id!),
    status: 'in-progress',
    intent: 'order',
    code: { coding: [{ system: systems.task, code: 'contrast-observation' }], text: 'Observation after contrast' },
    description: `${row.forMinutes} min by the policy (${row.id})`,
    focus: { reference: `MedicationAdministration/${administration.id}` },
    ...(order ? { basedOn: [order] } : {}),
    for: administration.subject,
    ...(owner ? { owner } : {}),
    restriction: { period: { start: after(0), end: after(row.forMinutes) } },
    ...(input ? { input } : {}),
    ...(current?.output ? { output: current.output } : {}),
    ...(current?.note ? { note: current.note } : {}),
    ...(current?.extension ? { extension: current.extension } : {}),
  };
  return current && sameContent(current, task)
    ? undefined
    : { ...task, ...(current?.meta ? { meta: current.meta } : {}) };
}

/** Nobody has to be watched: contrast was not given after all. @returns undefined where nothing changes */
export function cancelObservation(current: Task | undefined, why: string): Task | undefined {
  return current?.status === 'in-progress'
    ? { ...current, status: 'cancelled', statusReason: { text: why } }
    : undefined;
}

/**
 * What should have happened by now and has not: a step that was not measured in time, or the end that nobody said. What
 * comes at once is told at once.
 */
export function overdueOf(task: Task, measured: readonly Observation[], policy: ContrastPolicy, now: Date): Overdue[] {
  if (task.status !== 'in-progress') return [];
  const steps = openSteps(task, measured, policy)
    .filter(({ until }) => until <= now)
    .map(({ index, name, missing }) => ({ key: `step ${index}`, what: `${name}: ${missing.join(', ')}` }));
  const end = task.restriction?.period?.end;
  const isOver = end !== undefined && new Date(end) <= now;
  return [
    ...steps,
    ...(isOver ? [{ key: 'end', what: 'the time is over: release the patient, or say what is to be done' }] : []),
  ];
}

/** When something may become overdue next; undefined for one that is over. */
export function nextDueOf(
  task: Task,
  measured: readonly Observation[],
  policy: ContrastPolicy,
  now: Date,
): Date | undefined {
  if (task.status !== 'in-progress') return undefined;
  const end = task.restriction?.period?.end;
  const times = [...openSteps(task, measured, policy).map(({ until }) => until), ...(end ? [new Date(end)] : [])];
  return times.filter((one) => one > now).sort((a, b) => a.getTime() - b.getTime())[0];
}

/** What was measured, added to the observation it belongs to. @returns undefined where it is there already */
export function withMeasurement(task: Task, measured: Observation): Task | undefined {
  const reference = `Observation/${measured.id}`;
  if (
    task.status !== 'in-progress' ||
    task.output?.some(({ valueReference }) => valueReference?.reference === reference)
  )
    return undefined;
  return { ...task, output: [...(task.output ?? []), { type: measured.code, valueReference: { reference } }] };
}

/** True for a value somebody stands for. */
export function counts({ status }: Observation): boolean {
  return ['final', 'amended', 'corrected'].includes(status);
}

interface Step {
  index: number;
  name: string;
  until: Date;
  missing: string[];
}

/**
 * Steps of which something was not measured. A measurement is of the last step that had begun by then; one of before is
 * of the first.
 */
function openSteps(task: Task, measured: readonly Observation[], policy: ContrastPolicy): Step[] {
  const inputs = task.input ?? [];
  const starts = inputs.map(({ valuePeriod }) => Date.parse(valuePeriod!.start!));
  const stepOf = (one: Observation) => {
    const at = Date.parse(one.effectiveDateTime ?? one.effectiveInstant ?? one.effectivePeriod?.start ?? '');
    return Math.max(0, starts.filter((start) => start <= at).length - 1);
  };
  return inputs.flatMap((input, index): Step[] => {
    const own = measured.filter((one) => counts(one) && stepOf(one) === index);
    const wanted = input.type.coding?.flatMap(({ system, code }) => (system === MEASURE && code ? [code] : [])) ?? [];
    const missing = wanted.flatMap((name) => {
      const sign = policy.vitalSigns[name];
      // One that the policy does not have any more cannot be waited for.
      return sign && !own.some(({ code }) => isCoded(code, sign.codes)) ? [sign.display] : [];
    });
    return missing.length > 0
      ? [{ index, name: input.type.text ?? '', until: new Date(input.valuePeriod!.end!), missing }]
      : [];
  });
}

/**
 * What a person says of an observation: it is handed over to another (`owner`), or ends (`completed`), which somebody has
 * to stand for. Before its time only with a reason (`note`). The clock alone never ends it.
 *
 * @param stated the Task as the person sends it
 * @throws Failure state-conflict, field-missing, field-invalid
 */
export function answerObservation(current: Task, stated: Task, now: Date): Task {
  if (current.status !== 'in-progress')
    throw fail('state-conflict', 'the observation is over already', { field: 'Task.status' });
  if (stated.status !== 'in-progress' && stated.status !== 'completed')
    throw fail('state-conflict', 'must be in-progress, or completed to release the patient', { field: 'Task.status' });
  if (nameOf(stated.owner) === undefined)
    throw fail('field-missing', 'Task.owner is required: who watches the patient, or releases them', {
      field: 'Task.owner',
    });
  const fixed = (task: Task) => ({
    ...task,
    status: undefined,
    owner: undefined,
    note: undefined,
    executionPeriod: undefined,
    lastModified: undefined,
  });
  if (!sameContent(fixed(current), fixed(stated)))
    throw fail('field-invalid', 'only status, owner and note may be changed', { field: 'Task' });
  const isEarly = stated.status === 'completed' && new Date(current.restriction!.period!.end!) > now;
  if (isEarly && (stated.note ?? []).length <= (current.note ?? []).length)
    throw fail('field-missing', 'Task.note is required: why the patient is released before the time is over', {
      field: 'Task.note',
    });
  const handed =
    current.owner && !sameContent(current.owner, stated.owner!) ? [handOver(current.owner, stated.owner!, now)] : [];
  const extension = [...(current.extension ?? []), ...handed];
  const end =
    stated.status === 'completed'
      ? { executionPeriod: { start: current.restriction!.period!.start!, end: now.toISOString() } }
      : {};
  return {
    ...stated,
    meta: current.meta,
    lastModified: now.toISOString(),
    ...(extension.length > 0 ? { extension } : {}),
    ...end,
  };
}

function handOver(from: Reference, to: Reference, now: Date) {
  return {
    url: HANDED_OVER,
    extension: [
      { url: 'from', valueReference: from },
      { url: 'to', valueReference: to },
      { url: 'at', valueDateTime: now.toISOString() },
    ],
  };
}

function nameOf(who: Reference | undefined): string | undefined {
  return who?.reference ?? who?.identifier?.value ?? who?.display;
}
