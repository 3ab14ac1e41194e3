import { Failure } from '#platform';

/** The Failure that something throws. @throws Error if it throws nothing; whatever else it throws, as it is */
export function failureOf(attempt: () => unknown): Failure {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
