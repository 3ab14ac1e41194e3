import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { Department } from './department.js';

/** Starts the department in the hospital that a journey is told in: {@link Department.start}, but for the hospital. */
export type StartDepartment = (
  names?: Parameters<typeof Department.start>[0],
  options?: Omit<NonNullable<Parameters<typeof Department.start>[1]>, 'hospital'>,
) => Promise<Department>;

/** A journey of domain.md, to be told in any hospital. */
interface Journey {
  name: string;
  tests: (start: StartDepartment) => void;
}

let gathered: Journey[] | undefined;

/**
 * A suite that tells a journey. It runs where it stands with the sandbox hospital; {@link everyJourney} takes it to
 * another one. It knows its patients and orders by numbers that no other journey has, since a real EMR keeps them all.
 */
export function journey(name: string, tests: Journey['tests']): void {
  if (gathered) gathered.push({ name, tests });
  else describe(name, () => tests((names, options) => Department.start(names, options)));
}

/** A journey in which the hospital fails on purpose: only the sandbox hospital can, so it is told there alone. */
export function sandboxJourney(name: string, tests: Journey['tests']): void {
  if (!gathered) journey(name, tests);
}

/** Every {@link journey} of test/journeys, for a suite that has a hospital of its own. */
export async function everyJourney(): Promise<Journey[]> {
  const folder = join(import.meta.dirname, 'journeys');
  const journeys: Journey[] = [];
  gathered = journeys;
  try {
    for (const file of readdirSync(folder)
      .filter((name) => name.endsWith('.journey.spec.ts'))
      .sort())
      await import(join(folder, file));
  } finally {
    gathered = undefined;
  }
  return journeys;
}
