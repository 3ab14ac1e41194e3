/** Something the person at the keyboard has to mend: shown as its one line, without a stack. */
export class Refusal extends Error {
  name = 'Refusal';
}

/**
 * Ends the process with the line of a Refusal, or with the stack of anything else.
 *
 * @param {unknown} error
 * @returns {never}
 */
export function giveUp(error) {
  console.error(error instanceof Refusal ? `\n${error.message}` : error);
  process.exit(1);
}
