import type { Task } from 'fhir/r4.js';
import { sameContent } from '#fhir';
import { fail } from '#platform';

const recorded: readonly Task['status'][] = ['in-progress', 'completed', 'failed', 'requested'];

/**
 * A step of a preparation as somebody says it went: in-progress, completed, failed, or requested again; its note and
 * owner may be added. What is to be done and when is the policy's and the schedule's.
 *
 * @throws Failure state-conflict (cancelled, or no such status), field-invalid
 */
export function recordPreparation(current: Task, stated: Task): Task {
  if (current.status === 'cancelled')
    throw fail('state-conflict', 'the step is not to be done any more', { field: 'Task.status' });
  if (!recorded.includes(stated.status))
    throw fail('state-conflict', `must be one of ${recorded.join(', ')}`, { field: 'Task.status' });
  const fixed = (task: Task) => ({
    ...task,
    status: undefined,
    note: undefined,
    owner: undefined,
    executionPeriod: undefined,
  });
  if (!sameContent(fixed(current), fixed(stated)))
    throw fail('field-invalid', 'only status, note, owner and executionPeriod may be changed', { field: 'Task' });
  return { ...stated, meta: current.meta };
}
