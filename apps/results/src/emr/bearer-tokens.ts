import { SiteFileInvalid, type Site } from '#platform';

/**
 * The bearer token of each destination that wants one. A variable that is set to nothing counts as not set.
 *
 * @param path of the site file, for the mistakes
 * @throws SiteFileInvalid naming every destination whose token is not in the environment: it would else be asked
 *   without one, and refuse everything
 */
export function bearerTokensOf(
  site: Site,
  env: Readonly<Record<string, string | undefined>>,
  path: string,
): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>();
  const mistakes: string[] = [];
  for (const [index, destination] of site.destinations.entries()) {
    if (destination.kind !== 'fhir' || destination.bearerTokenEnv === undefined) continue;
    const token = env[destination.bearerTokenEnv]?.trim();
    if (token) tokens.set(destination.name, token);
    else
      mistakes.push(
        `destinations.${index}.bearerTokenEnv: the environment variable ${destination.bearerTokenEnv} is not set`,
      );
  }
  if (mistakes.length > 0) throw new SiteFileInvalid(path, mistakes);
  return tokens;
}
