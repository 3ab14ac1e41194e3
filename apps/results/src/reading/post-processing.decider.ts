import type { ImagingStudy, ServiceRequest, Task } from 'fhir/r4.js';
import { systems, uuidFrom, validateResource, referencedId } from '#fhir';
import { fail, procedureNamed, type Site } from '#platform';

/** True of a Task that has something made of the images of a study. */
export function isPostProcessing({ code }: Task): boolean {
  return code?.coding?.some((one) => one.system === systems.task && one.code === 'post-processing') ?? false;
}

/** What the site wants made of a study, by the procedures of its orders, each once. */
export function postProcessingOf(
  study: ImagingStudy,
  orders: readonly ServiceRequest[],
  site: Site,
  now: Date,
): Task[] {
  const wanted = orders.flatMap((order) =>
    (procedureNamed(site, order.code?.coding ?? [])?.postProcessing ?? []).map((what) => ({ order, what })),
  );
  const tasks = wanted.map(({ order, what }): Task => ({
    resourceType: 'Task',
    id: uuidFrom('Task', 'post-processing', study.id!, what.code),
    status: 'requested',
    intent: 'order',
    priority: order.priority ?? 'routine',
    code: postProcessing,
    reasonCode: { coding: [{ system: systems.postProcessing, ...what }], text: what.display },
    focus: { reference: `ImagingStudy/${study.id}` },
    for: study.subject,
    basedOn: orders.map(({ id }) => ({ reference: `ServiceRequest/${id}` })),
    authoredOn: now.toISOString(),
  }));
  return tasks.filter(({ id }, index) => tasks.findIndex((one) => one.id === id) === index);
}

const postProcessing = {
  coding: [{ system: systems.task, code: 'post-processing', display: '3D or other post-processing' }],
};

/**
 * Reads a request for post-processing from outside: a Task of code post-processing with a number of its own, of a study
 * (`focus`), saying what is to be made (`description` or `reasonCode`).
 *
 * @throws Failure field-missing, field-invalid
 */
export function postProcessingFrom(body: unknown, now: Date): { task: Task; studyId: string } {
  const stated = validateResource(body, 'Task');
  const missing = (path: string, what: string) =>
    fail('field-missing', `Task.${path} is required: ${what}`, { field: `Task.${path}` });
  if (!isPostProcessing(stated))
    throw fail('field-invalid', `Task.code must be post-processing of ${systems.task}`, { field: 'Task.code' });
  if (stated.status !== 'requested')
    throw fail('field-invalid', 'Task.status must be requested', { field: 'Task.status' });
  const number = stated.identifier?.find(({ system, value }) => system && value);
  if (!number) throw missing('identifier', 'the number, with its system, under which your system knows this request');
  const studyId = referencedId(stated.focus?.reference, 'ImagingStudy');
  if (!studyId) throw missing('focus', 'ImagingStudy/<id>');
  if (!stated.description && !stated.reasonCode) throw missing('description', 'what is to be made');
  const { identifier, description, reasonCode, priority, note, owner } = stated;
  const task: Task = {
    resourceType: 'Task',
    id: uuidFrom('Task', 'post-processing', number.system!, number.value!),
    identifier: identifier!,
    status: 'requested',
    intent: 'order',
    priority: priority ?? 'routine',
    code: postProcessing,
    ...(description ? { description } : {}),
    ...(reasonCode ? { reasonCode } : {}),
    ...(note ? { note } : {}),
    ...(owner ? { owner } : {}),
    focus: { reference: `ImagingStudy/${studyId}` },
    authoredOn: now.toISOString(),
  };
  return { task, studyId };
}

const OPEN = ['requested', 'received', 'accepted', 'in-progress', 'on-hold'];
const NOT_DONE = ['cancelled', 'rejected', 'failed'];

/**
 * What a person or a program says of it: taken on (`accepted`, `in-progress`, by `owner`), given back (`requested`), not done
 * (`failed`, `cancelled`, `rejected`, with `statusReason`), or done (`completed`, with the Series Instance UIDs it made in
 * `output`), which the PACS has to bear out.
 *
 * @throws Failure state-conflict, field-missing, field-invalid
 */
export function changedPostProcessing(current: Task, stated: Task, now: Date): Task {
  const { status, owner, statusReason, note, output } = stated;
  const field = (path: string) => ({ field: `Task.${path}` });
  if (!OPEN.includes(current.status)) throw fail('state-conflict', 'the post-processing is over', field('status'));
  if (![...OPEN, ...NOT_DONE, 'completed'].includes(status))
    throw fail('field-invalid', `must be one of ${[...OPEN, ...NOT_DONE, 'completed'].join(', ')}`, field('status'));
  const isTaken = ['accepted', 'in-progress', 'completed'].includes(status);
  if (isTaken && !owner?.reference && !owner?.display && !owner?.identifier?.value)
    throw fail('field-missing', 'Task.owner is required: who makes it', field('owner'));
  if (NOT_DONE.includes(status) && !statusReason?.text && !statusReason?.coding)
    throw fail('field-missing', 'Task.statusReason is required: why it is not made', field('statusReason'));
  if (status === 'completed' && seriesOf({ output }).length === 0)
    throw fail(
      'field-missing',
      'Task.output is required: the Series Instance UID of each series that was made, as valueIdentifier of urn:dicom:uid',
      field('output'),
    );
  const isOver = !OPEN.includes(status);
  const start = current.executionPeriod?.start ?? (isTaken ? now.toISOString() : undefined);
  return {
    ...current,
    status,
    owner,
    ...(statusReason ? { statusReason } : {}),
    ...(note ? { note } : {}),
    ...(status === 'completed' ? { output: output!, businessStatus: businessStatus('unverified') } : {}),
    ...(start || isOver
      ? { executionPeriod: { ...(start ? { start } : {}), ...(isOver ? { end: now.toISOString() } : {}) } }
      : {}),
    lastModified: now.toISOString(),
  };
}

/** The Series Instance UIDs a Task has made. */
export function seriesOf({ output = [] }: Pick<Task, 'output'>): string[] {
  const uids = output.map(({ valueIdentifier }) =>
    valueIdentifier?.system === systems.dicomUid ? valueIdentifier.value?.replace(/^urn:oid:/, '') : undefined,
  );
  return uids.filter((uid): uid is string => uid !== undefined && /^[0-9.]{1,64}$/.test(uid));
}

/** True while the PACS was not seen to have what was made. */
export function isUnverified({ businessStatus }: Task): boolean {
  return businessStatus?.coding?.some(({ code }) => code === 'unverified') ?? false;
}

/**
 * What the PACS says of the series that were made; undefined while it may still get them.
 *
 * @param there the series of the study that the PACS has
 */
export function verified(task: Task, there: readonly string[], site: Site, now: Date): Task | undefined {
  if (seriesOf(task).every((uid) => there.includes(uid)))
    return { ...task, businessStatus: businessStatus('verified') };
  const since = Date.parse(task.executionPeriod?.end ?? now.toISOString());
  const isGivenUp = now.getTime() - since >= site.pacs.lookup.giveUpAfterSeconds * 1000;
  return isGivenUp ? { ...task, businessStatus: businessStatus('missing') } : undefined;
}

/** `unverified`, `verified`, or `missing` where the PACS did not get the series. */
function businessStatus(code: 'unverified' | 'verified' | 'missing') {
  const text = {
    unverified: 'the PACS is asked for its series',
    verified: 'its series are in the PACS',
    missing: 'its series did not appear in the PACS',
  }[code];
  return { coding: [{ system: systems.businessStatus, code }], text };
}
