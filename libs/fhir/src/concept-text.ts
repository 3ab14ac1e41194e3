import type { CodeableConcept } from 'fhir/r4.js';

/** What a concept is called, for people: its text, else the name of its first code, else that code; empty if it has none. */
export function conceptText(concept: CodeableConcept | undefined): string {
  const [first] = concept?.coding ?? [];
  return concept?.text ?? first?.display ?? first?.code ?? '';
}
