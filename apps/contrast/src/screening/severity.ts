import type { Severity } from '../policy/contrast-policy.js';

/** From least to most; a severity nobody told is no reason to take it for mild. */
const severities: readonly Severity[] = ['mild', 'moderate', 'unknown', 'severe'];

/** The worst of several severities; unknown if there is none. */
export function worstSeverity(several: readonly Severity[]): Severity {
  return severities[Math.max(...several.map((one) => severities.indexOf(one)))] ?? 'unknown';
}
