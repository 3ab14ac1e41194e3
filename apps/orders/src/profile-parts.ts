import type { Identifier } from 'fhir/r4.js';
import type { ElementRow } from '#fhir';

/** True for an identifier that says whose it is. */
export function isComplete(
  identifier: Identifier | undefined,
): identifier is Identifier & { system: string; value: string } {
  return Boolean(identifier?.system && identifier.value);
}

/** What changes the meaning of a resource is understood, or the resource is refused (FHIR R4 section 2.5.0). */
export const understood: ElementRow[] = [
  { element: 'implicitRules', max: '0', why: 'rules that are not known here would change what the resource means' },
  { element: 'modifierExtension', max: '0', why: 'what is not understood here would change what the resource means' },
];
export const used = (why: string, ...elements: string[]): ElementRow[] =>
  elements.map((element) => ({ element, mustSupport: true, why }));

export const COMPLETE = 'system.exists() and value.exists()';

/** A FHIRPath string. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
