import type { Task } from 'fhir/r4.js';
import { systems } from '#fhir';

/** What a Task is for. */
export function taskCodeOf({ code }: Task): string | undefined {
  return code?.coding?.find(({ system }) => system === systems.task)?.code;
}
