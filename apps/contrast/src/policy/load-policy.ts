import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { mistakesOf } from '#platform';
import { policyFile, type ContrastPolicy } from './contrast-policy.js';
import { contradictionsOf } from './policy-contradictions.js';

/** Nest injection token of the policy; undefined where the site has none. */
export const CONTRAST_POLICY = Symbol('ContrastPolicy');

/** Thrown at start; the message lists every mistake as `path: reason`, one a line. */
export class PolicyFileInvalid extends Error {
  override readonly name = 'PolicyFileInvalid';
  constructor(
    path: string,
    readonly mistakes: string[],
  ) {
    super([`The contrast policy ${path} cannot be used:`, ...mistakes.map((one) => `  ${one}`)].join('\n'));
  }
}

/**
 * Reads and checks the contrast policy (YAML). Nothing of it is guessed: a file with a mistake is refused whole.
 *
 * @param path undefined where the site has no policy
 * @throws PolicyFileInvalid naming every mistake with its path and reason
 */
export function loadPolicy(path: string | undefined): ContrastPolicy | undefined {
  if (path === undefined) return undefined;
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new PolicyFileInvalid(path, [`(file): ${(error as Error).message.split('\n')[0]}`]);
  }
  return checkPolicy(content, path);
}

/** Checks the content of a policy file. @throws PolicyFileInvalid */
export function checkPolicy(content: unknown, path = '(policy)'): ContrastPolicy {
  const result = policyFile.safeParse(content);
  const mistakes = result.success
    ? contradictionsOf(result.data)
    : result.error.issues.flatMap((issue) => mistakesOf(issue, content, 'the contrast policy'));
  if (result.success && mistakes.length === 0) return result.data;
  throw new PolicyFileInvalid(
    path,
    mistakes.map((one) => `${one.path || '(file)'}: ${one.reason}`),
  );
}
