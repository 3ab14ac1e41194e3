/**
 * The token forms of an identifier (FHIR R4 search, section 3.1.1.4.10): `system|value`, `value` in any system,
 * `system|` for any value of a system, `|value` for a value that has no system. A bar, comma, dollar or backslash
 * within a part is escaped by a backslash (section 3.1.1.4.3), so that no value can pass for another system's.
 */
export function tokensOf({ system, value }: { system?: string; value?: string }): string[] {
  if (typeof value !== 'string') return [];
  const own = escape(value);
  return system ? [`${escape(system)}|${own}`, own, `${escape(system)}|`] : [own, `|${own}`];
}

/** The token that finds this identifier; a system left out matches any. */
export function tokenOf(system: string | undefined, value: string): string {
  return system === undefined ? escape(value) : `${escape(system)}|${escape(value)}`;
}

/** The alternatives of a token parameter, in the form of {@link tokensOf}. */
export function tokensSearched(text: string): string[] {
  return splitAt(',', text).map((token) =>
    splitAt('|', token)
      .map((part) => escape(unescape(part)))
      .join('|'),
  );
}

/** The alternatives of a parameter that holds plain codes or ids. */
export function alternativesOf(text: string): string[] {
  return splitAt(',', text).map(unescape);
}

function splitAt(separator: string, text: string): string[] {
  const parts = [''];
  for (const [piece] of text.matchAll(/\\?./gs)) {
    if (piece === separator) parts.push('');
    else parts[parts.length - 1] += piece;
  }
  return parts;
}

function escape(text: string): string {
  return text.replace(/[\\|,$]/g, '\\$&');
}

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, '$1');
}
