import type { Reference, Task } from 'fhir/r4.js';
import { sameContent, systems, uuidFrom } from '#fhir';
import { fail } from '#platform';
import type { ReactionPolicy } from '../policy/after-contrast-policy.js';

const [MINUTE, HOUR] = [60_000, 60 * 60_000];

/** What went beside the vessel, and when. */
export interface Extravasation {
  /** `Type/id` of what tells of it: the administration where it is known, so that it is followed up once. */
  reference: string;
  patient: Reference;
  basedOn?: Reference[] | undefined;
  at: Date;
}

/** Identity of one look at the arm. */
export function followUpIdOf(reference: string, hours: number): string {
  return uuidFrom('Task', 'extravasation follow-up', reference, String(hours));
}

/** The looks at the arm that the policy wants, each with the time from which and until which. */
export function followUpsOf(
  about: Extravasation,
  { followUpHours, withinMinutes }: ReactionPolicy['extravasation'],
): Task[] {
  return followUpHours.map((hours): Task => {
    const start = about.at.getTime() + hours * HOUR;
    return {
      resourceType: 'Task',
      id: followUpIdOf(about.reference, hours),
      status: 'requested',
      intent: 'order',
      code: {
        coding: [{ system: systems.task, code: 'extravasation-follow-up' }],
        text: 'Follow-up of an extravasation',
      },
      description: `Look at the arm ${hours} h after the extravasation: pain, swelling, skin, feeling, movement`,
      focus: { reference: about.reference },
      ...(about.basedOn?.length ? { basedOn: about.basedOn } : {}),
      for: about.patient,
      restriction: {
        period: { start: new Date(start).toISOString(), end: new Date(start + withinMinutes * MINUTE).toISOString() },
      },
    };
  });
}

/** When somebody should have looked; undefined where somebody has, or nobody needs to. */
export function lookedAtBy({ status, restriction }: Task): Date | undefined {
  return status === 'requested' || status === 'accepted' || status === 'in-progress'
    ? new Date(restriction!.period!.end!)
    : undefined;
}

/**
 * What a person says of a follow-up: taken on, done, or failed (the patient could not be reached), which `note` then
 * says why.
 *
 * @throws Failure state-conflict, field-missing, field-invalid
 */
export function answerFollowUp(current: Task, stated: Task, now: Date): Task {
  if (!lookedAtBy(current)) throw fail('state-conflict', 'the follow-up is over already', { field: 'Task.status' });
  if (!['accepted', 'in-progress', 'completed', 'failed'].includes(stated.status))
    throw fail('state-conflict', 'must be accepted, in-progress, completed or failed', { field: 'Task.status' });
  const { owner, note } = stated;
  if (!owner?.reference && !owner?.display && !owner?.identifier?.value)
    throw fail('field-missing', 'Task.owner is required: who looked', { field: 'Task.owner' });
  if (stated.status === 'failed' && !note?.length)
    throw fail('field-missing', 'Task.note is required: why nobody could look', { field: 'Task.note' });
  const fixed = (task: Task) => ({
    ...task,
    status: undefined,
    owner: undefined,
    note: undefined,
    lastModified: undefined,
  });
  if (!sameContent(fixed(current), fixed(stated)))
    throw fail('field-invalid', 'only status, owner and note may be changed', { field: 'Task' });
  return { ...stated, meta: current.meta, lastModified: now.toISOString() };
}
